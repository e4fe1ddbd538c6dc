package http2

import (
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

func TestServerExchange(t *testing.T) {
	s := newServer(t, Config{})
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.client.writes.WriteString(preface)
	s.client.settings().get(1, "accept", "*/*")
	expect(t, "sent", s.exchange(), lines(
		"SETTINGS 3=1024 4=65536 6=61440 8=1",
		"0 WINDOW 983041",
		"SETTINGS ack"))
	r := s.last()
	expect(t, "request", r.text(), lines("GET http://a / length 0", "  accept: */*", "end"))
	expect(t, "phase", s.conn.Phase(), stream.Busy)
	s.response(r.sender, 200, "hello", "Content-Type", "text/plain")
	expect(t, "response", s.written(), lines(
		"1 HEADERS", "  :status: 200", "  content-type: text/plain", "  content-length: 5", `1 DATA "hello" end`))
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.close()
}

func TestServerBodyAndTrailers(t *testing.T) {
	s := ready(t, Config{})
	s.client.post(1, "content-length", "6").data(1, "abc", false).data(1, "def", false).headers(1, true, "x-sum", "1", "authorization", "no")
	s.exchange()
	r := s.last()
	expect(t, "request", r.text(), lines(
		"POST http://a / length 6", "  content-length: ", `body "abcdef"`, "trailers", "  x-sum: 1", "end"))
	r.sender.Head(responseHead(200, -1), false)
	r.sender.Data(s.chain("x"), false)
	var trailers stream.Header
	trailers.Add("Grpc-Status", "0")
	r.sender.Trailers(&trailers)
	expect(t, "response", s.written(), lines(
		"1 HEADERS", "  :status: 200", `1 DATA "x"`, "1 HEADERS end", "  grpc-status: 0"))
	s.close()
}

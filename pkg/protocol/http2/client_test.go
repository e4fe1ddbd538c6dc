package http2

import (
	"testing"
)

func TestClientExchange(t *testing.T) {
	c := newClient(t, Config{})
	expect(t, "preface", string(c.out.AppendTo(nil)[:len(preface)]), preface)
	c.out.Discard(len(preface))
	expect(t, "announced", c.written(), lines("SETTINGS 2=0 4=65536 6=61440", "0 WINDOW 983041"))
	r := c.open(requestHead("POST", "a", "/x", 3, "Accept", "*/*"), false)
	r.sender.Data(c.chain("abc"), true)
	expect(t, "request", c.written(), lines(
		"1 HEADERS", "  :method: POST", "  :scheme: http", "  :authority: a", "  :path: /x", "  accept: */*", "  content-length: 3",
		`1 DATA "abc" end`))
	c.server.settings().headers(1, false, ":status", "200", "x", "y").data(1, "hello", true)
	expect(t, "answer", c.exchange(), lines("SETTINGS ack"))
	expect(t, "response", r.text(), lines("200 length -1", "  x: y", `body "hello"`, "end"))
	expect(t, "available", c.conn.Available(), 100)
	c.close()
}

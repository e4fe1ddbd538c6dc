package http1

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		name string
		head *stream.Head
		end  bool
		data []string
		want string
	}{
		{"GET", requestHead("GET", "a", "/", 0, "X-A", "b"), true, nil, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n"},
		{"Host in its place", requestHead("GET", "a", "/", 0, "X-A", "b", "hOST", "z", "X-C", "d"), true, nil,
			"GET / HTTP/1.1\r\nX-A: b\r\nhOST: a\r\nX-C: d\r\n\r\n"},
		{"two Hosts", requestHead("GET", "a", "/", 0, "Host", "y", "Host", "z"), true, nil, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"GET that says it has no body", requestHead("GET", "a", "/", 0, "Content-Length", ""), true, nil,
			"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
		{"POST without body", requestHead("POST", "a", "/", 0), true, nil, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
		{"length", requestHead("GET", "a", "/", 2, "content-length", "", "X", "y"), false, []string{"o", "k"},
			"GET / HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\nX: y\r\n\r\nok"},
		{"chunked", requestHead("DELETE", "a", "/", -1), false, []string{"o", "k", ""},
			"DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"},
		{"POST chunked", requestHead("POST", "a", "/", -1, "Content-Length", "7"), false, []string{"ok"},
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{"OPTIONS", requestHead("OPTIONS", "a", "*", 0), true, nil, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"hop fields", requestHead("GET", "a", "/", 0, "Connection", "x", "Keep-Alive", "x", "Proxy-Connection", "x", "TE", "gzip",
			"Transfer-Encoding", "chunked", "Upgrade", "h2c", "Trailer", "x"), true, nil, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"TE", requestHead("GET", "a", "/", 0, "TE", "Trailers", "te", "trailers", "X-A", "b"), true, nil,
			"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nX-A: b\r\nConnection: TE\r\n\r\n"},
		{"TE of an upgrade", opaque(requestHead("GET", "a", "/", 0, "TE", "trailers", "Upgrade", "websocket")), false, nil,
			"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"},
		{"length 0, and a body may follow", requestHead("PUT", "a", "/", 0, "Content-Length", "", "X", "y"), false, []string{""},
			"PUT / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 0\r\n\r\n"},
		{"length and trailers that are announced", requestHead("PUT", "a", "/", 2, "Content-Length", "", "Trailer", "X-Sum"), false, []string{"ok"},
			"PUT / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{"length in gRPC", requestHead("POST", "a", "/", 2, "Content-Length", "", "Content-Type", "application/grpc+proto"), false, []string{"ok"},
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{"splitting", requestHead("GET", "a", "/", 0, "X-A", "b\r\nX-B: c", "X\r\n", "y", "X-C", "d"), true, nil,
			"GET / HTTP/1.1\r\nHost: a\r\nX-C: d\r\n\r\n"},
		{"upgrade", opaque(requestHead("GET", "a", "/", 0, "Upgrade", "websocket")), false, nil,
			"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"},
		{"CONNECT", opaque(requestHead("CONNECT", "a:1", "", 0)), false, nil, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, Config{})
			r := c.open(tt.head, tt.end)
			for i, d := range tt.data {
				r.sender.Data(c.chain(d), i == len(tt.data)-1)
			}
			expect(t, "sent", c.sent(), tt.want)
			expect(t, "available", c.conn.Available(), 0)
			c.close()
		})
	}
}

// Trailers behind no content are not lost, though HTTP/1 has a place for them only
// behind chunks.
func TestTrailersWithoutContent(t *testing.T) {
	var trailers stream.Header
	trailers.Add("X-Sum", "1")
	const tail = "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"

	c := newClient(t, Config{})
	r := c.open(requestHead("POST", "a", "/", 0, "Content-Length", ""), false)
	r.sender.Trailers(&trailers)
	expect(t, "request", c.sent(), "POST / HTTP/1.1\r\nHost: a\r\n"+tail)
	c.write(answer("Content-Length: 0\r\n", ""))
	expect(t, "available", c.conn.Available(), 1)
	c.close()

	s := newServer(t, Config{})
	s.write(plainGet)
	s.last().sender.Head(responseHead(200, 0, "Content-Length", ""), false)
	s.last().sender.Trailers(&trailers)
	expect(t, "response", s.sent(), "HTTP/1.1 200 OK\r\n"+tail)
	s.write(plainGet)
	s.last().sender.Head(responseHead(200, 0), false)
	s.last().sender.Data(s.chain(""), true)
	expect(t, "response without trailers", s.sent(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	s.write(plainGet)
	s.last().sender.Head(responseHead(200, 0), false)
	s.last().sender.Data(s.chain("more than announced"), false)
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	expect(t, "response with content", s.sent(), "HTTP/1.1 200 OK\r\n")
	s.close()

	s = newServer(t, Config{})
	s.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	s.last().sender.Head(responseHead(200, 0), false)
	s.last().sender.Trailers(&trailers)
	expect(t, "response in HTTP/1.0", s.sent(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
	s.close()
}

func opaque(h *stream.Head) *stream.Head {
	h.Opaque = true
	return h
}

// A request that cannot be sent as it is costs the stream, and not the connection.
func TestUnfitRequests(t *testing.T) {
	for name, h := range map[string]*stream.Head{
		"method":                requestHead("G T", "a", "/", 0),
		"no method":             requestHead("", "a", "/", 0),
		"path with space":       requestHead("GET", "a", "/ HTTP/1.1\r\nX: y", 0),
		"path with LF":          requestHead("GET", "a", "/\n", 0),
		"path with fragment":    requestHead("GET", "a", "/#", 0),
		"no path":               requestHead("GET", "a", "", 0),
		"authority":             requestHead("GET", "a\r\nX: y", "/", 0),
		"authority of CONNECT":  requestHead("CONNECT", "a b", "/", 0),
		"length without a body": requestHead("GET", "a", "/", 3),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{})
			r := c.open(h, true)
			expect(t, "sent", c.sent(), "")
			expect(t, "reason", r.reset.Reason, stream.Unsendable)
			expect(t, "unprocessed", r.reset.Unprocessed, true)
			expect(t, "available", c.conn.Available(), 1)
			c.close()
		})
	}
}

func TestLyingRequests(t *testing.T) {
	for name, send := range map[string]func(c *client, to stream.End){
		"overrun":  func(c *client, to stream.End) { to.Data(c.chain("abc"), true) },
		"short":    func(c *client, to stream.End) { to.Data(c.chain("a"), true) },
		"trailers": func(c *client, to stream.End) { to.Trailers(&stream.Header{}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{})
			r := c.open(requestHead("POST", "a", "/", 2), false)
			send(c, r.sender)
			expect(t, "sent", c.sent(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
			expect(t, "reason", r.reset.Reason, stream.Unsendable)
			expect(t, "cause", r.reset.Err, ErrLength)
			expect(t, "available", c.conn.Available(), 0)
			c.close()
		})
	}
}

// response is raw bytes of a server, what the receiver gets, and whether the
// connection can be used again.
type response struct {
	name   string
	method string
	input  string
	want   string // "" is a protocol error
	reuse  bool
}

func answer(lines, body string) string { return "HTTP/1.1 200 OK\r\n" + lines + "\r\n" + body }

var responses = []response{
	{"length", "GET", answer("Content-Length: 2\r\nX: y\r\n", "ok"), "200 1.1 length 2\n  Content-Length: \n  X: y\nbody \"ok\"\nend\n", true},
	{"no body", "GET", answer("Content-Length: 0\r\n", ""), "200 1.1 length 0\n  Content-Length: \nend\n", true},
	{"chunked", "GET", answer("Transfer-Encoding: chunked\r\n", "1\r\no\r\n1\r\nk\r\n0\r\n\r\n"), "200 1.1 length -1\nbody \"ok\"\nend\n", true},
	{"trailers", "GET", answer("Transfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\nX: y\r\nHost: a\r\n\r\n"),
		"200 1.1 length -1\nbody \"ok\"\ntrailers\n  X: y\nend\n", true},
	{"HEAD", "HEAD", answer("Content-Length: 2\r\n", ""), "200 1.1 length 2\n  Content-Length: \nend\n", true},
	{"HEAD, chunked", "HEAD", answer("Transfer-Encoding: chunked\r\n", ""), "200 1.1 length -1\nend\n", false},
	{"HEAD, no length", "HEAD", answer("", ""), "200 1.1 length -1\nend\n", true},
	{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 1.1 length -1\nend\n", true},
	{"204 with length 0", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 1.1 length -1\n  Content-Length: \nend\n", true},
	{"204 with length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "204 1.1 length -1\n  Content-Length: \nend\n", false},
	{"204, chunked", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204 1.1 length -1\nend\n", false},
	{"204 to HEAD with length", "HEAD", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "204 1.1 length -1\n  Content-Length: \nend\n", false},
	{"304, chunked", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "304 1.1 length -1\nend\n", false},
	{"interim with length", "GET", "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n" + answer("Content-Length: 0\r\n", ""),
		"103 1.1 length -1\n  Content-Length: \n200 1.1 length 0\n  Content-Length: \nend\n", false},
	{"interim, chunked", "GET", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + answer("Content-Length: 0\r\n", ""),
		"103 1.1 length -1\n200 1.1 length 0\n  Content-Length: \nend\n", false},
	{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 1.1 length 9\n  Content-Length: \nend\n", true},
	{"interim", "GET", "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer("Content-Length: 0\r\n", ""),
		"100 1.1 length -1\n103 1.1 length -1\n  Link: x\n200 1.1 length 0\n  Content-Length: \nend\n", true},
	{"close", "GET", answer("Connection: close\r\nContent-Length: 2\r\n", "ok"), "200 1.1 length 2\n  Content-Length: \nbody \"ok\"\nend\n", false},
	{"1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 1.0 length 2\n  Content-Length: \nbody \"ok\"\nend\n", false},
	{"1.0 kept alive", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "200 1.0 length 2\n  Content-Length: \nbody \"ok\"\nend\n", true},
	{"no reason", "GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 1.1 length 0\n  Content-Length: \nend\n", true},
	{"no reason and no space", "GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 1.1 length 0\n  Content-Length: \nend\n", true},
	{"hop fields", "GET", answer("Connection: X-A\r\nKeep-Alive: 1\r\nX-A: b\r\nUpgrade: h2c\r\nContent-Length: 0\r\n", ""),
		"200 1.1 length 0\n  Content-Length: \nend\n", true},
	{"nominated but protected", "GET", answer("Connection: Set-Cookie, Content-Length\r\nSet-Cookie: a\r\nContent-Length: 0\r\n", ""),
		"200 1.1 length 0\n  Set-Cookie: a\n  Content-Length: \nend\n", true},

	{"length and coding", "GET", answer("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "ok"), "", false},
	{"two equal lengths", "GET", answer("Content-Length: 2\r\nX: y\r\ncontent-length: 2\r\n", "ok"),
		"200 1.1 length 2\n  Content-Length: \n  X: y\nbody \"ok\"\nend\n", true},
	{"list of equal lengths", "GET", answer("Content-Length: 2, 2\r\nContent-Length: 2\r\n", "ok"),
		"200 1.1 length 2\n  Content-Length: \nbody \"ok\"\nend\n", true},
	{"space before colon", "GET", answer("Content-Length : 2\r\nX\t : y\r\n", "ok"),
		"200 1.1 length 2\n  Content-Length: \n  X: y\nbody \"ok\"\nend\n", true},
	{"space before colon of a coding", "GET", answer("Transfer-Encoding : chunked\r\n", "2 \r\nok\r\n0 ;x\r\nX : y\r\n\r\n"),
		"200 1.1 length -1\nbody \"ok\"\ntrailers\n  X: y\nend\n", true},
	{"space before colon of a length beside a coding", "GET", answer("Content-Length : 2\r\nTransfer-Encoding: chunked\r\n", "ok"), "", false},
	{"two lengths", "GET", answer("Content-Length: 2\r\nContent-Length: 3\r\n", "ok"), "", false},
	{"list of lengths", "GET", answer("Content-Length: 2, 3\r\n", "ok"), "", false},
	{"no name", "GET", answer(" : y\r\n", ""), "", false},
	{"space in a name", "GET", answer("X Y: z\r\n", ""), "", false},
	{"bad length", "GET", answer("Content-Length: +2\r\n", "ok"), "", false},
	{"empty length", "GET", answer("Content-Length:\r\n", "ok"), "", false},
	{"coding in 1.0", "GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", false},
	{"other coding", "GET", answer("Transfer-Encoding: gzip\r\n", "ok"), "", false},
	{"bad chunk", "GET", answer("Transfer-Encoding: chunked\r\n", "2\r\nokx\r\n"), "", false},
	{"bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", "", false},
	{"folded", "GET", answer("X: y\r\n z\r\n", ""), "", false},
	{"NUL", "GET", answer("X: \x00\r\n", ""), "", false},
	{"NUL in reason", "GET", "HTTP/1.1 200 O\x00K\r\n\r\n", "", false},
	{"no version", "GET", "200 OK\r\n\r\n", "", false},
	{"HTTP/2", "GET", "HTTP/2.0 200 OK\r\n\r\n", "", false},
	{"two spaces", "GET", "HTTP/1.1  200 OK\r\n\r\n", "", false},
	{"short status", "GET", "HTTP/1.1 20 OK\r\n\r\n", "", false},
	{"long status", "GET", "HTTP/1.1 2000 OK\r\n\r\n", "", false},
	{"status under 100", "GET", "HTTP/1.1 099 OK\r\n\r\n", "", false},
	{"letters in status", "GET", "HTTP/1.1 2OO OK\r\n\r\n", "", false},
	{"empty line first", "GET", "\r\nHTTP/1.1 200 OK\r\n\r\n", "", false},
	{"101 that was not asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "", false},
	{"endless interims", "GET", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", interimBurst+1), "", false},
	{"many fields", "GET", answer(strings.Repeat("X: y\r\n", DefaultMaxHeaderCount+1), ""), "", false},
	{"long line", "GET", answer("Content-Length: 0\r\nX: "+strings.Repeat("y", 2*DefaultMaxLine)+"\r\n", ""),
		"200 1.1 length 0\n  Content-Length: \n  X: " + strings.Repeat("y", 2*DefaultMaxLine) + "\nend\n", true},
	{"too long a line", "GET", answer("X: "+strings.Repeat("y", DefaultMaxHeaderBytes)+"\r\n", ""), "", false},
	{"too long a status line", "GET", "HTTP/1.1 200 " + strings.Repeat("y", DefaultMaxHeaderBytes) + "\r\n\r\n", "", false},
}

func TestResponses(t *testing.T) {
	for _, tt := range responses {
		t.Run(tt.name, func(t *testing.T) {
			splits(tt.input, func(name string, pieces []string) {
				if len(tt.input) > 2000 && name != "whole" && !strings.HasSuffix(name, "00") {
					return
				}
				checkResponse(t, tt, name, pieces)
			})
		})
	}
}

func checkResponse(t *testing.T, tt response, name string, pieces []string) {
	t.Helper()
	c := newClient(t, Config{})
	r := c.open(requestHead(tt.method, "a", "/", 0), true)
	var err error
	for _, p := range pieces {
		if err = c.write(p); err != nil {
			break
		}
	}
	if tt.want != "" {
		if err != nil {
			t.Fatalf("%s: refused: %v", name, err)
		}
		expect(t, name, r.text(), tt.want)
		expect(t, name+": can be used again", c.conn.Available() == 1, tt.reuse)
	} else {
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: error %v", name, err)
		}
		expect(t, name, r.reset.Reason, stream.ProtocolError)
		expect(t, name, c.conn.Available(), 0)
	}
	c.close()
	if t.Failed() {
		t.FailNow()
	}
}

// A body without length or coding ends with the connection.
func TestCloseDelimited(t *testing.T) {
	for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
		splits(version+" 200 OK\r\n\r\nabc", func(name string, pieces []string) {
			c := newClient(t, Config{})
			r := c.open(requestHead("GET", "a", "/", 0), true)
			for _, p := range pieces {
				if err := c.write(p); err != nil {
					t.Fatal(err)
				}
			}
			expect(t, name+": over", r.over, false)
			expect(t, name+": busy", c.conn.EOF(), false)
			expect(t, name, r.text(), "200 1."+version[7:]+" length -1\nbody \"abc\"\nend\n")
			expect(t, name, c.conn.Available(), 0)
			c.close()
		})
	}
}

func TestClientBodyLimit(t *testing.T) {
	for input, ok := range map[string]bool{
		answer("Content-Length: 4\r\n", "abcd"):                  true,
		answer("Content-Length: 5\r\n", ""):                      false,
		answer("Transfer-Encoding: chunked\r\n", "5\r\n"):        false,
		answer("", "abcd"):                                       true,
		answer("", "abcde"):                                      false,
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n": true,
	} {
		c := newClient(t, Config{MaxBody: 4})
		c.open(requestHead("GET", "a", "/", 0), true)
		if err := c.write(input); ok != (err == nil) {
			t.Errorf("%q: %v", input, err)
		}
		c.close()
	}
}

// Bytes that no request asked for make a connection useless: they would be taken
// for the response to the next request.
func TestUnsolicited(t *testing.T) {
	const extra = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	t.Run("idle", func(t *testing.T) {
		c := newClient(t, Config{})
		expect(t, "error", c.write(extra), ErrUnsolicited)
		expect(t, "available", c.conn.Available(), 0)
		c.close()
	})
	t.Run("before the request is sent", func(t *testing.T) {
		c := newClient(t, Config{})
		r := &recorder{}
		c.conn.NewStream(r)
		expect(t, "error", c.write(extra), ErrUnsolicited)
		expect(t, "unprocessed", r.reset.Unprocessed, true)
		c.close()
	})
	for _, first := range []string{answer("Content-Length: 2\r\n", "ok"), answer("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
		answer("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n"} {
		t.Run("behind "+first, func(t *testing.T) {
			c := newClient(t, Config{})
			r := c.open(requestHead("GET", "a", "/", 0), true)
			within := -1
			look := func() { within = c.conn.Available() }
			r.onData = func(bool) { look() }
			r.onHead = func(*stream.Head, bool) { look() }
			c.write(first + extra)
			expect(t, "over", r.over, true)
			expect(t, "available at the end of the response", within, 0)
			expect(t, "available", c.conn.Available(), 0)
			c.close()
		})
	}
}

// The connection is ready for the next request inside the call that ends the
// response.
func TestReuseInsideTheLastCall(t *testing.T) {
	for _, input := range []string{answer("Content-Length: 2\r\n", "ok"), answer("Content-Length: 0\r\n", ""),
		answer("Transfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n")} {
		splits(input, func(name string, pieces []string) {
			c := newClient(t, Config{})
			r := c.open(requestHead("GET", "a", "/1", 0), true)
			var second *recorder
			again := func(end bool) {
				if end {
					second = c.open(requestHead("GET", "a", "/2", 0), true)
				}
			}
			r.onData = again
			r.onHead = func(_ *stream.Head, end bool) { again(end) }
			for _, p := range pieces {
				if err := c.write(p); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			expect(t, name, c.sent(), "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
			c.write(input)
			expect(t, name, second.text(), r.text())
			expect(t, name, c.conn.Available(), 1)
			c.close()
		})
	}
}

// A response that is over before its request is: the rest of the request is
// dropped, and the connection with it.
func TestEarlyResponseOfServer(t *testing.T) {
	for name, end := range map[string]func(c *client, to stream.End){
		"data":     func(c *client, to stream.End) { to.Data(c.chain("cd"), true) },
		"trailers": func(_ *client, to stream.End) { to.Trailers(&stream.Header{}) },
		"reset":    func(_ *client, to stream.End) { to.Reset(stream.Reset{}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{})
			r := c.open(requestHead("POST", "a", "/", 4), false)
			r.sender.Data(c.chain("ab"), false)
			c.sent()
			c.write(answer("Content-Length: 2\r\n", "no"))
			expect(t, "response", r.text(), "200 1.1 length 2\n  Content-Length: \nbody \"no\"\nend\n")
			expect(t, "available", c.conn.Available(), 0)
			end(c, r.sender)
			expect(t, "sent", c.sent(), "")
			expect(t, "available", c.conn.Available(), 0)
			c.close()
		})
	}
}

func TestConnectionLost(t *testing.T) {
	for _, tt := range []struct {
		name        string
		input       string
		cause       error
		unprocessed bool
	}{
		{"nothing sent", "-", ErrNoResponse, true},
		{"no response", "", ErrNoResponse, false},
		{"in the status line", "HTTP", ErrTruncated, false},
		{"in the head", "HTTP/1.1 200 OK\r\nA: b\r\n", ErrTruncated, false},
		{"in the body", answer("Content-Length: 3\r\n", "ab"), ErrTruncated, false},
		{"in a chunk", answer("Transfer-Encoding: chunked\r\n", "3\r\nab"), ErrTruncated, false},
		{"in the trailers", answer("Transfer-Encoding: chunked\r\n", "0\r\nA: b\r\n"), ErrTruncated, false},
	} {
		for how, lose := range map[string]func(c *client){
			"EOF":   func(c *client) { expect(t, "busy", c.conn.EOF(), false) },
			"Close": func(c *client) { c.conn.Close(stream.Reset{Reason: stream.ConnectionLost}) },
		} {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				c := newClient(t, Config{})
				r := &recorder{}
				r.sender = c.conn.NewStream(r)
				if tt.input != "-" {
					r.sender.Head(requestHead("GET", "a", "/", 0), true)
					c.write(tt.input)
				}
				lose(c)
				expect(t, "reason", r.reset.Reason, stream.ConnectionLost)
				expect(t, "cause", r.reset.Err, tt.cause)
				expect(t, "unprocessed", r.reset.Unprocessed, tt.unprocessed)
				expect(t, "available", c.conn.Available(), 0)
				c.close()
			})
		}
	}
}

func TestClientReset(t *testing.T) {
	c := newClient(t, Config{})
	r := &recorder{}
	c.conn.NewStream(r).Reset(stream.Reset{})
	expect(t, "available, nothing sent", c.conn.Available(), 1)
	r = c.open(requestHead("GET", "a", "/", 0), true)
	r.sender.Reset(stream.Reset{})
	expect(t, "available, request sent", c.conn.Available(), 0)
	expect(t, "calls", r.calls, 0)
	c.write(answer("Content-Length: 0\r\n", ""))
	expect(t, "calls", r.calls, 0)
	c.close()

	splits(answer("Transfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\nX: y\r\n\r\n"), func(name string, pieces []string) {
		for range 2 {
			c := newClient(t, Config{})
			r := c.open(requestHead("GET", "a", "/", 0), true)
			reset := func() { r.sender.Reset(stream.Reset{}) }
			r.onData = func(bool) { reset() }
			if len(pieces)%2 == 0 {
				r.onHead = func(*stream.Head, bool) { reset() }
			}
			for _, p := range pieces {
				if err := c.write(p); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			expect(t, name+": over", r.over, false)
			expect(t, name, c.conn.Available(), 0)
			c.close()
		}
	})
}

func TestClientDrain(t *testing.T) {
	c := newClient(t, Config{})
	c.conn.Drain()
	expect(t, "idle", c.conn.Available(), 0)
	c.close()

	c = newClient(t, Config{})
	r := c.open(requestHead("GET", "a", "/", 0), true)
	c.conn.Drain()
	c.write(answer("Content-Length: 2\r\n", "ok"))
	expect(t, "over", r.over, true)
	expect(t, "available", c.conn.Available(), 0)
	c.close()
}

func TestClientFlow(t *testing.T) {
	c := newClient(t, Config{})
	r := c.open(requestHead("POST", "a", "/", -1), false)
	c.conn.Pressure(true)
	c.conn.Pressure(false)
	expect(t, "pauses", r.pauses, 1)
	expect(t, "resumes", r.resumes, 1)
	r.sender.Data(c.chain(""), true)

	r.onHead = func(*stream.Head, bool) { r.sender.Pause() }
	c.write(answer("Content-Length: 4\r\n", "ab"))
	expect(t, "data while paused", string(r.body), "")
	expect(t, "paused", c.paused, true)
	c.end(c.conn)
	r.sender.Resume()
	c.run(c.conn)
	expect(t, "data", string(r.body), "ab")
	expect(t, "cause", r.reset.Err, ErrTruncated)
	c.close()

	c = newClient(t, Config{})
	c.conn.Pressure(true)
	r = c.open(requestHead("POST", "a", "/", 2), false)
	expect(t, "pauses at the start", r.pauses, 1)
	c.close()
}

// A link that the sink paused is read again once the response is over, so that
// the end of an idle connection is seen.
func TestPausedLinkIsResumed(t *testing.T) {
	c := newClient(t, Config{})
	r := c.open(requestHead("GET", "a", "/", 0), true)
	c.write(answer("Content-Length: 2\r\n", "o"))
	r.sender.Pause()
	expect(t, "paused", c.paused, true)
	r.sender.Resume()
	c.write("k")
	expect(t, "available", c.conn.Available(), 1)
	expect(t, "paused", c.paused, false)
	c.close()
}

package http2

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

func TestResetsByTheClient(t *testing.T) {
	for _, tc := range []struct {
		code ErrCode
		want ErrCode
	}{{Cancel, Cancel}, {NoError, NoError}, {RefusedStream, RefusedStream}, {99, InternalError}} {
		s := ready(t, Config{})
		s.client.post(1).data(1, "abc", false).rst(1, tc.code)
		expect(t, "sent", s.exchange(), "")
		r := s.last()
		expect(t, "body", string(r.body), "abc")
		expect(t, "reset", r.reset, stream.Reset{Reason: stream.RemoteReset, Err: remoteResets[tc.want]})
		s.close()
	}
}

func TestResetsByTheOtherEnd(t *testing.T) {
	for _, tc := range []struct {
		reset stream.Reset
		want  ErrCode
	}{
		{stream.Reset{Reason: stream.Cancelled}, Cancel},
		{stream.Reset{Reason: stream.TimedOut}, Cancel},
		{stream.Reset{Reason: stream.Overflow}, EnhanceYourCalm},
		{stream.Reset{Reason: stream.Refused}, InternalError},
		{stream.Reset{Reason: stream.Refused, Unprocessed: true}, RefusedStream},
		{stream.Reset{Reason: stream.ConnectionLost, Err: errors.New("x")}, InternalError},
		{stream.Reset{Reason: stream.ProtocolError, Err: ErrFlood}, InternalError},
		{resetOf(HTTP11Required), HTTP11Required}, // of another connection
	} {
		s := ready(t, Config{})
		s.client.post(1)
		s.exchange()
		r := s.last()
		r.sender.Head(responseHead(200, -1), false)
		s.sent()
		r.sender.Reset(tc.reset)
		expect(t, "sent", s.written(), lines("1 RST "+tc.want.String()))
		expect(t, "is not called back", r.reset.Reason, 0)
		r.sender.Reset(tc.reset)
		r.sender.Data(s.chain("x"), true)
		r.sender.Head(responseHead(200, 0), true)
		r.sender.Pause()
		r.sender.Resume()
		expect(t, "afterwards", s.written(), "")
		s.close()
	}
}

// A response that is over before its request is: the client is told to stop, and
// the other end too.
func TestEarlyResponse(t *testing.T) {
	s := ready(t, Config{})
	s.client.post(1).data(1, "abc", false)
	s.exchange()
	r := s.last()
	s.response(r.sender, 401, "no")
	expect(t, "sent", s.written(), lines("1 HEADERS", "  :status: 401", "  content-length: 2", `1 DATA "no" end`, "1 RST NO_ERROR"))
	expect(t, "reset", r.reset.Reason, stream.Cancelled)
	s.client.data(1, "what was on its way", false).data(1, "", true).window(1, 5)
	expect(t, "afterwards", s.exchange(), "")
	s.close()
}

// The same while the response waits for the window: the other end is told at once,
// the client when everything is sent.
func TestEarlyResponseThatWaits(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprint(ends), func(t *testing.T) {
			s := ready(t, Config{StreamWindow: 100})
			s.client.settings(xhttp2.Setting{ID: 4, Val: 1}).post(1)
			s.exchange()
			r := s.last()
			s.response(r.sender, 401, "no")
			s.sent()
			expect(t, "reset", r.reset.Reason, stream.Cancelled)
			s.client.data(1, text(60), ends)
			want := lines("1 WINDOW 60")
			if ends {
				want = ""
			}
			expect(t, "the window is given back", s.exchange(), want)
			s.client.window(1, 5)
			want = lines(`1 DATA "o" end`, "1 RST NO_ERROR")
			if ends {
				want = lines(`1 DATA "o" end`)
			}
			expect(t, "sent", s.exchange(), want)
			s.close()
		})
	}
}

// A client that waits to take a response until it has sent its request may send so
// much of it for nothing, but not for ever. Others do not suffer.
func TestTheRestOfARequestIsDiscarded(t *testing.T) {
	const window = 16 << 10
	for _, size := range []int{200 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := ready(t, Config{StreamWindow: window})
			s.client.settings(xhttp2.Setting{ID: 4, Val: 1}).post(1)
			s.exchange()
			s.response(s.last().sender, 413, "no")
			s.sent()
			sent, mine := sendAll(s, size, window)
			if whole := size <= maxDiscard; whole != (sent == size) || sent > maxDiscard+2*window {
				t.Errorf("%d bytes are taken", sent)
			}
			if given := int(s.conn.recv.window.window) + int(s.conn.recv.window.pendingCredit); given != DefaultConnWindow {
				t.Errorf("%d bytes of the connection's window are left", given)
			}
			want := lines(`1 DATA "o" end`)
			if sent < size {
				want += lines("1 RST NO_ERROR")
				expect(t, "the client's window", mine, 0)
			}
			s.client.window(1, 5)
			expect(t, "sent", s.exchange(), want)
			s.close()
		})
	}
}

// sendAll sends data on stream 1 as a client does: as much as its window takes. It
// returns how much that was, and what is left of the window.
func sendAll(s *server, size, window int) (sent, left int) {
	for window > 0 && sent < size {
		n := min(window, size-sent, 4<<10)
		sent, window = sent+n, window-n
		s.client.data(1, text(n), sent == size)
		for _, line := range strings.Split(s.exchange(), "\n") {
			var more int
			if _, err := fmt.Sscanf(line, "1 WINDOW %d", &more); err == nil {
				window += more
			}
		}
	}
	return sent, window
}

func TestInterimResponses(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	r := s.last()
	r.sender.Head(responseHead(100, -1), false)
	r.sender.Head(responseHead(103, -1, "Link", "x", "Content-Length", "7"), false)
	s.response(r.sender, 200, "")
	expect(t, "sent", s.written(), lines("1 HEADERS", "  :status: 100", "1 HEADERS", "  :status: 103", "  link: x", "1 HEADERS end", "  :status: 200"))
	s.close()
	c := connected(t, Config{})
	got := c.open(requestHead("GET", "a", "/", 0), true)
	c.sent()
	c.server.headers(1, false, ":status", "100").headers(1, false, ":status", "103", "link", "x").headers(1, true, ":status", "200")
	expect(t, "sent", c.exchange(), "")
	expect(t, "got", got.text(), lines("100 length -1", "103 length -1", "  link: x", "200 length 0", "end"))
	c.close()
}

// TestManyInterims: a host may tell of its progress for as long as it likes, though not
// faster than anybody would.
func TestManyInterims(t *testing.T) {
	for _, tc := range []struct {
		every time.Duration
		heads int
	}{{20 * time.Millisecond, 5001}, {time.Millisecond, 1111}} {
		c := connected(t, Config{})
		r := c.open(requestHead("GET", "a", "/", 0), true)
		heads := 0
		r.onHead = func(*stream.Head, bool) { heads++ }
		for i := 0; i < 5000 && !r.over; i++ {
			c.now += int64(tc.every)
			c.server.headers(1, false, ":status", "102")
			c.exchange()
		}
		if r.over {
			expect(t, "cause", r.reset.Err, error(ErrInterim))
		} else {
			c.server.headers(1, true, ":status", "200")
			c.exchange()
		}
		expect(t, "heads", heads, tc.heads)
		c.close()
	}
}

// TestInterimsThatAreNotTaken: no more than a few wait for a client that takes nothing,
// since a host cannot be kept from sending them.
func TestInterimsThatAreNotTaken(t *testing.T) {
	c := connected(t, Config{})
	r := c.open(requestHead("GET", "a", "/", 0), true)
	heads := 0
	r.onHead = func(*stream.Head, bool) { heads++ }
	send := func(n int) {
		for range n {
			c.now += int64(20 * time.Millisecond)
			c.server.headers(1, false, ":status", "102")
			c.exchange()
		}
	}
	r.sender.Pause()
	send(1000)
	expect(t, "heads while it does not", heads, mostWaiting)
	r.sender.Resume()
	send(3)
	expect(t, "heads once it does", heads, mostWaiting+3)
	r.sender.Pause()
	send(1)
	c.server.headers(1, true, ":status", "200")
	c.exchange()
	expect(t, "heads", heads, mostWaiting+5)
	expect(t, "over", r.over, true)
	c.close()
}

func TestOutgoingResponses(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		head         *stream.Head
		body         string
		end          bool
		want         string
	}{
		{"explicit 0", "GET", responseHead(200, 0, "Content-Length", ""), "", true, lines("1 HEADERS end", "  :status: 200", "  content-length: 0")},
		{"length in its place", "GET", responseHead(200, 3, "A", "b", "Content-Length", "999", "C", "d"), "abc", false,
			lines("1 HEADERS", "  :status: 200", "  a: b", "  content-length: 3", "  c: d", `1 DATA "abc" end`)},
		{"204", "GET", responseHead(204, 5, "Content-Length", ""), "", true, lines("1 HEADERS end", "  :status: 204")},
		{"HEAD", "HEAD", responseHead(200, 5, "Content-Length", ""), "", true, lines("1 HEADERS end", "  :status: 200", "  content-length: 5")},
		{"HEAD with a body", "HEAD", responseHead(200, 5, "Content-Length", ""), "hello", false,
			lines("1 HEADERS", "  :status: 200", "  content-length: 5", `1 DATA "" end`)},
		{"304", "GET", responseHead(304, 5, "Content-Length", ""), "", true, lines("1 HEADERS end", "  :status: 304", "  content-length: 5")},
		{"fields of HTTP/1", "GET", responseHead(200, 0, "Connection", "X-Hop, close, date", "Keep-Alive", "1", "Proxy-Connection", "x", "Transfer-Encoding", "chunked",
			"Upgrade", "h2c", "TE", "trailers", "X-Hop", "y", "Set-Cookie", "a=b", "Host", "h"), "", true,
			lines("1 HEADERS end", "  :status: 200", "  set-cookie: a=b (hidden)", "  host: h")},
		{"fields that are not fit", "GET", responseHead(200, 0, "X Y", "z", "", "z", "A", "b\r\nc: d", "B", " x", "C", "ok"), "", true,
			lines("1 HEADERS end", "  :status: 200", "  c: ok")},
		{"pseudo-headers of a filter", "GET", responseHead(200, 0, ":status", "500"), "", true, lines("1 HEADERS end", "  :status: 200")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.headers(1, true, instead(":method", tc.method)...)
			s.exchange()
			r := s.last()
			r.sender.Head(tc.head, tc.end)
			if !tc.end {
				r.sender.Data(s.chain(tc.body), true)
			}
			expect(t, "sent", s.written(), tc.want)
			s.close()
		})
	}
}

func TestResponsesThatAreNotWhatTheyAnnounce(t *testing.T) {
	for name, do := range map[string]func(s *server, to stream.End){
		"too long":               func(s *server, to stream.End) { to.Data(s.chain("abcd"), false) },
		"too short":              func(s *server, to stream.End) { to.Data(s.chain("ab"), true) },
		"too short for trailers": func(_ *server, to stream.End) { to.Trailers(&stream.Header{}) },
		"two heads":              func(_ *server, to stream.End) { to.Head(responseHead(200, -1), false) },
	} {
		t.Run(name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.get(1)
			s.exchange()
			r := s.last()
			r.sender.Head(responseHead(200, 3), false)
			s.sent()
			do(s, r.sender)
			expect(t, "sent", s.written(), lines("1 RST INTERNAL_ERROR"))
			expect(t, "reason", r.reset.Reason, stream.ProtocolError)
			s.close()
		})
	}
}

func TestDataWithoutAHead(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1).get(3)
	s.exchange()
	s.streams[0].sender.Data(s.chain("x"), true)
	s.streams[1].sender.Trailers(&stream.Header{})
	expect(t, "sent", s.written(), lines("1 HEADERS end", "  :status: 502", "  content-length: 0", "3 HEADERS end", "  :status: 502", "  content-length: 0"))
	s.close()
}

func TestTrailersThatAreDropped(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	r := s.last()
	r.sender.Head(responseHead(200, -1), false)
	s.sent()
	var t1 stream.Header
	t1.Add("Content-Length", "5")
	t1.Add("X Y", "z")
	r.sender.Trailers(&t1)
	expect(t, "sent", s.written(), lines(`1 DATA "" end`))
	s.close()
}

func TestOutgoingRequests(t *testing.T) {
	for _, tc := range []struct {
		name string
		head *stream.Head
		end  bool
		want []string
	}{
		{"GET", requestHead("GET", "a", "/", 0), true, nil},
		{"POST without a body", requestHead("POST", "a", "/", 0), true, []string{"  content-length: 0"}},
		{"explicit 0", requestHead("GET", "a", "/", 0, "Content-Length", ""), true, []string{"  content-length: 0"}},
		{"te", requestHead("GET", "a", "/", 0, "TE", "Trailers"), true, []string{"  te: trailers"}},
		{"te of HTTP/1", requestHead("GET", "a", "/", 0, "TE", "gzip"), true, nil},
		{"host", requestHead("GET", "a", "/", 0, "Host", "a", "X", "y"), true, []string{"  x: y"}},
		{"secrets", requestHead("GET", "a", "/", 0, "Authorization", "Basic x", "Cookie", "a=b", "X-Request-Id", "1"), true,
			[]string{"  authorization: Basic x (hidden)", "  cookie: a=b (hidden)", "  x-request-id: 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := connected(t, Config{})
			c.open(tc.head, tc.end)
			end := ""
			if tc.end {
				end = " end"
			}
			want := lines("1 HEADERS"+end, "  :method: "+string(tc.head.Method()), "  :scheme: http", "  :authority: a", "  :path: /")
			expect(t, "sent", c.written(), want+lines(tc.want...))
			c.close()
		})
	}
}

// A field that came as never to be indexed goes on so, whatever its name.
func TestHiddenFieldsStayHidden(t *testing.T) {
	s := ready(t, Config{})
	b := s.client.encode(pseudo...)
	b = append(b, "\x10\x07x-token\x06secret"...)
	s.client.raw(frameHeaders, flagEndHeaders|flagEndStream, 1, string(b))
	s.exchange()
	c := connected(t, Config{})
	c.open(&s.last().head, true)
	expect(t, "sent", c.written(), lines("1 HEADERS end", "  :method: GET", "  :scheme: http", "  :authority: a", "  :path: /", "  x-token: secret (hidden)"))
	c.close()
	s.close()
}

func TestRequestsThatAreNotWhatTheyAnnounce(t *testing.T) {
	for name, do := range map[string]func(c *clientSide, to stream.End){
		"too long":               func(c *clientSide, to stream.End) { to.Data(c.chain("abcd"), false) },
		"too short":              func(c *clientSide, to stream.End) { to.Data(c.chain("ab"), true) },
		"too short for trailers": func(_ *clientSide, to stream.End) { to.Trailers(&stream.Header{}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{})
			r := c.open(requestHead("POST", "a", "/", 3), false)
			c.sent()
			do(c, r.sender)
			expect(t, "sent", c.written(), lines("1 RST CANCEL"))
			expect(t, "reset", r.reset, stream.Reset{Reason: stream.Unsendable, Err: ErrLength})
			c.close()
		})
	}
}

func TestResetsByTheServer(t *testing.T) {
	c := connected(t, Config{})
	one, two := c.open(requestHead("GET", "a", "/", 0), true), c.open(requestHead("POST", "a", "/", -1), false)
	c.sent()
	c.server.rst(1, RefusedStream).rst(3, EnhanceYourCalm)
	expect(t, "sent", c.exchange(), "")
	expect(t, "refused", one.reset, refusedByPeer())
	expect(t, "reset", two.reset, stream.Reset{Reason: stream.RemoteReset, Err: remoteResets[EnhanceYourCalm]})
	expect(t, "available", c.conn.Available(), 1) // one was open beside the one that was refused
	c.server.settings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 7})
	c.exchange()
	expect(t, "available", c.conn.Available(), 7)
	c.open(requestHead("GET", "a", "/", 0), true)
	c.sent()
	c.server.rst(5, RefusedStream)
	c.exchange()
	expect(t, "available where all are refused", c.conn.Available(), 0)
	c.close()
}

// What the server still sends on a stream that it has reset is answered, once.
func TestFramesBehindTheServersReset(t *testing.T) {
	for name, do := range map[string]func(*peer){
		"DATA":    func(p *peer) { p.data(1, "x", false).data(1, "y", true) },
		"HEADERS": func(p *peer) { p.headers(1, false, "x", "y").headers(1, true, "x", "y") },
	} {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{})
			c.open(requestHead("GET", "a", "/", 0), true)
			c.sent()
			c.server.headers(1, false, ":status", "200").rst(1, Cancel)
			do(c.server)
			expect(t, "sent", c.exchange(), lines("1 RST STREAM_CLOSED"))
			c.close()
		})
	}
}

// A client keeps to what the server said on another connection, until it says
// something on this one.
func TestLimit(t *testing.T) {
	c := newClient(t, Config{})
	c.sent()
	expect(t, "limit", c.conn.Limit(), 0)
	expect(t, "available", c.conn.Available(), 100)
	c.conn.SetMaxStreams(3)
	expect(t, "available", c.conn.Available(), 3)
	c.conn.SetMaxStreams(0)
	expect(t, "available", c.conn.Available(), 3)
	c.server.settings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 20})
	c.exchange()
	expect(t, "limit", c.conn.Limit(), 20)
	c.conn.SetMaxStreams(1)
	expect(t, "available", c.conn.Available(), 20)
	c.close()
}

// Whatever arrives of a response that was given up is dropped, and counted.
func TestClientCancels(t *testing.T) {
	c := connected(t, Config{ConnWindow: 65535})
	for range 200 { // more than is remembered
		r := c.open(requestHead("GET", "a", "/", 0), true)
		r.sender.Reset(stream.Reset{Reason: stream.Cancelled})
	}
	expect(t, "resets", strings.Count(c.written(), "RST CANCEL"), 200)
	for i := range uint32(200) {
		c.server.headers(2*i+1, false, ":status", "200").data(2*i+1, text(200), false).headers(2*i+1, true, "x", "y")
	}
	expect(t, "sent", c.exchange(), lines("0 WINDOW 32800"))
	expect(t, "dropped", c.conn.Orphans(), 400)
	expect(t, "available", c.conn.Available(), 100)
	c.close()
}

// A response that is over before its request is. The other end does not know, and
// may go on.
func TestClientEarlyResponse(t *testing.T) {
	for name, calls := range map[string]func(c *clientSide, to stream.End){
		"no more calls": func(*clientSide, stream.End) {},
		"data":          func(c *clientSide, to stream.End) { to.Data(c.chain("x"), false); to.Data(c.chain("y"), true) },
		"trailers":      func(_ *clientSide, to stream.End) { to.Trailers(&stream.Header{}) },
		"reset":         func(_ *clientSide, to stream.End) { to.Reset(stream.Reset{Reason: stream.Cancelled}) },
		"flow":          func(_ *clientSide, to stream.End) { to.Pause(); to.Resume() },
	} {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{})
			r := c.open(requestHead("POST", "a", "/", 100), false)
			c.sent()
			c.server.headers(1, true, ":status", "401").rst(1, NoError)
			expect(t, "sent", c.exchange(), lines("1 RST NO_ERROR"))
			expect(t, "response", r.text(), lines("401 length 0", "end"))
			expect(t, "available", c.conn.Available(), 100)
			next := c.open(requestHead("GET", "a", "/", 0), true)
			c.sent()
			calls(c, r.sender)
			expect(t, "afterwards", c.written(), "")
			c.server.headers(3, true, ":status", "200")
			c.exchange()
			expect(t, "the next", next.text(), lines("200 length 0", "end"))
			c.close()
		})
	}
}

// The connection takes the next request within the call that ends a response.
func TestNextRequestWithinTheEnd(t *testing.T) {
	c := connected(t, Config{MaxConcurrentStreams: 1})
	r := c.open(requestHead("GET", "a", "/", 0), true)
	expect(t, "available", c.conn.Available(), 0)
	var next *recorder
	r.onData = func(end bool) {
		if end {
			expect(t, "available", c.conn.Available(), 1)
			next = c.open(requestHead("GET", "a", "/2", 0), true)
		}
	}
	c.written()
	c.server.headers(1, false, ":status", "200").data(1, "x", true)
	c.exchange()
	c.server.headers(3, true, ":status", "204")
	c.exchange()
	expect(t, "the next", next.text(), lines("204 length -1", "end"))
	c.close()
}

func TestClientAvailable(t *testing.T) {
	c := newClient(t, Config{MaxConcurrentStreams: 1000})
	c.sent()
	expect(t, "before SETTINGS", c.conn.Available(), 100)
	c.server.settings()
	c.exchange()
	expect(t, "without a limit", c.conn.Available(), 1000)
	c.server.settings(xhttp2.Setting{ID: 3, Val: 2})
	c.exchange()
	expect(t, "with one", c.conn.Available(), 2)
	r := c.open(requestHead("GET", "a", "/", 0), true)
	expect(t, "one is open", c.conn.Available(), 1)
	c.conn.Pressure(true)
	expect(t, "under pressure", c.conn.Available(), 0)
	c.conn.Pressure(false)
	c.server.settings(xhttp2.Setting{ID: 3, Val: 0})
	c.exchange()
	expect(t, "none", c.conn.Available(), 0)
	c.server.settings(xhttp2.Setting{ID: 3, Val: 50}).headers(1, true, ":status", "200")
	c.exchange()
	expect(t, "over", r.over, true)
	c.conn.streams.lastID = maxStreamID - 4
	expect(t, "numbers run out", c.conn.Available(), 2)
	for range 2 {
		c.open(requestHead("GET", "a", "/", 0), true)
	}
	expect(t, "the last number", c.conn.streams.lastID, uint32(maxStreamID))
	expect(t, "no more numbers", c.conn.Available(), 0)
	c.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	expect(t, "closed", c.conn.Available(), 0)
	c.close()
}

func TestClientProbes(t *testing.T) {
	c := connected(t, Config{})
	before := c.conn.Received()
	expect(t, "probe", c.conn.Ping(), true)
	expect(t, "sent", c.written(), lines(`PING "\x01\x00\x00\x00\x00\x00\x00\x00"`))
	c.server.ping(true, "\x07") // answers nothing
	expect(t, "sent", c.exchange(), "")
	expect(t, "answered", c.conn.Answered(), false)
	c.server.ping(true, "\x01")
	expect(t, "sent", c.exchange(), "")
	expect(t, "answered", c.conn.Answered(), true)
	expect(t, "received", c.conn.Received()-before, 2)
	expect(t, "EOF", c.conn.EOF(), false)
	expect(t, "available", c.conn.Available(), 0)
	c.close()
	expect(t, "probe", c.conn.Ping(), false)
	expect(t, "sent", c.out.Len(), 0)
}

func TestClientErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*peer)
		want *Error
	}{
		{"push", func(p *peer) { p.raw(framePushPromise, flagEndHeaders, 1, "\x00\x00\x00\x02\x82") }, ErrPush},
		{"ENABLE_PUSH", func(p *peer) { p.settings(xhttp2.Setting{ID: 2, Val: 1}) }, ErrSetting},
		{"MAX_FRAME_SIZE 0", func(p *peer) { p.settings(xhttp2.Setting{ID: 5, Val: 0}) }, ErrSetting},
		{"HEADERS on an idle stream", func(p *peer) { p.headers(3, true, ":status", "200") }, ErrIdleStream},
		{"HEADERS on its own stream", func(p *peer) { p.headers(2, true, ":status", "200") }, ErrIdleStream},
		{"DATA on an idle stream", func(p *peer) { p.data(3, "x", false) }, ErrIdleStream},
		{"RST on an idle stream", func(p *peer) { p.rst(4, Cancel) }, ErrIdleStream},
		{"window", func(p *peer) { p.window(0, 1<<31-1) }, ErrWindowGrowth},
		{"nonsense", func(p *peer) { p.raw(frameHeaders, flagEndHeaders, 1, "\x80") }, ErrCompression},
		{"a response that goes on", func(p *peer) { p.headers(1, true, ":status", "200").data(1, "x", true) }, ErrStreamOver},
		{"PING flood", func(p *peer) {
			for range peerLimits[aHost].control.burst + 100 {
				p.ping(false, "x")
			}
		}, ErrFlood},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := connected(t, Config{})
			r := c.open(requestHead("GET", "a", "/", 0), true)
			c.sent()
			tc.do(c.server)
			got, err := c.flush()
			isError(t, err, tc.want)
			expect(t, "sent", strings.HasSuffix(got, lines("GOAWAY 0 "+tc.want.Code.String())), true)
			expect(t, "over", r.over, true)
			expect(t, "available", c.conn.Available(), 0)
			c.close()
		})
	}
}

func TestClientStreamErrors(t *testing.T) {
	for name, do := range map[string]func(*peer){
		"data first":        func(p *peer) { p.data(1, "x", false) },
		"too much data":     func(p *peer) { p.headers(1, false, ":status", "200", "content-length", "2").data(1, "abc", false) },
		"too little data":   func(p *peer) { p.headers(1, false, ":status", "200", "content-length", "2").data(1, "a", true) },
		"data to a 304":     func(p *peer) { p.headers(1, false, ":status", "304", "content-length", "2").data(1, "ab", true) },
		"two heads":         func(p *peer) { p.headers(1, false, ":status", "200").headers(1, false, ":status", "200") },
		"pseudo trailers":   func(p *peer) { p.headers(1, false, ":status", "200").headers(1, true, ":status", "200") },
		"trailers too soon": func(p *peer) { p.headers(1, false, ":status", "200", "content-length", "2").headers(1, true, "x", "y") },
	} {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{})
			r := c.open(requestHead("GET", "a", "/", 0), true)
			c.sent()
			do(c.server)
			expect(t, "sent", c.exchange(), lines("1 RST PROTOCOL_ERROR"))
			expect(t, "reason", r.reset.Reason, stream.ProtocolError)
			expect(t, "whole", r.whole, false)
			c.close()
		})
	}
}

func TestCloseResetsEverything(t *testing.T) {
	s := ready(t, Config{})
	s.client.post(1).data(1, "abc", false).get(3)
	s.exchange()
	s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	for _, r := range s.streams {
		expect(t, "reason", r.reset.Reason, stream.ConnectionLost)
	}
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
	c := connected(t, Config{})
	sent := c.open(requestHead("GET", "a", "/", 0), true)
	unborn := &recorder{}
	unborn.sender = c.conn.NewStream(unborn)
	c.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	expect(t, "sent", sent.reset, stream.Reset{Reason: stream.ConnectionLost})
	expect(t, "unborn", unborn.reset, stream.Reset{Reason: stream.ConnectionLost, Unprocessed: true})
	c.close()
}

// Everything that a sink may do, within every call that it gets.
func TestSinksMayDoAnythingInsideCalls(t *testing.T) {
	acts := map[string]func(s *server, r *recorder){
		"answer":      func(s *server, r *recorder) { s.response(r.sender, 200, "ok") },
		"answer bare": func(s *server, r *recorder) { s.response(r.sender, 204, "") },
		"reset":       func(_ *server, r *recorder) { r.sender.Reset(stream.Reset{Reason: stream.Cancelled}) },
		"pause":       func(_ *server, r *recorder) { r.sender.Pause() },
		"close":       func(s *server, _ *recorder) { s.conn.Close(stream.Reset{Reason: stream.ConnectionLost}) },
		"drain":       func(s *server, _ *recorder) { s.conn.Drain() },
		"bad answer":  func(_ *server, r *recorder) { r.sender.Head(responseHead(9, 0), true) },
		"pressure":    func(s *server, _ *recorder) { s.conn.Pressure(true) },
	}
	for name, act := range acts {
		for _, when := range []string{"stream", "head", "data", "trailers", "reset", "pause", "resume"} {
			t.Run(name+" within "+when, func(t *testing.T) {
				s := ready(t, Config{StreamWindow: 1000})
				done := false
				once := func(r *recorder) {
					if !done {
						done = true
						act(s, r)
					}
				}
				s.onStream = func(r *recorder) {
					switch when {
					case "stream":
						once(r)
					case "head":
						r.onHead = func(*stream.Head, bool) { once(r) }
					case "data":
						r.onData = func(bool) { once(r) }
					case "trailers":
						r.onData = func(end bool) {
							if end {
								once(r)
							}
						}
					case "reset":
						r.onReset = func() { once(r) }
					case "pause":
						r.onPause = func() { once(r) }
					case "resume":
						r.onResume = func() { once(r) }
					}
				}
				s.client.settings(xhttp2.Setting{ID: 4, Val: 10})
				s.client.post(1).data(1, text(200), false).data(1, text(20), false)
				s.exchange()
				r := s.last()
				if r.reset.Reason == 0 && s.conn.streams.count > 0 {
					r.sender.Head(responseHead(200, -1), false)
					r.sender.Data(s.chain(text(2000)), false)
				}
				s.client.window(1, 1500).window(0, 1500)
				s.exchange()
				s.client.headers(1, true, "x", "y").get(3).rst(3, Cancel)
				s.flush()
				s.close()
			})
		}
	}
}

// However the bytes are cut, the same comes of them.
func TestEverySplit(t *testing.T) {
	p := newPeer(t)
	p.writes.WriteString(preface)
	p.settings(xhttp2.Setting{ID: 4, Val: 100}).ack().
		get(1, "cookie", "a=b", "cookie", "c=d").post(3, "content-length", "11").data(3, "hello ", false).
		ping(false, "12345678").data(3, "world", true).raw(77, 0, 0, "whatever").
		post(5).window(5, 7)
	p.framer.WriteDataPadded(5, false, []byte("padded"), make([]byte, 5))
	p.headers(5, true, "x-sum", "1").
		rst(1, Cancel).headers(7, false, "x", "malformed").data(7, "x", true).
		raw(frameHeaders, 0, 9, string(p.encode(pseudo...))).raw(frameContinuation, flagEndHeaders, 9, string(p.encode("a", "b"))).
		goAway(0, NoError)
	input := p.bytes()
	run := func(pieces ...[]byte) string {
		s := newServer(t, Config{})
		var got strings.Builder
		s.onStream = func(r *recorder) {
			r.onData = func(end bool) {
				if end {
					s.response(r.sender, 200, string(r.body))
				}
			}
		}
		for _, piece := range pieces {
			if err := s.feed(s.conn, piece); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range s.streams {
			got.WriteString(r.text())
		}
		got.WriteString(s.written())
		s.close()
		return got.String()
	}
	want := run(input)
	for i := 1; i < len(input); i++ {
		if got := run(input[:i], input[i:]); got != want {
			t.Fatalf("cut at %d:\n%s\nnot\n%s", i, got, want)
		}
	}
	var single [][]byte
	for i := range input {
		single = append(single, input[i:i+1])
	}
	expect(t, "byte by byte", run(single...), want)
}

package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

const (
	closingOK  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
	smugglable = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
)

// withRest are requests with a body.
var withRest = map[string]string{
	"length":         post("Content-Length: 37\r\n", smugglable+"ab"),
	"old":            "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
	"chunks":         chunks("3;a=b\r\nabc\r\n25 \r\n" + smugglable + "ab\r\n0\r\n\r\n"),
	"trailers":       chunks("1\r\na\r\n0\r\nX: y\r\nContent-Length: 4\r\n\r\n"),
	"upgrade":        post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n", "body"),
	"continued":      post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"),
	"no body at all": chunks("0\r\n\r\n"),
}

// A response may come at any byte of its request: the next request is the one that
// begins behind it, and the connection goes on.
func TestRestIsDiscarded(t *testing.T) {
	for name, first := range withRest {
		for _, when := range []string{"inside Head", "inside Data", "between the pieces"} {
			splits(first+plainGet, func(split string, pieces []string) {
				answerEarly(t, fmt.Sprintf("%s, answered %s, %s", name, when, split), when, pieces)
			})
		}
	}
}

// answerEarly feeds two requests, the first of which is answered at some moment, but
// before the next piece comes in any case.
func answerEarly(t *testing.T, name, when string, pieces []string) {
	t.Helper()
	s := newServer(t, Config{})
	answered := false
	answer := func() {
		if !answered {
			answered = true
			s.response(s.streams[0].sender, 200, "ok")
		}
	}
	s.onStream = func(r *recorder) {
		if len(s.streams) > 1 {
			return
		}
		if when == "inside Data" {
			r.onData = func(bool) { answer() }
		}
		r.onHead = func(h *stream.Head, _ bool) {
			if _, expects := h.GetID(stream.Expect); expects {
				r.sender.Head(responseHead(100, -1), false)
			}
			if when == "inside Head" {
				answer()
			}
		}
	}
	for _, p := range pieces {
		if err := s.write(p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(s.streams) > 0 {
			answer()
			s.resume()
		}
	}
	if len(s.streams) != 2 {
		t.Fatalf("%s: %d requests", name, len(s.streams))
	}
	if sent := s.sent(); !strings.HasSuffix(sent, "\r\n\r\nok") || strings.Contains(sent, "close") {
		t.Errorf("%s: sent %q", name, sent)
	}
	expect(t, name, s.last().text(), "GET http://a / 1.1 length 0\n  Host: a\nend\n")
	s.response(s.last().sender, 200, "ok")
	expect(t, name, s.sent(), ok("ok"))
	expect(t, name, s.conn.Phase(), stream.Idle)
	s.close()
}

// answered is a server that has answered a request, of which more is to come.
func answered(t *testing.T, cfg Config, request string) *server {
	t.Helper()
	s := newServer(t, cfg)
	s.write(request)
	s.response(s.last().sender, 200, "ok")
	expect(t, "sent", s.sent(), ok("ok"))
	expect(t, "reset", s.last().reset.Reason, stream.Cancelled)
	expect(t, "phase", s.conn.Phase(), stream.Discarding)
	return s
}

// ends checks that nothing more is said, or heard, on a connection.
func (s *server) ends(t *testing.T) {
	t.Helper()
	s.write(smugglable)
	expect(t, "sent", s.sent(), "")
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	expect(t, "requests", len(s.streams), 1)
	s.close()
}

// How a rest is ended by something else than its end. The client has its answer, and
// is not given another.
func TestRestGoesWrong(t *testing.T) {
	long := strings.Repeat("x", maxRest)
	for name, tc := range map[string]struct {
		cfg     Config
		request string
		then    func(s *server)
	}{
		"no chunk":          {Config{}, chunks("2\r\na"), func(s *server) { s.write("bc\r\n") }},
		"no chunk size":     {Config{}, chunks(""), func(s *server) { s.write("x\r\n") }},
		"no trailer":        {Config{}, chunks("0\r\n"), func(s *server) { s.write("a b\r\n") }},
		"over the limit":    {Config{MaxBody: 3}, chunks("2\r\nab\r\n"), func(s *server) { s.write("2\r\n") }},
		"too long":          {Config{}, chunks(""), func(s *server) { s.write("80000\r\n" + long) }},
		"too long in bytes": {Config{}, chunks(""), func(s *server) { s.write(strings.Repeat("1\r\nx\r\n", maxRest/6+1)) }},
		"too long a chunk":  {Config{}, chunks(""), func(s *server) { s.write("40000\r\n") }},
		"with its end":      {Config{}, chunks("3ffff\r\n"), func(s *server) { s.write(long + "0\r\n\r\n") }},
		"in time":           {Config{}, post("Content-Length: 3\r\n", "a"), func(s *server) { s.conn.TimedOut() }},
		"end":               {Config{}, chunks("0\r\nA: b\r\n"), func(s *server) { s.end(s.conn) }},
		"last":              {Config{}, chunks(""), func(s *server) { s.conn.Drain(); s.write("0\r\n\r\n") }},
		"lost": {Config{}, chunks("0\r\nA: b\r\nC"), func(s *server) {
			s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := answered(t, tc.cfg, tc.request)
			tc.then(s)
			s.ends(t)
		})
	}
}

// As much as is read of one request is read of the next.
func TestRestUpToTheLimit(t *testing.T) {
	body := fmt.Sprintf("%x\r\n%s", maxRest-14, strings.Repeat("x", maxRest-14))
	s := answered(t, Config{}, chunks(""))
	s.write(body + "\r\n0\r\n\r\n") // 7 bytes before the data, and 7 behind it
	for n := 2; n < 4; n++ {
		expect(t, "phase", s.conn.Phase(), stream.Idle)
		s.write(post(fmt.Sprintf("Content-Length: %d\r\n", maxRest), ""))
		s.response(s.last().sender, 200, "ok")
		expect(t, "sent", s.sent(), ok("ok"))
		s.write(strings.Repeat("x", maxRest))
		expect(t, "requests", len(s.streams), n)
	}
	s.close()
}

// A response says that it is the last one, where that is known with its head.
func TestEarlyResponseAnnounces(t *testing.T) {
	const most = maxRest
	length := func(n int, body string) string { return post(fmt.Sprintf("Content-Length: %d\r\n", n), body) }
	for _, tc := range []struct {
		name, request string
		status        int
		length        int64 // announced by the response
		closes        bool
	}{
		{"a rest that fits", length(most+2, "ab"), 200, 2, false},
		{"one that does not", length(most+3, "ab"), 200, 2, true},
		{"one of which nothing has come", length(most+1, ""), 200, 2, true},
		{"to a response without a body", length(most+1, ""), 204, -1, true},
		{"to a response that streams", length(most+1, "a") + strings.Repeat("x", 100), 200, -1, false},
		{"to an error that streams", length(most+2, "a"), 400, -1, true},
		{"of a chunk", chunks(fmt.Sprintf("%x\r\n", most+1)), 200, 2, true},
		{"of unknown length", chunks("1\r\na\r\n"), 200, 2, false},
		{"that is too large, of unknown length", chunks("1\r\na\r\n"), 413, 2, true},
		{"that is too large, of a length", length(4, "a"), 413, 2, false},
		{"that came too late", length(4, "a"), 408, 2, true},
		{"that is held back", post("Expect: 100-continue\r\nContent-Length: 4\r\n", ""), 200, 2, true},
		{"in chunks, that is held back", post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", ""), 200, -1, true},
		{"that is not held back", post("Expect: 100-continue\r\nContent-Length: 4\r\n", "a"), 200, 2, false},
		{"none", plainGet, 408, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, Config{})
			s.write(tc.request)
			s.last().sender.Head(responseHead(tc.status, tc.length), tc.status == 204)
			sent := s.sent()
			expect(t, sent, strings.Contains(sent, "\r\nConnection: close\r\n"), tc.closes)
			if tc.status != 204 {
				s.last().sender.Data(s.chain("ok"), true)
			}
			s.sent()
			if tc.closes {
				s.ends(t)
				return
			}
			s.close()
		})
	}
}

// Once a client was told to go on, it sends the body.
func TestRestAfterContinue(t *testing.T) {
	s := newServer(t, Config{})
	s.write(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""))
	s.last().sender.Head(responseHead(103, -1), false)
	s.last().sender.Head(responseHead(100, -1), false)
	s.sent()
	s.response(s.last().sender, 200, "ok")
	expect(t, "sent", s.sent(), ok("ok"))
	s.write("ab" + plainGet)
	expect(t, "requests", len(s.streams), 2)
	s.close()

	s = newServer(t, Config{})
	s.write(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""))
	s.last().sender.Head(responseHead(103, -1), false)
	s.sent()
	s.response(s.last().sender, 200, "ok")
	expect(t, "sent", s.sent(), closingOK)
	s.write("ab")
	s.ends(t)
}

// The rest is read although nothing of the request was wanted, and although the
// client does not take the response; its next request waits until it does.
func TestRestIsReadInAnyCase(t *testing.T) {
	s := newServer(t, Config{})
	s.onStream = func(r *recorder) {
		r.onHead = func(*stream.Head, bool) { r.sender.Pause() }
	}
	s.write(post("Content-Length: 4\r\n", "ab"))
	expect(t, "paused", s.paused, true)
	s.conn.Pressure(true)
	r := s.last()
	s.response(r.sender, 200, "ok")
	s.resume()
	r.sender.Pause() // what comes of the stream that is over changes nothing
	r.sender.Resume()
	r.sender.Reset(stream.Reset{})
	s.write("c")
	expect(t, "phase", s.conn.Phase(), stream.Discarding)
	s.write("d" + plainGet)
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	expect(t, "requests", len(s.streams), 1)
	s.conn.Pressure(false)
	s.resume()
	expect(t, "requests", len(s.streams), 2)
	expect(t, "body", string(r.body), "")
	s.close()
}

// A response that begins within the request and ends behind it is an ordinary one.
func TestResponseOutlivesRequest(t *testing.T) {
	s := newServer(t, Config{})
	s.write(post("Content-Length: 4\r\n", "ab"))
	to := s.last().sender
	to.Head(responseHead(200, 2), false)
	s.write("cd")
	to.Data(s.chain("ok"), true)
	expect(t, "sent", s.sent(), ok("ok"))
	expect(t, "body", string(s.last().body), "abcd")
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.close()
}

// Requests are told apart in the same way whether they are answered at once or when
// they are over.
func FuzzEarlyResponse(f *testing.F) {
	seeds(f)
	for _, request := range withRest {
		f.Add([]byte(request+request+plainGet), uint64(5))
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		cfg := Config{Upgrades: []string{}}
		late := newServer(t, cfg)
		late.write(string(input))
		for n := 1; n == len(late.streams) && late.last().over && late.last().reset.Reason == 0; n++ {
			late.response(late.last().sender, 200, "ok")
			late.resume()
		}
		late.close()
		early := newServer(t, cfg)
		early.onStream = func(r *recorder) {
			r.onHead = func(*stream.Head, bool) { early.response(r.sender, 200, "ok") }
		}
		for _, p := range pieces(input, seed) {
			if early.write(string(p)) != nil {
				break
			}
		}
		closed := early.conn.Phase() == stream.Closing
		if answers := strings.Count(early.sent(), "HTTP/1.1 200 OK\r\n"); answers != len(early.streams) {
			t.Errorf("%d requests, %d answers", len(early.streams), answers)
		}
		early.close()
		if len(early.streams) > len(late.streams) || !closed && len(early.streams) < len(late.streams) {
			t.Fatalf("%d requests if they are answered early, %d if late", len(early.streams), len(late.streams))
		}
		for i, r := range early.streams {
			expect(t, "request", dumpHead(&r.head), dumpHead(&late.streams[i].head))
		}
	})
}

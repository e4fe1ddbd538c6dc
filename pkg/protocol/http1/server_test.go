package http1

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

const plainGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// answering makes every request be answered as soon as it is over.
func (s *server) answering(f func(n int, r *recorder)) {
	s.onStream = func(r *recorder) {
		n := len(s.streams)
		r.onHead = func(_ *stream.Head, end bool) {
			if end {
				f(n, r)
			}
		}
		r.onData = func(end bool) {
			if end {
				f(n, r)
			}
		}
	}
}

func ok(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body
}

// Every strict prefix of a request needs more, and says in which phase it is.
func TestPrefixesNeedMore(t *testing.T) {
	input := post("Transfer-Encoding: chunked\r\n", "3;a\r\nabc\r\n0\r\nA: b\r\n\r\n")
	head := strings.Index(input, "\r\n\r\n") + 4
	for i := range input {
		s := newServer(t, Config{})
		if err := s.write(input[:i]); err != nil {
			t.Fatalf("%q: %v", input[:i], err)
		}
		want := stream.Busy
		switch {
		case i == 0:
			want = stream.Idle
		case i < head:
			want = stream.ReadingHead
		}
		expect(t, input[:i], s.conn.Phase(), want)
		if len(s.streams) > 0 && s.last().over {
			t.Fatalf("%q is taken for a whole request", input[:i])
		}
		s.close()
	}
}

// A peer that sends byte by byte makes each byte be looked at once: what was
// searched is remembered, and nothing is kept that was not consumed.
func TestScannedOnce(t *testing.T) {
	s := newServer(t, Config{})
	line := "GET /" + strings.Repeat("a", 5000)
	for i := range line {
		if err := s.write(line[i : i+1]); err != nil {
			t.Fatal(err)
		}
		expect(t, "scanned", int(s.conn.scanned), i+1)
		expect(t, "slabs", s.pool.Stats().Live, 0)
	}
	s.close()
}

func TestPipelining(t *testing.T) {
	input := plainGet + post("Content-Length: 3\r\n", "abc") + chunks("1\r\nd\r\n0\r\n\r\n") + plainGet
	splits(input, func(name string, pieces []string) {
		s := newServer(t, Config{})
		s.answering(func(n int, r *recorder) { s.response(r.sender, 200, "o"+string(rune('0'+n))) })
		for _, p := range pieces {
			if err := s.write(p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		expect(t, name, s.sent(), ok("o1")+ok("o2")+ok("o3")+ok("o4"))
		expect(t, name, s.conn.Phase(), stream.Idle)
		s.close()
	})
}

// A request that comes before the response to the last one stays unread.
func TestPipelinedRequestWaits(t *testing.T) {
	s := newServer(t, Config{})
	if err := s.write(plainGet); err != nil || s.pauses != 0 {
		t.Fatalf("a request alone: %v, %d pauses", err, s.pauses)
	}
	s.write(plainGet)
	s.write(plainGet)
	expect(t, "streams", len(s.streams), 1)
	expect(t, "paused", s.paused, true)
	expect(t, "unread", len(s.pending), 2*len(plainGet))
	for n := 1; n <= 3; n++ {
		expect(t, "streams", len(s.streams), n)
		s.response(s.last().sender, 200, "ok")
		expect(t, "response", s.sent(), ok("ok"))
		if err := s.resume(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.close()
}

// How a response is framed, by the request, the status and what is known of the
// length.
func TestResponseFraming(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request string
		status  int
		length  int64
		end     bool // with the head
		data    []string
		want    string
		closes  bool
	}{
		{"length", plainGet, 200, 2, false, []string{"o", "k"}, ok("ok"), false},
		{"no body", plainGet, 200, 0, true, nil, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		{"no body, length unknown", plainGet, 200, -1, true, nil, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		{"chunked", plainGet, 200, -1, false, []string{"o", "", "k"},
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", false},
		{"chunked, empty", plainGet, 200, -1, false, []string{""},
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, 5, true, nil, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false},
		{"HEAD, length unknown", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, -1, true, nil, "HTTP/1.1 200 OK\r\n\r\n", false},
		{"HEAD with data", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, 2, false, []string{"ok"},
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", false},
		{"204", plainGet, 204, -1, true, nil, "HTTP/1.1 204 No Content\r\n\r\n", false},
		{"204 with length", plainGet, 204, 5, true, nil, "HTTP/1.1 204 No Content\r\n\r\n", false},
		{"304", plainGet, 304, -1, true, nil, "HTTP/1.1 304 Not Modified\r\n\r\n", false},
		{"304 with length", plainGet, 304, 5, true, nil, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false},
		{"unusual status", plainGet, 799, 0, true, nil, "HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n", false},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", 200, 2, false, []string{"ok"},
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
		{"1.0 kept alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, 2, false, []string{"ok"},
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", false},
		{"1.0, length unknown", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, -1, false, []string{"ok", ""},
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", true},
		{"asked to close", get("Connection: close\r\n"), 200, 2, false, []string{"ok"},
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, Config{})
			if err := s.write(tt.request); err != nil {
				t.Fatal(err)
			}
			to := s.last().sender
			to.Head(responseHead(tt.status, tt.length), tt.end)
			for i, d := range tt.data {
				to.Data(s.chain(d), i == len(tt.data)-1)
			}
			expect(t, "sent", s.sent(), tt.want)
			want := stream.Idle
			if tt.closes {
				want = stream.Closing
			}
			expect(t, "phase", s.conn.Phase(), want)
			s.close()
		})
	}
}

// A response whose data does not match what its head said ends the connection:
// the client must be able to see that it is not whole.
func TestLyingResponses(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(s *server, to stream.End)
		want string
	}{
		{"data overruns", func(s *server, to stream.End) {
			to.Head(responseHead(200, 2), false)
			to.Data(s.chain("abc"), true)
		}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{"data overruns later", func(s *server, to stream.End) {
			to.Head(responseHead(200, 2), false)
			to.Data(s.chain("ab"), false)
			to.Data(s.chain("c"), false)
		}, ok("ab")},
		{"end too early", func(s *server, to stream.End) {
			to.Head(responseHead(200, 2), false)
			to.Data(s.chain("a"), true)
		}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{"trailers too early", func(s *server, to stream.End) {
			to.Head(responseHead(200, 2), false)
			to.Trailers(&stream.Header{})
		}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{"end with the head", func(s *server, to stream.End) { to.Head(responseHead(200, 2), true) }, "HTTP/1.1 502 Bad Gateway\r\n"},
		{"data before the head", func(s *server, to stream.End) { to.Data(s.chain("a"), false) }, "HTTP/1.1 502 Bad Gateway\r\n"},
		{"trailers before the head", func(s *server, to stream.End) { to.Trailers(&stream.Header{}) }, "HTTP/1.1 502 Bad Gateway\r\n"},
		{"status too small", func(s *server, to stream.End) { to.Head(responseHead(99, 0), true) }, "HTTP/1.1 502 Bad Gateway\r\n"},
		{"status too large", func(s *server, to stream.End) { to.Head(responseHead(1000, 0), true) }, "HTTP/1.1 502 Bad Gateway\r\n"},
		{"101 that was not asked for", func(s *server, to stream.End) { to.Head(responseHead(101, -1), false) }, "HTTP/1.1 502 Bad Gateway\r\n"},
		{"two heads", func(s *server, to stream.End) {
			to.Head(responseHead(200, 2), false)
			to.Head(responseHead(200, 2), false)
		}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, Config{})
			s.write(plainGet)
			tt.send(s, s.last().sender)
			sent := s.sent()
			if !strings.HasPrefix(sent, tt.want) || strings.HasPrefix(tt.want, "HTTP/1.1 200") && sent != tt.want {
				t.Errorf("sent %q", sent)
			}
			expect(t, "phase", s.conn.Phase(), stream.Closing)
			expect(t, "reason", s.last().reset.Reason, stream.ProtocolError)
			s.last().sender.Data(s.chain("late"), true)
			expect(t, "sent after the end", s.sent(), "")
			s.close()
		})
	}
}

func TestInterimResponses(t *testing.T) {
	s := newServer(t, Config{})
	s.write(post("Expect: 100-continue\r\nContent-Length: 2\r\n", ""))
	to := s.last().sender
	to.Head(responseHead(100, -1), false)
	to.Head(responseHead(103, -1, "Link", "x"), false)
	expect(t, "interim", s.sent(), "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
	s.write("ab")
	s.response(to, 200, "ok")
	expect(t, "final", s.sent(), ok("ok"))
	expect(t, "phase", s.conn.Phase(), stream.Idle)

	s.write("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab")
	s.last().sender.Head(responseHead(103, -1), false)
	expect(t, "interim to 1.0", s.sent(), "")
	s.close()
}

func TestResetByTheSink(t *testing.T) {
	reset := func(r *recorder) { r.sender.Reset(stream.Reset{Reason: stream.ConnectionLost}) }
	for name, prepare := range map[string]func(r *recorder){
		"inside Head": func(r *recorder) { r.onHead = func(*stream.Head, bool) { reset(r) } },
		"inside Data": func(r *recorder) { r.onData = func(bool) { reset(r) } },
		"inside Data, twice": func(r *recorder) {
			r.onData = func(bool) {
				reset(r)
				reset(r)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			splits(chunks("3\r\nabc\r\n0\r\nX: y\r\n\r\n")+plainGet, func(split string, pieces []string) {
				s := newServer(t, Config{})
				s.onStream = prepare
				for _, p := range pieces {
					if err := s.write(p); err != nil {
						t.Fatalf("%s: %v", split, err)
					}
				}
				expect(t, split, s.conn.Phase(), stream.Closing)
				expect(t, split, len(s.streams), 1)
				expect(t, split+": reset back", s.last().reset.Reason, 0)
				expect(t, split, s.sent(), "")
				s.close()
			})
		})
	}
}

func TestAnswerInsideCalls(t *testing.T) {
	splits(plainGet+plainGet, func(name string, pieces []string) {
		s := newServer(t, Config{})
		s.answering(func(_ int, r *recorder) { s.response(r.sender, 200, "ok") })
		for _, p := range pieces {
			s.write(p)
		}
		expect(t, name, s.sent(), ok("ok")+ok("ok"))
		expect(t, name, s.pauses, 0)
		s.close()
	})
}

func TestPauseOfRequest(t *testing.T) {
	s := newServer(t, Config{})
	s.onStream = func(r *recorder) {
		r.onHead = func(*stream.Head, bool) { r.sender.Pause() }
	}
	s.write(post("Content-Length: 6\r\n", "abc"))
	r := s.last()
	expect(t, "data while paused", string(r.body), "")
	s.write("d")
	r.sender.Resume()
	s.resume()
	expect(t, "data", string(r.body), "abcd")
	r.sender.Pause()
	expect(t, "paused", s.paused, true)
	s.write("ef")
	expect(t, "data while paused", string(r.body), "abcd")
	r.sender.Resume()
	s.resume()
	expect(t, "data", string(r.body), "abcdef")
	s.response(r.sender, 200, "ok")
	s.close()
}

func TestPressureOfResponse(t *testing.T) {
	s := newServer(t, Config{})
	s.write(plainGet)
	s.conn.Pressure(true)
	s.conn.Pressure(true)
	expect(t, "pauses", s.last().pauses, 1)
	s.conn.Pressure(false)
	expect(t, "resumes", s.last().resumes, 1)
	s.conn.Pressure(true)
	s.response(s.last().sender, 200, "ok")
	s.write(plainGet)
	expect(t, "streams while nothing leaves", len(s.streams), 1)
	s.conn.Pressure(false)
	s.resume()
	expect(t, "streams", len(s.streams), 2)
	s.close()
}

func TestEOF(t *testing.T) {
	for _, tt := range []struct {
		name, input string
		busy        bool
		reason      stream.Reason
	}{
		{"idle", "", false, 0},
		{"in the request line", "GET", false, 0},
		{"in the head", "GET / HTTP/1.1\r\nHo", false, 0},
		{"in the body", post("Content-Length: 3\r\n", "ab"), false, stream.Cancelled},
		{"in a chunk", chunks("3\r\nab"), false, stream.Cancelled},
		{"in the trailers", chunks("0\r\nA: b\r\n"), false, stream.Cancelled},
		{"after the request", plainGet, true, 0},
		{"after two requests", plainGet + plainGet, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, Config{})
			s.write(tt.input)
			expect(t, "busy", s.end(s.conn), tt.busy)
			if len(s.streams) > 0 {
				expect(t, "reason", s.last().reset.Reason, tt.reason)
			}
			for n := 1; tt.busy && n <= strings.Count(tt.input, "GET"); n++ {
				expect(t, "streams", len(s.streams), n)
				s.response(s.last().sender, 200, "ok")
				s.resume()
				if sent := s.sent(); !strings.HasSuffix(sent, "\r\n\r\nok") {
					t.Errorf("sent %q", sent)
				}
			}
			expect(t, "phase", s.conn.Phase(), stream.Closing)
			s.close()
		})
	}
}

func TestTimedOut(t *testing.T) {
	for _, tt := range []struct {
		name, input string
		begun       bool
		status      string
		reason      stream.Reason
	}{
		{"idle", "", false, "", 0},
		{"in the request line", "GET", false, "HTTP/1.1 408 ", 0},
		{"in the head", "GET / HTTP/1.1\r\n", false, "HTTP/1.1 408 ", 0},
		{"in the body", post("Content-Length: 3\r\n", "ab"), false, "HTTP/1.1 408 ", stream.TimedOut},
		{"in the body, response begun", post("Content-Length: 3\r\n", "ab"), true, "HTTP/1.1 200 ", stream.TimedOut},
		{"after the request", plainGet, false, "", stream.TimedOut},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, Config{})
			s.write(tt.input)
			if tt.begun {
				s.last().sender.Head(responseHead(200, -1), false)
			}
			s.conn.TimedOut()
			sent := s.sent()
			if !strings.HasPrefix(sent, tt.status) || tt.status == "" && sent != "" || strings.Count(sent, "HTTP/1.1 ") > 1 {
				t.Errorf("sent %q", sent)
			}
			if len(s.streams) > 0 {
				expect(t, "reason", s.last().reset.Reason, tt.reason)
			}
			expect(t, "phase", s.conn.Phase(), stream.Closing)
			s.close()
		})
	}
}

func TestDrain(t *testing.T) {
	s := newServer(t, Config{})
	s.conn.Drain()
	expect(t, "idle", s.conn.Phase(), stream.Closing)
	s.close()

	s = newServer(t, Config{})
	s.write("GET / HTTP/1.1\r\n")
	s.conn.Drain()
	expect(t, "reading", s.conn.Phase(), stream.ReadingHead)
	s.write("Host: a\r\n\r\n" + plainGet)
	s.response(s.last().sender, 200, "ok")
	expect(t, "sent", s.sent(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	expect(t, "after the response", s.conn.Phase(), stream.Closing)
	s.close()

	s = newServer(t, Config{})
	s.write(plainGet)
	s.last().sender.Head(responseHead(200, 2), false)
	s.conn.Drain()
	s.last().sender.Data(s.chain("ok"), true)
	expect(t, "after a response that had begun", s.conn.Phase(), stream.Closing)
	s.close()
}

func TestServerClose(t *testing.T) {
	for _, input := range []string{"", "GET", "GET / HTTP/1.1\r\nA: b\r\n", plainGet, chunks("3\r\nab"), chunks("0\r\nA: b\r\n")} {
		s := newServer(t, Config{})
		s.write(input)
		s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
		s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
		if len(s.streams) > 0 {
			expect(t, input, s.last().reset.Reason, stream.ConnectionLost)
			s.last().sender.Head(responseHead(200, 2), false)
			s.last().sender.Data(s.chain("ok"), true)
			expect(t, input, s.sent(), "")
		}
		s.check()
	}
}

// What filters put into a head does not get to where it could end the head.
func TestResponseSplitting(t *testing.T) {
	s := newServer(t, Config{})
	s.write(plainGet)
	s.response(s.last().sender, 200, "ok",
		"Location", "/\r\nSet-Cookie: a=b", "X-A", "b\nc", "X-B", "b\rc", "X-C", "b\x00c", "X-D\r\nX-E", "f", "X-F: g", "h", "", "i",
		"X G", "j", "Content-Type", "text/html\r\n\r\n<script>", "X-Good", "k", "Transfer-Encoding", "chunked", "Connection", "x",
		"Content-Length", "99", "Content-Length", "98", "Upgrade", "h2c", "Keep-Alive", "x")
	expect(t, "sent", s.sent(), "HTTP/1.1 200 OK\r\nX-Good: k\r\nContent-Length: 2\r\n\r\nok")
	s.close()

	s = newServer(t, Config{})
	s.write(plainGet)
	to := s.last().sender
	to.Head(responseHead(200, -1, "Trailer", "X-Sum"), false)
	var trailers stream.Header
	for _, f := range []string{"X-A\r\nb", "X B", "", "Content-Length", "Host", "Set-Cookie"} {
		trailers.Add(f, "1")
	}
	trailers.Add("X-C", "d\r\n\r\ne")
	trailers.Add("X-Sum", "1")
	to.Trailers(&trailers)
	expect(t, "sent", s.sent(), "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n")
	s.close()
}

// Trailers have a place only behind chunks: a response that announces some is sent
// in those, one that does not keeps its length.
func TestTrailersBehindALength(t *testing.T) {
	for name, want := range map[string]string{
		"X":       "HTTP/1.1 200 OK\r\nX: X-Sum\r\nContent-Length: 2\r\n\r\nok",
		"Trailer": "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
	} {
		s := newServer(t, Config{})
		s.write(plainGet)
		to := s.last().sender
		to.Head(responseHead(200, 2, name, "X-Sum"), false)
		to.Data(s.chain("ok"), false)
		var trailers stream.Header
		trailers.Add("X-Sum", "1")
		to.Trailers(&trailers)
		expect(t, "sent", s.sent(), want)
		expect(t, "phase", s.conn.Phase(), stream.Idle)
		s.close()
	}
}

// A head and a short body leave as one piece, and large data is not copied.
func TestPieces(t *testing.T) {
	s := newServer(t, Config{})
	s.write(plainGet)
	s.response(s.last().sender, 200, strings.Repeat("x", 300), "Server", "weir")
	expect(t, "pieces", len(s.out.Pieces(make([][]byte, 0, 8))), 1)
	s.sent()

	s.write(plainGet)
	to := s.last().sender
	to.Head(responseHead(200, -1), false)
	large := s.chain(strings.Repeat("y", 20000))
	front := &large.Front()[0]
	to.Data(large, false)
	pieces := s.out.Pieces(make([][]byte, 0, 8))
	if len(pieces) < 2 || &pieces[1][0] != front {
		t.Errorf("large data was copied: %d pieces", len(pieces))
	}
	s.close()
}

func TestLargeHeads(t *testing.T) {
	for _, n := range []int{5000, 70000} {
		s := newServer(t, Config{})
		s.write(plainGet)
		value := strings.Repeat("x", n)
		s.response(s.last().sender, 200, "ok", "X-Large", value)
		expect(t, "sent", s.sent(), "HTTP/1.1 200 OK\r\nX-Large: "+value+"\r\nContent-Length: 2\r\n\r\nok")
		s.close()
	}
}

func TestBodyLimit(t *testing.T) {
	cfg := Config{MaxBody: 4}
	for _, tt := range []struct {
		input string
		ok    bool
	}{
		{post("Content-Length: 4\r\n", "abcd"), true},
		{post("Content-Length: 5\r\n", ""), false},
		{chunks("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), true},
		{chunks("2\r\nab\r\n3\r\n"), false},
	} {
		s := newServer(t, cfg)
		err := s.write(tt.input)
		if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrBodyTooLarge) {
			t.Errorf("%q: %v", tt.input, err)
		}
		if !tt.ok && !strings.HasPrefix(s.sent(), "HTTP/1.1 413 ") {
			t.Errorf("%q: no 413", tt.input)
		}
		s.close()
	}
}

// Extensions are bounded over a whole body, unless the data pays for them.
func TestChunkExtensionBudget(t *testing.T) {
	extension := ";" + strings.Repeat("e", 200)
	s := newServer(t, Config{})
	if err := s.write(chunks(strings.Repeat("1"+extension+"\r\na\r\n", 100))); !errors.Is(err, ErrChunkExtension) {
		t.Errorf("small chunks with extensions: %v", err)
	}
	s.close()
	s = newServer(t, Config{})
	chunk := "100" + extension + "\r\n" + strings.Repeat("a", 256) + "\r\n"
	for range 200 {
		if s.pending == nil {
			s.write(chunks(""))
		}
		if err := s.write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
}

// An error to HEAD has no body either.
func TestRefusedHead(t *testing.T) {
	s := newServer(t, Config{})
	s.write("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n")
	if sent := s.sent(); !strings.HasSuffix(sent, "\r\n\r\n") {
		t.Errorf("sent %q", sent)
	}
	s.close()
}

// Many chunks in one piece of input are one call.
func TestChunksCoalesce(t *testing.T) {
	s := newServer(t, Config{})
	s.write(chunks(strings.Repeat("1\r\na\r\n", 100) + "0\r\n\r\n"))
	expect(t, "calls", s.last().calls, 2)
	expect(t, "body", string(s.last().body), strings.Repeat("a", 100))
	s.close()
}

// A response that is broken off must not look whole: where only the connection's end
// tells, that is to be a reset.
func TestBrokenOffResponses(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		length        int64
		want          stream.Phase
	}{
		{"length", plainGet, 10, stream.Closing},
		{"chunked", plainGet, -1, stream.Closing},
		{"1.0, with length", "GET / HTTP/1.0\r\n\r\n", 10, stream.Closing},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", -1, stream.Breaking},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, by := range []string{"the upstream", "the client's end", "the loss of the connection"} {
				s := newServer(t, Config{})
				request := tt.request
				if by == "the client's end" { // within its request
					request = strings.Replace(strings.Replace(request, "GET", "POST", 1), "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nab", 1)
				}
				if err := s.write(request); err != nil {
					t.Fatal(err)
				}
				to := s.last().sender
				to.Head(responseHead(200, tt.length), false)
				to.Data(s.chain("part"), false)
				switch by {
				case "the upstream":
					to.Reset(stream.Reset{Reason: stream.ConnectionLost})
				case "the client's end":
					if s.conn.EOF() {
						t.Error("the connection goes on")
					}
				default:
					s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
				}
				expect(t, by, s.conn.Phase(), tt.want)
				s.close()
			}
		})
	}
}

package http2

import (
	"bytes"
	"errors"
	"io"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

// seeds are byte streams of a client, behind the preface, or of a server.
func seeds(f *testing.F, add func(b []byte)) {
	p := newPeer(f)
	for _, tc := range connectionErrors {
		if tc.name == "PING flood" {
			continue
		}
		p.settings().post(1)
		tc.do(p)
		add(p.bytes())
	}
	for _, tc := range streamErrors {
		p.settings().post(1)
		tc.do(p)
		add(p.bytes())
	}
	for _, tc := range malformed {
		add(p.settings().headers(1, true, tc.fields...).bytes())
	}
	for _, tc := range responses {
		add(p.settings().headers(1, tc.end, tc.fields...).bytes())
	}
	p.settings(xhttp2.Setting{ID: 4, Val: 3}).ack().get(1, "cookie", "a", "cookie", "b").post(3, "content-length", "3").
		data(3, "abc", false).window(3, 10).headers(3, true, "x", "y").ping(false, "x").rst(1, Cancel).goAway(0, NoError)
	p.headers(5, false, socket...).data(5, "early", true)
	add(p.bytes())
}

// cut cuts input at places that seed chooses.
func cut(input []byte, seed uint64) (out [][]byte) {
	for len(input) > 0 {
		seed = seed*6364136223846793005 + 1442695040888963407
		n := min(len(input), 1+int(seed>>33)%97)
		out = append(out, input[:n])
		input = input[n:]
	}
	return out
}

// FuzzFrames: whatever a client sends, the server neither fails nor leaks, writes
// whole frames and no more than a bounded number of bytes for each that came; and
// it makes no difference how the bytes are cut.
func FuzzFrames(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b, uint64(1)) })
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		whole := serve(t, [][]byte{input})
		pieces := serve(t, cut(input, seed))
		if whole != pieces {
			t.Fatalf("in one piece:\n%s\nin several:\n%s", whole, pieces)
		}
	})
}

// serve runs a server that answers every request, and says what the requests were.
// Data is taken off, as what of it is passed on before a reset depends on the cuts.
func serve(t *testing.T, pieces [][]byte) string {
	s := newServer(t, Config{AllowConnect: true, MaxBody: 1000, Rand: seven})
	var got bytes.Buffer
	s.onStream = func(r *recorder) {
		r.onHead = func(h *stream.Head, end bool) {
			got.WriteString(dumpHead(h))
			if h.Opaque {
				grant := responseHead(101, -1)
				if string(h.Method()) == "CONNECT" {
					grant.Status = 200
				}
				grant.Opaque = true
				r.sender.Head(grant, false)
			} else if end {
				s.response(r.sender, 200, "hello")
			}
		}
		r.onData = func(end bool) {
			switch {
			case !end:
			case r.head.Opaque:
				r.sender.Data(s.chain("bye"), true)
			default:
				s.response(r.sender, 200, "hello, and a little more")
			}
		}
	}
	if err := s.feed(s.conn, []byte(preface)); err != nil {
		t.Fatal(err)
	}
	in := 0
	for _, piece := range pieces {
		in += len(piece)
		if err := s.feed(s.conn, piece); err != nil {
			var e *Error
			if !errors.As(err, &e) || !e.Connection {
				t.Fatalf("%v is no error of the connection", err)
			}
			break
		}
	}
	if s.out.Len() > 1000+20*in {
		t.Fatalf("%d bytes made it write %d", in, s.out.Len())
	}
	if s.conn.streams.count > DefaultMaxConcurrentStreams {
		t.Fatalf("%d streams", s.conn.streams.count)
	}
	s.written()
	s.close()
	return got.String()
}

// FuzzClientFrames: the same of what a server sends.
func FuzzClientFrames(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b, uint64(1), uint8(0)) })
	f.Fuzz(func(t *testing.T, input []byte, seed uint64, kind uint8) {
		whole := receive(t, [][]byte{input}, kind)
		pieces := receive(t, cut(input, seed), kind)
		if whole != pieces {
			t.Fatalf("in one piece:\n%s\nin several:\n%s", whole, pieces)
		}
	})
}

func receive(t *testing.T, pieces [][]byte, kind uint8) string {
	c := newClient(t, Config{MaxBody: 1000})
	c.out.Discard(len(preface))
	first := requestHead([]string{"GET", "HEAD"}[kind&1], "a", "/", 0)
	var got bytes.Buffer
	note := func(r *recorder) {
		r.onHead = func(h *stream.Head, _ bool) { got.WriteString(dumpHead(h)) }
	}
	one := &recorder{}
	note(one)
	one.sender = c.conn.NewStream(one)
	one.sender.Head(first, true)
	two := &recorder{}
	note(two)
	two.sender = c.conn.NewStream(two)
	if kind&2 == 0 {
		two.sender.Head(requestHead("POST", "a", "/", -1), false)
		two.sender.Data(c.chain("data"), false)
	} else {
		two.sender.Head(upgradeRequest(), false)
	}
	in := 0
	for _, piece := range pieces {
		in += len(piece)
		if err := c.feed(c.conn, piece); err != nil {
			var e *Error
			if !errors.As(err, &e) || !e.Connection {
				t.Fatalf("%v is no error of the connection", err)
			}
			break
		}
	}
	if c.out.Len() > 1000+20*in {
		t.Fatalf("%d bytes made it write %d", in, c.out.Len())
	}
	c.written()
	c.close()
	return got.String()
}

// FuzzVersusFramer: frames begin and end where somebody else's code says they do.
func FuzzVersusFramer(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, input []byte) {
		theirs := xhttp2.NewFramer(nil, bytes.NewReader(input))
		theirs.SetMaxReadFrameSize(1<<24 - 1)
		theirs.AllowIllegalReads = true
		for rest := input; ; {
			frame, err := theirs.ReadFrame()
			if len(rest) < frameHeaderLen {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("a frame in %x", rest)
				}
				return
			}
			h := parseFrameHeader(rest)
			if len(rest) < frameHeaderLen+int(h.length) {
				if err == nil {
					t.Fatalf("a frame in %x", rest)
				}
				return
			}
			payload := rest[frameHeaderLen : frameHeaderLen+int(h.length)]
			rest = rest[frameHeaderLen+int(h.length):]
			if err != nil {
				return // it checks contents as it reads, and does not go on
			}
			fh := frame.Header()
			if fh.Length != h.length || uint8(fh.Type) != uint8(h.typ) || uint8(fh.Flags) != h.flags || fh.StreamID != h.stream {
				t.Fatalf("%v, ours %+v", fh, h)
			}
			if d, ok := frame.(*xhttp2.DataFrame); ok && h.has(flagPadded) {
				ours, ok := unpad(payload)
				if !ok || !bytes.Equal(ours, d.Data()) {
					t.Fatalf("data %x, ours %x", d.Data(), ours)
				}
			}
		}
	})
}

// FuzzConversation: what a client of this package makes of a request, a server of it
// takes for the same; and back.
func FuzzConversation(f *testing.F) {
	f.Add("GET", "example.com", "/x?y", "X-Name", "value", "body", 200)
	f.Add("POST", "a:80", "/", "Cookie", "a=b; c=d", "", 404)
	f.Add("HEAD", "[::1]", "/", "te", "trailers", "", 304)
	f.Add("PUT", "a", "/%20", "Connection", "x-a, close", "0123456789", 100)
	f.Fuzz(func(t *testing.T, method, host, path, name, value, body string, status int) {
		c := newClient(t, Config{})
		s := newServer(t, Config{})
		s.answering()
		s.onStream = func(r *recorder) {
			done := func() {
				h := responseHead(status, int64(len(body)), name, value)
				r.sender.Head(h, body == "")
				r.sender.Data(s.chain(body), true)
			}
			r.onHead = func(_ *stream.Head, end bool) {
				if end {
					done()
				}
			}
			r.onData = func(end bool) {
				if end {
					done()
				}
			}
		}
		h := requestHead(method, host, path, int64(len(body)), name, value)
		r := c.open(h, body == "")
		if r.reset.Reason == 0 && body != "" {
			r.sender.Data(c.chain(body), true)
		}
		for range 3 {
			if err := s.feed(s.conn, c.sent()); err != nil {
				t.Fatalf("the server: %v", err)
			}
			if err := c.feed(c.conn, s.sent()); err != nil {
				t.Fatalf("the client: %v", err)
			}
		}
		if len(s.streams) == 1 {
			got := &s.streams[0].head
			if string(got.Method()) != method || string(got.Path()) != path {
				t.Fatalf("%s %s became %s %s", method, path, got.Method(), got.Path())
			}
			if b := string(s.streams[0].body); b != body {
				t.Fatalf("body %q became %q", body, b)
			}
			if !r.over {
				t.Fatal("no response")
			}
		}
		c.close()
		s.close()
	})
}

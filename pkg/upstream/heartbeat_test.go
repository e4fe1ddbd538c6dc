package upstream

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// beats are the times of heartbeats by default.
var beats = config.Default[config.Heartbeat]()

// longest is how long a silent host is waited for.
func longest() time.Duration { return beats.Interval + time.Duration(beats.Count)*beats.Timeout }

// A host that sends nothing is sent heartbeats, and given up if it does not answer.
func TestSilentHostIsGivenUp(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	w.askIn(mux, h, "a").expect("a")
	w.forward(beats.Interval)
	until(t, "another heartbeat has come", func() bool { return s.count("p ") == 2 })
	s.setDeaf(true)
	r := w.askIn(mux, h, "hold")
	until(t, "the request has come", func() bool { return s.count("q 2") == 1 })
	for range 2 {
		w.forward(beats.Interval)
		for range beats.Count {
			w.forward(beats.Timeout)
		}
	}
	r.expectReset(stream.ConnectionLost, false)
}

// Bytes are a sign of life, even if they are not a whole frame.
func TestSlowAnswerIsLife(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	r := w.askIn(mux, h, "hold")
	until(t, "the request has come", func() bool { return s.count("q") == 1 })
	s.setDeaf(true)
	s.each(func(c *net.TCPConn) { c.Write([]byte("a 1 ")) })
	for i := range uint64(10) {
		s.each(func(c *net.TCPConn) { c.Write([]byte("x")) })
		until(t, "it has come", func() bool { return r.heard() == uint64(len("o 1\na 1 x"))+i })
		w.forward(longest() - beats.Timeout)
	}
	s.say("")
	r.expect(strings.Repeat("x", 10))
}

// heard returns how many bytes have come on the request's connection.
func (r *request) heard() (n uint64) {
	r.w.t.Helper()
	r.w.on(func() { n = r.conn.Heard() })
	return n
}

// slowServer takes what is sent only as far as the test says.
type slowServer struct {
	ln net.Listener
	c  *net.TCPConn
}

func newSlowServer(t *testing.T) *slowServer {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &slowServer{ln: ln}
}

func (s *slowServer) accept(t *testing.T) {
	c, err := s.ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s.c = c.(*net.TCPConn)
}

// shows answers the heartbeat that comes first.
func (s *slowServer) shows(t *testing.T) {
	t.Helper()
	s.take(t, len("p 1\n"))
	io.WriteString(s.c, "o 1\n")
}

// take reads some bytes, and no more.
func (s *slowServer) take(t *testing.T, n int) {
	t.Helper()
	if _, err := io.ReadFull(s.c, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// A heartbeat that waits behind output which moves is no sign of death; one behind
// output that has come to a stop is, after a while.
func TestSlowRequestIsLife(t *testing.T) {
	s := newSlowServer(t)
	w := one(t, cluster(func(c *config.Cluster) { c.Heartbeat.Timeout = beats.Interval }, s.ln.Addr().String()))
	h := w.host(0)
	r := w.askIn(mux, h, strings.Repeat("x", 48<<20))
	s.accept(t)
	s.shows(t)
	until(t, "the request is sent", func() (sent bool) {
		w.on(func() { sent = r.conn != nil })
		return sent
	})
	const piece = 2 << 20
	for i := range 16 {
		acked := uint64(0)
		w.on(func() {
			d, _ := r.conn.io.Delivery()
			acked = d.Acked
		})
		s.take(t, piece)
		until(t, fmt.Sprintf("piece %d has moved", i), func() (moved bool) {
			w.on(func() { d, _ := r.conn.io.Delivery(); moved = d.Acked > acked })
			return moved
		})
		w.forward(beats.Interval)
		r.expectNothing()
	}
	until(t, "it is given up", func() bool { // its system may confirm some more
		w.forward(beats.Interval)
		return len(r.done) == 1
	})
	r.expectReset(stream.ConnectionLost, false)
}

// While nothing is read, nothing can come.
func TestPausedIsNotSilent(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	r := w.askIn(mux, h, "hold")
	until(t, "the request has come", func() bool { return s.count("q") == 1 })
	s.setDeaf(true)
	w.on(func() { r.conn.io.Pause() })
	for range 10 {
		w.forward(beats.Interval)
	}
	r.expectNothing()
	w.on(func() { r.conn.io.Resume() })
	s.say("a 1 x")
	r.expect("x")
}

// A protocol without heartbeats has none, and its connections are not closed for it.
func TestNoHeartbeats(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(func(c *config.Cluster) { c.IdleTimeout = 0 }, s.address()))
	h := w.host(0)
	r := w.askIn(mute, h, "hold")
	until(t, "the request has come", func() bool { return s.count("q") == 1 })
	for range 10 {
		w.forward(beats.Interval)
	}
	r.expectNothing()
	s.say("a 1 x")
	r.expect("x")
}

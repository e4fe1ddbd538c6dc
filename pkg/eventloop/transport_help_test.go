package eventloop_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
)

// owner is a handler that writes down what it is told.
type owner struct {
	t         testing.TB
	calls     chan string
	data      func(c *eventloop.Conn, in buffer.View) int // nil takes everything
	connected func(c *eventloop.Conn)
	pressure  func(c *eventloop.Conn, high bool)
	eof       func(c *eventloop.Conn)

	mu  sync.Mutex
	got []byte
	err error
}

func newOwner(t testing.TB) *owner { return &owner{t: t, calls: make(chan string, 1000)} }

func (o *owner) Connected(c *eventloop.Conn) {
	s := "connected"
	if session := c.Session(); session != nil {
		s = fmt.Sprintf("connected: %q for %q with %v", session.Protocol, session.ServerName, session.Peer)
	}
	o.calls <- s
	if o.connected != nil {
		o.connected(c)
	}
}

func (o *owner) Data(c *eventloop.Conn, in buffer.View) int {
	n := in.Len()
	if o.data != nil {
		n = o.data(c, in)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, in.Bytes()[:n]...)
	return n
}

func (o *owner) EOF(c *eventloop.Conn) {
	o.calls <- "EOF"
	if o.eof != nil {
		o.eof(c)
	}
}

func (o *owner) Pressure(c *eventloop.Conn, high bool) {
	if o.pressure != nil {
		o.pressure(c, high)
	}
}

func (o *owner) Closed(_ *eventloop.Conn, err error) {
	o.mu.Lock()
	o.err = err
	o.mu.Unlock()
	o.calls <- fmt.Sprintf("closed: %v", err)
}

// expect waits for the next calls, beside Data and Pressure.
func (o *owner) expect(calls ...string) {
	o.t.Helper()
	for _, want := range calls {
		select {
		case got := <-o.calls:
			if got != want {
				o.t.Fatalf("the handler was told %q, want %q", got, want)
			}
		case <-time.After(eventloop.Patience):
			o.t.Fatalf("waited in vain for %q", want)
		}
	}
}

// closed waits for the end and returns its reason.
func (o *owner) closed() error {
	o.t.Helper()
	select {
	case <-o.calls:
	case <-time.After(eventloop.Patience):
		o.t.Fatal("waited in vain for the end")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *owner) bytes() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.got)
}

func (o *owner) expectBytes(want string) {
	o.t.Helper()
	eventloop.Until(o.t, fmt.Sprintf("%d bytes have come", len(want)), func() bool { return len(o.bytes()) >= len(want) })
	if got := o.bytes(); got != want {
		o.t.Fatalf("got %d bytes that are not the %d sent", len(got), len(want))
	}
}

// half is what connections of package net can do beside net.Conn.
type half interface {
	net.Conn
	CloseWrite() error
}

// adopt puts a server's side of a new connection on the loop, with a transport, and
// returns the client's.
func adopt(t testing.TB, l *eventloop.Loop, network string, o eventloop.Handler, cfg *transporttest.Config) (*eventloop.Conn, half) {
	t.Helper()
	fd, peer := eventloop.Pair(t, network)
	var c *eventloop.Conn
	eventloop.On(t, l, func() {
		var err error
		if c, err = l.Adopt(fd, o, nil); err != nil {
			t.Error(err)
			return
		}
		c.SetTransport(transporttest.New(c, cfg), 0)
	})
	return c, peer
}

// client makes the client's side of a handshake.
func client(t testing.TB, peer net.Conn) *transporttest.Conn {
	t.Helper()
	c := unshaken(peer)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

func unshaken(peer net.Conn) *transporttest.Conn {
	return transporttest.Client(peer, transporttest.Config{ServerName: "here", Protocols: []string{"line"}})
}

// server is what the loop's side is, unless a test says otherwise.
func server() *transporttest.Config {
	return &transporttest.Config{Name: "a server", Protocols: []string{"other", "line"}}
}

const serverConnected = `connected: "line" for "here" with <nil>`

func send(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

func expectRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %d bytes, %v; want the %d sent", n, err, len(want))
	}
}

func expectEnd(t testing.TB, r io.Reader) {
	t.Helper()
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read %d bytes, %v; want the end", n, err)
	}
}

package eventloop_test

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
)

// signer is a server whose signature the test gives.
type signer struct {
	asked   chan bool
	sign    chan error
	dropped chan bool
}

func newSigner() *signer {
	return &signer{asked: make(chan bool, 1), sign: make(chan error), dropped: make(chan bool, 1)}
}

func (s *signer) config() *transporttest.Config {
	cfg := server()
	cfg.Sign = func(challenge []byte, done <-chan struct{}) ([]byte, error) {
		s.asked <- true
		select {
		case err := <-s.sign:
			signed, _ := transporttest.Sign(challenge, nil)
			return signed, err
		case <-done:
			s.dropped <- true
			return nil, net.ErrClosed
		}
	}
	return cfg
}

func receive[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(eventloop.Patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// dial makes the client's side on the loop, and returns the listener of the server's.
func dial(t testing.TB, l *eventloop.Loop, o eventloop.Handler, early string) (*eventloop.Conn, net.Listener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return dialTo(t, l, o, ln.Addr().String(), early), ln
}

func dialTo(t testing.TB, l *eventloop.Loop, o eventloop.Handler, to, early string) (c *eventloop.Conn) {
	t.Helper()
	addr := eventloop.AddrFrom(netip.MustParseAddrPort(to))
	eventloop.On(t, l, func() {
		var err error
		if c, err = l.Dial(&addr, &eventloop.DialOptions{Timeout: time.Minute}, o); err != nil {
			t.Error(err)
			return
		}
		cfg := &transporttest.Config{Client: true, ServerName: "there", Protocols: []string{"line", "other"}}
		c.SetTransport(transporttest.New(c, cfg), 0)
		c.Write([]byte(early))
	})
	return c
}

func accept(t testing.TB, ln net.Listener) half {
	t.Helper()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(eventloop.Patience))
	return c.(half)
}

// A connection that is made stands when the handshake is done, not before; what was
// written meanwhile is sent then.
func TestHandshakeOfADialedConnection(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	_, ln := dial(t, l, o, "early")
	peer := transporttest.Server(accept(t, ln), *server())
	eventloop.Turns(t, l)
	if n := len(o.calls); n > 0 {
		t.Fatalf("before the handshake, the handler was told %q", <-o.calls)
	}
	expectRead(t, peer, "early")
	if s := peer.Session(); s.ServerName != "there" || s.Protocol != "line" {
		t.Errorf("the server knows %+v", s)
	}
	o.expect(`connected: "line" for "there" with a server`)
	send(t, peer, "late")
	o.expectBytes("late")
}

// The worker does other work while a signature is computed elsewhere.
func TestHandshakeDoesNotBlock(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	s, o, other := newSigner(), newOwner(t), newOwner(t)
	_, peer := adopt(t, l, "tcp", o, s.config())
	shaken := make(chan *transporttest.Conn, 1)
	go func() { shaken <- client(t, peer) }()
	receive(t, s.asked, "the challenge")
	_, peer2 := adopt(t, l, "tcp", other, server())
	send(t, client(t, peer2), "meanwhile")
	other.expectBytes("meanwhile")
	if len(o.calls) > 0 {
		t.Fatalf("the handler was told %q", <-o.calls)
	}
	s.sign <- nil
	send(t, receive(t, shaken, "the handshake"), "then")
	o.expect(serverConnected)
	o.expectBytes("then")
}

// What a client sends while its server computes waits in the system, however much it
// is, even its end.
func TestHandshakeWithBytesBehindIt(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	s, o := newSigner(), newOwner(t)
	_, peer := adopt(t, l, "tcp", o, s.config())
	c := unshaken(peer)
	send(t, peer, c.Hello())
	receive(t, s.asked, "the challenge")
	want := eventloop.Pattern(1 << 20)
	go func() {
		io.WriteString(peer, c.Records(want)+c.End())
		peer.CloseWrite()
	}()
	eventloop.Turns(t, l)
	s.sign <- nil
	o.expect(serverConnected, "EOF")
	o.expectBytes(want)
	if err := c.Handshake(); err != nil {
		t.Error(err)
	}
}

// An owner that has paused gets no bytes, but its handshake.
func TestHandshakeWhilePaused(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	c, peer := adopt(t, l, "tcp", o, server())
	eventloop.On(t, l, c.Pause)
	send(t, client(t, peer), "waits")
	o.expect(serverConnected)
	eventloop.Turns(t, l)
	if got := o.bytes(); got != "" {
		t.Errorf("got %q", got)
	}
	eventloop.On(t, l, func() {
		if !c.Paused() {
			t.Error("it is not paused")
		}
		c.Resume()
	})
	o.expectBytes("waits")
}

// sniffer looks at the first bytes, and installs a transport if they are one's.
type sniffer struct {
	*owner
	cfg   *transporttest.Config
	shook bool
}

func (s *sniffer) Data(c *eventloop.Conn, in buffer.View) int {
	if !s.shook && s.cfg != nil {
		switch transporttest.Detect(in.Bytes()) {
		case 0:
			return 0
		case 1:
			s.shook = true
			c.SetTransport(transporttest.New(c, s.cfg), 0)
			return 0
		}
	}
	return s.owner.Data(c, in)
}

// Both kinds of clients on one port, in any pieces.
func TestTransportAfterLooking(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	for at, whole := 0, 1; at <= whole; at++ {
		s := &sniffer{newOwner(t), server(), false}
		fd, peer := eventloop.Pair(t, "tcp")
		eventloop.On(t, l, func() {
			if _, err := l.Adopt(fd, s, nil); err != nil {
				t.Error(err)
			}
		})
		c := unshaken(peer)
		b := c.Hello() + c.Records("at once")
		whole = len(b)
		send(t, peer, b[:at])
		eventloop.Turns(t, l)
		send(t, peer, b[at:])
		s.expect(serverConnected)
		s.expectBytes("at once")
		if err := c.Handshake(); err != nil {
			t.Error(err)
		}
		peer.Close()
		s.closed()
	}
	s := &sniffer{newOwner(t), server(), false}
	fd, peer := eventloop.Pair(t, "tcp")
	eventloop.On(t, l, func() {
		if _, err := l.Adopt(fd, s, nil); err != nil {
			t.Error(err)
		}
	})
	send(t, peer, "plain")
	s.expectBytes("plain")
}

// What was said before the transport leaves as it is, as where a command begins it.
func TestTransportAfterPlainBytes(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	o.data = func(c *eventloop.Conn, in buffer.View) int {
		n := strings.Index(string(in.Bytes()), "begin\n") + 6
		if n < 6 {
			return in.Len()
		}
		o.data = nil
		c.Write([]byte("go on\n"))
		c.SetTransport(transporttest.New(c, server()), 0)
		c.Write([]byte("welcome"))
		return n
	}
	fd, peer := eventloop.Pair(t, "tcp")
	eventloop.On(t, l, func() {
		if _, err := l.Adopt(fd, o, nil); err != nil {
			t.Error(err)
		}
	})
	send(t, peer, "begin\n")
	expectRead(t, peer, "go on\n")
	c := client(t, peer)
	expectRead(t, c, "welcome")
	send(t, c, "thanks")
	o.expectBytes("begin\nthanks")
}

// A listener's connections may have one from their beginning, and be refused all the
// same.
func TestTransportOfAcceptedConnections(t *testing.T) {
	g, err := eventloop.NewGroup(1, eventloop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Stop()
	o := newOwner(t)
	refuse := true
	ls, err := g.Listen(eventloop.AddrFrom(netip.MustParseAddrPort("127.0.0.1:0")), eventloop.ListenOptions{}, func(c *eventloop.Conn) eventloop.Handler {
		c.SetTransport(transporttest.New(c, server()), time.Minute)
		if refuse = !refuse; refuse {
			return nil
		}
		return o
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ls.Close()
	for _, taken := range []bool{true, false} {
		peer, err := net.Dial("tcp", ls.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		peer.SetDeadline(time.Now().Add(eventloop.Patience))
		if taken {
			send(t, client(t, peer), "hello")
			o.expectBytes("hello")
		} else {
			expectEnd(t, peer)
		}
	}
}

// Positions are of one kind of bytes, so that what was confirmed can be compared with
// them.
func TestOffsetsWithATransport(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	c, ln := dial(t, l, o, "")
	peer := transporttest.Server(accept(t, ln), *server())
	if err := peer.Handshake(); err != nil {
		t.Fatal(err)
	}
	o.expect(`connected: "line" for "there" with a server`)
	for range 3 {
		var at uint64
		eventloop.On(t, l, func() {
			if at = c.WriteOffset(); c.Buffered() != 0 || at != c.WireWritten() {
				t.Errorf("%d bytes wait, and the next one is at %d of %d written", c.Buffered(), at, c.WireWritten())
			}
			c.Write([]byte("0123456789"))
			if c.Buffered() != 10 || c.WriteOffset() != at+10 {
				t.Errorf("%d bytes wait, the next one is at %d", c.Buffered(), c.WriteOffset())
			}
		})
		expectRead(t, peer, "0123456789")
		eventloop.Until(t, "it is confirmed", func() (all bool) {
			eventloop.On(t, l, func() {
				d, ok := c.Delivery()
				all = ok && d.Acked == c.WireWritten() && c.Taken() == c.WireWritten() && c.Untaken() == 0
			})
			return all
		})
		eventloop.On(t, l, func() {
			if c.WireWritten() <= at+10 { // a record has a head
				t.Errorf("%d bytes are written from %d on", c.WireWritten(), at)
			}
		})
	}
}

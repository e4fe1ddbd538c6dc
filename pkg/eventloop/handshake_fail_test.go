package eventloop_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
)

func TestHandshakeTimeouts(t *testing.T) {
	var clock eventloop.Clock
	l := eventloop.NewLoop(t, eventloop.Options{Clock: func() int64 { return eventloop.ClockTime(&clock) }})
	want := func(o *owner) {
		t.Helper()
		var failed *eventloop.HandshakeError
		if err := o.closed(); !errors.As(err, &failed) || !errors.Is(err, eventloop.ErrHandshakeTimeout) {
			t.Errorf("closed: %v", err)
		}
	}
	// Of a dialled connection, connecting and the handshake have one time.
	o := newOwner(t)
	_, ln := dial(t, l, o, "")
	peer := accept(t, ln)
	expectRead(t, peer, "\xc1")
	eventloop.ClockForward(&clock, t, l, time.Minute-time.Second)
	if len(o.calls) > 0 {
		t.Fatalf("the handler was told %q", <-o.calls)
	}
	eventloop.ClockForward(&clock, t, l, 2*time.Second)
	want(o)

	s := newSigner()
	o = newOwner(t)
	fd, peer2 := eventloop.Pair(t, "tcp")
	eventloop.On(t, l, func() {
		c, err := l.Adopt(fd, o, nil)
		if err != nil {
			t.Error(err)
			return
		}
		c.SetTransport(transporttest.New(c, s.config()), time.Second)
	})
	go transporttest.Client(peer2, transporttest.Config{Protocols: []string{"line"}}).Handshake()
	receive(t, s.asked, "the challenge")
	eventloop.ClockForward(&clock, t, l, 2*time.Second)
	want(o)
	receive(t, s.dropped, "the signature to be given up")

	// The time is the handshake's alone.
	o = newOwner(t)
	_, peer3 := adopt(t, l, "tcp", o, server())
	c := client(t, peer3)
	o.expect(serverConnected)
	eventloop.ClockForward(&clock, t, l, time.Hour)
	send(t, c, "still there")
	o.expectBytes("still there")
}

func TestHandshakeFails(t *testing.T) {
	errSign := errors.New("no key")
	for name, tt := range map[string]struct {
		want   error
		client transporttest.Config
		sign   error
		alert  bool
	}{
		"the server refuses":   {transporttest.ErrNoProtocol, transporttest.Config{Protocols: []string{"unknown"}}, nil, true},
		"the signature fails":  {errSign, transporttest.Config{Protocols: []string{"line"}}, errSign, true},
		"the client refuses":   {io.ErrUnexpectedEOF, transporttest.Config{}, nil, false},
		"it is something else": {transporttest.ErrBadRecord, transporttest.Config{}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := eventloop.NewLoop(t, eventloop.Options{})
			o := newOwner(t)
			cfg := server()
			cfg.Sign = func(challenge []byte, done <-chan struct{}) ([]byte, error) { return challenge, tt.sign }
			_, peer := adopt(t, l, "tcp", o, cfg)
			switch {
			case errors.Is(tt.want, transporttest.ErrBadRecord):
				send(t, peer, "GET / HTTP/1.1\r\n\r\n")
				expectRead(t, peer, "\xc3\x00\x00")
			case tt.alert:
				if err := transporttest.Client(peer, tt.client).Handshake(); !errors.Is(err, transporttest.ErrAlert) {
					t.Errorf("the client: %v", err)
				}
			default:
				peer.CloseWrite()
			}
			var failed *eventloop.HandshakeError
			if err := o.closed(); !errors.As(err, &failed) || !errors.Is(err, tt.want) {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

// A server that proves nothing, or refuses, is no connection.
func TestHandshakeFailsForTheClient(t *testing.T) {
	for want, cfg := range map[error]transporttest.Config{
		transporttest.ErrAlert: {Protocols: []string{"unknown"}},
		transporttest.ErrBadSignature: {Sign: func(challenge []byte, _ <-chan struct{}) ([]byte, error) {
			return challenge, nil
		}},
	} {
		l := eventloop.NewLoop(t, eventloop.Options{})
		o := newOwner(t)
		_, ln := dial(t, l, o, "early")
		transporttest.Server(accept(t, ln), cfg).Handshake()
		var failed *eventloop.HandshakeError
		if err := o.closed(); !errors.As(err, &failed) || !errors.Is(err, want) {
			t.Errorf("closed: %v, want %v", err, want)
		}
	}
}

// The peer ends the connection midway, in two ways, after each byte of its hello, and
// while it is being answered.
func TestHandshakeEndedByThePeer(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	hello := unshaken(nil).Hello()
	for at := range len(hello) {
		for _, reset := range []bool{false, true} {
			o := newOwner(t)
			_, peer := adopt(t, l, "tcp", o, server())
			send(t, peer, hello[:at])
			want := io.ErrUnexpectedEOF
			if reset {
				peer.(*net.TCPConn).SetLinger(0)
				want = syscall.ECONNRESET
			}
			peer.Close()
			var failed *eventloop.HandshakeError
			if err := o.closed(); !errors.As(err, &failed) || !errors.Is(err, want) {
				t.Fatalf("after %d bytes, closed: %v; want %v", at, err, want)
			}
		}
	}
	s, o := newSigner(), newOwner(t)
	_, peer := adopt(t, l, "tcp", o, s.config())
	send(t, peer, hello)
	receive(t, s.asked, "the challenge")
	peer.(*net.TCPConn).SetLinger(0)
	peer.Close()
	if err := o.closed(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("closed: %v", err)
	}
	receive(t, s.dropped, "the signature to be given up")
}

// What is no handshake's fault is not called one.
func TestConnectFailsWithATransport(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	o := newOwner(t)
	dialTo(t, l, o, ln.Addr().String(), "early")
	var failed *eventloop.HandshakeError
	if err := o.closed(); errors.As(err, &failed) || !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("closed: %v", err)
	}
}

// An owner that ends the connection is told what he would be told of any other.
func TestEndingWithinTheHandshake(t *testing.T) {
	own := errors.New("own")
	for name, tt := range map[string]struct {
		end  func(c *eventloop.Conn)
		want error
	}{
		"Close":          {(*eventloop.Conn).Close, nil},
		"CloseWithReset": {(*eventloop.Conn).CloseWithReset, nil},
		"CloseNow":       {(*eventloop.Conn).CloseNow, nil},
		"CloseWith":      {func(c *eventloop.Conn) { c.CloseWith(own) }, own},
		"Abort":          {(*eventloop.Conn).Abort, eventloop.ErrAborted},
		"Stop":           {func(c *eventloop.Conn) { go c.Loop().Stop() }, eventloop.ErrStopped},
	} {
		t.Run(name, func(t *testing.T) {
			l := eventloop.NewLoop(t, eventloop.Options{})
			s, o := newSigner(), newOwner(t)
			c, peer := adopt(t, l, "tcp", o, s.config())
			send(t, peer, unshaken(peer).Hello())
			receive(t, s.asked, "the challenge")
			eventloop.On(t, l, func() { tt.end(c) })
			if err := o.closed(); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("closed: %v, want %v", err, tt.want)
			}
			receive(t, s.dropped, "the signature to be given up")
			c.Wake() // is of no use, and no harm
		})
	}
}

package eventloop_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
)

// A client's bytes may come in any pieces: its hello, behind that, at once, its data,
// and the end.
func TestTransportEchoSplitAtEveryByte(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	for at, whole := 0, 1; at <= whole; at++ {
		o := newOwner(t)
		o.data = func(c *eventloop.Conn, in buffer.View) int {
			n := in.Len() / 5 * 5 // leaves some
			c.Write(in.Bytes()[:n])
			return n
		}
		o.eof = (*eventloop.Conn).Close
		_, peer := adopt(t, l, "tcp", o, server())
		c := unshaken(peer)
		b := c.Hello() + c.Records("first") + c.Records("second one") + c.End()
		whole = len(b)
		send(t, peer, b[:at])
		eventloop.Turns(t, l)
		send(t, peer, b[at:])
		expectRead(t, c, "firstsecond one")
		expectEnd(t, c)
		peer.Close()
		o.expect(serverConnected, "EOF", "closed: <nil>")
	}
}

// Back-pressure, pauses and bytes that are left, with records that are larger than the
// room that they are opened into.
func TestTransportAtAnyPace(t *testing.T) {
	eventloop.Networks(t, func(t *testing.T, network string) {
		l := eventloop.NewLoop(t, eventloop.Options{})
		for seed := range 4 {
			o := newOwner(t)
			x := uint32(seed)
			o.data = func(c *eventloop.Conn, in buffer.View) int {
				x = x*1664525 + 1013904223
				if x>>28 == 0 {
					c.Pause()
					l.Post(c.Resume)
				}
				n := in.Len()
				if x>>30 == 1 && n > 1 { // leaves some, and asks for them
					n -= n / 3
					l.Post(c.Resume)
				}
				return n
			}
			c, peer := adopt(t, l, network, o, server())
			want := eventloop.Pattern(1 << 20)
			go func() {
				c := unshaken(peer)
				for s, n := want, 1; s != ""; s, n = s[min(n, len(s)):], (n*7+1)%65_000+1 {
					io.WriteString(c, s[:min(n, len(s))])
				}
				c.CloseWrite()
			}()
			o.expectBytes(want)
			o.expect(serverConnected, "EOF")
			eventloop.On(t, l, c.Close)
			io.Copy(io.Discard, peer)
			o.expect("closed: <nil>")
		}
	})
}

// Bytes that the transport has opened and keeps are offered after Resume, even if the
// wire brings nothing more.
func TestTransportThatKeepsOpenedBytes(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	o.data = func(c *eventloop.Conn, in buffer.View) int { c.Pause(); return in.Len() }
	c, peer := adopt(t, l, "tcp", o, server())
	want := eventloop.Pattern(60_000)
	send(t, client(t, peer), want)
	for have := 0; have < len(want); {
		eventloop.Until(t, "more is handed over", func() bool { return len(o.bytes()) > have })
		eventloop.Turns(t, l)
		have = len(o.bytes())
		eventloop.On(t, l, c.Resume)
	}
	o.expectBytes(want)
}

func TestTransportBackPressure(t *testing.T) {
	eventloop.Networks(t, func(t *testing.T, network string) {
		l := eventloop.NewLoop(t, eventloop.Options{HighWater: 20_000})
		o := newOwner(t)
		most := 0
		o.data = func(c *eventloop.Conn, in buffer.View) int {
			c.Out().AppendView(in)
			return in.Len()
		}
		o.pressure = func(c *eventloop.Conn, high bool) {
			if most = max(most, c.Buffered()); high {
				c.Pause()
			} else {
				c.Resume()
			}
		}
		o.eof = (*eventloop.Conn).Close
		_, peer := adopt(t, l, network, o, server())
		want := eventloop.Pattern(8 << 20)
		c := client(t, peer)
		go func() {
			io.WriteString(c, want)
			c.CloseWrite()
		}()
		expectRead(t, c, want)
		expectEnd(t, c)
		eventloop.On(t, l, func() {
			if most > 1<<20 {
				t.Errorf("%d bytes waited", most)
			}
		})
	})
}

// Each direction ends by itself.
func TestTransportHalfClose(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	c, peer := adopt(t, l, "tcp", o, server())
	client := client(t, peer)
	o.expect(serverConnected)
	eventloop.On(t, l, func() { c.Write([]byte("last")); c.CloseWrite() })
	expectRead(t, client, "last")
	expectEnd(t, client)
	send(t, client, "but not the client's")
	o.expectBytes("but not the client's")
	client.CloseWrite()
	o.expect("EOF")
	eventloop.On(t, l, func() {
		if !c.Alive() || !c.PeerEnded() {
			t.Errorf("alive %v, peer ended %v", c.Alive(), c.PeerEnded())
		}
		c.Close()
	})
	o.expect("closed: <nil>")
}

// The end that the transport announces is one, even if the socket has none yet, and
// nothing behind it counts.
func TestTransportEndsWithoutTheSocket(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	o.eof = func(c *eventloop.Conn) { c.Write([]byte("answer")); c.Close() }
	_, peer := adopt(t, l, "tcp", o, server())
	client := client(t, peer)
	send(t, client, "request")
	send(t, peer, client.End()+"nonsense")
	o.expect(serverConnected, "EOF", "closed: <nil>")
	expectRead(t, client, "answer")
	o.expectBytes("request")
}

// A socket that ends without the transport's having said so may have been cut.
func TestTransportTruncated(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	_, peer := adopt(t, l, "tcp", o, server())
	send(t, client(t, peer), "a part")
	peer.CloseWrite()
	o.expect(serverConnected)
	if err := o.closed(); !errors.Is(err, eventloop.ErrTruncated) {
		t.Errorf("closed: %v", err)
	}
	o.expectBytes("a part")
}

func TestTransportErrors(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	o := newOwner(t)
	_, peer := adopt(t, l, "tcp", o, server())
	send(t, client(t, peer), "good")
	send(t, peer, "\xff\x00\x00")
	o.expect(serverConnected, "closed: "+transporttest.ErrBadRecord.Error())
	o.expectBytes("good")
}

// greedy never takes anything once it is ready.
type greedy struct{ *transporttest.Transport }

func (greedy) Open(wire, plain []byte) (took, put int, err error) { return 0, 0, nil }

// endless never takes anything at all.
type endless struct{ *transporttest.Transport }

func (endless) Handshake([]byte, *buffer.Chain) (int, eventloop.Progress, error) {
	return 0, eventloop.WantBytes, nil
}

func TestTransportThatTakesNothingIsBounded(t *testing.T) {
	for name, wrap := range map[string]func(*transporttest.Transport) eventloop.Transport{
		"ready":       func(t *transporttest.Transport) eventloop.Transport { return greedy{t} },
		"handshaking": func(t *transporttest.Transport) eventloop.Transport { return endless{t} },
	} {
		t.Run(name, func(t *testing.T) {
			l := eventloop.NewLoop(t, eventloop.Options{})
			o := newOwner(t)
			fd, peer := eventloop.Pair(t, "tcp")
			eventloop.On(t, l, func() {
				c, err := l.Adopt(fd, o, nil)
				if err != nil {
					t.Error(err)
					return
				}
				c.SetTransport(wrap(transporttest.New(c, server())), 0)
			})
			go func() {
				transporttest.Client(peer, transporttest.Config{}).Write(make([]byte, 32<<20))
				peer.Write(make([]byte, 32<<20))
			}()
			if name == "ready" {
				o.expect(`connected: "" for "" with <nil>`)
			} else {
				send(t, peer, string(make([]byte, 1<<10)))
				go peer.Write(make([]byte, 32<<20))
			}
			if err := o.closed(); !errors.Is(err, eventloop.ErrUnreadTooLong) {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

// splitConn writes with a break after some bytes.
type splitConn struct {
	net.Conn
	at    int
	pause func()
}

func (s *splitConn) Write(b []byte) (int, error) {
	first := min(s.at, len(b))
	s.at -= first
	n, err := s.Conn.Write(b[:first])
	if err != nil || first == len(b) {
		return n, err
	}
	s.pause()
	m, err := s.Conn.Write(b[first:])
	return n + m, err
}

// The client's side is given a server's bytes in any pieces, too.
func TestTransportOfAClientSplitAtEveryByte(t *testing.T) {
	l := eventloop.NewLoop(t, eventloop.Options{})
	for at := range 60 {
		o := newOwner(t)
		o.eof = (*eventloop.Conn).Close
		_, ln := dial(t, l, o, "question")
		raw := accept(t, ln)
		peer := transporttest.Server(&splitConn{raw, at, func() { eventloop.Turns(t, l) }}, *server())
		expectRead(t, peer, "question")
		send(t, peer, "answer")
		peer.CloseWrite()
		raw.CloseWrite()
		o.expect(`connected: "line" for "there" with a server`, "EOF")
		o.expectBytes("answer")
		expectEnd(t, peer)
		o.expect("closed: <nil>")
	}
}

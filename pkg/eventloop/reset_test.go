package eventloop

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

const wasReset = "closed: " + "connection reset by peer"

func TestResetIsToldAtEveryPoint(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer)
	}{
		{"before any byte", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			reset(t, peer)
		}},
		{"in the middle of a request", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, func() { p.data = func(*Conn, buffer.View) int { return 0 } })
			send(t, peer, "half of")
			turns(t, l)
			reset(t, peer)
		}},
		{"while paused", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, c.Pause)
			reset(t, peer)
		}},
		{"while paused, with bytes unread", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, c.Pause)
			send(t, peer, "unread")
			reset(t, peer)
		}},
		{"while paused, with bytes left", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, func() { p.data = func(c *Conn, _ buffer.View) int { c.Pause(); return 0 } })
			send(t, peer, "left")
			turns(t, l)
			reset(t, peer)
		}},
		{"while we write", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, func() { c.Write(make([]byte, 16<<20)) })
			p.expect(t, "high true")
			reset(t, peer)
		}},
		{"while we write, and paused", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, func() { c.Pause(); c.Write(make([]byte, 16<<20)) })
			p.expect(t, "high true")
			reset(t, peer)
		}},
		{"after we ended our direction", func(t *testing.T, l *Loop, c *Conn, p *probe, peer peer) {
			on(t, l, c.CloseWrite)
			expectEOF(t, peer)
			reset(t, peer)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLoop(t, Options{})
			p := newProbe(t)
			c, peer := adopt(t, l, "tcp", p)
			tc.do(t, l, c, p, peer)
			p.expect(t, wasReset)
			p.expectNothing(t)
		})
	}
}

// What came before a reset is handed over, but the reset must not look like an
// orderly end: a body that ends with the connection would seem complete.
func TestResetBehindDataIsNoEnd(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		on(t, l, func() { c.Write([]byte("unread by the peer")) }) // resets a unix socket
		turns(t, l)
		release := hold(l)
		send(t, peer, "data")
		reset(t, peer)
		release()
		p.expect(t, wasReset)
		p.expectBytes(t, "data")
		p.expectNothing(t)
	})
}

func TestWriteToAPeerThatIsGone(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	c, peer := adopt(t, l, "unix", p)
	peer.Close()
	p.expect(t, "EOF")
	on(t, l, func() { c.Write([]byte("anyone?")) })
	p.expect(t, "closed: "+syscall.EPIPE.Error())
}

func TestResetWhileClosingIsOfNoConcern(t *testing.T) {
	l := newLoop(t, Options{})
	for _, n := range []int{0, 16 << 20} {
		p := newProbe(t)
		c, peer := adopt(t, l, "tcp", p)
		on(t, l, func() { c.Pause(); c.Write(make([]byte, n)); c.Close() })
		turns(t, l)
		reset(t, peer)
		p.expect(t, "closed: <nil>")
		p.expectNothing(t)
	}
}

// A peer that answers and then breaks the connection off, while we still write:
// the answer arrives before the reset is told.
func TestAnswerBeforeResetIsRead(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	c, peer := adopt(t, l, "tcp", p)
	arrived := make(chan struct{})
	if !l.Post(func() { <-arrived; c.Write([]byte("more of the request")) }) { // written before anything is read
		t.Fatal("the loop has stopped")
	}
	send(t, peer, "too large")
	reset(t, peer)
	if n, err := unix.Poll([]unix.PollFd{{Fd: c.fd}}, 10_000); n != 1 || err != nil {
		t.Fatalf("the reset does not arrive: %d, %v", n, err)
	}
	close(arrived)
	until(t, "the connection is closed", func() bool { return l.Count() == 0 })
	p.expectBytes(t, "too large")
}

// Whoever wants all of it gets what came before a reset, however it is noticed, and
// the reset behind it.
func TestDeliverAll(t *testing.T) {
	want := pattern(50 << 10) // what a system takes at once
	for name, notice := range map[string]func(t *testing.T, l *Loop, c *Conn){
		"by an event": func(*testing.T, *Loop, *Conn) {},
		"by a write": func(t *testing.T, l *Loop, c *Conn) {
			on(t, l, func() { c.Write([]byte("to nobody")) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, Options{})
			p := newProbe(t)
			p.data = func(c *Conn, in buffer.View) int {
				c.Pause()
				return min(in.Len(), 4_000)
			}
			c, peer := adopt(t, l, "tcp", p)
			on(t, l, func() { c.DeliverAll(); c.Pause() })
			release := hold(l)
			send(t, peer, want)
			reset(t, peer)
			release()
			turns(t, l)
			notice(t, l, c)
			turns(t, l)
			for len(p.bytes()) < len(want) {
				had := len(p.bytes())
				on(t, l, c.Resume)
				until(t, "more has come", func() bool { return len(p.bytes()) > had })
			}
			on(t, l, c.Resume)
			until(t, "the reset is told", func() bool { return l.Count() == 0 })
			p.expectBytes(t, want)
		})
	}
}

// Whoever was to slow down is told that there is no need any more, when nothing can be
// written.
func TestBrokenRelievesPressure(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	c, peer := adopt(t, l, "tcp", p)
	on(t, l, func() { c.DeliverAll(); c.Pause(); c.Write(make([]byte, 64<<20)) })
	p.expect(t, "high true")
	reset(t, peer)
	p.expect(t, "high false")
	on(t, l, c.Resume)
	until(t, "the reset is told", func() bool { return l.Count() == 0 })
}

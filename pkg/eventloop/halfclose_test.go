package eventloop

import (
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
)

func TestPeerEndsItsDirection(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		send(t, peer, "request")
		peer.CloseWrite()
		p.expect(t, "EOF")
		p.expectBytes(t, "request")
		for range 3 {
			on(t, l, func() {
				if !c.Alive() || !c.PeerEnded() {
					t.Errorf("alive %v, peer ended %v", c.Alive(), c.PeerEnded())
				}
				c.Write([]byte("response "))
			})
			expectRead(t, peer, "response ")
		}
		p.expectNothing(t)
		on(t, l, c.Close)
		expectEOF(t, peer)
		p.expect(t, "closed: <nil>")
	})
}

func TestWeEndOurDirection(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		on(t, l, func() {
			c.CloseWrite()
			c.Write([]byte("all of it")) // in the same turn: still before the end
			c.CloseWrite()
		})
		expectRead(t, peer, "all of it")
		expectEOF(t, peer)
		send(t, peer, "reading on")
		p.expectBytes(t, "reading on")
		peer.Close()
		p.expect(t, "EOF")
		on(t, l, c.Close)
		p.expect(t, "closed: <nil>")
	})
}

func TestCloseWriteWaitsForWhatIsUnwritten(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{HighWater: 1 << 30})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		want := pattern(8 << 20)
		on(t, l, func() { c.Write([]byte(want)); c.CloseWrite() })
		expectRead(t, peer, want)
		expectEOF(t, peer)
		p.expectNothing(t)
	})
}

// A client that says all it has to say and ends its direction still gets the whole
// of a long answer that the connection is closed behind.
func TestCloseBehindALongAnswerToAHalfClosedPeer(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		for _, when := range []string{"in Data", "in EOF", "later"} {
			t.Run(when, func(t *testing.T) {
				l := newLoop(t, Options{})
				p := newProbe(t)
				want := pattern(8 << 20)
				answer := func(c *Conn) {
					c.Write([]byte(want))
					c.Close()
				}
				switch when {
				case "in Data":
					p.data = func(c *Conn, in buffer.View) int { answer(c); return in.Len() }
				case "in EOF":
					p.eof = answer
				}
				c, peer := adopt(t, l, network, p)
				release := hold(l)
				send(t, peer, "request")
				peer.CloseWrite()
				release()
				if when == "later" {
					p.expect(t, "EOF")
					on(t, l, func() { answer(c) })
				}
				expectRead(t, peer, want)
				expectEOF(t, peer)
				if when == "in EOF" {
					p.expect(t, "EOF")
				}
				p.expect(t, "closed: <nil>")
			})
		}
	})
}

// The sizes fill the read buffer exactly, or a turn's reads, or neither.
func TestEndTogetherWithData(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		for _, n := range []int{0, 1, minUnread, minRead, buffer.MaxSlab - 1, buffer.MaxSlab, buffer.MaxSlab + 1,
			readsPerTurn * buffer.MaxSlab, readsPerTurn*buffer.MaxSlab + 1} {
			for _, leave := range []int{0, 1} {
				l := newLoop(t, Options{})
				p := newProbe(t)
				p.data = func(_ *Conn, in buffer.View) int { return max(in.Len()-leave, 0) }
				_, peer := adopt(t, l, network, p)
				release := hold(l)
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					peer.Write([]byte(pattern(n)))
					peer.CloseWrite()
				}()
				if n <= buffer.MaxSlab {
					wait(t, sent, "the peer to send while the loop is held")
				}
				release()
				wait(t, sent, "the peer to send")
				p.expect(t, "EOF")
				p.expectBytes(t, pattern(n)[:max(n-leave, 0)])
				p.expectNothing(t)
			}
		}
	})
}

func TestEndWhilePausedIsToldAfterResume(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		for _, unread := range []string{"", "more"} {
			l := newLoop(t, Options{})
			p := newProbe(t)
			c, peer := adopt(t, l, network, p)
			on(t, l, c.Pause)
			send(t, peer, unread)
			peer.CloseWrite()
			until(t, "the end was noticed", func() (noticed bool) {
				on(t, l, func() { noticed = c.PeerEnded() })
				return noticed
			})
			turns(t, l)
			p.expectNothing(t)
			on(t, l, c.Resume)
			p.expect(t, "EOF")
			p.expectBytes(t, unread)
			on(t, l, func() { c.Pause(); c.Resume() })
			turns(t, l)
			p.expectNothing(t)
		}
	})
}

func TestPausingInTheLastDataHoldsTheEndBack(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		p.data = func(c *Conn, in buffer.View) int { c.Pause(); return 1 }
		c, peer := adopt(t, l, network, p)
		release := hold(l)
		send(t, peer, "abc")
		peer.Close()
		release()
		for i := range 3 {
			p.expectBytes(t, "abc"[:i+1])
			turns(t, l)
			p.expectNothing(t)
			on(t, l, c.Resume)
		}
		p.expect(t, "EOF")
	})
}

package eventloop

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

func TestDetachGivesEverything(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{HighWater: 1 << 30})
		p := newProbe(t)
		p.data = func(_ *Conn, in buffer.View) int { return min(in.Len(), 3) }
		c, peer := adopt(t, l, network, p)
		send(t, peer, "abcdef")
		p.expectBytes(t, "abc")
		want := pattern(16 << 20)
		var fd int
		on(t, l, func() { c.Write([]byte(want)) })
		turns(t, l)
		var unread, unwritten []byte
		on(t, l, func() {
			c.Write([]byte("the end"))
			fd, unread, unwritten = c.Detach()
			if c.Alive() {
				t.Error("still alive")
			}
		})
		turns(t, l)
		if l.Count() != 0 || l.bufs.Stats().Live > 1 {
			t.Errorf("%d connections, %+v", l.Count(), l.bufs.Stats())
		}
		if string(unread) != "def" {
			t.Errorf("unread: %q", unread)
		}
		unix.SetNonblock(fd, false)
		go func() {
			for len(unwritten) > 0 {
				n, err := unix.Write(fd, unwritten)
				if err != nil {
					t.Error(err)
					break
				}
				unwritten = unwritten[n:]
			}
			unix.Close(fd)
		}()
		expectRead(t, peer, want+"the end")
		if _, err := io.Copy(io.Discard, peer); err != nil {
			t.Error(err)
		}
		p.expectNothing(t)
	})
}

// wanderer echoes in reverse pieces of 7 bytes, so that it often leaves a rest.
func wanderer(p *probe) *probe {
	p.data = func(c *Conn, in buffer.View) int {
		n := in.Len() / 7 * 7
		c.Write(in.Bytes()[:n])
		return n
	}
	p.pressure = func(c *Conn, high bool) {
		if high {
			c.Pause()
		} else {
			c.Resume()
		}
	}
	return p
}

// A connection moves from loop to loop in the middle of its traffic.
func TestMovingALiveConnection(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		loops := []*Loop{newLoop(t, Options{}), newLoop(t, Options{})}
		c, peer := adopt(t, loops[0], network, wanderer(newProbe(t)))
		want := pattern(7 << 20)
		go io.WriteString(peer, want)
		got, at, moves := make([]byte, 0, len(want)), 0, 0
		for len(got) < len(want) {
			b := make([]byte, min(len(want)-len(got), 50_000))
			n, err := io.ReadAtLeast(peer, b, min(len(b), 20_000))
			if err != nil {
				t.Fatalf("after %d bytes and %d moves: %v", len(got)+n, moves, err)
			}
			got = append(got, b[:n]...)
			var fd int
			var unread, unwritten []byte
			on(t, loops[at], func() { fd, unread, unwritten = c.Detach() })
			at = 1 - at
			moves++
			on(t, loops[at], func() {
				var err error
				if c, err = loops[at].Adopt(fd, wanderer(newProbe(t)), unread); err != nil {
					t.Error(err)
				}
				c.Write(unwritten)
			})
		}
		if string(got) != want {
			t.Errorf("the echo differs, after %d moves", moves)
		}
	})
}

func TestAdoptWithPendingBytes(t *testing.T) {
	l := newLoop(t, Options{})
	for _, n := range []int{1, minUnread, buffer.MaxSlab - 1, buffer.MaxSlab} {
		fd, peer := pair(t, "tcp")
		p := newProbe(t)
		want := pattern(n + 10)
		send(t, peer, want[n:])
		on(t, l, func() {
			if _, err := l.Adopt(fd, p, []byte(want[:n])); err != nil {
				t.Error(err)
			}
			if p.bytes() != "" {
				t.Error("Data was called within Adopt")
			}
		})
		p.expectBytes(t, want)
		peer.Close()
		p.expect(t, "EOF")
	}
}

func TestAdoptRefuses(t *testing.T) {
	l := newLoop(t, Options{})
	fd, peer := pair(t, "tcp")
	on(t, l, func() {
		if _, err := l.Adopt(fd, newProbe(t), make([]byte, buffer.MaxSlab+1)); !errors.Is(err, ErrUnreadTooLong) {
			t.Errorf("too many pending bytes: %v", err)
		}
		if _, err := l.Adopt(-1, newProbe(t), nil); err == nil {
			t.Error("a descriptor that is none: no error")
		}
	})
	expectEOF(t, peer)
	if l.Count() != 0 {
		t.Errorf("%d connections", l.Count())
	}
}

// What the system reported about a connection that is detached in the same turn
// must not reach the one that comes after it.
func TestEventsOfADetachedConnectionReachNoOther(t *testing.T) {
	l := newLoop(t, Options{})
	first, second, third := newProbe(t), newProbe(t), newProbe(t)
	fdThird, peerThird := pair(t, "tcp")
	c2, peer2 := adopt(t, l, "tcp", second)
	c1, peer1 := adopt(t, l, "tcp", first)
	fd2 := -1
	on(t, l, func() {
		first.data = func(_ *Conn, in buffer.View) int {
			fd2, _, _ = c2.Detach()
			if _, err := l.Adopt(fdThird, third, nil); err != nil {
				t.Error(err)
			}
			return in.Len()
		}
	})
	release := hold(l)
	send(t, peer1, "now")
	send(t, peer2, "late")
	peer2.CloseWrite()
	release()
	first.expectBytes(t, "now")
	turns(t, l)
	third.expectNothing(t)
	second.expectNothing(t)
	send(t, peerThird, "hello")
	third.expectBytes(t, "hello")
	third.expectNothing(t)
	on(t, l, c1.CloseNow)
	unix.Close(fd2)
}

// Two connections that end each other in one turn, both with events at hand.
func TestEventsOfADeadConnectionAreDropped(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		var conns [2]*Conn
		var peers [2]peer
		var probes [2]*probe
		for i := range 2 {
			probes[i] = newProbe(t)
			probes[i].data = func(_ *Conn, in buffer.View) int { conns[1-i].CloseNow(); return in.Len() }
			conns[i], peers[i] = adopt(t, l, network, probes[i])
		}
		release := hold(l)
		send(t, peers[0], "a")
		send(t, peers[1], "b")
		release()
		probes[1].expect(t, "closed: <nil>")
		probes[0].expectBytes(t, "a")
		turns(t, l)
		if got := probes[1].bytes(); got != "" {
			t.Errorf("a dead connection was given %q", got)
		}
	})
}

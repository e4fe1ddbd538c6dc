package eventloop

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

// A peer that is still sending when the connection is closed gets our last bytes
// and an end, not a reset.
func TestCloseLetsASendingPeerRead(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		for _, paused := range []bool{false, true} {
			l := newLoop(t, Options{})
			p := newProbe(t)
			want := pattern(1 << 20)
			p.data = func(c *Conn, in buffer.View) int {
				if paused {
					c.Pause()
				}
				c.Write([]byte(want))
				c.Close()
				c.Pause() // by a codec that does not know yet
				return 0
			}
			_, peer := adopt(t, l, network, p)
			sent := make(chan error, 1)
			go func() {
				_, err := peer.Write(make([]byte, 900<<10))
				sent <- err
			}()
			if err := wait(t, sent, "the peer to send"); err != nil {
				t.Fatalf("the peer could not send: %v", err)
			}
			expectRead(t, peer, want)
			expectEOF(t, peer)
			peer.Close()
			p.expect(t, "closed: <nil>")
			p.expectNothing(t)
		}
	})
}

// What a peer sends without reading does not count against it as long as our bytes
// have not left.
func TestClosePeerThatSendsMuchBeforeItReads(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	want := pattern(8 << 20)
	p.data = func(c *Conn, in buffer.View) int {
		c.Write([]byte(want))
		c.Close()
		return 0
	}
	_, peer := adopt(t, l, "tcp", p)
	if _, err := peer.Write(make([]byte, 4*lingerBytes)); err != nil {
		t.Fatal(err)
	}
	expectRead(t, peer, want)
	expectEOF(t, peer)
	peer.Close()
	p.expect(t, "closed: <nil>")
}

// A peer that has our last bytes, and sends on before it reads them, is not reset
// under its hands: what it sends is thrown away, and when it is much it has to wait.
func TestLingeringSlowsASendingPeerDown(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		var now clock
		l := newLoop(t, Options{Clock: now.time})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		on(t, l, func() { c.Write([]byte("too large")); c.Close() })
		if network == "unix" { // where bytes count as taken when they are read
			expectRead(t, peer, "too large")
		}
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(peer, zeros{})
			ended <- err
		}()
		for looks := range 8 {
			stuck(t, l, c)
			if got := int(c.WireRead()); got > (looks+1)*(lingerBytes+buffer.MaxSlab) {
				t.Fatalf("%d bytes were read by look %d", got, looks)
			}
			now.forward(t, l, lookEvery)
		}
		p.expectNothing(t)
		if network == "tcp" {
			expectRead(t, peer, "too large")
		}
		expectEOF(t, peer)
		for range int(lingerMost / lookEvery) {
			now.forward(t, l, lookEvery)
		}
		p.expect(t, "closed: <nil>")
		if err := wait(t, ended, "the peer to be reset"); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}

// zeros is a reader without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// stuck waits until a connection that lingers reads no more for now.
func stuck(t *testing.T, l *Loop, c *Conn) {
	t.Helper()
	until(t, "the reading stops", func() (stops bool) {
		on(t, l, func() { stops = c.flags&paused != 0 })
		return stops
	})
}

func TestLingeringEndsInTime(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		var now clock
		l := newLoop(t, Options{Clock: now.time})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		on(t, l, func() { c.Write([]byte("bye")); c.Close() })
		expectRead(t, peer, "bye")
		expectEOF(t, peer)
		until(t, "the peer has our end", func() (taken bool) {
			on(t, l, func() { taken = c.Untaken() == 0 })
			return taken
		})
		now.forward(t, l, lingerTime-time.Millisecond)
		p.expectNothing(t)
		now.forward(t, l, time.Millisecond)
		p.expect(t, "closed: <nil>")
	})
}

func TestClosePeerThatNeverReads(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		for _, sends := range []bool{false, true} {
			var now clock
			l := newLoop(t, Options{Clock: now.time})
			p := newProbe(t)
			c, peer := adopt(t, l, network, p)
			on(t, l, func() { c.Write(make([]byte, 16<<20)) })
			p.expect(t, "high true")
			on(t, l, c.Close)
			if sends {
				send(t, peer, "something")
				peer.CloseWrite()
			}
			turns(t, l)
			now.forward(t, l, closeTime-time.Millisecond)
			p.expectNothing(t)
			for range 2 * closeTime / lookEvery { // its system may have taken something late
				now.forward(t, l, lookEvery)
			}
			expectCut(t, p)
		}
	})
}

// expectCut waits until the handler is told that something was cut off.
func expectCut(t *testing.T, p *probe) {
	t.Helper()
	if got := wait(t, p.calls, "the cut"); !strings.Contains(got, "bytes or more were cut off") {
		t.Fatalf("the handler was told %q", got)
	}
}

// Whoever takes something, however little, gets all of it.
func TestCloseWaitsForASlowPeer(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		for _, how := range []func(*Conn){(*Conn).Close, (*Conn).CloseWithReset} {
			var now clock
			l := newLoop(t, Options{Clock: now.time})
			p := newProbe(t)
			c, peer := adopt(t, l, network, p)
			peer.SetReadBuffer(32 << 10)
			on(t, l, func() { unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 64<<10) })
			want := pattern(2 << 20)
			on(t, l, func() { c.Write([]byte(want)) })
			p.expect(t, "high true")
			on(t, l, func() { how(c) })
			for at := 0; at < len(want); {
				n := min(128<<10, len(want)-at)
				expectRead(t, peer, want[at:at+n])
				at += n
				now.forward(t, l, closeTime/8) // a system asks for more when it has room for more than a little
			}
			p.expectEnd(t, l, &now)
		}
	})
}

// expectEnd lets time pass until the connection is closed, with everything taken.
func (p *probe) expectEnd(t *testing.T, l *Loop, now *clock) {
	t.Helper()
	until(t, "the connection is closed", func() bool {
		now.forward(t, l, lookEvery)
		return len(p.calls) > 0
	})
	if got := wait(t, p.calls, "the end"); got != "closed: <nil>" && got != "closed: "+ErrAborted.Error() {
		t.Errorf("the handler was told %q", got)
	}
}

// A close that must not pass for the end of a message lets the peer have everything
// first.
func TestCloseWithReset(t *testing.T) {
	for _, size := range []int{0, 10, 8 << 20} {
		for _, ends := range []bool{false, true} {
			l := newLoop(t, Options{HighWater: 1 << 30})
			p := newProbe(t)
			want := pattern(size)
			c, peer := adopt(t, l, "tcp", p)
			on(t, l, func() { c.Write([]byte(want)); c.CloseWithReset(); c.Close(); c.CloseWithReset() })
			if ends {
				peer.CloseWrite()
			}
			expectRead(t, peer, want)
			if n, err := peer.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("behind %d bytes, the peer reads %d, %v", size, n, err)
			}
			p.expect(t, "closed: "+ErrAborted.Error())
		}
	}
}

// Who is being closed when the loop stops, and has not taken everything, is cut off.
func TestStopCutsAClose(t *testing.T) {
	for _, how := range []func(*Conn){(*Conn).Close, (*Conn).CloseWithReset} {
		l := newLoop(t, Options{HighWater: 1 << 30})
		p := newProbe(t)
		c, peer := adopt(t, l, "tcp", p)
		on(t, l, func() { c.Write(make([]byte, 64<<20)); how(c) })
		l.Stop()
		expectCut(t, p)
		if _, err := io.Copy(io.Discard, peer); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer sees %v", err)
		}
	}
}

func TestCloseOfAnEndedPeerIsImmediate(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{Clock: new(clock).time}) // no timer runs out
		p := newProbe(t)
		p.eof = (*Conn).Close
		_, peer := adopt(t, l, network, p)
		peer.CloseWrite()
		expectEOF(t, peer)
		p.expect(t, "EOF", "closed: <nil>")
	})
}

func TestAbortResetsThePeer(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(c *Conn)
		want string
	}{
		{"Abort", func(c *Conn) { c.Abort() }, "closed: " + ErrAborted.Error()},
		{"Abort after Close", func(c *Conn) { c.Write(make([]byte, 64<<20)); c.Close(); c.Abort() }, "closed: " + ErrAborted.Error()},
		{"Abort twice", func(c *Conn) { c.Abort(); c.Abort(); c.Close(); c.CloseNow() }, "closed: " + ErrAborted.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLoop(t, Options{})
			p := newProbe(t)
			c, peer := adopt(t, l, "tcp", p)
			on(t, l, func() { tc.do(c) })
			if _, err := io.Copy(io.Discard, peer); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the peer sees %v", err)
			}
			p.expect(t, tc.want)
			p.expectNothing(t)
		})
	}
}

func TestCloseNow(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		on(t, l, func() {
			c.Write([]byte("not sent"))
			c.CloseNow()
			if c.Alive() || !c.PeerEnded() {
				t.Errorf("alive %v, peer ended %v", c.Alive(), c.PeerEnded())
			}
			c.CloseNow()
			c.Close()
		})
		expectEOF(t, peer)
		p.expect(t, "closed: <nil>")
		p.expectNothing(t)
	})
}

// Whatever a handler does, and from where: Closed comes once, and last, and
// nothing stays behind; newProbe and newLoop check that.
func TestEndingFromEverywhere(t *testing.T) {
	ends := map[string]func(c *Conn){
		"Close":    (*Conn).Close,
		"CloseNow": (*Conn).CloseNow,
		"Abort":    (*Conn).Abort,
		"all":      func(c *Conn) { c.Close(); c.Abort(); c.CloseNow() },
	}
	places := map[string]func(p *probe, end func(c *Conn)){
		"Data": func(p *probe, end func(c *Conn)) {
			p.data = func(c *Conn, in buffer.View) int { end(c); return 0 }
		},
		"Data that keeps bytes": func(p *probe, end func(c *Conn)) {
			p.data = func(c *Conn, in buffer.View) int {
				c.Out().AppendView(in)
				end(c)
				c.Out().AppendView(in)
				c.Resume()
				return 1
			}
		},
		"Data of a rest": func(p *probe, end func(c *Conn)) {
			first := true
			p.data = func(c *Conn, in buffer.View) int {
				if c.Resume(); !first {
					end(c)
				}
				first = false
				return 1
			}
		},
		"EOF":      func(p *probe, end func(c *Conn)) { p.eof = end },
		"Pressure": func(p *probe, end func(c *Conn)) { p.pressure = func(c *Conn, _ bool) { end(c) } },
		"Closed": func(p *probe, end func(c *Conn)) {
			p.eof = (*Conn).CloseNow
			p.closed = func(c *Conn, _ error) {
				end(c)
				c.Write(make([]byte, 10_000))
				c.Pause()
				c.Resume()
				c.CloseWrite()
				end(c)
			}
		},
	}
	for place, at := range places {
		for name, end := range ends {
			t.Run(place+"/"+name, func(t *testing.T) {
				l := newLoop(t, Options{})
				p := newProbe(t)
				at(p, end)
				c, peer := adopt(t, l, "tcp", p)
				if place == "Pressure" {
					on(t, l, func() { c.Write(make([]byte, 16<<20)) })
					p.expect(t, "high true") // before reading: the socket might take all
				}
				peer.Write([]byte(pattern(100_000))) // which may be too late
				peer.CloseWrite()
				io.Copy(io.Discard, peer)
				peer.Close()
				until(t, "the connection is gone", func() bool { return l.Count() == 0 })
				on(t, l, func() { c.Write(make([]byte, 10_000)) }) // by one who does not know
				turns(t, l)
			})
		}
	}
}

// Connections that end each other while they are being closed.
func TestEndingOthersWithinClosed(t *testing.T) {
	l := newLoop(t, Options{})
	const n = 50
	var conns [n]*Conn
	var probes [n]*probe
	for i := range n {
		probes[i] = newProbe(t)
		probes[i].closed = func(*Conn, error) {
			conns[(i+1)%n].Write([]byte("x"))
			conns[(i+1)%n].CloseNow()
			conns[(i+7)%n].Write([]byte("y"))
			conns[(i+7)%n].CloseNow()
		}
		conns[i], _ = adopt(t, l, "unix", probes[i])
	}
	on(t, l, conns[3].CloseNow)
	for _, p := range probes {
		p.expect(t, "closed: <nil>")
		p.expectNothing(t)
	}
}

package eventloop

import (
	"bytes"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

// narrow makes the socket's buffers small.
func narrow(t *testing.T, l *Loop, c *Conn, p peer) {
	t.Helper()
	p.SetReadBuffer(4 << 10)
	on(t, l, func() { unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10) })
}

func TestPressureIsToldAtTheCrossings(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		const highWater, lowWater, step = 10_000, 3_000, 500
		l := newLoop(t, Options{HighWater: highWater, LowWater: lowWater})
		p := newProbe(t)
		isHigh := false
		p.pressure = func(c *Conn, high bool) {
			n := c.out.Len()
			if high == isHigh || high && n <= highWater || !high && n > lowWater {
				t.Errorf("told %v with %d bytes waiting, after %v", high, n, isHigh)
			}
			isHigh = high
		}
		c, peer := adopt(t, l, network, p)
		narrow(t, l, c, peer)
		want, wrote, read := pattern(2<<20), 0, 0
		for range 5 {
			for low := true; low; { // the peer takes nothing
				on(t, l, func() { c.Write([]byte(want[wrote : wrote+step])) })
				wrote += step
				turns(t, l)
				on(t, l, func() {
					if low = !isHigh; low != (c.out.Len() <= highWater) {
						t.Errorf("%d bytes wait, and the handler was told %v", c.out.Len(), isHigh)
					}
				})
			}
			p.expect(t, "high true")
			for high := true; high; { // now it does
				b := make([]byte, 1000)
				n, err := peer.Read(b)
				if err != nil || string(b[:n]) != want[read:read+n] {
					t.Fatalf("at byte %d: %v, or not what was written", read, err)
				}
				read += n
				turns(t, l)
				on(t, l, func() { high = isHigh })
			}
			p.expect(t, "high false")
		}
		on(t, l, c.Close)
		expectRead(t, peer, want[read:wrote])
		expectEOF(t, peer)
		p.expect(t, "closed: <nil>")
	})
}

func TestWritingOnWithinPressure(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{HighWater: 10_000})
		p := newProbe(t)
		want, wrote := pattern(32<<20), 0
		var pump func(c *Conn)
		pump = func(c *Conn) {
			if c.flags&high != 0 || wrote == len(want) {
				return
			}
			n := min(300_000, len(want)-wrote)
			c.Write([]byte(want[wrote : wrote+n]))
			if wrote += n; wrote == len(want) {
				c.Close()
			}
			l.Post(func() { pump(c) }) // the socket may take all of it
		}
		p.pressure = func(c *Conn, high bool) {
			if !high {
				pump(c)
			}
		}
		c, peer := adopt(t, l, network, p)
		on(t, l, func() { pump(c) })
		p.expect(t, "high true")
		expectRead(t, peer, want)
		expectEOF(t, peer)
	})
}

// A connection that waits for its peer holds about as much memory as it has bytes
// to write, even if those are small pieces of many large slabs, and come after the
// socket was found full.
func TestWhatWaitsIsHeldCompactly(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{HighWater: 1 << 30})
		p := newProbe(t)
		c, peer := adopt(t, l, network, p)
		want := bytes.Repeat([]byte("x"), 8<<20)
		on(t, l, func() { c.Write(want) })
		turns(t, l)
		var base, held int
		on(t, l, func() { base = c.out.Len() })
		if base == 0 {
			t.Fatal("the socket took everything")
		}
		for i := range 50 {
			on(t, l, func() {
				s := l.bufs.Get(buffer.MaxSlab)
				view := buffer.ViewOf(s, 0, 2500)
				copy(view.Bytes(), want)
				c.Out().AppendView(view)
				s.Release()
			})
			want = append(want, want[:2500]...)
			turns(t, l)
			on(t, l, func() { base, held = c.out.Len(), l.bufs.Stats().LiveBytes })
			if held > base*4/3+4*buffer.MaxSlab+(i+1)*4<<10 {
				t.Fatalf("%d bytes wait, and %d are held", base, held)
			}
		}
		on(t, l, c.Close)
		expectRead(t, peer, string(want))
		p.expect(t, "closed: <nil>")
	})
}

// A handler that ends the connection when it is told of pressure must not hear of
// it again, nor leave anything.
func TestEndingWithinPressure(t *testing.T) {
	for name, end := range map[string]func(c *Conn){
		"CloseNow": (*Conn).CloseNow,
		"Abort":    (*Conn).Abort,
		"Close and CloseNow": func(c *Conn) {
			c.Close()
			c.CloseNow()
		},
		"Detach": func(c *Conn) {
			fd, _, _ := c.Detach()
			unix.Close(fd)
		},
	} {
		for _, when := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				l := newLoop(t, Options{})
				p := newProbe(t)
				ended := make(chan struct{})
				p.pressure = func(c *Conn, high bool) {
					if high == when {
						c.CloseWrite()
						end(c)
						c.Write([]byte("in vain"))
						close(ended)
					}
				}
				c, peer := adopt(t, l, "unix", p)
				on(t, l, func() { c.Write(make([]byte, 4<<20)) })
				if !when {
					p.expect(t, "high true") // before reading: the socket might take all
					io.CopyN(io.Discard, peer, 4<<20-1<<10)
				}
				wait(t, ended, "the pressure")
				turns(t, l)
				until(t, "it is gone", func() bool { return l.Count() == 0 })
			})
		}
	}
}

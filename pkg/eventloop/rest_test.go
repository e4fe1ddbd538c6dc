package eventloop

import (
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
)

func TestBytesLeftAreOfferedWithWhatFollows(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		var views []string
		p.data = func(_ *Conn, in buffer.View) int {
			views = append(views, string(in.Bytes()))
			if i := strings.LastIndex(string(in.Bytes()), "."); i >= 0 {
				return i + 1
			}
			return 0
		}
		_, peer := adopt(t, l, network, p)
		for i, s := range []string{"a", "b", "c.d", "e.", "f"} {
			send(t, peer, s)
			until(t, "the piece was offered", func() (seen bool) {
				on(t, l, func() { seen = len(views) == i+1 })
				return seen
			})
		}
		on(t, l, func() {
			if got := strings.Join(views, " "); got != "a ab abc.d de. f" {
				t.Errorf("offered: %s", got)
			}
		})
		peer.Close()
		p.expect(t, "EOF")
		p.expectBytes(t, "abc.de.")
	})
}

func TestResumeOffersTheRestWithoutNewBytes(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		p.data = func(c *Conn, in buffer.View) int {
			c.Pause()
			return 1
		}
		c, peer := adopt(t, l, network, p)
		send(t, peer, "abc")
		p.expectBytes(t, "a")
		send(t, peer, "def")
		turns(t, l)
		p.expectBytes(t, "a")
		for i := range "bcdef" {
			on(t, l, c.Resume)
			p.expectBytes(t, "abcdef"[:i+2])
			turns(t, l)
			p.expectBytes(t, "abcdef"[:i+2])
		}
	})
}

// A handler that is resumed while it looks at bytes, by an answer that came at
// once, is shown the ones that it left.
func TestResumeWithinData(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(c *Conn)
	}{
		{"alone", func(c *Conn) { c.Resume() }},
		{"after Pause", func(c *Conn) { c.Pause(); c.Resume() }},
		{"twice", func(c *Conn) { c.Pause(); c.Resume(); c.Pause(); c.Resume() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			networks(t, func(t *testing.T, network string) {
				l := newLoop(t, Options{})
				p := newProbe(t)
				p.data = func(c *Conn, in buffer.View) int {
					tc.do(c)
					return 1
				}
				_, peer := adopt(t, l, network, p)
				send(t, peer, "abcdef")
				p.expectBytes(t, "abcdef")
				send(t, peer, "ghi")
				peer.CloseWrite()
				p.expect(t, "EOF")
				p.expectBytes(t, "abcdefghi")
			})
		})
	}
}

func TestPauseAfterResumeWithinData(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	p.data = func(c *Conn, in buffer.View) int {
		c.Resume()
		c.Pause()
		return 1
	}
	c, peer := adopt(t, l, "tcp", p)
	send(t, peer, "abc")
	p.expectBytes(t, "a")
	turns(t, l)
	p.expectBytes(t, "a")
	on(t, l, c.Resume)
	p.expectBytes(t, "ab")
}

// Detection is a handler that looks at the first bytes, leaves them all, and gives
// the connection to another.
func TestSetHandlerWithinData(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		first, second := newProbe(t), newProbe(t)
		first.data = func(c *Conn, in buffer.View) int {
			if in.Len() < 3 {
				return 0
			}
			c.SetHandler(second)
			c.Resume()
			return 0
		}
		c, peer := adopt(t, l, network, first)
		send(t, peer, "a")
		turns(t, l)
		send(t, peer, "bcd")
		second.expectBytes(t, "abcd")
		on(t, l, func() {
			if c.Handler() != second {
				t.Error("Handler is not the one that was set")
			}
		})
		peer.Close()
		second.expect(t, "EOF")
		on(t, l, c.CloseNow)
		second.expect(t, "closed: <nil>")
		if calls := first.left(); calls != nil || first.bytes() != "" {
			t.Errorf("the first handler was told %q and consumed %q", calls, first.bytes())
		}
	})
}

func TestRestGrowsUpToItsLimit(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		longest := 0
		p.data = func(_ *Conn, in buffer.View) int {
			if in.Len() < longest {
				t.Errorf("offered %d bytes after %d", in.Len(), longest)
			}
			longest = in.Len()
			if string(in.Bytes()) != pattern(in.Len()) {
				t.Errorf("the %d bytes offered are not what was sent", in.Len())
			}
			return 0
		}
		_, peer := adopt(t, l, network, p)
		want := pattern(buffer.MaxSlab)
		send(t, peer, want[:buffer.MaxSlab-1])
		until(t, "all was offered", func() (all bool) {
			on(t, l, func() { all = longest == buffer.MaxSlab-1 })
			return all
		})
		turns(t, l)
		p.expectNothing(t)
		send(t, peer, want[buffer.MaxSlab-1:])
		p.expect(t, "closed: "+ErrUnreadTooLong.Error())
		if longest != buffer.MaxSlab {
			t.Errorf("the longest view was of %d bytes", longest)
		}
	})
}

// A full rest is no error while the handler has paused, or asks to see it again.
func TestFullRestOfAPausedConnection(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		p := newProbe(t)
		var again, seen bool
		p.data = func(c *Conn, in buffer.View) int {
			if in.Len() < buffer.MaxSlab && len(p.got) == 0 {
				return 0
			}
			if !again {
				c.Pause()
				return 0
			}
			if !seen {
				seen = true
				c.Resume() // to see it once more
				return 0
			}
			return in.Len()
		}
		c, peer := adopt(t, l, network, p)
		want := pattern(2 * buffer.MaxSlab)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			peer.Write([]byte(want))
			peer.CloseWrite()
		}()
		until(t, "reading is paused", func() (is bool) {
			on(t, l, func() { is = c.flags&paused != 0 })
			return is
		})
		turns(t, l)
		p.expectNothing(t)
		on(t, l, func() { again = true; c.Resume() })
		wait(t, sent, "the peer to send")
		p.expect(t, "EOF")
		p.expectBytes(t, want)
	})
}

func TestRestOfASlabIsNoEnd(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	p.data = func(_ *Conn, in buffer.View) int {
		if in.Len() < buffer.MaxSlab {
			return 0
		}
		return in.Len() - 1
	}
	_, peer := adopt(t, l, "tcp", p)
	want := pattern(10*buffer.MaxSlab + 1)
	send(t, peer, want[:5])
	turns(t, l)
	send(t, peer, want[5:])
	until(t, "all but the last are consumed", func() bool { return len(p.bytes()) > len(want)-buffer.MaxSlab })
	if got := p.bytes(); got != want[:len(got)] {
		t.Error("the bytes are not what was sent")
	}
	p.expectNothing(t)
}

// whim consumes, pauses and resumes without any reason.
type whim struct {
	*probe
	seed  uint32
	timer Timer
	conn  *Conn
}

func (w *whim) next(n int) int {
	w.seed = w.seed*1664525 + 1013904223
	return int(w.seed>>8) % n
}

func (w *whim) Data(c *Conn, in buffer.View) int {
	w.conn = c
	switch w.next(6) {
	case 0:
		c.Pause()
		c.Loop().Schedule(&w.timer, time.Duration(w.next(2))*time.Millisecond, w)
	case 1:
		c.Resume()
	case 2:
		c.Pause()
		c.Resume()
	}
	used := in.Len()
	if used > buffer.MaxSlab/2 {
		used -= w.next(buffer.MaxSlab / 4)
	} else if w.next(2) == 0 {
		used = w.next(used + 1)
	}
	c.Loop().Schedule(&w.timer, time.Millisecond, w) // what is left must not wait for ever
	return w.probe.Data(c, in.Slice(0, used))
}

func (w *whim) Expired(*Timer) { w.conn.Resume() }

func (w *whim) Closed(c *Conn, err error) {
	c.Loop().Cancel(&w.timer)
	w.probe.Closed(c, err)
}

func TestAnyPaceGetsAllBytes(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		for seed := range uint32(8) {
			w := &whim{probe: newProbe(t), seed: seed}
			c, peer := adopt(t, l, network, w)
			want := pattern(1 << 20)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for s, n := want, 1; s != ""; s, n = s[min(n, len(s)):], (n*7+1)%100_000+1 {
					peer.Write([]byte(s[:min(n, len(s))]))
				}
				peer.CloseWrite()
			}()
			wait(t, sent, "the peer to send")
			w.expectBytes(t, want)
			w.expect(t, "EOF")
			on(t, l, c.Close)
			w.expect(t, "closed: <nil>")
		}
	})
}

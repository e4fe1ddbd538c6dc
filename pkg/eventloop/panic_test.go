package eventloop

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
)

// noted are the panics that a loop has told of.
type noted struct {
	mu   sync.Mutex
	all  []Panic
	loop *Loop
}

// notePanics makes a loop whose panics are noted.
func notePanics(t *testing.T) *noted {
	t.Helper()
	n := &noted{loop: newLoop(t, Options{HighWater: 1000})}
	on(t, n.loop, func() {
		n.loop.OnPanic(func(p Panic) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.all = append(n.all, p)
		})
	})
	return n
}

// expect waits for one panic, and forgets it.
func (n *noted) expect(t *testing.T, c *Conn) Panic {
	t.Helper()
	until(t, "a panic is told of", func() bool { n.mu.Lock(); defer n.mu.Unlock(); return len(n.all) > 0 })
	turns(t, n.loop)
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.all[0]
	if len(n.all) != 1 || p.Value != "bang" || p.Conn != c || !strings.Contains(string(p.Stack), "panic_test.go") {
		t.Errorf("told of %d panics, the first: %v of %p, want one of %p", len(n.all), p.Value, p.Conn, c)
	}
	n.all = nil
	return p
}

func bang() { panic("bang") }

// TestPanicOfHandler has a handler panic at each of its calls: its own connection is
// aborted, and one that is served in the same turn, behind it, goes on.
func TestPanicOfHandler(t *testing.T) {
	cases := map[string]struct {
		set    func(p *probe)
		cause  func(t *testing.T, n *noted, c *Conn, there peer)
		expect []string
	}{
		"Data": {
			set:    func(p *probe) { p.data = func(*Conn, buffer.View) int { bang(); return 0 } },
			cause:  func(t *testing.T, _ *noted, _ *Conn, there peer) { send(t, there, "x") },
			expect: []string{"closed: " + ErrAborted.Error()},
		},
		"Data with a rest": {
			set: func(p *probe) {
				p.data = func(_ *Conn, in buffer.View) int {
					if in.Len() == 2 {
						bang()
					}
					return 0
				}
			},
			cause: func(t *testing.T, n *noted, _ *Conn, there peer) {
				send(t, there, "x")
				turns(t, n.loop)
				send(t, there, "y")
			},
			expect: []string{"closed: " + ErrAborted.Error()},
		},
		"EOF": {
			set:    func(p *probe) { p.eof = func(*Conn) { bang() } },
			cause:  func(t *testing.T, _ *noted, _ *Conn, there peer) { there.CloseWrite() },
			expect: []string{"EOF", "closed: " + ErrAborted.Error()},
		},
		"Pressure": {
			set:    func(p *probe) { p.pressure = func(*Conn, bool) { bang() } },
			cause:  func(t *testing.T, n *noted, c *Conn, _ peer) { on(t, n.loop, func() { c.Write(make([]byte, 16<<20)) }) },
			expect: []string{"high true", "closed: " + ErrAborted.Error()},
		},
		"Closed": {
			set:    func(p *probe) { p.closed = func(*Conn, error) { bang() } },
			cause:  func(t *testing.T, n *noted, c *Conn, _ peer) { on(t, n.loop, c.CloseNow) },
			expect: []string{"closed: <nil>"},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			n := notePanics(t)
			_, other := adopt(t, n.loop, "tcp", &echo{})
			p := newProbe(t)
			test.set(p)
			c, there := adopt(t, n.loop, "tcp", p)
			test.cause(t, n, c, there)
			if got := n.expect(t, c); got.Handler != Handler(p) {
				t.Errorf("the panic is told to be of %T", got.Handler)
			}
			p.expect(t, test.expect...)
			send(t, other, "on")
			expectRead(t, other, "on")
		})
	}
}

// TestPanicInTurn has the first of several things in one turn panic; the others have
// their turn, of each kind.
func TestPanicInTurn(t *testing.T) {
	n := notePanics(t)
	bad, good := newProbe(t), newProbe(t)
	bad.data = func(*Conn, buffer.View) int { bang(); return 0 }
	c, there := adopt(t, n.loop, "tcp", bad)
	_, fine := adopt(t, n.loop, "tcp", good)
	done := make(chan string, 2)
	release := hold(n.loop)
	send(t, there, "x")
	send(t, fine, "x")
	n.loop.Post(func() { done <- "a task" })
	release()
	n.expect(t, c)
	wait(t, done, "the task")
	good.expectBytes(t, "x")

	n.loop.Post(bang)
	n.loop.Post(func() { done <- "the next task" })
	n.expect(t, nil)
	wait(t, done, "the task behind")
}

// expirer is a function as the target of a timer.
type expirer func()

func (f *expirer) Expired(*Timer) { (*f)() }

// TestPanicOfTimer has a timer's target panic, and another one that is due with it run
// out as well.
func TestPanicOfTimer(t *testing.T) {
	n := notePanics(t)
	ran := make(chan struct{}, 2)
	first, second := expirer(func() { ran <- struct{}{}; bang() }), expirer(func() { ran <- struct{}{} })
	var timers [2]Timer
	on(t, n.loop, func() {
		n.loop.Schedule(&timers[0], 0, &first)
		n.loop.Schedule(&timers[1], 0, &second)
	})
	wait(t, ran, "one timer")
	wait(t, ran, "the other")
	if p := n.expect(t, nil); p.Timer != Expirer(&first) {
		t.Errorf("the panic is told to be of the timer of %T", p.Timer)
	}
}

// TestPanicOfAccept has who is to give a connection its handler panic.
func TestPanicOfAccept(t *testing.T) {
	g := newGroup(t, 1)
	told := make(chan Panic, 2)
	g.Each(func(_ int, l *Loop) { l.OnPanic(func(p Panic) { told <- p }) })
	p := newProbe(t)
	ls, err := g.Listen(freeAddr(t, "tcp"), ListenOptions{}, func(c *Conn) Handler {
		c.SetHandler(p)
		bang()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", ls.Addr().String()); err == nil { // it may be reset before
		defer c.Close()
	}
	wait(t, told, "the panic")
	p.expect(t, "closed: "+ErrAborted.Error())
	ls.Close()
}

// TestProtect has one of several things that are done in a row panic, at different
// depths, and all others done.
func TestProtect(t *testing.T) {
	n := notePanics(t)
	p := newProbe(t)
	c, _ := adopt(t, n.loop, "tcp", p)
	did := 0
	on(t, n.loop, func() {
		n.loop.Protect(nil, func() {
			n.loop.Protect(c, bang)
			did++
		})
		did++
	})
	n.expect(t, c)
	if did != 2 {
		t.Errorf("%d things are done, want 2", did)
	}
	p.expect(t, "closed: "+ErrAborted.Error())
}

// TestPanicAtStop has handlers and tasks panic while the loop stops, which it does.
func TestPanicAtStop(t *testing.T) {
	n := notePanics(t)
	for range 2 {
		p := newProbe(t)
		p.closed = func(*Conn, error) { bang() }
		adopt(t, n.loop, "tcp", p)
	}
	release := hold(n.loop)
	n.loop.stopping.Store(true)
	n.loop.Post(bang)
	release()
	n.loop.Stop()
	if len(n.all) != 3 {
		t.Errorf("told of %d panics, want 3", len(n.all))
	}
}

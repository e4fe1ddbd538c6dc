package eventloop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Clients connect all the time while one group hands its sockets to another, with fewer
// or more loops, and leaves. Each gets its answer.
func TestHandOverWhileClientsConnect(t *testing.T) {
	for _, tt := range []struct{ before, after int }{{1, 1}, {3, 3}, {3, 1}, {1, 3}, {2, 3}} {
		for _, reuse := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d to %d loops, ReusePort %v", tt.before, tt.after, reuse), func(t *testing.T) {
				before := descriptors(t)
				handOver(t, tt.before, tt.after, reuse)
				until(t, "all descriptors are given back", func() bool { return descriptors(t) <= before })
			})
		}
	}
}

func handOver(t *testing.T, before, after int, reuse bool) {
	old, next := newBareGroup(t, before), newBareGroup(t, after)
	defer next.Stop()
	o := ListenOptions{ReusePort: reuse}
	ls, err := old.Listen(freeAddr(t, "tcp"), o, func(*Conn) Handler { return &echo{} })
	if err != nil {
		t.Fatal(err)
	}
	clients := startClients(t, ls.Addr().String())
	clients.more(50)
	if o.FDs, err = ls.Sockets(); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	successor, err := next.Listen(*ls.Addr(), o, func(*Conn) Handler { taken.Add(1); return &echo{} })
	if err != nil {
		t.Fatal(err)
	}
	clients.more(50)
	ls.Leave()
	until(t, "the old connections are over", func() bool { _, n := counts(old); return n == 0 })
	old.Stop()
	clients.more(50)
	clients.stop()
	successor.Close()
	if taken.Load() == 0 {
		t.Error("the successor got no connection")
	}
	if _, err := ls.Sockets(); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func newBareGroup(t *testing.T, n int) *Group {
	t.Helper()
	g, err := NewGroup(n, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// clients connect, ask and go, over and over.
type clients struct {
	t    *testing.T
	done chan struct{}
	wg   sync.WaitGroup
	n    atomic.Int64
}

func startClients(t *testing.T, addr string) *clients {
	c := &clients{t: t, done: make(chan struct{})}
	for range 4 {
		c.wg.Go(func() {
			for {
				select {
				case <-c.done:
					return
				default:
				}
				if err := askOnce(addr); err != nil {
					t.Error(err)
					return
				}
				c.n.Add(1)
			}
		})
	}
	return c
}

func askOnce(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "x"); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err
}

// more waits until some more have been served.
func (c *clients) more(n int64) {
	c.t.Helper()
	want := c.n.Load() + n
	until(c.t, "more clients are served", func() bool { return c.n.Load() >= want || c.t.Failed() })
}

func (c *clients) stop() {
	close(c.done)
	c.wg.Wait()
}

// Those who wait in the queues of the sockets are the successor's, and nobody accepts
// them to close them: neither Leave, nor loops that are stopped.
func TestQueuesAreHandedOver(t *testing.T) {
	for name, leave := range map[string]func(*Group, *Listening){
		"Leave": func(g *Group, ls *Listening) { ls.Leave(); g.Stop() },
		"Stop":  func(g *Group, ls *Listening) { g.Stop(); ls.Leave() },
	} {
		t.Run(name, func(t *testing.T) {
			next := newGroup(t, 2)
			old, err := NewGroup(3, Options{Clock: func() int64 { return 0 }})
			if err != nil {
				t.Fatal(err)
			}
			o := ListenOptions{ReusePort: true}
			ls, err := old.Listen(freeAddr(t, "tcp"), o, func(*Conn) Handler { t.Error("the old group accepts"); return nil })
			if err != nil {
				t.Fatal(err)
			}
			for _, ln := range ls.lns {
				on(t, ln.loop, ln.backOffNow) // so that those who come still wait when it goes
			}
			var waiting []peer
			for range 30 {
				c := connect(t, ls.Addr())
				defer c.Close()
				send(t, c, "early")
				waiting = append(waiting, c)
			}
			if o.FDs, err = ls.Sockets(); err != nil || len(o.FDs) != 3 {
				t.Fatalf("%d sockets, %v", len(o.FDs), err)
			}
			leave(old, ls)
			listen(t, next, *ls.Addr(), o, func(*Conn) Handler { return &echo{} })
			for _, c := range waiting {
				expectRead(t, c, "early")
			}
		})
	}
}

// What is no listening socket is refused, and closed with the others.
func TestListenOnSomethingElse(t *testing.T) {
	g := newGroup(t, 1)
	before := descriptors(t)
	addr := freeAddr(t, "tcp")
	good, err := Bind(&addr, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bad, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Bind(addr, ListenOptions{FDs: []int{good, bad}}); !errors.Is(err, errNotListening) {
		t.Errorf("got %v", err)
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
}

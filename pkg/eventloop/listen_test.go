package eventloop

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func listen(t *testing.T, g *Group, addr Addr, o ListenOptions, a Accept) *Listening {
	t.Helper()
	ls, err := g.Listen(addr, o, a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ls.Close)
	return ls
}

func counts(g *Group) (n []int, sum int) {
	for _, l := range g.Loops() {
		n = append(n, l.Count())
		sum += l.Count()
	}
	return n, sum
}

func TestEachConnectionGoesToTheLoopWithTheFewest(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		g := newGroup(t, 3)
		ls := listen(t, g, freeAddr(t, network), ListenOptions{}, func(c *Conn) Handler {
			if network == "tcp" && !c.RemoteAddr().IsValid() {
				t.Error("RemoteAddr is not valid")
			}
			return &echo{}
		})
		var clients []peer
		for i := range 30 {
			c := connect(t, ls.Addr())
			defer c.Close()
			clients = append(clients, c)
			until(t, "it is accepted", func() bool { _, sum := counts(g); return sum == i+1 })
		}
		if n, _ := counts(g); n[0] != 10 || n[1] != 10 || n[2] != 10 {
			t.Errorf("the loops have %v connections", n)
		}
		for i := range 12 {
			clients[i].Close()
		}
		until(t, "they are closed", func() bool { _, sum := counts(g); return sum == 18 })
		for i := range 12 {
			defer connect(t, ls.Addr()).Close()
			until(t, "it is accepted", func() bool { _, sum := counts(g); return sum == 19+i })
		}
		if n, _ := counts(g); n[0] != 10 || n[1] != 10 || n[2] != 10 {
			t.Errorf("the loops have %v connections", n)
		}
	})
}

// A connection that nobody redirected was meant for where it came to.
func TestOriginalDstOfWhatWasNotRedirected(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		g := newGroup(t, 1)
		addr, err := ParseAddr(net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan [2]netip.AddrPort, 1)
		ls := listen(t, g, addr, ListenOptions{}, func(c *Conn) Handler {
			got <- [2]netip.AddrPort{c.OriginalDst(), c.LocalAddr()}
			return &echo{}
		})
		connect(t, ls.Addr()).Close()
		if at := <-got; at[0] != at[1] || at[0] != ls.Addr().AddrPort() {
			t.Errorf("it was meant for %v, came to %v, and %v listens", at[0], at[1], ls.Addr())
		}
	}
}

func TestReusePortGivesEveryLoopASocket(t *testing.T) {
	g := newGroup(t, 3)
	ls := listen(t, g, freeAddr(t, "tcp"), ListenOptions{ReusePort: true}, func(*Conn) Handler { return &echo{} })
	if len(ls.lns) != 3 {
		t.Errorf("%d sockets", len(ls.lns))
	}
	for i := range 100 {
		c := connect(t, ls.Addr())
		defer c.Close()
		send(t, c, "x")
		expectRead(t, c, "x")
		if _, sum := counts(g); sum != i+1 {
			t.Errorf("%d connections of %d", sum, i+1)
		}
	}
	if n, _ := counts(g); n[0] == 0 || n[1] == 0 || n[2] == 0 {
		t.Errorf("the loops have %v connections", n)
	}
	unixLs := listen(t, g, freeAddr(t, "unix"), ListenOptions{ReusePort: true}, func(*Conn) Handler { return &echo{} })
	if len(unixLs.lns) != 1 {
		t.Errorf("%d unix sockets", len(unixLs.lns))
	}
}

func TestClosingAListenerAcceptsWhatWaits(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		g := newGroup(t, 2)
		ls := listen(t, g, freeAddr(t, network), ListenOptions{}, func(*Conn) Handler { return &echo{} })
		var clients []peer
		release := hold(ls.lns[0].loop)
		for range 5*acceptsPerTurn + 1 {
			c := connect(t, ls.Addr())
			defer c.Close()
			clients = append(clients, c)
		}
		closed := make(chan struct{})
		go func() { ls.Close(); ls.Close(); close(closed) }()
		release()
		wait(t, closed, "the listener to close")
		for _, c := range clients {
			send(t, c, "x")
			expectRead(t, c, "x")
		}
		at := ls.Addr().String()
		if path, ok := ls.Addr().Unix(); ok {
			at = path
		}
		if c, err := net.Dial(network, at); err == nil {
			c.Close()
			t.Error("somebody still listens")
		}
	})
}

// Accept runs on the loop of the connection and may use it at once.
func TestAcceptRefuses(t *testing.T) {
	for name, do := range map[string]func(c *Conn){
		"silently": func(*Conn) {},
		"after writing": func(c *Conn) {
			c.Write([]byte("busy"))
			c.Resume()
			c.CloseWrite()
		},
		"after Close": (*Conn).Close,
		"after Abort": (*Conn).Abort,
		"after Detach": func(c *Conn) {
			fd, _, _ := c.Detach()
			unix.Close(fd)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 2)
			before := descriptors(t)
			ls := listen(t, g, freeAddr(t, "tcp"), ListenOptions{}, func(c *Conn) Handler { do(c); return nil })
			for range 20 {
				c, err := net.Dial("tcp", ls.Addr().String())
				if err != nil {
					continue // it was reset before Dial could look at it
				}
				if n, err := c.Read(make([]byte, 10)); n != 0 || err == nil {
					t.Errorf("read %d bytes, %v", n, err)
				}
				c.Close()
			}
			ls.Close()
			until(t, "nothing is left", func() bool { _, sum := counts(g); return sum == 0 && descriptors(t) == before })
			g.Each(func(_ int, l *Loop) {
				if n := len(l.free); n != len(l.conns) {
					t.Errorf("%d of %d slots are free", n, len(l.conns))
				}
			})
		})
	}
}

func TestListenRefuses(t *testing.T) {
	g := newGroup(t, 2)
	before := descriptors(t)
	taken := listen(t, g, freeAddr(t, "tcp"), ListenOptions{}, nil)
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{taken.Addr().String(), "192.0.2.1:80", "unix:" + file, "unix:/no/such/folder/s"} {
		addr, err := ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Listen(addr, ListenOptions{}, nil); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "data" {
		t.Errorf("a file in the way was removed: %v", err)
	}
	taken.Close()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestAStaleUnixSocketIsReplacedAndALiveOneIsNot(t *testing.T) {
	g := newGroup(t, 1)
	addr := freeAddr(t, "unix")
	ls := listen(t, g, addr, ListenOptions{}, func(*Conn) Handler { return &echo{} })
	if _, err := g.Listen(addr, ListenOptions{}, nil); err == nil {
		t.Fatal("two listen on one socket")
	}
	ls.Close()
	path, _ := addr.Unix()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal("there is no stale file to be replaced")
	}
	ls = listen(t, g, addr, ListenOptions{}, func(*Conn) Handler { return &echo{} })
	c := connect(t, ls.Addr())
	defer c.Close()
	send(t, c, "x")
	expectRead(t, c, "x")
}

func TestListenOnAnInheritedSocket(t *testing.T) {
	g := newGroup(t, 2)
	ln, addr := listenOn(t, "tcp")
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	ls := listen(t, g, addr, ListenOptions{FDs: []int{fd}}, func(*Conn) Handler { return &echo{} })
	c := connect(t, ls.Addr())
	defer c.Close()
	send(t, c, "x")
	expectRead(t, c, "x")
}

// Between Bind and Start, clients wait in the system's queue.
func TestBindThenStart(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		g := newGroup(t, 2)
		before := descriptors(t)
		ls, err := g.Bind(freeAddr(t, network), ListenOptions{ReusePort: true})
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, ls.Addr())
		send(t, c, "early")
		if _, sum := counts(g); sum != 0 {
			t.Errorf("%d connections before Start", sum)
		}
		if err := ls.Start(func(*Conn) Handler { return &echo{} }); err != nil {
			t.Fatal(err)
		}
		expectRead(t, c, "early")
		c.Close()
		ls.Close()
		for range 2 { // the second time, on loops that have stopped
			unused, err := g.Bind(freeAddr(t, network), ListenOptions{ReusePort: true})
			if err != nil {
				t.Fatal(err)
			}
			c := connect(t, unused.Addr())
			unused.Close()
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("a listener that was never started answers")
			}
			c.Close()
			until(t, "all descriptors are closed", func() bool { return descriptors(t) <= before })
			g.Stop()
		}
	})
}

// A connection that is placed on a loop that has stopped is closed, and counts
// nowhere.
func TestPlacingOnAStoppedLoop(t *testing.T) {
	g := newGroup(t, 2)
	ls := listen(t, g, freeAddr(t, "tcp"), ListenOptions{}, func(*Conn) Handler { return &echo{} })
	here := ls.lns[0].loop
	other := g.Loops()[0]
	if other == here {
		other = g.Loops()[1]
	}
	on(t, here, func() { ls.lns[0].place = func() *Loop { return other } })
	other.Stop()
	c := connect(t, ls.Addr())
	defer c.Close()
	expectEOF(t, c)
	if n, sum := counts(g); sum != 0 {
		t.Errorf("the loops have %v connections", n)
	}
	ran := 0
	g.Each(func(int, *Loop) { ran++ })
	if ran != 1 {
		t.Errorf("Each ran on %d loops", ran)
	}
}

func TestListenOnAStoppedGroup(t *testing.T) {
	g := newGroup(t, 1)
	g.Stop()
	before := descriptors(t)
	if _, err := g.Listen(freeAddr(t, "tcp"), ListenOptions{}, nil); !errors.Is(err, ErrStopped) {
		t.Errorf("Listen says %v", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// Stopping while connections are being made leaves nothing behind.
func TestStopWhileAccepting(t *testing.T) {
	before := descriptors(t)
	for range 20 {
		g, err := NewGroup(3, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ls, err := g.Listen(freeAddr(t, "tcp"), ListenOptions{}, func(*Conn) Handler { return &echo{} })
		if err != nil {
			t.Fatal(err)
		}
		var stop atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for !stop.Load() {
				c, err := net.Dial("tcp", ls.Addr().String())
				if err != nil {
					return
				}
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
		}()
		until(t, "connections come", func() bool { _, sum := counts(g); return sum > 0 })
		g.Stop()
		stop.Store(true)
		<-done
		ls.Close()
		for _, l := range g.Loops() {
			stopClean(t, l)
		}
	}
	until(t, "all descriptors are closed", func() bool { return descriptors(t) <= before })
}

func TestManyConnections(t *testing.T) {
	const batches, each = 40, 500
	g := newGroup(t, 2)
	before := descriptors(t)
	var closed atomic.Int64
	ls := listen(t, g, freeAddr(t, "tcp"), ListenOptions{}, func(*Conn) Handler {
		return &echo{closed: func() { closed.Add(1) }}
	})
	b := make([]byte, 1)
	for batch := range batches {
		var clients []*net.TCPConn
		for range each {
			c := connect(t, ls.Addr())
			clients = append(clients, c.(*net.TCPConn))
		}
		for i, c := range clients {
			if i%3 != 0 {
				c.Write(b)
			}
			if i%3 == 1 {
				c.Read(b)
			}
			c.SetLinger(0) // leaves no port waiting
			c.Close()
		}
		want := int64((batch + 1) * each)
		until(t, "the batch is closed", func() bool { return closed.Load() == want })
	}
	ls.Close()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	g.Each(func(i int, l *Loop) {
		held := 0
		if l.in != nil {
			held = 1
		}
		if s := l.bufs.Stats(); s.Live != held || l.Count() != 0 || len(l.free) != len(l.conns) {
			t.Errorf("loop %d: %+v, %d connections, %d of %d slots free", i, s, l.Count(), len(l.free), len(l.conns))
		}
		if len(l.conns) > 2*each {
			t.Errorf("loop %d has %d slots", i, len(l.conns))
		}
	})
}

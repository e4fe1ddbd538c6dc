package eventloop

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listenOn returns a listener of package net, and its address.
func listenOn(t *testing.T, network string) (net.Listener, Addr) {
	t.Helper()
	at, prefix := "127.0.0.1:0", ""
	if network == "unix" {
		at, prefix = filepath.Join(t.TempDir(), "s"), "unix:"
	}
	ln, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	addr, err := ParseAddr(prefix + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return ln, addr
}

func dial(t *testing.T, l *Loop, addr *Addr, h Handler) (c *Conn, err error) {
	t.Helper()
	on(t, l, func() { c, err = l.Dial(addr, &DialOptions{Timeout: time.Minute}, h) })
	return c, err
}

func accept(t *testing.T, ln net.Listener) peer {
	t.Helper()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(peer)
}

func TestDial(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		ln, addr := listenOn(t, network)
		p := newProbe(t)
		p.connected = func(c *Conn) { c.Write([]byte("second")) }
		var c *Conn
		on(t, l, func() {
			var err error
			if c, err = l.Dial(&addr, &DialOptions{Timeout: time.Minute}, p); err != nil {
				t.Fatal(err)
			}
			p.expectNothing(t)
			c.Write([]byte("first "))
		})
		peer := accept(t, ln)
		p.expect(t, "connected")
		expectRead(t, peer, "first second")
		send(t, peer, "answer")
		p.expectBytes(t, "answer")
		on(t, l, func() {
			if network == "tcp" {
				if got := c.RemoteAddr().String(); got != ln.Addr().String() {
					t.Errorf("RemoteAddr is %s", got)
				}
				if got := c.LocalAddr().String(); got != peer.RemoteAddr().String() {
					t.Errorf("LocalAddr is %s", got)
				}
			}
			if c.WireRead() != 6 || c.WireWritten() != 12 || c.extra != nil {
				t.Errorf("received %d, sent %d, extra %v", c.WireRead(), c.WireWritten(), c.extra)
			}
			if c.Loop() != l || l.timers.occupied != [levels]uint64{} {
				t.Error("a timer is left")
			}
		})
		peer.Close()
		p.expect(t, "EOF")
	})
}

func TestDialAbstractSocket(t *testing.T) {
	l := newLoop(t, Options{})
	name := "@" + filepath.Base(t.TempDir()) + t.Name()
	ln, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr, err := ParseAddr("unix:" + name)
	if err != nil {
		t.Fatal(err)
	}
	p := newProbe(t)
	if _, err := dial(t, l, &addr, p); err != nil {
		t.Fatal(err)
	}
	p.expect(t, "connected")
}

func TestDialRefused(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		ln, addr := listenOn(t, network)
		if u, ok := ln.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		ln.Close()
		p := newProbe(t)
		_, err := dial(t, l, &addr, p)
		if network == "unix" {
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("Dial says %v", err)
			}
			turns(t, l)
			p.expectNothing(t)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		p.expect(t, "closed: connection refused")
	})
}

func TestDialFailsAtOnce(t *testing.T) {
	l := newLoop(t, Options{})
	before := descriptors(t)
	for _, text := range []string{"unix:/no/such/folder/socket", "255.255.255.255:1"} {
		addr, err := ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dial(t, l, &addr, newProbe(t)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	if _, err := dial(t, l, &Addr{}, newProbe(t)); err == nil {
		t.Error("the zero Addr: no error")
	}
	if after := descriptors(t); after != before || l.Count() != 0 {
		t.Errorf("%d descriptors before, %d after; %d connections", before, after, l.Count())
	}
}

// full returns the address of a listener that completes no more handshakes.
func full(t *testing.T) Addr {
	t.Helper()
	addr, _ := ParseAddr("127.0.0.1:0")
	fd, err := Bind(&addr, ListenOptions{Backlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(client) })
		unix.Connect(client, sa)
	}
	return AddrFrom(addrPortOf(sa))
}

func TestDialTimeout(t *testing.T) {
	var now clock
	l := newLoop(t, Options{Clock: now.time, HighWater: 1000})
	addr := full(t)
	p := newProbe(t)
	c, err := dial(t, l, &addr, p)
	if err != nil {
		t.Fatal(err)
	}
	on(t, l, func() { c.Write(make([]byte, 1000)) })
	turns(t, l)
	p.expectNothing(t)
	on(t, l, func() { c.Write(make([]byte, 1)) })
	p.expect(t, "high true") // writers are held up before the connection stands
	now.forward(t, l, time.Minute-time.Millisecond)
	p.expectNothing(t)
	now.forward(t, l, time.Millisecond)
	p.expect(t, "closed: "+ErrConnectTimeout.Error())
}

func TestEndingWhileConnecting(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(c *Conn)
		want string
	}{
		"Close":      {func(c *Conn) { c.Write([]byte("x")); c.Close() }, "closed: <nil>"},
		"CloseNow":   {(*Conn).CloseNow, "closed: <nil>"},
		"Abort":      {(*Conn).Abort, "closed: " + ErrAborted.Error()},
		"CloseWrite": {func(c *Conn) { c.CloseWrite(); c.Abort() }, "closed: " + ErrAborted.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, Options{})
			addr := full(t)
			p := newProbe(t)
			on(t, l, func() {
				c, err := l.Dial(&addr, &DialOptions{Timeout: time.Minute}, p)
				if err != nil {
					t.Error(err)
					return
				}
				tc.do(c)
			})
			p.expect(t, tc.want)
			on(t, l, func() {
				if l.timers.occupied != [levels]uint64{} {
					t.Error("the timer is left")
				}
			})
		})
	}
}

// The loop first looks at the connection when the server has already spoken and
// gone: all of that must arrive.
func TestDialToOneWhoSpeaksAndGoes(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		ln, addr := listenOn(t, network)
		p := newProbe(t)
		held, free := make(chan struct{}), make(chan struct{})
		l.Post(func() {
			if _, err := l.Dial(&addr, &DialOptions{Timeout: time.Minute}, p); err != nil {
				t.Error(err)
			}
			close(held)
			<-free
		})
		wait(t, held, "the dial")
		peer := accept(t, ln)
		send(t, peer, "banner")
		peer.Close()
		close(free)
		p.expect(t, "connected", "EOF")
		p.expectBytes(t, "banner")
	})
}

func TestResetDuringConnect(t *testing.T) {
	l := newLoop(t, Options{})
	ln, addr := listenOn(t, "tcp")
	p := newProbe(t)
	held, free := make(chan struct{}), make(chan struct{})
	l.Post(func() {
		if _, err := l.Dial(&addr, &DialOptions{Timeout: time.Minute}, p); err != nil {
			t.Error(err)
		}
		close(held)
		<-free
	})
	wait(t, held, "the dial")
	reset(t, accept(t, ln))
	close(free)
	p.expect(t, wasReset)
}

func TestEndingWithinConnected(t *testing.T) {
	for name, end := range map[string]func(c *Conn){
		"Close":    func(c *Conn) { c.Write([]byte("x")); c.Close() },
		"CloseNow": (*Conn).CloseNow,
		"Abort":    (*Conn).Abort,
		"Detach":   func(c *Conn) { fd, _, _ := c.Detach(); unix.Close(fd) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, Options{})
			ln, addr := listenOn(t, "tcp")
			p := newProbe(t)
			p.connected = end
			if _, err := dial(t, l, &addr, p); err != nil {
				t.Fatal(err)
			}
			accept(t, ln).Close()
			p.expect(t, "connected")
			until(t, "the connection is gone", func() bool { return l.Count() == 0 })
		})
	}
}

// An owner that connects again whenever its connection is closed does not keep a
// loop from stopping.
func TestStopOfALoopWhoseOwnersDialAgain(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	go l.Run()
	_, addr := listenOn(t, "tcp")
	refused := make(chan error, 1)
	p := newProbe(t)
	p.closed = func(*Conn, error) {
		_, err := l.Dial(&addr, &DialOptions{Timeout: time.Minute}, newProbe(t))
		refused <- err
	}
	if _, err := dial(t, l, &addr, p); err != nil {
		t.Fatal(err)
	}
	p.expect(t, "connected")
	stopClean(t, l)
	p.expect(t, "closed: "+ErrStopped.Error())
	if err := <-refused; !errors.Is(err, ErrStopped) {
		t.Errorf("Dial says %v", err)
	}
}

func TestStopWithPendingDial(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	go l.Run()
	addr := full(t)
	p := newProbe(t)
	if _, err := dial(t, l, &addr, p); err != nil {
		t.Fatal(err)
	}
	stopClean(t, l)
	p.expect(t, "closed: "+ErrStopped.Error())
	p.expectNothing(t)
}

func TestDialOptions(t *testing.T) {
	l := newLoop(t, Options{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr, err := ParseAddr(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	option := func(c *Conn, level, name int) int {
		n, err := unix.GetsockoptInt(int(c.fd), level, name)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	on(t, l, func() {
		o := &DialOptions{Timeout: time.Minute, Keepalive: 1500 * time.Millisecond, Unanswered: 7 * time.Second}
		if os.Geteuid() == 0 { // nobody else may mark packets
			o.Mark = 9
		}
		c, err := l.Dial(&addr, o, newProbe(t))
		if err != nil {
			t.Error(err)
			return
		}
		for _, want := range []struct{ level, name, value int }{
			{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 2},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 2},
			{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 7000},
			{unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark)},
		} {
			if got := option(c, want.level, want.name); got != want.value {
				t.Errorf("option %d of level %d is %d, want %d", want.name, want.level, got, want.value)
			}
		}
		c.CloseNow()
	})
}

package eventloop

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		runChild()
		return
	}
	descriptorsOfTheRuntime()
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// newLoop runs a loop that must have given everything back by the end of the test.
func newLoop(t testing.TB, opts Options) *Loop {
	t.Helper()
	l, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	go l.Run()
	t.Cleanup(func() { stopClean(t, l) })
	return l
}

func stopClean(t testing.TB, l *Loop) {
	l.Stop()
	if n := l.Count(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if s := l.bufs.Stats(); s.Live != 0 {
		t.Errorf("slabs leaked: %+v", s)
	}
}

func newGroup(t testing.TB, n int) *Group {
	t.Helper()
	g, err := NewGroup(n, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Stop()
		for _, l := range g.Loops() {
			stopClean(t, l)
		}
	})
	return g
}

// on runs fn on the loop and waits for it.
func on(t testing.TB, l *Loop, fn func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func() { defer close(done); fn() }) {
		t.Fatal("the loop has stopped")
	}
	wait(t, done, "the loop to run a task")
}

// turns lets the loop finish whatever it is doing now, flushing included.
func turns(t testing.TB, l *Loop) {
	t.Helper()
	for range 3 {
		on(t, l, func() {})
	}
}

// hold keeps the loop from looking at sockets until the returned function is
// called, so that what happens meanwhile arrives in one turn.
func hold(l *Loop) (release func()) {
	held, free := make(chan struct{}), make(chan struct{})
	l.Post(func() { close(held); <-free })
	<-held
	return func() { close(free) }
}

func wait[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// until waits for a condition that other goroutines bring about.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now int64
}

func (c *clock) time() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// forward moves the time and lets the loop see it.
func (c *clock) forward(t testing.TB, l *Loop, d time.Duration) {
	t.Helper()
	c.mu.Lock()
	c.now += int64(d)
	c.mu.Unlock()
	turns(t, l)
}

// probe is a handler that writes down what it is told, and does what the test
// says. Its functions run on the loop.
type probe struct {
	data      func(c *Conn, in buffer.View) int // nil takes everything
	eof       func(c *Conn)
	pressure  func(c *Conn, high bool)
	connected func(c *Conn)
	closed    func(c *Conn, err error)

	calls chan string

	mu   sync.Mutex
	got  []byte
	gone bool
}

func newProbe(t testing.TB) *probe {
	p := &probe{calls: make(chan string, 10_000)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("calls left: %q, %d bytes got", p.left(), len(p.bytes()))
		}
	})
	return p
}

func (p *probe) say(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		panic("after Closed, the handler was told: " + s)
	}
	p.calls <- s
}

func (p *probe) Data(c *Conn, in buffer.View) int {
	n := in.Len()
	if p.data != nil {
		n = p.data(c, in)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		panic("data after Closed")
	}
	p.got = append(p.got, in.Bytes()[:n]...)
	return n
}

func (p *probe) EOF(c *Conn) {
	p.say("EOF")
	if p.eof != nil {
		p.eof(c)
	}
}

func (p *probe) Pressure(c *Conn, high bool) {
	p.say(fmt.Sprintf("high %v", high))
	if p.pressure != nil {
		p.pressure(c, high)
	}
}

func (p *probe) Connected(c *Conn) {
	p.say("connected")
	if p.connected != nil {
		p.connected(c)
	}
}

func (p *probe) Closed(c *Conn, err error) {
	p.say(fmt.Sprintf("closed: %v", err))
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	if p.closed != nil {
		p.closed(c, err)
	}
}

// expect waits for the next calls, beside Data.
func (p *probe) expect(t testing.TB, calls ...string) {
	t.Helper()
	for _, want := range calls {
		if got := wait(t, p.calls, fmt.Sprintf("%q", want)); got != want {
			t.Fatalf("the handler was told %q, want %q", got, want)
		}
	}
}

// left returns the calls that nobody waited for.
func (p *probe) left() (calls []string) {
	for {
		select {
		case s := <-p.calls:
			calls = append(calls, s)
		default:
			return calls
		}
	}
}

func (p *probe) expectNothing(t testing.TB) {
	t.Helper()
	if calls := p.left(); calls != nil {
		t.Fatalf("the handler was told %q", calls)
	}
}

// bytes returns what was consumed.
func (p *probe) bytes() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.got)
}

func (p *probe) expectBytes(t testing.TB, want string) {
	t.Helper()
	until(t, fmt.Sprintf("%d bytes have come", len(want)), func() bool { return len(p.bytes()) >= len(want) })
	if got := p.bytes(); got != want {
		t.Fatalf("got %d bytes that are not the %d sent", len(got), len(want))
	}
}

// networks runs a test over TCP and over unix sockets.
func networks(t *testing.T, f func(t *testing.T, network string)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { f(t, network) })
	}
}

// peer is the other end of a connection under test.
type peer interface {
	net.Conn
	CloseWrite() error
	CloseRead() error
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
}

// pair makes a connection and returns one end as a descriptor.
func pair(t testing.TB, network string) (fd int, p peer) {
	t.Helper()
	at := "127.0.0.1:0"
	if network == "unix" {
		at = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	near.SetDeadline(time.Now().Add(patience))
	return fdOf(t, far), near.(peer)
}

// fdOf takes the descriptor out of a connection of package net.
func fdOf(t testing.TB, c net.Conn) (fd int) {
	t.Helper()
	defer c.Close()
	raw, err := c.(interface {
		SyscallConn() (syscall.RawConn, error)
	}).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(u uintptr) { fd, err = unix.FcntlInt(u, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// adopt puts one end of a new connection on the loop.
func adopt(t testing.TB, l *Loop, network string, h Handler) (c *Conn, p peer) {
	t.Helper()
	fd, p := pair(t, network)
	on(t, l, func() {
		var err error
		if c, err = l.Adopt(fd, h, nil); err != nil {
			t.Error(err)
		}
	})
	turns(t, l)
	return c, p
}

func send(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

// expectRead reads exactly want.
func expectRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if err != nil {
		t.Fatalf("after %d of %d bytes: %v", n, len(want), err)
	}
	if string(got) != want {
		t.Fatalf("read %d bytes that are not what was sent", n)
	}
}

func expectEOF(t testing.TB, r io.Reader) {
	t.Helper()
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read %d bytes, %v; want the end", n, err)
	}
}

// reset makes the peer break the connection off.
func reset(t testing.TB, p peer) {
	t.Helper()
	if tcp, ok := p.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	p.Close()
}

// pattern returns n bytes, of which no stretch looks like another.
func pattern(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

// descriptorsOfTheRuntime has the runtime open what it keeps for package net, or
// the first test to use that would seem to leak it.
func descriptorsOfTheRuntime() {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
}

// descriptors counts the open descriptors of the process.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

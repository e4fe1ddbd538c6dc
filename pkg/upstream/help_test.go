package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

func TestMain(m *testing.M) {
	// The waits of a loop hold a processor each.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 3)
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func receive[T any](t testing.TB, c <-chan T, what string) (v T) {
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

// worker is a loop with a manager, as the proxy has it.
type worker struct {
	t     testing.TB
	loop  *eventloop.Loop
	m     *Manager
	stats *metrics.Worker
	rand  atomic.Uint64
	skip  atomic.Int64 // time that the test has moved the clock by
}

var ids atomic.Uint64

// newWorkers runs n workers. At the end of the test, their counters must show that
// nothing is left.
func newWorkers(t testing.TB, n int) []*worker {
	t.Helper()
	workers := make([]*worker, n)
	for i := range workers {
		w := &worker{t: t, stats: metrics.NewWorker()}
		w.rand.Store(uint64(i) * 7919)
		start := time.Now()
		loop, err := eventloop.New(eventloop.Options{Clock: func() int64 { return int64(time.Since(start)) + w.skip.Load() }})
		if err != nil {
			t.Fatal(err)
		}
		w.loop = loop
		w.m = NewManager(Env{
			Loop: loop, Worker: i, Stats: w.stats,
			Rand: w.random,
			Codec: func(link stream.Link, maker protocol.ClientMaker) stream.ClientCodec {
				if maker != nil {
					return maker(link, nil)
				}
				return &lineCodec{link: link}
			},
			NextID: func() uint64 { return ids.Add(1) },
		})
		go loop.Run()
		workers[i] = w
	}
	t.Cleanup(func() { finish(t, workers) })
	return workers
}

// finish drains the workers and looks whether everything is accounted for.
func finish(t testing.TB, workers []*worker) {
	for _, w := range workers {
		w.on(func() { w.m.Drain() })
	}
	for _, w := range workers {
		until(t, "the connections are closed", func() bool {
			n := 0
			w.on(func() { w.checkRules(); n = w.m.Connections() })
			return n == 0
		})
		for key, st := range w.stats.Copy().Hosts {
			if st.ConnectionActive != 0 || st.ConnectionTotal != st.ConnectionClose ||
				st.ConnectionClose != st.ConnectionLocalClose+st.ConnectionRemoteClose {
				t.Errorf("host %v: %+v", key, st.Upstream)
			}
		}
		for name, st := range w.stats.Copy().Clusters {
			if st.ConnectionActive != 0 || st.RequestPendingActive != 0 || st.ConnectionTotal != st.ConnectionClose {
				t.Errorf("cluster %s: %+v", name, st)
			}
		}
	}
	for _, c := range workers[0].m.clusters {
		l := c.Limits
		spare := int64(0)
		for i := range l.seats {
			spare += l.seats[i].spare.Load()
		}
		until(t, "all slots are given back", func() bool { return l.connections.now.Load() == 0 })
		if l.pending.now.Load() != 0 || l.retries.now.Load() != 0 || l.requests.now.Load() != spare || l.hungry.Load() != 0 {
			t.Errorf("left under way: %d pending, %d retries, %d requests of which %d spare, %d hungry",
				l.pending.now.Load(), l.retries.now.Load(), l.requests.now.Load(), spare, l.hungry.Load())
		}
		if limit := l.requests.max.Load(); limit > 0 && spare > limit/8 {
			t.Errorf("%d of %d requests are kept as spare", spare, limit)
		}
	}
	for _, w := range workers {
		w.loop.Stop()
		if s := w.loop.Buffers().Stats(); s.Live != 0 {
			t.Errorf("slabs leaked: %+v", s)
		}
	}
}

// random is a fixed sequence, spread over all bits (splitmix64).
func (w *worker) random() uint64 {
	z := w.rand.Add(0x9e3779b97f4a7c15)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// on runs fn on the worker and waits for it.
func (w *worker) on(fn func()) {
	w.t.Helper()
	done := make(chan struct{})
	if !w.loop.Post(func() { defer close(done); fn() }) {
		w.t.Fatal("the loop has stopped")
	}
	receive(w.t, done, "the worker to run a task")
}

// turns lets the worker finish what it is doing.
func (w *worker) turns() {
	w.t.Helper()
	for range 3 {
		w.on(func() {})
	}
}

// hold keeps the worker from looking at sockets, until the returned function is
// called, so that what happens meanwhile comes in one turn.
func (w *worker) hold() (free func()) {
	held, release := make(chan struct{}), make(chan struct{})
	w.loop.Post(func() { close(held); <-release })
	<-held
	return func() { close(release) }
}

// before returns what makes the worker run fn when it looks at its sockets next,
// before it comes to those that become ready later.
func (w *worker) before(fn func()) (ready func()) {
	w.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { unix.Close(pair[1]) })
	w.on(func() {
		if _, err := w.loop.Adopt(pair[0], trigger(fn), nil); err != nil {
			w.t.Error(err)
		}
	})
	w.turns()
	return func() { unix.Write(pair[1], []byte("x")) }
}

// descriptor finds the socket of a connection among those of the process.
func descriptor(t testing.TB, local netip.AddrPort) (fd int) {
	t.Helper()
	for fd := range 1024 {
		if sa, err := unix.Getsockname(fd); err == nil {
			if in, ok := sa.(*unix.SockaddrInet4); ok && netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port)) == local {
				return fd
			}
		}
	}
	t.Fatalf("no socket has the address %s", local)
	return -1
}

// arrived waits until there is something to be read from a socket, if only its end.
func arrived(t testing.TB, fd int) {
	t.Helper()
	until(t, "it has arrived", func() bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err == nil && n > 0
	})
}

// trigger is the handler of a connection whose bytes only say when.
type trigger func()

func (f trigger) Data(_ *eventloop.Conn, in buffer.View) int { f(); return in.Len() }
func (trigger) EOF(c *eventloop.Conn)                        {}
func (trigger) Pressure(*eventloop.Conn, bool)               {}
func (trigger) Closed(*eventloop.Conn, error)                {}

// forward moves the worker's time.
func (w *worker) forward(d time.Duration) {
	w.t.Helper()
	w.skip.Add(int64(d))
	w.turns()
}

// checkRules checks what must be true between any two events on a worker.
func (w *worker) checkRules() {
	for _, c := range slices.Concat(w.m.clusters, slices.Collect(maps.Values(w.m.onDemand))) {
		idle, hungry := 0, 0
		for _, h := range c.made {
			idle += h.idle.n
			if h.hungry {
				hungry++
			}
			if h.waiting.n > h.coming && !h.hungry {
				w.t.Errorf("%s: %d wait, %d are being made, and nobody says so", h.Address, h.waiting.n, h.dialing)
			}
			if h.hungry && h.waiting.n <= h.coming {
				w.t.Errorf("%s: %d wait, %d are being made, and it is hungry", h.Address, h.waiting.n, h.dialing)
			}
			if h.conns+h.dialing < h.idle.n+h.active || h.dialing < 0 {
				w.t.Errorf("%s: %d connections, %d idle, %d active, %d dialing", h.Address, h.conns, h.idle.n, h.active, h.dialing)
			}
		}
		if idle != c.idle || hungry > c.hungry.n {
			w.t.Errorf("%s: idle %d, counted %d; hungry %d, counted %d", c.Name, idle, c.idle, hungry, c.hungry.n)
		}
	}
}

func (w *worker) cluster() *Cluster { return w.m.At(0) }

// cluster returns the configuration of a cluster with some hosts.
func cluster(change func(c *config.Cluster), addresses ...string) config.Cluster {
	c := config.Default[config.Cluster]()
	c.Name = "c"
	for _, a := range addresses {
		h := config.Default[config.Host]()
		h.Address = a
		c.Hosts = append(c.Hosts, h)
	}
	if change != nil {
		change(&c)
	}
	return c
}

func limit(n uint32) func(c *config.Cluster) {
	return func(c *config.Cluster) { c.CircuitBreakers[0].MaxConnections = n }
}

// apply builds a snapshot and swaps it in.
func apply(t testing.TB, workers []*worker, before *Snapshot, clusters ...config.Cluster) *Snapshot {
	t.Helper()
	return swap(t, workers, before, &config.Config{ClusterManager: config.ClusterManager{Clusters: clusters}})
}

func swap(t testing.TB, workers []*worker, before *Snapshot, c *config.Config) *Snapshot {
	t.Helper()
	r := new(config.Report)
	s, update := Build(c, before, len(workers), r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	update.Commit(nil)
	for _, w := range workers {
		w.on(func() { w.m.Apply(s) })
	}
	return s
}

// one runs one worker with one cluster.
func one(t testing.TB, c config.Cluster) *worker {
	ws := newWorkers(t, 1)
	apply(t, ws, nil, c)
	return ws[0]
}

// lines is what lineCodec speaks.
var lines = PoolKey{Protocol: &protocol.Protocol{Name: "lines"}}

// lineCodec is a protocol of lines: a line asks, a line answers. After the answer
// "bye" the connection is of no more use.
type lineCodec struct {
	link   stream.Link
	sink   stream.End
	closed bool
}

func (c *lineCodec) NewStream(r stream.End) stream.End {
	c.sink = r
	return (*lineSender)(c)
}

func (c *lineCodec) Features() stream.ClientFeatures { return stream.ClientFeatures{} }

func (c *lineCodec) Available() int {
	if c.closed || c.sink != nil {
		return 0
	}
	return 1
}

func (c *lineCodec) Feed(in buffer.View) (int, error) {
	line, _, ok := bytes.Cut(in.Bytes(), []byte("\n"))
	if c.sink == nil {
		c.closed = true
		return in.Len(), errors.New("a line that nobody asked for")
	}
	if !ok {
		return 0, nil
	}
	c.closed = c.closed || string(line) == "bye"
	var d buffer.Chain
	d.Init(c.link.Out().Pool())
	d.Append(line)
	sink := c.sink
	c.sink = nil
	sink.Data(&d, true)
	d.Clear()
	return len(line) + 1, nil
}

func (c *lineCodec) EOF() bool {
	c.Close(stream.Reset{Reason: stream.ConnectionLost})
	return false
}

func (c *lineCodec) Close(r stream.Reset) {
	c.closed = true
	if sink := c.sink; sink != nil {
		c.sink = nil
		sink.Reset(r)
	}
}

func (c *lineCodec) Pressure(bool) {}
func (c *lineCodec) Drain()        { c.closed = true }

type lineSender lineCodec

func (s *lineSender) Head(*stream.Head, bool)        {}
func (s *lineSender) Data(d *buffer.Chain, end bool) { s.link.Out().Move(d) }
func (s *lineSender) Trailers(*stream.Header)        {}
func (s *lineSender) Reset(stream.Reset)             { s.sink, s.closed = nil, true }
func (s *lineSender) Pause()                         {}
func (s *lineSender) Resume()                        {}

// request is one line to be asked. Its methods run on the worker.
type request struct {
	w       *worker
	text    string
	pending Pending
	conn    *Conn
	up      stream.End
	onOpen  func() // when it has a connection
	fresh   bool   // it must not use an idle connection
	to      *Host
	other   *Host // that it turns to if it is to
	key     PoolKey
	again   int // how often it waits again when there is no connection
	done    chan result
	wire    uint64 // the connection's number, of the one used last
}

type result struct {
	answer      string
	reset       stream.Reset
	undelivered bool
	sent        bool // some of the request
}

func (w *worker) request(text string) *request {
	return &request{w: w, text: text, key: lines, done: make(chan result, 1)}
}

// ask starts a request to a host and returns without waiting.
func (w *worker) ask(h *Host, text string) *request {
	r := w.request(text)
	w.on(func() { r.start(h) })
	return r
}

func (w *worker) host(i int) (h *Host) {
	w.on(func() { h = w.cluster().host(int32(i)) })
	return h
}

func (r *request) start(h *Host) {
	r.to = h
	if c := h.Acquire(r.key); c != nil && !r.fresh {
		r.Connected(c)
		return
	}
	if reset, ok := h.Wait(r, &r.pending, r.key); !ok {
		r.done <- result{reset: reset}
	}
}

func (r *request) Connected(c *Conn) {
	if r.pending.Waiting() {
		r.w.t.Error("a request got a connection and waits for one")
	}
	r.conn, r.wire = c, c.ID()
	r.up = c.Open(r)
	if r.onOpen != nil {
		r.onOpen()
	}
	var d buffer.Chain
	d.Init(r.w.loop.Buffers())
	d.AppendString(r.text + "\n")
	r.up.Data(&d, true)
}

func (r *request) Elsewhere() bool {
	if r.other == nil {
		return false
	}
	r.pending.host.Forget(&r.pending)
	r.start(r.other)
	return true
}

func (r *request) Unconnected(reset stream.Reset) {
	if r.again > 0 {
		r.again--
		r.start(r.to)
		return
	}
	r.done <- result{reset: reset}
}

func (r *request) Data(d *buffer.Chain, end bool) {
	answer := string(d.AppendTo(nil))
	d.Clear()
	r.conn.Release()
	r.done <- result{answer: answer}
}

func (r *request) Reset(reset stream.Reset) {
	res := result{reset: reset, undelivered: r.conn.Undelivered(r.conn.before), sent: r.conn.io.WireWritten() > r.conn.before}
	r.conn.Release()
	r.done <- res
}

// cancel gives the request up, whatever it is doing.
func (r *request) cancel() {
	switch {
	case r.pending.Waiting():
		r.pending.host.Forget(&r.pending)
	case r.conn != nil && r.conn.streams > 0:
		r.up.Reset(stream.Reset{Reason: stream.Cancelled})
		r.conn.Release()
	}
}

func (*request) Head(*stream.Head, bool) {}
func (*request) Trailers(*stream.Header) {}
func (*request) Pause()                  {}
func (*request) Resume()                 {}

// result waits for the end of the request.
func (r *request) result() result {
	r.w.t.Helper()
	return receive(r.w.t, r.done, fmt.Sprintf("the end of request %.40s", r.text))
}

func (r *request) expect(answer string) {
	r.w.t.Helper()
	if got := r.result(); got.answer != answer {
		r.w.t.Fatalf("request %.40s: got %+v, want the answer %q", r.text, got, answer)
	}
}

func (r *request) expectReset(reason stream.Reason, unprocessed bool) {
	r.w.t.Helper()
	got := r.result()
	if got.reset.Reason != reason || got.reset.Unprocessed != unprocessed {
		r.w.t.Fatalf("request %.40s: got %+v, want %v, unprocessed: %v", r.text, got, reason, unprocessed)
	}
}

func (r *request) expectNothing() {
	r.w.t.Helper()
	select {
	case got := <-r.done:
		r.w.t.Fatalf("request %.40s is over: %+v", r.text, got)
	default:
	}
}

// server answers lines. A line "hold" is answered when the test says so.
type server struct {
	t      testing.TB
	ln     net.Listener
	answer func(c net.Conn, line string) bool // false: the connection ends
	wg     sync.WaitGroup

	mu       sync.Mutex
	conns    []net.Conn
	accepted int
	most     int // connections at a time
	lines    []string
	held     []net.Conn
}

// newServer runs a server; answer may be nil for the usual one.
func newServer(t testing.TB, answer func(c net.Conn, line string) bool) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, ln: ln, answer: answer}
	if answer == nil {
		s.answer = s.usual
	}
	s.wg.Add(1)
	go s.accept()
	t.Cleanup(s.close)
	return s
}

func (s *server) address() string { return s.ln.Addr().String() }

func (s *server) accept() {
	defer s.wg.Done()
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.accepted++
		// A connection that the client has closed does not count, even if its
		// goroutine has not noticed yet. It closed before it connected again, so that
		// the end is here.
		s.conns = append(slices.DeleteFunc(s.conns, atEnd), c)
		s.most = max(s.most, len(s.conns))
		s.mu.Unlock()
		s.wg.Add(1)
		go s.serve(c)
	}
}

// atEnd looks whether the peer has ended a connection, without reading.
func atEnd(c net.Conn) (end bool) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		var b [64 << 10]byte
		n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if end = n == 0 && err == nil || err != nil && err != unix.EAGAIN; end || n <= 0 {
			return
		}
		// Bytes wait before the end, perhaps.
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		end = err != nil || info.State != 1 // ESTABLISHED
	})
	return end || err != nil
}

func (s *server) serve(c net.Conn) {
	defer s.wg.Done()
	defer func() {
		s.mu.Lock()
		s.conns = slices.DeleteFunc(s.conns, func(other net.Conn) bool { return other == c })
		s.mu.Unlock()
		c.Close()
	}()
	in := bufio.NewScanner(c)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		line := in.Text()
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if !s.answer(c, line) {
			return
		}
	}
}

func (s *server) usual(c net.Conn, line string) bool {
	if line == "hold" {
		s.mu.Lock()
		s.held = append(s.held, c)
		s.mu.Unlock()
		return true
	}
	fmt.Fprintf(c, "%s\n", line)
	return true
}

// release answers the oldest line that is held.
func (s *server) release(answer string) {
	s.t.Helper()
	until(s.t, "a line is held", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.held) > 0 })
	s.mu.Lock()
	c := s.held[0]
	s.held = s.held[1:]
	s.mu.Unlock()
	fmt.Fprintf(c, "%s\n", answer)
}

func (s *server) counts() (accepted, open, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, len(s.conns), s.most
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// each does something with every open connection.
func (s *server) each(f func(c *net.TCPConn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		f(c.(*net.TCPConn))
	}
}

func fin(c *net.TCPConn) { c.Close() }

func rst(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

func (s *server) close() {
	s.ln.Close()
	s.each(fin)
	s.wg.Wait()
}

// silent returns an address where connecting takes for ever: its queue is full.
func silent(t testing.TB) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, _ := unix.Getsockname(fd)
	address := fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)
	for range 8 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		if err := unix.Connect(c, sa); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
			t.Fatal(err)
		}
	}
	return address
}

// refusing returns an address where nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return ln.Addr().String()
}

package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// tcpWorld is a worker whose only listener passes connections on to one host, which
// is in the test's hand. Its clock is, too.
type tcpWorld struct {
	t     testing.TB
	w     *Worker
	loop  *eventloop.Loop
	addr  string       // of the listener
	ln    net.Listener // the host
	skip  atomic.Int64 // time that the test has moved the clock by
	share *Shared

	suspects atomic.Int64 // times that the host was to be looked at
}

// newTCPWorld makes one. A change is made to its cluster's configuration.
func newTCPWorld(t testing.TB, idle time.Duration, changes ...func(*config.Cluster)) *tcpWorld {
	t.Helper()
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4)) // the waits of a loop hold one
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	world := &tcpWorld{t: t, ln: ln, share: &Shared{}}
	start := time.Now()
	group, err := eventloop.NewGroup(1, eventloop.Options{Clock: func() int64 { return int64(time.Since(start)) + world.skip.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	world.loop = group.Loops()[0]
	id := uint64(0)
	world.w = NewWorker(Options{
		Loop: world.loop, Stats: metrics.NewWorker(), NextID: func() uint64 { id++; return id }, Clock: time.Now,
		Suspect:     func() { world.suspects.Add(1) },
		OriginalDst: func(*eventloop.Conn) netip.AddrPort { return netip.MustParseAddrPort(ln.Addr().String()) }, // as if each was redirected
	})
	c := config.Default[config.Cluster]()
	c.Name = "raw"
	c.Hosts = []config.Host{{Address: ln.Addr().String()}}
	for _, change := range changes {
		change(&c)
	}
	clusters, update := upstream.Build(&config.Config{ClusterManager: config.ClusterManager{Clusters: []config.Cluster{c}}}, nil, 1, new(config.Report))
	update.Commit(nil)
	proxy := config.Default[config.TCPProxyConfig]()
	proxy.Cluster, proxy.IdleTimeout = "raw", idle
	l := &Listener{Name: "main", Shared: world.share, Clusters: clusters, TCP: &proxy}
	world.on(func() { world.w.Apply(&Snapshot{Listeners: []*Listener{l}, Clusters: clusters}) })
	accept := func(io *eventloop.Conn) eventloop.Handler { return world.w.Accept(world.share, io) }
	ls, err := group.Listen(eventloop.AddrFrom(netip.MustParseAddrPort("127.0.0.1:0")), eventloop.ListenOptions{}, accept)
	if err != nil {
		t.Fatal(err)
	}
	world.addr = ls.Addr().String()
	t.Cleanup(func() {
		world.until("everything is over", func() bool {
			return world.w.Load() == Load{} && world.w.clusters.Connections() == 0
		})
		ls.Close()
		group.Stop()
		world.ln.Close()
		if s := world.loop.Buffers().Stats(); s.Live != 0 {
			t.Errorf("slabs leaked: %+v", s)
		}
	})
	return world
}

// stats returns the listener's counters.
func (world *tcpWorld) stats() (st metrics.ListenerStats) {
	world.t.Helper()
	world.on(func() { st = *world.w.Stats.Listener("main") })
	return st
}

// on runs fn on the worker and waits for it.
func (world *tcpWorld) on(fn func()) {
	world.t.Helper()
	done := make(chan struct{})
	world.loop.Post(func() { defer close(done); fn() })
	select {
	case <-done:
	case <-time.After(patience):
		world.t.Fatal("the worker does not run a task")
	}
}

// until waits for a condition on the worker.
func (world *tcpWorld) until(what string, holds func() bool) {
	world.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		ok := false
		world.on(func() { ok = holds() })
		if ok {
			return
		}
		if time.Now().After(end) {
			world.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// forward moves the worker's time, and lets it do what is due.
func (world *tcpWorld) forward(d time.Duration) {
	world.skip.Add(int64(d))
	for range 3 {
		world.on(func() {})
	}
}

// connect returns both far ends of a connection that is passed on.
func (world *tcpWorld) connect() (client, host *net.TCPConn) {
	world.t.Helper()
	near, err := net.Dial("tcp", world.addr)
	if err != nil {
		world.t.Fatal(err)
	}
	far, err := world.ln.Accept()
	if err != nil {
		world.t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		c.SetDeadline(time.Now().Add(patience))
		world.t.Cleanup(func() { c.Close() })
	}
	return near.(*net.TCPConn), far.(*net.TCPConn)
}

// pass sends something from one end to the other.
func pass(t testing.TB, from, to net.Conn, what string) {
	t.Helper()
	if _, err := io.WriteString(from, what); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(what))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != what {
		t.Fatalf("got %q, %v, want %q", got, err, what)
	}
}

// isReset expects that a connection is reset, after some bytes perhaps.
func isReset(t testing.TB, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it ended with %v", err)
	}
}

// only returns the only connection there is.
func (world *tcpWorld) only() (c *downConn) {
	world.t.Helper()
	world.on(func() { c = world.w.listeners["main"].conns })
	return c
}

// flood sends as much as goes, until the worker has stopped reading because nobody
// reads at the other end.
func (world *tcpWorld) flood(from net.Conn) {
	world.t.Helper()
	go func() {
		block := make([]byte, 1<<20)
		for {
			if _, err := from.Write(block); err != nil {
				return
			}
		}
	}()
	last, same := uint64(0), 0
	c := world.only()
	world.until("nothing moves", func() bool {
		now := c.io.WireRead() + c.codec.(*tcp).up.Socket().WireRead()
		if same++; now != last || now == 0 {
			last, same = now, 0
		}
		return same > 30
	})
}

func TestTCPIdle(t *testing.T) {
	world := newTCPWorld(t, time.Minute)
	client, host := world.connect()
	for range 3 { // what moves in either direction keeps it
		world.forward(59 * time.Second)
		pass(t, client, host, "ping")
		world.forward(59 * time.Second)
		pass(t, host, client, "pong")
	}
	if n := world.stats().TCPIdle; n != 0 {
		t.Errorf("%d connections were idle", n)
	}
	c := world.only()
	world.until("the systems have said that they took everything", func() bool {
		return c.io.Untaken()+c.codec.(*tcp).up.Socket().Untaken() == 0
	})
	world.forward(61 * time.Second)
	isReset(t, client)
	isReset(t, host)
	if n := world.stats().TCPIdle; n != 1 {
		t.Errorf("%d connections were idle, want 1", n)
	}
}

// A peer that does not take what it is sent is idle, one that takes little is not.
func TestTCPIdleWhileBlocked(t *testing.T) {
	world := newTCPWorld(t, time.Minute)
	client, host := world.connect()
	world.flood(host)
	world.forward(61 * time.Second)
	world.forward(30 * time.Second)
	if _, err := io.CopyN(io.Discard, client, 4<<20); err != nil {
		t.Fatal(err)
	}
	world.forward(59 * time.Second)
	if n := world.stats().TCPIdle; n != 0 {
		t.Errorf("%d connections were idle", n)
	}
	world.flood(host)
	world.forward(61 * time.Second)
	world.forward(61 * time.Second)
	if n := world.stats().TCPIdle; n != 1 {
		t.Errorf("%d connections were idle, want 1", n)
	}
	isReset(t, client)
}

// A peer that takes its last bytes late gets them all, although both have ended.
func TestTCPTakesItsTime(t *testing.T) {
	world := newTCPWorld(t, time.Hour)
	client, host := world.connect()
	client.CloseWrite()
	if _, err := io.Copy(io.Discard, host); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for blocked := false; !blocked; { // until nothing fits between weir and the client
		piece := bytes.Repeat([]byte{byte(len(want) >> 14)}, 16<<10)
		want = append(want, piece...)
		host.Write(piece)
		c := world.only()
		world.until("it has come", func() bool { return c.codec.(*tcp).up.Socket().WireRead() == uint64(len(want)) })
		world.on(func() { blocked = c.io.Buffered() > 0 })
	}
	host.CloseWrite()
	c := world.only()
	world.until("the host's connection is closed", func() bool { return c.codec.(*tcp).upGone })
	world.forward(10 * time.Minute)
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the client got %d bytes of %d, %v", len(got), len(want), err)
	}
}

// A host that takes no connection is judged by that, and one that takes them again as
// well.
func TestTCPOutcomes(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		world := newTCPWorld(t, time.Hour, func(c *config.Cluster) {
			o := config.Default[config.OutlierDetection]()
			o.Consecutive5xx = 2 * uint32(config.Default[config.TCPProxyConfig]().MaxConnectAttempts)
			c.OutlierDetection = &o
		})
		addr := world.ln.Addr().String()
		fail := func(times uint64) {
			world.ln.Close()
			if c, err := net.Dial("tcp", world.addr); err == nil { // it may be reset by then
				defer c.Close()
			}
			world.until("no connection could be made", func() bool {
				return world.w.Stats.Listener("main").TCPConnectFailed == times
			})
		}
		fail(1)
		if recovers {
			ln, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			world.ln = ln
			client, host := world.connect()
			pass(t, client, host, "ping")
			client.Close()
			host.Close()
		}
		fail(2)
		if n := world.suspects.Load(); (n == 0) != recovers {
			t.Errorf("%d suspicions; it recovered between the failures: %v", n, recovers)
		}
	}
}

// A cluster without hosts of its own takes the destination of each connection.
func TestTCPDestination(t *testing.T) {
	world := newTCPWorld(t, time.Hour, func(c *config.Cluster) {
		c.Type, c.LBType, c.Hosts = config.ClusterOriginalDst, config.LBOriginalDst, nil
	})
	client, host := world.connect()
	pass(t, client, host, "ping")
	pass(t, host, client, "pong")
}

// TestTCPAllocates: passing bytes on allocates nothing.
func TestTCPAllocates(t *testing.T) {
	world := newTCPWorld(t, time.Hour)
	client, host := world.connect()
	for _, size := range []int{10, 8 << 10} {
		what, got := make([]byte, size), make([]byte, size)
		n := testing.AllocsPerRun(200, func() {
			for _, ends := range [2][2]*net.TCPConn{{client, host}, {host, client}} {
				if _, err := ends[0].Write(what); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadFull(ends[1], got); err != nil {
					t.Error(err)
				}
			}
		})
		if n != 0 {
			t.Errorf("%v allocations for %d bytes to and fro", n, size)
		}
	}
}

// TestClusterFor: routes are tried in their order, and match if all that they say
// does.
func TestClusterFor(t *testing.T) {
	network := func(s string) []config.AddressRange {
		return []config.AddressRange{{Prefix: netip.MustParsePrefix(s)}}
	}
	c := &config.TCPProxyConfig{Cluster: "rest", Routes: []config.TCPRoute{
		{Cluster: "both", SourceAddrs: network("10.0.0.0/8"), DestinationPorts: []config.PortRange{{First: 80, Last: 80}, {First: 90, Last: 99}}},
		{Cluster: "ports", SourcePorts: []config.PortRange{{First: 1000, Last: 2000}}},
		{Cluster: "six", DestinationAddrs: network("fd00::/8")},
	}}
	for _, test := range []struct{ source, destination, want string }{
		{"10.1.2.3:1000", "1.2.3.4:80", "both"},
		{"10.1.2.3:1000", "1.2.3.4:99", "both"},
		{"10.1.2.3:1000", "1.2.3.4:89", "ports"},
		{"11.1.2.3:2000", "1.2.3.4:80", "ports"},
		{"11.1.2.3:2001", "1.2.3.4:80", "rest"},
		{"[fd01::1]:5", "[fd02::2]:80", "six"},
		{"[fe01::1]:5", "[fe02::2]:80", "rest"},
		{"", "", "rest"},
	} {
		var at [2]netip.AddrPort
		for i, s := range []string{test.source, test.destination} {
			if s != "" {
				at[i] = netip.MustParseAddrPort(s)
			}
		}
		if got := clusterFor(c, at[0], at[1]); got != test.want {
			t.Errorf("from %q to %q goes to %q, want %q", test.source, test.destination, got, test.want)
		}
	}
	if got := clusterFor(&config.TCPProxyConfig{Routes: c.Routes}, netip.AddrPort{}, netip.AddrPort{}); got != "" {
		t.Errorf("without a cluster for the rest, it goes to %q", got)
	}
}

package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// world is a worker with one listener that sends everything to the cluster "c",
// whose hosts are in the test's hand, as is the worker's clock.
type world struct {
	t       testing.TB
	w       *Worker
	loop    *eventloop.Loop
	skip    atomic.Int64 // time that the test has moved the clock by
	share   *Shared
	l       *Listener
	kind    kind
	addr    string // of the listener
	handler http.HandlerFunc
	hosts   []string
	calls   chan *call // that hosts were asked

	mayBreak bool // connections of clients, as they are made or while they send

	client   client
	demanded chan string  // names of clusters that the worker asks for
	suspects atomic.Int64 // times that a host was to be looked at
	secure   secured
}

// plan is what worlds differ by.
type plan struct {
	kind    kind
	hosts   int
	dead    int      // hosts beside them, and before them, that take no connection
	first   []string // addresses of hosts before all of them
	labels  []string // more members of each host
	route   string   // more members of the route's action
	cluster string   // more members of the cluster
	proxy   string   // more members of the listener's proxy
	match   string   // of the route, instead of one that takes all
	name    string   // of the cluster that the route names, instead of c
	local   string   // the address that the listener thinks it has
	idle    time.Duration
	handler http.HandlerFunc // of the hosts, instead of one that asks the test
	secure  secured          // which connections have a transport
	trap    *trap            // that codecs, filters and balancers pass
}

func newWorld(t testing.TB, p plan) *world {
	t.Helper()
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4)) // the waits of a loop hold one
	w := &world{t: t, share: &Shared{}, kind: p.kind, secure: p.secure, handler: p.handler, calls: make(chan *call, 16), demanded: make(chan string, 16)}
	w.hosts = append(w.hosts, p.first...)
	for i := range p.dead + p.hosts {
		w.hosts = append(w.hosts, startHost(t, w, len(w.hosts), i < p.dead))
	}
	start := time.Now()
	group, err := eventloop.NewGroup(1, eventloop.Options{Clock: func() int64 { return int64(time.Since(start)) + w.skip.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	w.loop = group.Loops()[0]
	id := uint64(0)
	o := Options{
		Loop: w.loop, Stats: metrics.NewWorker(), NextID: func() uint64 { id++; return id }, Clock: time.Now,
		OnDemand: func(name string) bool { w.demanded <- name; return name != refused },
		Suspect:  func() { w.suspects.Add(1) },
	}
	if p.trap != nil {
		o.Panicked = p.trap.panicked
	}
	w.on(func() { w.w = NewWorker(o) })
	if p.trap != nil {
		env := w.w.upstreamEnv()
		env.Rand = func() (n uint64) {
			p.trap.pass("balancer.Pick", func() { n = w.w.rng.Uint64() })
			return n
		}
		codec := env.Codec
		env.Codec = func(link stream.Link, maker protocol.ClientMaker) stream.ClientCodec {
			return p.trap.client(codec(link, maker))
		}
		w.w.clusters = upstream.NewManager(env)
	}
	w.load(p)
	accept := func(io *eventloop.Conn) eventloop.Handler { return w.w.Accept(w.share, io) }
	ls, err := group.Listen(eventloop.AddrFrom(netip.MustParseAddrPort("127.0.0.1:0")), eventloop.ListenOptions{}, accept)
	if err != nil {
		t.Fatal(err)
	}
	w.addr = ls.Addr().String()
	w.client = newClient(t, w)
	t.Cleanup(func() {
		w.client.close()
		w.until("everything is over", func() bool { return w.w.Load() == Load{} })
		ls.Close()
		group.Stop()
		if s := w.loop.Buffers().Stats(); s.Live != 0 {
			t.Errorf("slabs leaked: %+v", s)
		}
	})
	return w
}

// load makes the worker work by a configuration.
func (w *world) load(p plan) {
	w.t.Helper()
	var hosts []string
	for i, a := range w.hosts {
		more := ""
		if i < len(p.labels) {
			more = p.labels[i]
		}
		hosts = append(hosts, fmt.Sprintf(`{"address":%q%s}`, a, more))
	}
	list := fmt.Sprintf(`"hosts":[%s]`, strings.Join(hosts, ","))
	if strings.Contains(p.cluster, "ORIGINAL_DST") { // which has none
		list = `"hosts":[]`
	}
	name := p.name
	if name == "" {
		name = `"cluster_name":"c"`
	}
	match := p.match
	if match == "" {
		match = `{"prefix":"/"}`
	}
	cluster := p.cluster
	if !strings.Contains(cluster, "lb_type") {
		cluster += `,"lb_type":"LB_ROUNDROBIN"`
	}
	if !strings.Contains(p.route, `"timeout"`) {
		p.route += `,"timeout":"10s"`
	}
	text := fmt.Sprintf(`{"servers":[{
		"routers":[{"router_config_name":"r","virtual_hosts":[{"name":"v","domains":["*"],"routers":[
			{"match":%s,"route":{%s%s}}]}]}],
		"listeners":[{"name":"main","address":"127.0.0.1:0","bind_port":true,"per_connection_buffer_limit_bytes":65536,
			"filter_chains":[{"filters":[{"type":"proxy","config":{"downstream_protocol":%q,"router_config_name":"r"%s}}]}]}]}],
		"cluster_manager":{"on_demand":{"services":["*"]},"clusters":[{"name":"c","idle_timeout":"1h"%s,%s}]}}`,
		match, name, p.route, p.kind.protocol(), p.proxy, cluster, list)
	all := protocol.Registry{http1.Protocol(), http2.Protocol(), bolt.Spec().Protocol(), dubbo.Spec().Protocol()}
	c, report, err := config.Parse("world.json", []byte(text), config.Options{Protocols: all.ForConfig()})
	if err != nil {
		w.t.Fatal(report.Problems())
	}
	clusters, update := upstream.Build(c, nil, 1, report)
	table := router.Compile(&c.Servers[0].Routers[0], router.Options{Cluster: clusters.Index, OnDemand: c.ClusterManager.OnDemand}, report)
	if err := report.Err(); err != nil {
		w.t.Fatal(err)
	}
	update.Commit(nil)
	lc := &c.Servers[0].Listeners[0]
	routes := len(table.Routes())
	w.l = &Listener{
		Name: "main", Shared: w.share, Router: "r", Routes: table, Clusters: clusters, BufferLimit: lc.PerConnectionBufferLimit, RetryBuffer: lc.Proxy.RetryBufferLimit,
		Chains: make([]filter.Chain, routes), Upstreams: make([]*protocol.Protocol, routes),
	}
	if p.local != "" {
		w.share.Local = netip.MustParseAddrPort(p.local)
	}
	proto, ok := all.Find(p.kind.protocol())
	if !ok {
		w.t.Fatalf("no protocol %s", p.kind.protocol())
	}
	newCodec := proto.ListenerSettings(lc.Proxy.Settings).Server(&protocol.Listener{})
	if p.trap != nil {
		newCodec = p.trap.server(newCodec)
		for i := range w.l.Chains {
			w.l.Chains[i] = filter.Chain{filter.NewLink("trap", &trapFilter{p.trap})}
		}
	}
	w.l.Protocols = []ListenerProtocol{{Protocol: proto, NewCodec: newCodec, Timeouts: protocol.Timeouts{StreamIdle: p.idle}}}
	w.secure.apply(w.l, clusters)
	w.on(func() { w.w.Apply(&Snapshot{Listeners: []*Listener{w.l}, Clusters: clusters}) })
}

// count returns how many streams under way are such. It is called on the worker.
func (w *world) count(such func(x *exchange) bool) (n int) {
	for _, x := range w.w.all {
		if x.conn != nil && !x.has(finished) && such(x) {
			n++
		}
	}
	return n
}

// on runs fn on the worker and waits for it.
func (w *world) on(fn func()) {
	w.t.Helper()
	done := make(chan struct{})
	w.loop.Post(func() { defer close(done); fn() })
	select {
	case <-done:
	case <-time.After(patience):
		w.t.Fatal("the worker does not run a task")
	}
}

// until waits for a condition on the worker.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		ok := false
		w.on(func() { ok = holds() })
		if ok {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// forward moves the worker's time, and lets it do what is due.
func (w *world) forward(d time.Duration) {
	w.t.Helper()
	w.skip.Add(int64(d))
	for range 3 {
		w.on(func() {})
	}
}

// asked waits until a host is asked.
func (w *world) asked() *call {
	w.t.Helper()
	select {
	case c := <-w.calls:
		return c
	case <-time.After(patience):
		w.t.Fatal("no host is asked")
		return nil
	}
}

// quiet expects that no host is asked: everything that the worker has to do now is
// done, and has had time to arrive.
func (w *world) quiet() {
	w.t.Helper()
	for range 20 {
		w.on(func() {})
	}
	select {
	case c := <-w.calls:
		w.t.Fatalf("host %d is asked", c.host)
	default:
	}
}

// hostStats returns the counters of a host.
func (w *world) hostStats(i int) (st metrics.HostStats) {
	w.t.Helper()
	w.on(func() { st = *w.w.Stats.Host("c", w.hosts[i]) })
	return st
}

// clusterStats returns the counters of the cluster.
func (w *world) clusterStats() (st metrics.ClusterStats) {
	w.t.Helper()
	w.on(func() { st = *w.w.Stats.Cluster("c") })
	return st
}

// settled expects that nothing is under way any more, anywhere.
func (w *world) settled() {
	w.t.Helper()
	w.until("no stream is left", func() bool { return w.w.streams == 0 })
	c := w.clusterStats()
	if c.RequestActive != 0 || c.RequestPendingActive != 0 {
		w.t.Errorf("of the cluster, %d requests are under way and %d wait", c.RequestActive, c.RequestPendingActive)
	}
	for i := range w.hosts {
		if n := w.hostStats(i).RequestActive; n != 0 {
			w.t.Errorf("of host %d, %d requests are under way", i, n)
		}
	}
	w.on(func() {
		for _, x := range w.w.free {
			a := &x.attempts
			if a.rival != nil || a.current.held != nil || a.spare != nil && (a.spare.held != nil || a.spare.waits()) {
				w.t.Error("a free exchange has an attempt under way")
			}
		}
	})
}

// last returns what was known of the request that ended last.
func (w *world) last() (i stream.Info) {
	w.t.Helper()
	w.on(func() { i = w.w.free[len(w.w.free)-1].info })
	return i
}

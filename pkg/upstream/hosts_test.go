package upstream

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// other is a cluster of another name.
func other(name string, addresses ...string) config.Cluster {
	return cluster(func(c *config.Cluster) { c.Name = name }, addresses...)
}

// choices are the addresses that a worker chooses.
func (w *worker) choices(i int) map[string]bool {
	w.t.Helper()
	all := make(map[string]bool)
	w.on(func() {
		for range 100 {
			if h := w.m.At(i).Pick(new(Choice)); h != nil {
				all[h.Address] = true
			}
		}
	})
	return all
}

func (w *worker) expectChoices(i int, want ...string) {
	w.t.Helper()
	all := make(map[string]bool)
	for _, a := range want {
		all[a] = true
	}
	if diff := cmp.Diff(all, w.choices(i)); diff != "" {
		w.t.Errorf("what is chosen: %s", diff)
	}
}

// TestSetHealth: all workers learn of a host that is not well. Its idle connections
// are closed, and requests under way go on.
func TestSetHealth(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	ws := newWorkers(t, 2)
	s := apply(t, ws, nil, cluster(nil, a.address(), b.address()), other("d", a.address()))
	var held []*request
	for _, w := range ws {
		w.ask(w.host(0), "a").expect("a")
		held = append(held, w.ask(w.host(0), "hold"))
		var d *Host
		w.on(func() { d = w.m.At(1).host(0) })
		w.ask(d, "d").expect("d")
		w.ask(w.host(0), "b").expect("b") // on another connection, since the first is held
	}
	s.SetHealth([]HealthChange{{"c", a.address(), false}, {"nobody", a.address(), false}, {"c", "nowhere", false}})
	for i, w := range ws {
		w.turns()
		w.expectChoices(0, b.address())
		w.expectChoices(1, a.address())
		w.on(func() {
			if h := w.cluster().host(0); h.idle.n != 0 || h.conns != 1 {
				t.Errorf("worker %d has %d connections, %d of them idle", i, h.conns, h.idle.n)
			}
			if h := w.m.At(1).host(0); h.idle.n != 1 {
				t.Errorf("worker %d has %d idle connections to the same host of another cluster, want 1", i, h.idle.n)
			}
		})
		held[i].expectNothing()
		a.release("at last")
		held[i].expect("at last")
	}
	s.SetHealth([]HealthChange{{"c", a.address(), true}})
	for _, w := range ws {
		w.turns()
		w.expectChoices(0, a.address(), b.address())
	}
}

// TestUnwellInPanic: connections to a host that is used although it is not well stay
// when something changes about others.
func TestUnwellInPanic(t *testing.T) {
	a := newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	s := apply(t, ws, nil, cluster(nil, a.address(), address(1), address(2)))
	s.SetHealth([]HealthChange{{"c", a.address(), false}, {"c", address(1), false}})
	w.turns()
	w.expectChoices(0, a.address(), address(1), address(2))
	first := w.ask(w.host(0), "a")
	first.expect("a")
	s.SetHealth([]HealthChange{{"c", address(2), false}})
	w.turns()
	next := w.ask(w.host(0), "b")
	if next.expect("b"); next.wire != first.wire {
		t.Error("the connection was replaced")
	}
}

// TestEjected: an ejected host, too, is left alone by all workers.
func TestEjected(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	ws := newWorkers(t, 2)
	s := apply(t, ws, nil, cluster(func(c *config.Cluster) {
		o := config.Default[config.OutlierDetection]()
		c.OutlierDetection = &o
	}, a.address(), b.address()))
	ws[1].ask(ws[1].host(0), "a").expect("a")
	m := s.Clusters()[0].Members
	counters := m.Current().Hosts[0].Counters
	m.SetEjected(members.Ejection{Host: a.address(), Counters: new(outlier.Counters), Ejected: true}) // of one that was there before
	ws[0].turns()
	ws[0].expectChoices(0, a.address(), b.address())
	m.SetEjected(members.Ejection{Host: a.address(), Counters: counters, Ejected: true})
	for _, w := range ws {
		w.turns()
		w.expectChoices(0, b.address())
		w.on(func() {
			if n := w.cluster().idle; n != 0 {
				t.Errorf("%d connections are idle", n)
			}
		})
	}
	m.SetEjected(members.Ejection{Host: a.address(), Counters: counters, Ejected: false})
	for _, w := range ws {
		w.turns()
		w.expectChoices(0, a.address(), b.address())
	}
}

// TestHealthOutlivesSnapshots: what is known of a cluster's hosts is known of them in
// the next snapshot, and not of another cluster's, nor of a cluster that comes back.
func TestHealthOutlivesSnapshots(t *testing.T) {
	ws := newWorkers(t, 1)
	w := ws[0]
	s := apply(t, ws, nil, cluster(nil, addresses(3)...))
	s.SetHealth([]HealthChange{{"c", address(0), false}, {"c", address(7), false}})
	s = apply(t, ws, s, cluster(nil, address(0), address(1), address(7), address(4)), other("d", address(0)))
	w.expectChoices(0, address(1), address(7), address(4))
	w.expectChoices(1, address(0))
	set := s.Clusters()[0].Members.Current()
	if set.State(0) != members.Unhealthy || set.Len != 4 || set.Healthy != 3 {
		t.Errorf("host 0 is %v, and %d of %d are well", set.State(0), set.Healthy, set.Len)
	}
	s = apply(t, ws, s, other("d", address(0)))
	s = apply(t, ws, s, cluster(nil, address(0)))
	w.expectChoices(0, address(0))
	if set := s.Clusters()[0].Members.Current(); set.Healthy != 1 {
		t.Error("a cluster that comes back remembers what was known")
	}
}

// TestDeliveries: other hosts are taken on by all workers. Connections to those that
// stay, stay; those to others end when they have nothing to do.
func TestDeliveries(t *testing.T) {
	stays, goes, comes := newServer(t, nil), newServer(t, nil), newServer(t, nil)
	ws := newWorkers(t, 2)
	s := apply(t, ws, nil, cluster(func(c *config.Cluster) { c.Type = config.ClusterConsul; c.LBType = config.LBRoundRobin }))
	deliver := func(servers ...*server) {
		var hosts []discovery.Host
		for _, s := range servers {
			hosts = append(hosts, discovery.Host{Address: s.address(), Weight: 1})
		}
		s.Clusters()[0].Members.SetHosts(hosts)
		for _, w := range ws {
			w.turns()
		}
	}
	ws[0].expectChoices(0)
	deliver(stays, goes)
	var wires []uint64
	var held []*request
	for _, w := range ws {
		r := w.ask(w.host(0), "a")
		r.expect("a")
		wires = append(wires, r.wire)
		w.ask(w.host(1), "a").expect("a")
		held = append(held, w.ask(w.host(1), "hold"))
	}
	until(t, "both are under way", func() bool { return len(goes.received()) == 4 })
	deliver(comes, stays)
	for i, w := range ws {
		w.expectChoices(0, comes.address(), stays.address())
		r := w.ask(w.host(0), "b")
		if r.expect("b"); r.wire != wires[i] {
			t.Error("the connection to a host that stays was replaced")
		}
		w.on(func() {
			if _, ok := w.stats.Copy().Hosts[metrics.HostKey{Cluster: "c", Host: goes.address()}]; ok {
				t.Error("the statistics of a host that is gone are kept")
			}
		})
		held[i].expectNothing()
		goes.release("x")
		held[i].expect("x")
	}
	until(t, "its connections are closed", func() bool { _, open, _ := goes.counts(); return open == 0 })
	// The slot that has become free is another host's, and its connections are, too.
	deliver(comes, stays, goes)
	for _, w := range ws {
		w.on(func() {
			for slot, m := range w.cluster().set.Hosts {
				if h := w.cluster().host(int32(slot)); h.Address != m.Address || h.conns != h.idle.n {
					t.Errorf("slot %d is %s, with %d connections, want %s", slot, h.Address, h.conns, m.Address)
				}
			}
		})
		w.expectChoices(0, comes.address(), stays.address(), goes.address())
	}
	// An empty delivery is one: whether it is to be believed is decided elsewhere.
	deliver()
	for _, w := range ws {
		w.expectChoices(0)
	}
	until(t, "all connections are closed", func() bool { _, open, _ := stays.counts(); return open == 0 })
}

// TestSlotChangesHands: when a worker was not asked between two deliveries, it must
// not take a host for the one whose slot it has.
func TestSlotChangesHands(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	s := apply(t, ws, nil, cluster(func(c *config.Cluster) { c.Type = config.ClusterConsul }))
	m := s.Clusters()[0].Members
	m.SetHosts([]discovery.Host{{Address: a.address(), Weight: 1}})
	w.turns()
	first := w.host(0)
	w.ask(first, "a").expect("a")
	free := w.hold()
	m.SetHosts(nil)
	m.SetHosts([]discovery.Host{{Address: b.address(), Weight: 1}})
	free()
	w.turns()
	h := w.host(0)
	if h == first || h.Address != b.address() {
		t.Fatalf("slot 0 is %s", h.Address)
	}
	w.ask(h, "b").expect("b")
	until(t, "the connection to the other one is closed", func() bool { _, open, _ := a.counts(); return open == 0 })
}

// TestDraining: a host that is about to go takes no new requests, and keeps those it
// has.
func TestDraining(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	s := apply(t, ws, nil, cluster(func(c *config.Cluster) { c.Type = config.ClusterConsul }))
	deliver := func(h discovery.Health) {
		s.Clusters()[0].Members.SetHosts([]discovery.Host{{Address: a.address(), Weight: 1, Health: h}, {Address: b.address(), Weight: 1}})
		w.turns()
	}
	deliver(discovery.Healthy)
	w.ask(w.host(0), "a").expect("a")
	held := w.ask(w.host(0), "hold")
	until(t, "it is under way", func() bool { return len(a.received()) == 2 })
	deliver(discovery.Draining)
	w.expectChoices(0, b.address())
	a.release("x")
	held.expect("x")
	deliver(discovery.Healthy)
	w.expectChoices(0, a.address(), b.address())
	w.ask(w.host(0), "b").expect("b")
}

// TestRemovedClusterStaysRemoved: what a source still delivers for a cluster that is
// gone does not bring it back.
func TestRemovedClusterStaysRemoved(t *testing.T) {
	a := newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	s := apply(t, ws, nil, cluster(nil, a.address()))
	c, m := w.cluster(), s.Clusters()[0].Members
	w.ask(w.host(0), "a").expect("a")
	s = apply(t, ws, s)
	m.SetHosts([]discovery.Host{{Address: a.address(), Weight: 1}})
	w.turns()
	w.on(func() {
		if h := c.Pick(new(Choice)); h != nil {
			t.Errorf("%s was chosen", h.Address)
		}
	})
	until(t, "the connection is closed", func() bool { _, open, _ := a.counts(); return open == 0 })
	apply(t, ws, s, cluster(nil, a.address()))
	w.ask(w.host(0), "b").expect("b")
}

// TestZonesOfConfiguration: weir's own zone, and the zones of its callers, reach the
// clusters' members.
func TestZonesOfConfiguration(t *testing.T) {
	ws := newWorkers(t, 1)
	zoned := func(name string, perZone map[string]int) config.Cluster {
		c := other(name)
		aware := config.Default[config.ZoneAware]()
		c.ZoneAware = &aware
		for zone, n := range perZone {
			for range n {
				h := config.Default[config.Host]()
				h.Address, h.Zone = address(len(c.Hosts)), zone
				c.Hosts = append(c.Hosts, h)
			}
		}
		return c
	}
	own := func(s *Snapshot) (part float64) {
		from := uint32(0)
		for _, share := range s.Clusters()[0].Members.Current().All().Shares {
			if share.Zoned && share.Zone == "here" {
				part += float64(share.UpTo-from) / members.Whole
			}
			from = share.UpTo
		}
		return part
	}
	cfg := &config.Config{
		Node: config.NodeConfig{Locality: config.Locality{Zone: "here"}},
		ClusterManager: config.ClusterManager{
			LocalCluster: "us",
			Clusters:     []config.Cluster{zoned("c", map[string]int{"here": 2, "there": 6}), zoned("us", map[string]int{"here": 1, "there": 1})},
		},
	}
	s := swap(t, ws, nil, cfg)
	if part := own(s); part < 0.49 || part > 0.51 { // a quarter of the hosts, half of the callers
		t.Errorf("%v of the requests stay in the zone, want 0.5", part)
	}
	cfg.ClusterManager.LocalCluster = ""
	cfg.ClusterManager.Clusters[1] = zoned("us", map[string]int{"here": 1, "there": 4})
	s = swap(t, ws, s, cfg)
	if part := own(s); part < 0.49 || part > 0.51 { // callers are thought to be even
		t.Errorf("%v of the requests stay in the zone, want 0.5", part)
	}
	cfg.ClusterManager.LocalCluster = "us"
	s = swap(t, ws, s, cfg)
	if part := own(s); part != 1 { // a quarter of the hosts, a fifth of the callers
		t.Errorf("%v of the requests stay in the zone, want all", part)
	}
	cfg.Node.Locality.Zone = ""
	if part := own(swap(t, ws, s, cfg)); part != 0 {
		t.Errorf("%v of the requests stay in a zone that weir is not in", part)
	}
}

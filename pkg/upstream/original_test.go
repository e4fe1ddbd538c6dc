package upstream

import (
	"net/netip"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/metrics"
)

// destined is an ORIGINAL_DST cluster.
func destined(change func(o *config.OriginalDst)) config.Cluster {
	return cluster(func(c *config.Cluster) {
		c.Type, c.LBType = config.ClusterOriginalDst, config.LBOriginalDst
		c.OriginalDst = config.Default[config.OriginalDst]()
		c.IdleTimeout = 0
		if change != nil {
			change(&c.OriginalDst)
		}
	})
}

// to picks the host of a destination.
func (w *worker) to(address string) (h *Host) {
	w.t.Helper()
	w.on(func() { h = w.cluster().Pick(&Choice{Destination: netip.MustParseAddrPort(address)}) })
	return h
}

func TestOriginalDestination(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	w := one(t, destined(nil))
	for range 3 {
		for _, s := range []*server{a, b} {
			h := w.to(s.address())
			w.ask(h, "a").expect("a")
			if h != w.to(s.address()) || h != w.to("[::ffff:127.0.0.1]"+s.address()[len("127.0.0.1"):]) {
				t.Error("a destination is another host each time")
			}
		}
	}
	if accepted, _, _ := a.counts(); accepted != 1 {
		t.Errorf("%d connections were made, want 1", accepted)
	}
	for _, nowhere := range []string{"0.0.0.0:80", "[::]:80", "1.2.3.4:0"} {
		if h := w.to(nowhere); h != nil {
			t.Errorf("%s is the host %s", nowhere, h.Address)
		}
	}
	w.on(func() {
		if h := w.cluster().Pick(new(Choice)); h != nil {
			t.Errorf("without a destination the host is %s", h.Address)
		}
		if n := len(w.cluster().original.hosts); n != 2 {
			t.Errorf("%d hosts are known, want 2", n)
		}
	})
	// Addresses are the clients' to choose: they must not become names of statistics.
	hosts := w.stats.Copy().Hosts
	if st := hosts[metrics.HostKey{Cluster: "c", Host: "original_dst"}]; len(hosts) != 1 || st == nil || st.ConnectionTotal != 2 {
		t.Errorf("there are statistics of %v", hosts)
	}
}

func TestOriginalDestinationLimit(t *testing.T) {
	w := one(t, destined(func(o *config.OriginalDst) { o.MaxHosts = 2 }))
	first, second := w.to(address(1)), w.to(address(2))
	if first == nil || second == nil || w.to(address(3)) != nil {
		t.Error("there are not exactly two hosts")
	}
	if w.to(address(1)) != first {
		t.Error("one of them is not found any more")
	}
	if st := w.stats.Copy().Clusters["c"]; st.NoHost != 0 {
		t.Error("who asks for a host counts that there is none; it is counted twice")
	}
}

// TestOriginalDestinationEnds: a host that no request has asked for is forgotten, but
// not while one is under way; its connections go with it.
func TestOriginalDestinationEnds(t *testing.T) {
	a, b, c := newServer(t, nil), newServer(t, nil), newServer(t, nil)
	w := one(t, destined(func(o *config.OriginalDst) { o.HostTTL = time.Minute; o.MaxHosts = 3 }))
	var hosts []*Host
	for _, s := range []*server{a, b, c} {
		h := w.to(s.address())
		hosts = append(hosts, h)
		w.ask(h, "a").expect("a")
	}
	held := w.ask(hosts[2], "hold")
	until(t, "it is under way", func() bool { return len(c.received()) == 2 })
	for range 5 {
		w.forward(31 * time.Second)
		if w.to(a.address()) != hosts[0] {
			t.Fatal("a host was forgotten that is asked for")
		}
	}
	until(t, "the connection to the other one is closed", func() bool { _, open, _ := b.counts(); return open == 0 })
	known := func() (n int) {
		w.on(func() {
			if n = len(w.cluster().original.hosts); n != len(w.cluster().made) {
				t.Errorf("%d hosts are known, %d made", n, len(w.cluster().made))
			}
		})
		return n
	}
	if n := known(); n != 2 {
		t.Errorf("%d hosts are known, want 2", n)
	}
	held.expectNothing()
	c.release("x")
	held.expect("x")
	for range 5 {
		w.forward(31 * time.Second)
	}
	if n := known(); n != 0 {
		t.Errorf("%d hosts are known, want none", n)
	}
	until(t, "all connections are closed", func() bool { _, open, _ := c.counts(); return open == 0 })
	h := w.to(b.address()) // it can come back
	w.ask(h, "b").expect("b")
	for range 5 {
		w.forward(31 * time.Second)
	}
	if n := known(); n != 0 {
		t.Errorf("%d hosts are known, want none", n)
	}
}

func TestOriginalDestinationHeader(t *testing.T) {
	for _, tt := range []struct {
		cluster config.Cluster
		header  string
		ok      bool
	}{
		{cluster(nil), "", false},
		{destined(nil), "", true},
		{destined(func(o *config.OriginalDst) { o.HeaderName = "X-There" }), "", true},
		{destined(func(o *config.OriginalDst) { o.UseHeader, o.HeaderName = true, "X-There" }), "x-there", true},
	} {
		c := newStill(t).manager(t, tt.cluster).At(0)
		if header, ok := c.WantsDestination(); header != tt.header || ok != tt.ok {
			t.Errorf("got %q, %v, want %q, %v", header, ok, tt.header, tt.ok)
		}
	}
}

func TestOriginalDestinationReplacesLocal(t *testing.T) {
	for _, replace := range []bool{false, true} {
		c := newStill(t).manager(t, destined(func(o *config.OriginalDst) { o.ReplaceLocal = replace })).At(0)
		pick := func(address string) string {
			return c.Pick(&Choice{Destination: netip.MustParseAddrPort(address)}).Addr.String()
		}
		if replace {
			c.Original.replace = map[netip.Addr]bool{netip.MustParseAddr("192.0.2.7"): true, netip.MustParseAddr("2001:db8::7"): true}
		}
		for address, want := range map[string]string{
			"192.0.2.7:80": "127.0.0.1:80", "[::ffff:192.0.2.7]:81": "127.0.0.1:81", "[2001:db8::7]:82": "127.0.0.1:82",
			"192.0.2.8:80": "192.0.2.8:80",
		} {
			if !replace {
				at := netip.MustParseAddrPort(address)
				want = netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
			}
			if got := pick(address); got != want {
				t.Errorf("%s is %s, want %s", address, got, want)
			}
		}
	}
	if o := newOriginal(&config.OriginalDst{ReplaceLocal: true}); !o.replace[netip.MustParseAddr("127.0.0.1")] {
		t.Errorf("the addresses of this machine are %v", o.replace)
	}
}

// TestOriginalDestinationCluster: its hosts outlive a new configuration; a cluster
// that comes to be of another type, or goes, keeps none of them.
func TestOriginalDestinationCluster(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	fixed := cluster(func(c *config.Cluster) { c.IdleTimeout = 0 }, b.address())
	s := apply(t, ws, nil, fixed)
	w.ask(w.host(0), "b").expect("b")
	s = apply(t, ws, s, destined(nil))
	if n := s.Clusters()[0].Members.Current().Len; n != 0 {
		t.Errorf("%d hosts are left of another type", n)
	}
	until(t, "connections to them are closed", func() bool { _, open, _ := b.counts(); return open == 0 })
	h := w.to(a.address())
	w.ask(h, "a").expect("a")
	s = apply(t, ws, s, destined(func(o *config.OriginalDst) { o.HostTTL = time.Minute }))
	if w.to(a.address()) != h {
		t.Error("a new configuration has forgotten the hosts")
	}
	s = apply(t, ws, s, fixed)
	until(t, "connections to them are closed", func() bool { _, open, _ := a.counts(); return open == 0 })
	w.expectChoices(0, b.address())
	w.forward(time.Hour)
	s = apply(t, ws, s, destined(nil))
	gone, h := w.cluster(), w.to(a.address())
	w.ask(h, "a").expect("a")
	apply(t, ws, s)
	w.on(func() { h = gone.Pick(&Choice{Destination: netip.MustParseAddrPort(a.address())}) })
	if h != nil { // for a request that is under way still
		w.ask(h, "late").expect("late")
	}
	until(t, "connections are closed", func() bool { _, open, _ := a.counts(); return open == 0 })
	w.forward(time.Hour)
}

func TestOriginalDestinationDoesNotAllocate(t *testing.T) {
	c := newStill(t).manager(t, destined(nil)).At(0)
	ch := Choice{Destination: netip.MustParseAddrPort(address(1))}
	if n := testing.AllocsPerRun(100, func() { c.Pick(&ch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

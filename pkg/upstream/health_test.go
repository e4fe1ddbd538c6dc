package upstream

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// checked returns a cluster that only chooses, whose hosts are in zones by turns, and
// of which something can become known.
func checked(lb config.LBType, panicBelow float64, zones int, weights ...uint32) *Cluster {
	c := balanced(lb, weights...)
	c.Spec.PanicBelow, c.Spec.Health = panicBelow, newHealth(1)
	for i, h := range c.hosts {
		h.Metadata = map[string]string{"zone": fmt.Sprint(i % zones)}
		c.Spec.Hosts = append(c.Spec.Hosts, *h.HostSpec)
	}
	c.Spec.subsets = newSubsets(&config.SubsetConfig{
		Selectors: [][]string{{"zone"}}, FallbackPolicy: config.FallbackAny,
	}, c.Spec.Hosts)
	c.balance()
	return c
}

// know makes known which hosts are not well.
func know(c *Cluster, ill ...int) {
	var changes []HealthChange
	for i, h := range c.hosts {
		changes = append(changes, HealthChange{Host: h.Address, Healthy: !slices.Contains(ill, i)})
	}
	c.Health.set(changes)
	c.examine()
}

// picked returns which hosts are chosen, and how many choices are counted as panic.
func picked(c *Cluster, subset string) (hosts []int, panics uint64) {
	before := c.Stats.PanicPicks
	got := make(map[*Host]bool)
	for range 400 {
		if h := c.Pick(subset, nil); h != nil {
			got[h] = true
		}
	}
	for i, h := range c.hosts {
		if got[h] {
			hosts = append(hosts, i)
		}
	}
	return hosts, c.Stats.PanicPicks - before
}

// TestHealthOfSets: whatever becomes known of hosts, one after the other, those are
// chosen that are well, of each subset by itself, or all of it if too few are.
func TestHealthOfSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, zones := rapid.IntRange(1, 8).Draw(t, "hosts"), rapid.IntRange(1, 3).Draw(t, "zones")
		below := rapid.SampledFrom([]float64{0, 7, 30, 50, 70, 100}).Draw(t, "threshold")
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 3), n, n).Draw(t, "weights")
		c := checked(rapid.SampledFrom(balancers).Draw(t, "balancer"), below, zones, weights...)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			ill := rapid.SliceOfDistinct(rapid.IntRange(0, n-1), rapid.ID).Draw(t, "ill")
			know(c, ill...)
			for zone := -1; zone < zones; zone++ { // -1: the fallback, which is all of them
				var members, well []int
				for i := range n {
					if zone < 0 || i%zones == zone {
						members = append(members, i)
						if !slices.Contains(ill, i) {
							well = append(well, i)
						}
					}
				}
				want, panics := well, uint64(0)
				if 100*len(well) < int(below)*len(members) {
					want, panics = members, 400
				}
				key := "none"
				if zone >= 0 {
					key = SubsetKey(map[string]string{"zone": fmt.Sprint(zone)})
				}
				if zone >= 0 && len(members) == 0 { // no such subset: the fallback
					continue
				}
				if got, n := picked(c, key); !slices.Equal(got, want) || n != panics {
					t.Fatalf("of %v, %v are not well: %v were chosen, %d in panic; want %v, %d", members, ill, got, n, want, panics)
				}
			}
		}
	})
}

// TestHealthAndShares: those that are left share the requests by their weights.
func TestHealthAndShares(t *testing.T) {
	c := balanced(config.LBWeightedRoundRobin, 1, 2, 3, 10)
	c.Spec.Health = newHealth(1)
	know(c, 3)
	got := count(c, 600)
	for i, want := range []int{100, 200, 300, 0} {
		if n := got[c.hosts[i]]; n != want {
			t.Errorf("host %d was chosen %d times, want %d", i, n, want)
		}
	}
}

// TestHealthOfOneSet: a set without a host that turned is left as it is, and its
// order goes on.
func TestHealthOfOneSet(t *testing.T) {
	c := checked(config.LBRoundRobin, 50, 2, make1s(20)...)
	other := c.subsets[SubsetKey(map[string]string{"zone": "1"})]
	before := &other.hosts[0]
	know(c, 0)
	if &other.hosts[0] != before || len(other.hosts) != 10 {
		t.Error("a subset was made anew that has no such host")
	}
	if n := len(c.all.hosts); n != 19 {
		t.Errorf("%d hosts are chosen from", n)
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
		w.ask(w.m.At(1).hosts[0], "d").expect("d")
		free := w.ask(w.host(0), "b") // on another connection, since the first is held
		free.expect("b")
	}
	choices := func(w *worker, i int) (all map[string]bool) {
		all = make(map[string]bool)
		w.on(func() {
			for range 100 {
				all[w.m.At(i).Pick("", nil).Address] = true
			}
		})
		return all
	}
	s.SetHealth([]HealthChange{{"c", a.address(), false}, {"nobody", a.address(), false}, {"c", "nowhere", false}})
	for i, w := range ws {
		if diff := cmp.Diff(map[string]bool{b.address(): true}, choices(w, 0)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]bool{a.address(): true}, choices(w, 1)); diff != "" {
			t.Errorf("another cluster with the host: %s", diff)
		}
		w.turns()
		w.on(func() {
			if h := w.cluster().hosts[0]; h.idle.n != 0 || h.conns != 1 {
				t.Errorf("worker %d has %d connections, %d of them idle", i, h.conns, h.idle.n)
			}
		})
		held[i].expectNothing()
		a.release("at last")
		held[i].expect("at last")
	}
	s.SetHealth([]HealthChange{{"c", a.address(), true}})
	for _, w := range ws {
		if diff := cmp.Diff(map[string]bool{a.address(): true, b.address(): true}, choices(w, 0)); diff != "" {
			t.Error(diff)
		}
	}
}

// other is a cluster of another name.
func other(name string, addresses ...string) config.Cluster {
	return cluster(func(c *config.Cluster) { c.Name = name }, addresses...)
}

// TestHealthOutlivesSnapshots: what is known of a cluster's hosts is known of them in
// the next snapshot, new ones of the same address included, and not of another
// cluster's.
func TestHealthOutlivesSnapshots(t *testing.T) {
	ws := newWorkers(t, 1)
	s := apply(t, ws, nil, cluster(nil, "127.0.0.1:1", "127.0.0.1:2"))
	s.SetHealth([]HealthChange{{"c", "127.0.0.1:1", false}, {"c", "127.0.0.1:3", false}})
	s = apply(t, ws, s, cluster(nil, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:1", "127.0.0.1:4", "127.0.0.1:5"), other("d", "127.0.0.1:1"))
	ws[0].on(func() {
		if got, _ := picked(ws[0].m.At(0), ""); !slices.Equal(got, []int{1, 4, 5}) {
			t.Errorf("%v are chosen", got)
		}
		if got, _ := picked(ws[0].m.At(1), ""); !slices.Equal(got, []int{0}) {
			t.Errorf("of the other cluster %v are chosen", got)
		}
	})
	if h := s.Clusters()[0].Health; h.Healthy("127.0.0.1:1") || !h.Healthy("127.0.0.1:2") {
		t.Error("it is not told what is known")
	}
	s = apply(t, ws, s, other("d", "127.0.0.1:1"))
	apply(t, ws, s, cluster(nil, "127.0.0.1:1"))
	ws[0].on(func() {
		if h := ws[0].cluster().Pick("", nil); h == nil || h.ill {
			t.Error("a cluster that comes back remembers what was known")
		}
	})
}

// TestHealthDoesNotAllocate: not to choose, whoever is well.
func TestHealthDoesNotAllocate(t *testing.T) {
	for _, lb := range balancers {
		for _, ill := range [][]int{nil, {0}, {0, 1, 2}} {
			c := checked(lb, 50, 1, 1, 2, 3, 4)
			know(c, ill...)
			if n := testing.AllocsPerRun(100, func() { c.Pick("", nil) }); n != 0 {
				t.Errorf("%s with %d hosts that are not well: %v allocations", lb, len(ill), n)
			}
		}
	}
}

// BenchmarkHealthChange is what a worker does when one of 8,000 hosts turns.
func BenchmarkHealthChange(b *testing.B) {
	weights := make([]uint32, 8000)
	for i := range weights {
		weights[i] = uint32(i%128) + 1
	}
	c := checked(config.LBWeightedRoundRobin, 50, 100, weights...)
	ill := false
	for b.Loop() {
		ill = !ill
		c.Health.set([]HealthChange{{Host: "17", Healthy: !ill}})
		c.examine()
	}
}

package upstream

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

var balancers = []config.LBType{
	config.LBRandom, config.LBRoundRobin, config.LBWeightedRoundRobin, config.LBLeastRequest, config.LBLeastConnection,
	config.LBMaglev, config.LBRequestRoundRobin, config.LBPeakEWMA, config.LBRingHash,
}

// still is a worker whose loop does not run: the test does on it what is to be done,
// and no time goes by.
type still struct {
	loop *eventloop.Loop
	rand worker
}

func newStill(t testing.TB) *still {
	t.Helper()
	loop, err := eventloop.New(eventloop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		go loop.Run()
		loop.Stop()
	})
	return &still{loop: loop}
}

// manager returns a new one with clusters of a configuration.
func (s *still) manager(t interface{ Fatal(...any) }, clusters ...config.Cluster) *Manager {
	m := NewManager(Env{Loop: s.loop, Stats: metrics.NewWorker(), Rand: s.rand.random})
	r := new(config.Report)
	snapshot, update := Build(&config.Config{
		ClusterManager: config.ClusterManager{Clusters: clusters},
		Node:           config.NodeConfig{Locality: config.Locality{Zone: "a"}},
	}, nil, 1, r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	update.Commit(nil)
	m.Apply(snapshot)
	return m
}

// balanced returns a cluster that only chooses, with hosts of some weights.
func (s *still) balanced(t testing.TB, lb config.LBType, weights ...uint32) *Cluster {
	return s.manager(t, weighted(lb, weights...)).At(0)
}

// weighted is a cluster whose i-th host is at address(i).
func weighted(lb config.LBType, weights ...uint32) config.Cluster {
	c := cluster(func(c *config.Cluster) { c.LBType = lb })
	for i, weight := range weights {
		h := config.Default[config.Host]()
		h.Address, h.Weight = address(i), weight
		c.Hosts = append(c.Hosts, h)
	}
	return c
}

func address(i int) string { return fmt.Sprintf("10.0.%d.%d:80", i/250, i%250) }

func addresses(n int) (all []string) {
	for i := range n {
		all = append(all, address(i))
	}
	return all
}

func same(n int, weight uint32) []uint32 { return slices.Repeat([]uint32{weight}, n) }

// count picks n times, and counts by address.
func count(c *Cluster, n int, ch Choice) map[string]int {
	got := make(map[string]int)
	for range n {
		got[c.Pick(&ch).Address]++
	}
	return got
}

// know makes known which hosts are not well.
func know(c *Cluster, ill ...int) {
	var changes []members.HealthChange
	for _, h := range c.set.Hosts {
		changes = append(changes, members.HealthChange{Host: h.Address, Healthy: !slices.Contains(ill, int(h.Slot))})
	}
	c.Members.SetHealth(changes)
	c.adopt()
}

func TestPickFew(t *testing.T) {
	s := newStill(t)
	for _, lb := range balancers {
		for _, ch := range []Choice{{}, {Hash: 1, Hashed: true}, {Subset: "x"}} {
			if h := s.balanced(t, lb).Pick(&ch); h != nil {
				t.Errorf("%s: picked %s of no hosts", lb, h.Address)
			}
			c := s.balanced(t, lb, 3)
			only := c.Pick(&ch)
			if only == nil || only.Address != address(0) {
				t.Fatalf("%s: did not pick the only host", lb)
			}
			ch.Tried = []*Host{only}
			if c.Pick(&ch) != only {
				t.Errorf("%s: did not pick the only host again", lb)
			}
		}
	}
}

// TestPickByWeight: the shares of hosts are those of their weights, whatever has
// become known of the others.
func TestPickByWeight(t *testing.T) {
	s := newStill(t)
	for lb, byWeight := range map[config.LBType]bool{
		config.LBRandom: false, config.LBRoundRobin: false, config.LBWeightedRoundRobin: true, config.LBLeastRequest: true,
		config.LBLeastConnection: true, config.LBPeakEWMA: true, config.LBMaglev: true, config.LBRingHash: true,
	} {
		c := s.balanced(t, lb, 1, 2, 3, 10, 0)
		know(c, 3)
		got, total := count(c, 60_000, Choice{}), 0.0
		for i, h := range c.set.Hosts[:3] {
			share := 1.0 / 3
			if byWeight {
				share = float64(i+1) / 6
			}
			if got := float64(got[h.Address]) / 60_000; math.Abs(got-share) > 0.03 {
				t.Errorf("%s: the host of weight %d has %.3f of the requests, want about %.3f", lb, i+1, got, share)
			}
			total += float64(got[h.Address])
		}
		if total != 60_000 {
			t.Errorf("%s: hosts were chosen that are not well, or have no weight: %v", lb, got)
		}
	}
}

// objections are what speaks against a host for another try, the worst first: its
// weight is 0; it was tried; it is not well; it is to be avoided.
func objections(c *Cluster, slot int32, ch *Choice) (all [4]bool) {
	h := c.set.Hosts[slot]
	zone, priority := false, false
	for _, of := range ch.Tried {
		all[1] = all[1] || of.Slot == slot
		zone, priority = zone || of.Zone == h.Zone, priority || of.Priority == h.Priority
	}
	all[0], all[2] = h.Weight == 0, c.set.State(slot) > members.Degraded
	all[3] = zone && ch.AvoidZone || priority && ch.AvoidPriority
	return all
}

func lessObjection(a, b [4]bool) bool {
	for i := range a {
		if a[i] != b[i] {
			return b[i]
		}
	}
	return false
}

// TestPickAnother: another try goes to the host to which there is the least
// objection, however hosts are, and are divided into priorities and zones.
func TestPickAnother(t *testing.T) {
	s := newStill(t)
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawCluster(t)
		c := s.manager(t, cfg).At(0)
		n := len(cfg.Hosts)
		know(c, rapid.SliceOfDistinct(rapid.IntRange(0, n-1), rapid.ID).Draw(t, "ill")...)
		ch := Choice{
			Hash: rapid.Uint64().Draw(t, "hash"), Hashed: rapid.Bool().Draw(t, "hashed"),
			AvoidZone: rapid.Bool().Draw(t, "avoid zone"), AvoidPriority: rapid.Bool().Draw(t, "avoid priority"),
		}
		if c.Pick(&ch) == nil {
			return // no host is well, and that is no reason for panic
		}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 1, n, rapid.ID).Draw(t, "tried") {
			ch.Tried = append(ch.Tried, c.host(int32(i)))
		}
		for range 30 {
			h := c.Pick(&ch)
			if !slices.Contains(c.all.Slots, h.Slot) {
				t.Fatalf("%s was chosen, which is not among those that are", h.Address)
			}
			for _, slot := range c.all.Slots {
				if got, other := objections(c, h.Slot, &ch), objections(c, slot, &ch); lessObjection(other, got) {
					t.Fatalf("%s was chosen with %v, there is %d with %v", h.Address, got, slot, other)
				}
			}
		}
	})
}

// drawCluster draws a configuration of hosts with zones and priorities.
func drawCluster(t *rapid.T) config.Cluster {
	c := weighted(rapid.SampledFrom(balancers).Draw(t, "balancer"),
		rapid.SliceOfN(rapid.Uint32Range(0, 3), 1, 12).Draw(t, "weights")...)
	c.PanicThreshold = rapid.SampledFrom([]float64{0, 50, 100}).Draw(t, "panic")
	zones, priorities := rapid.IntRange(1, 3).Draw(t, "zones"), rapid.IntRange(1, 3).Draw(t, "priorities")
	for i := range c.Hosts {
		c.Hosts[i].Zone = string(rune('a' + rapid.IntRange(0, zones-1).Draw(t, "zone")))
		c.Hosts[i].Priority = uint32(rapid.IntRange(0, priorities-1).Draw(t, "priority"))
	}
	if rapid.Bool().Draw(t, "zone aware") {
		aware := config.Default[config.ZoneAware]()
		aware.MinClusterSize, aware.Strict = 1, rapid.Bool().Draw(t, "strict")
		c.ZoneAware = &aware
	}
	return c
}

// TestPickAnotherOfMany: among many hosts of which few will do, too, and without the
// order of turns being of use.
func TestPickAnotherOfMany(t *testing.T) {
	s := newStill(t)
	for _, lb := range balancers {
		c := s.balanced(t, lb, same(200, 1)...)
		var ch Choice
		for i := range 199 {
			ch.Tried = append(ch.Tried, c.host(int32(i)))
		}
		for range 20 {
			if h := c.Pick(&ch); h.Slot != 199 {
				t.Fatalf("%s: %s was chosen, which was tried", lb, h.Address)
			}
		}
	}
}

// TestPickByHash: requests of the same hash have the same host, on all workers, and
// for the second try the same second one. Few have another host when one is gone.
func TestPickByHash(t *testing.T) {
	s := newStill(t)
	for _, lb := range []config.LBType{config.LBMaglev, config.LBRingHash} {
		c, other := s.balanced(t, lb, same(20, 1)...), s.balanced(t, lb, same(20, 1)...)
		if !c.Hashes() {
			t.Errorf("%s does not hash", lb)
		}
		before, hosts := make(map[uint64]string), make(map[string]bool)
		for range 2000 {
			hash := s.rand.random()
			ch := Choice{Hash: hash, Hashed: true}
			h := c.Pick(&ch)
			before[hash], hosts[h.Address] = h.Address, true
			if h != c.Pick(&ch) || other.Pick(&ch).Address != h.Address {
				t.Fatalf("%s: a hash has different hosts", lb)
			}
			ch.Tried = []*Host{h}
			second := c.Pick(&ch)
			if second == h || c.Pick(&ch) != second || other.Pick(&ch).Address != second.Address {
				t.Fatalf("%s: a hash has different hosts for the second try", lb)
			}
		}
		if len(hosts) != 20 {
			t.Errorf("%s: %d of 20 hosts are used", lb, len(hosts))
		}
		know(c, 7)
		moved := 0
		for hash, host := range before {
			if now := c.Pick(&Choice{Hash: hash, Hashed: true}).Address; now != host && host != address(7) {
				moved++
			} else if now == address(7) {
				t.Fatalf("%s: a host was chosen that is not well", lb)
			}
		}
		if moved > 200 {
			t.Errorf("%s: %d of 2000 hashes have another host although theirs is well", lb, moved)
		}
	}
	if c := s.balanced(t, config.LBRoundRobin, 1); c.Hashes() {
		t.Error("turns do not depend on a hash")
	}
}

// TestPickInOrder: every request begins with the first host, and goes on with the
// next ones.
func TestPickInOrder(t *testing.T) {
	s := newStill(t)
	c := s.balanced(t, config.LBRequestRoundRobin, 1, 1, 0, 1, 1)
	know(c, 3)
	for range 3 {
		var ch Choice
		for _, want := range []int32{0, 1, 4} {
			h := c.Pick(&ch)
			if h.Slot != want {
				t.Fatalf("try %d went to host %d, want %d", len(ch.Tried)+1, h.Slot, want)
			}
			ch.Tried = append(ch.Tried, h)
		}
		if h := c.Pick(&ch); h.Slot != 0 {
			t.Errorf("after the last one comes %d", h.Slot)
		}
	}
	if h := c.Pick(&Choice{Tried: []*Host{c.host(1)}}); h.Slot != 4 {
		t.Errorf("after the second one comes %d", h.Slot)
	}
}

// TestPickCountsLoad: balancers see what is under way at hosts.
func TestPickCountsLoad(t *testing.T) {
	s := newStill(t)
	pick := func(lb config.LBType, choices uint32, change func(a *Host)) int {
		cfg := weighted(lb, 1, 1, 1)
		cfg.LBConfig.ChoiceCount = choices
		c := s.manager(t, cfg).At(0)
		change(c.host(0))
		return count(c, 3000, Choice{})[address(0)]
	}
	for _, lb := range []config.LBType{config.LBLeastRequest, config.LBPeakEWMA} {
		if n := pick(lb, 2, func(a *Host) { a.active = 5 }); n > 0 {
			t.Errorf("%s: a host with requests under way was picked %d times", lb, n)
		}
		if n := pick(lb, 2, func(a *Host) { a.waiting.n = 5 }); n > 0 {
			t.Errorf("%s: a host for which requests wait was picked %d times", lb, n)
		}
	}
	for _, change := range []func(*Host){func(a *Host) { a.conns = 2 }, func(a *Host) { a.dialing = 2 }} {
		if n := pick(config.LBLeastConnection, 2, change); n > 0 {
			t.Errorf("a host with connections was picked %d times", n)
		}
	}
	if n := pick(config.LBLeastConnection, 1, func(a *Host) { a.conns = 2 }); n < 800 || n > 1200 {
		t.Errorf("without a comparison, a host was picked %d times of 3000", n)
	}
}

// TestPickBoundsLoad: with a factor, no host has much more than its share, though all
// requests have the same hash.
func TestPickBoundsLoad(t *testing.T) {
	s := newStill(t)
	for _, lb := range []config.LBType{config.LBMaglev, config.LBRingHash} {
		cfg := weighted(lb, same(4, 1)...)
		cfg.LBConfig.HashBalanceFactor = 150
		c := s.manager(t, cfg).At(0)
		ch := Choice{Hash: 42, Hashed: true}
		for range 80 {
			c.Begin()
			c.Pick(&ch).active++
		}
		for _, h := range c.made {
			if h.active > 30 {
				t.Errorf("%s: %d of 80 requests are at one of 4 hosts, want at most 30", lb, h.active)
			}
		}
	}
}

// TestPickByShares: requests are divided among priorities and zones as the set says,
// and panic is counted.
func TestPickByShares(t *testing.T) {
	s := newStill(t)
	cfg := weighted(config.LBRoundRobin, same(20, 1)...)
	for i := 10; i < 20; i++ {
		cfg.Hosts[i].Priority = 1
	}
	c := s.manager(t, cfg).At(0)
	first := func() float64 {
		picks := 0
		for host, n := range count(c, 10_000, Choice{}) {
			if slices.Contains(addresses(10), host) {
				picks += n
			}
		}
		return float64(picks) / 10_000
	}
	if part := first(); part != 1 {
		t.Errorf("%v of the requests stay in the first priority, want 1", part)
	}
	know(c, 0, 1, 2, 3, 4) // half of them times 1.4
	if part := first(); part < 0.68 || part > 0.72 {
		t.Errorf("%v of the requests stay in the first priority, want 0.7", part)
	}
	if c.Stats.PanicPicks != 0 {
		t.Errorf("%d picks are counted as panic", c.Stats.PanicPicks)
	}
	know(c, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17)
	if part := first(); part < 0.48 || part > 0.52 || c.Stats.PanicPicks != 10_000 {
		t.Errorf("%v of the requests stay in the first priority, want 0.5; %d in panic, want all", part, c.Stats.PanicPicks)
	}
}

// TestPickSubset: requests go to the hosts of their subset; falling back is counted.
func TestPickSubset(t *testing.T) {
	s := newStill(t)
	cfg := weighted(config.LBRoundRobin, 1, 1, 1, 1)
	cfg.Subsets = &config.SubsetConfig{Selectors: [][]string{{"v"}}, FallbackPolicy: config.FallbackAny}
	for i := range cfg.Hosts {
		cfg.Hosts[i].Metadata = map[string]string{"v": fmt.Sprint(i % 2)}
	}
	c := s.manager(t, cfg).At(0)
	subset := func(v string) Choice { return Choice{Subset: SubsetKey(map[string]string{"v": v})} }
	if got := count(c, 100, subset("1")); got[address(1)] != 50 || got[address(3)] != 50 || c.Stats.SubsetsFallBack != 0 {
		t.Errorf("got %v, and %d fell back", got, c.Stats.SubsetsFallBack)
	}
	know(c, 1, 3) // by itself it is in panic, the others are not
	if got := count(c, 100, subset("1")); got[address(1)] != 50 || got[address(3)] != 50 || c.Stats.PanicPicks != 100 {
		t.Errorf("got %v, %d in panic", got, c.Stats.PanicPicks)
	}
	if got := count(c, 100, subset("7")); got[address(0)] != 50 || got[address(2)] != 50 || c.Stats.SubsetsFallBack != 100 {
		t.Errorf("got %v, and %d fell back", got, c.Stats.SubsetsFallBack)
	}
}

// TestHostsAreMadeWhenNeeded: a worker knows nothing of a host that no request has
// needed, and the same of one as long as it is a member.
func TestHostsAreMadeWhenNeeded(t *testing.T) {
	s := newStill(t)
	c := s.balanced(t, config.LBRequestRoundRobin, same(100, 1)...)
	if len(c.made) != 0 || len(c.env.Stats.Copy().Hosts) != 0 {
		t.Fatalf("%d hosts are made, with %d statistics", len(c.made), len(c.env.Stats.Copy().Hosts))
	}
	h := c.Pick(new(Choice))
	if c.Pick(new(Choice)) != h || len(c.made) != 1 || len(c.env.Stats.Copy().Hosts) != 1 {
		t.Fatalf("%d hosts are made", len(c.made))
	}
	deliver := func(hosts ...discovery.Host) {
		c.Members.SetHosts(hosts)
		c.adopt()
	}
	deliver(discovery.Host{Address: address(5), Weight: 1}, discovery.Host{Address: address(0), Weight: 7, Zone: "z"})
	if second := c.Pick(&Choice{Tried: []*Host{c.Pick(new(Choice))}}); second != h || h.Weight != 7 || h.Zone != "z" {
		t.Errorf("a host that stays is another one, or does not know what is new of it")
	}
	deliver(discovery.Host{Address: address(5), Weight: 1})
	for _, st := range c.made {
		if st == h {
			t.Error("a host is kept that is gone")
		}
	}
	if _, ok := c.env.Stats.Copy().Hosts[metrics.HostKey{Cluster: "c", Host: address(0)}]; ok || !h.retired {
		t.Error("its statistics are kept, or its connections are")
	}
	deliver(discovery.Host{Address: address(5), Weight: 1}, discovery.Host{Address: address(777), Weight: 1})
	if again := c.Pick(&Choice{Tried: []*Host{c.Pick(new(Choice))}}); again.Address != address(777) || again.Slot != h.Slot && len(c.set.Hosts) > 101 {
		t.Errorf("got %s at slot %d", again.Address, again.Slot)
	}
}

// TestPickDoesNotAllocate: whoever is well, and however often it was tried.
func TestPickDoesNotAllocate(t *testing.T) {
	s := newStill(t)
	for _, lb := range balancers {
		for _, ill := range [][]int{nil, {0}, {0, 1, 2}} {
			cfg := weighted(lb, 1, 2, 3, 4)
			cfg.Hosts[3].Priority, cfg.LBConfig.HashBalanceFactor = 1, 125
			c := s.manager(t, cfg).At(0)
			know(c, ill...)
			for i := range 4 {
				c.host(int32(i))
			}
			for _, tried := range [][]*Host{nil, c.made[:1], c.made} {
				ch := Choice{Hash: 5, Hashed: true, Tried: tried, AvoidZone: true, AvoidPriority: true}
				if n := testing.AllocsPerRun(100, func() { c.Pick(&ch); ch.Hash += 1 << 40 }); n != 0 {
					t.Errorf("%s with %d hosts that are not well, %d tried: %v allocations", lb, len(ill), len(tried), n)
				}
			}
		}
	}
}

package upstream

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/metrics"
)

// balanced returns a cluster that only chooses.
func balanced(lb config.LBType, weights ...uint32) *Cluster {
	w := &worker{}
	return balancedBy(w.random, lb, weights...)
}

func balancedBy(random func() uint64, lb config.LBType, weights ...uint32) *Cluster {
	cfg := config.Default[config.LBConfig]()
	c := &Cluster{
		Spec: &Spec{Balancer: lb, ChoiceCount: int(cfg.ChoiceCount), ActiveBias: cfg.ActiveRequestBias},
		env:  &Env{Rand: random}, Stats: new(metrics.ClusterStats),
	}
	for i, weight := range weights {
		c.hosts = append(c.hosts, &Host{HostSpec: &HostSpec{Address: fmt.Sprint(i), Weight: weight}, cluster: c})
	}
	c.balance()
	return c
}

var balancers = []config.LBType{
	config.LBRandom, config.LBRoundRobin, config.LBWeightedRoundRobin, config.LBLeastRequest, config.LBLeastConnection,
}

// count picks n times.
func count(c *Cluster, n int) map[*Host]int {
	got := make(map[*Host]int)
	for range n {
		got[c.Pick("", nil)]++
	}
	return got
}

// expectShares checks that picks are distributed by weights: with n picks of a
// share p, five standard deviations are 5*sqrt(n*p*(1-p)).
func expectShares(t *testing.T, c *Cluster, n int, weight func(h *Host) float64) {
	t.Helper()
	total := 0.0
	for _, h := range c.hosts {
		total += weight(h)
	}
	got := count(c, n)
	for _, h := range c.hosts {
		p := weight(h) / total
		want := float64(n) * p
		if diff := math.Abs(float64(got[h]) - want); diff > 5*math.Sqrt(want*(1-p))+1 {
			t.Errorf("host %s of weight %d was picked %d times, want about %.0f", h.Address, h.Weight, got[h], want)
		}
	}
}

func TestShares(t *testing.T) {
	equal := func(*Host) float64 { return 1 }
	byWeight := func(h *Host) float64 { return float64(h.Weight) }
	weights := []uint32{1, 2, 5, 64, 128}
	for lb, weight := range map[config.LBType]func(*Host) float64{
		config.LBRandom: equal, config.LBRoundRobin: equal, config.LBWeightedRoundRobin: byWeight,
		config.LBLeastRequest: byWeight, config.LBLeastConnection: byWeight,
	} {
		t.Run(string(lb), func(t *testing.T) {
			expectShares(t, balanced(lb, weights...), 100_000, weight)
			expectShares(t, balanced(lb, 1, 1, 1), 100_000, equal)
			expectShares(t, balanced(lb, 7, 7), 100_000, equal)
		})
	}
}

func TestRoundRobinIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "hosts")
		c := balanced(config.LBRoundRobin, make([]uint32, n)...)
		count(c, rapid.IntRange(0, 100).Draw(t, "before"))
		for h, got := range count(c, 3*n) {
			if got != 3 {
				t.Fatalf("host %s was picked %d times in 3 rounds", h.Address, got)
			}
		}
	})
}

// As many picks as the weights add up to are one round, wherever they begin, and
// no host waits much longer for its turn than its weight says.
func TestWeightedRoundRobinIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 128), 1, 40).Draw(t, "weights")
		seed := rapid.Uint64().Draw(t, "seed")
		w := &worker{}
		w.rand.Store(seed)
		c := balancedBy(w.random, config.LBWeightedRoundRobin, weights...)
		total := 0
		for _, w := range weights {
			total += int(w)
		}
		count(c, rapid.IntRange(0, 3*total).Draw(t, "before"))
		for range 3 {
			got := count(c, total)
			for _, h := range c.hosts {
				if got[h] != int(h.Weight) {
					t.Fatalf("host of weight %d was picked %d times in a round of %v", h.Weight, got[h], weights)
				}
			}
		}
		last := make(map[*Host]int)
		for i := range 2 * total {
			h := c.Pick("", nil)
			if before, ok := last[h]; ok {
				apart := float64(total) / float64(h.Weight)
				if gap := float64(i - before); math.Abs(gap-apart) > float64(len(weights)) {
					t.Fatalf("host of weight %d had turns %v apart, want about %.1f of %v", h.Weight, gap, apart, weights)
				}
			}
			last[h] = i
		}
	})
}

// Workers do not all begin with the same host.
func TestWorkersBeginElsewhere(t *testing.T) {
	for _, lb := range []config.LBType{config.LBRoundRobin, config.LBWeightedRoundRobin} {
		first := make(map[string]int)
		for i := range 64 {
			w := &worker{}
			w.rand.Store(uint64(i) << 32)
			first[balancedBy(w.random, lb, 10, 11, 12, 13, 14, 15).Pick("", nil).Address]++
		}
		if len(first) < 4 {
			t.Errorf("%s: 64 workers begin with %v", lb, first)
		}
	}
}

func TestPickFew(t *testing.T) {
	for _, lb := range balancers {
		if h := balanced(lb).Pick("", nil); h != nil {
			t.Errorf("%s: picked %s of no hosts", lb, h.Address)
		}
		c := balanced(lb, 3)
		if h := c.Pick("", c.hosts); h != c.hosts[0] {
			t.Errorf("%s: did not pick the only host", lb)
		}
	}
}

// Hosts that were tried are avoided as long as there are others.
func TestPickAvoidsTried(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lb := rapid.SampledFrom(balancers).Draw(t, "balancer")
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 128), 1, 12).Draw(t, "weights")
		c := balanced(lb, weights...)
		var tried []*Host
		for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, len(weights)-1), rapid.ID).Draw(t, "tried") {
			tried = append(tried, c.hosts[i])
		}
		got := make(map[*Host]bool)
		for range 50 {
			h := c.Pick("", tried)
			if h == nil {
				t.Fatal("no host was picked")
			}
			got[h] = true
			if contains(tried, h) && len(tried) < len(weights) {
				t.Fatalf("%s: a host that was tried was picked, of weights %v", lb, weights)
			}
		}
		if len(tried) == len(weights) && lb == config.LBRoundRobin && len(got) != len(weights) {
			t.Fatalf("all were tried, and only %d of %d picked", len(got), len(weights))
		}
	})
}

// The load of hosts that are equally fast stays within a few of each other, and
// that of a slow one does not grow with its slowness.
func TestLeastRequestBalances(t *testing.T) {
	most := func(lb config.LBType) int {
		c := balanced(lb, make1s(100)...)
		for range 10_000 { // as balls into bins: nothing is ever over
			c.Pick("", nil).active++
		}
		m := 0
		for _, h := range c.hosts {
			m = max(m, h.active)
		}
		return m
	}
	// The fullest of 100 bins with 100 balls on average: random ones exceed it by
	// about sqrt(2*100*ln(100)) = 30, two choices by about log2(ln(100)) = 2.2.
	if least, random := most(config.LBLeastRequest), most(config.LBRandom); least > 105 || random < 115 {
		t.Errorf("the fullest host has %d with two choices, %d at random", least, random)
	}
}

func make1s(n int) []uint32 {
	ws := make([]uint32, n)
	for i := range ws {
		ws[i] = 1
	}
	return ws
}

func TestLeastRequestAvoidsTheSlow(t *testing.T) {
	for _, weights := range [][]uint32{{1, 1}, {1, 1, 1, 1}, {1, 2, 4}, {128, 1}} {
		c := balanced(config.LBLeastRequest, weights...)
		slow := c.hosts[0]
		var under []*Host
		got := 0
		for range 10_000 {
			h := c.Pick("", nil)
			h.active++
			if h == slow {
				got++ // and never done
			} else {
				under = append(under, h)
			}
			if len(under) > 10 {
				under[0].active--
				under = under[1:]
			}
		}
		if limit := 60 * int(slow.Weight); got > limit {
			t.Errorf("weights %v: %d requests went to a host that answers none, want less than %d", weights, got, limit)
		}
	}
	c := balanced(config.LBLeastRequest, 1, 1)
	c.hosts[0].waiting.n = 3 // they wait for a connection
	for range 20 {
		if c.Pick("", nil) == c.hosts[0] {
			t.Fatal("those who wait for a connection do not count")
		}
	}
}

// Under load, the load is in proportion to the weights.
func TestLeastRequestByWeight(t *testing.T) {
	c := balanced(config.LBLeastRequest, 1, 2, 5)
	for range 8_000 {
		c.Pick("", nil).active++
	}
	for _, h := range c.hosts {
		if want := 1000 * int(h.Weight); h.active < want*9/10 || h.active > want*11/10 {
			t.Errorf("the host of weight %d has %d, want about %d", h.Weight, h.active, want)
		}
	}
}

func TestActiveRequestBias(t *testing.T) {
	share := func(bias float64) int {
		c := balanced(config.LBLeastRequest, 10, 10)
		c.ActiveBias = bias
		c.balance()
		c.hosts[0].active = 100
		return count(c, 10_000)[c.hosts[0]]
	}
	if n := share(0); n < 4500 || n > 5500 {
		t.Errorf("without bias, the loaded host was picked %d of 10000 times", n)
	}
	for _, bias := range []float64{0.5, 1, 2} {
		if n := share(bias); n != 0 {
			t.Errorf("with bias %v, the loaded host was picked %d times", bias, n)
		}
	}
}

func TestLeastConnection(t *testing.T) {
	c := balanced(config.LBLeastConnection, 1, 1, 1)
	c.hosts[0].conns, c.hosts[1].conns, c.hosts[2].dialing = 2, 1, 2
	got := count(c, 9000)
	if got[c.hosts[1]] < 5500 { // it is one of the two in two of three cases
		t.Errorf("the host with the fewest connections was picked %d of 9000 times", got[c.hosts[1]])
	}
	c.ChoiceCount = 64
	c.balance()
	if got = count(c, 1000); got[c.hosts[1]] != 1000 {
		t.Errorf("with many choices, the host with the fewest connections was picked %d of 1000 times", got[c.hosts[1]])
	}
}

func BenchmarkPick(b *testing.B) {
	for _, lb := range balancers {
		for _, n := range []int{10, 1_000, 10_000} {
			weights := make([]uint32, n)
			for i := range weights {
				weights[i] = uint32(i%128) + 1
			}
			b.Run(fmt.Sprintf("%s/%d", lb, n), func(b *testing.B) {
				c := balanced(lb, weights...)
				b.ReportAllocs()
				for b.Loop() {
					c.Pick("", nil)
				}
			})
		}
	}
}

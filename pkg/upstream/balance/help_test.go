package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
)

// types are all balancers that choose.
func types() []config.LBType {
	return []config.LBType{
		config.LBRandom, config.LBRoundRobin, config.LBWeightedRoundRobin, config.LBLeastRequest, config.LBLeastConnection,
		config.LBPeakEWMA, config.LBRingHash, config.LBMaglev, config.LBRequestRoundRobin,
	}
}

// options are those of the defaults of a configuration.
func options(lb config.LBType) *Options {
	c := config.Default[config.LBConfig]()
	return &Options{
		Type: lb, ChoiceCount: int(c.ChoiceCount), ActiveBias: c.ActiveRequestBias, TableSize: c.TableSize,
		MinRing: c.MinRingSize, MaxRing: c.MaxRingSize, HashFactor: c.HashBalanceFactor,
	}
}

// hosts returns members with the given weights, whose slots are 0, 1, ...
func hosts(weights ...uint32) []Member {
	members := make([]Member, len(weights))
	for i, w := range weights {
		members[i] = Member{Slot: int32(i), Weight: w, Key: fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250)}
	}
	return members
}

func equal(n int) []Member { return hosts(same(n, 1)...) }

func same(n int, weight uint32) []uint32 {
	weights := make([]uint32, n)
	for i := range weights {
		weights[i] = weight
	}
	return weights
}

// world is a worker whose members have the loads and costs that a test says.
type world struct {
	Worker
	loads []int
	costs []float64
	total int
}

// newWorld returns one in which n members are idle and cost a millisecond.
func newWorld(seed uint64, n int) *world {
	w := &world{loads: make([]int, n), costs: make([]float64, n)}
	for i := range w.costs {
		w.costs[i] = 1e6
	}
	w.Worker = Worker{
		Rand:  rand.New(rand.NewPCG(seed, 1)).Uint64,
		Load:  func(slot int32) int { return w.loads[slot] },
		Cost:  func(slot int32) float64 { return w.costs[slot] },
		Total: func() int { return w.total },
	}
	return w
}

func (w *world) begin(slot int32) { w.loads[slot]++; w.total++ }
func (w *world) end(slot int32)   { w.loads[slot]--; w.total-- }

// count picks n times without a hash.
func count(p Picker, n int) map[int32]int {
	got := make(map[int32]int)
	for range n {
		got[p.Pick(0, false)]++
	}
	return got
}

// expectShares checks that n choices are distributed by shares, within five standard
// deviations.
func expectShares(t *testing.T, got map[int32]int, n int, members []Member, share func(m *Member) float64) {
	t.Helper()
	total := 0.0
	for i := range members {
		total += share(&members[i])
	}
	for i := range members {
		m := &members[i]
		p := share(m) / total
		want := float64(n) * p
		if diff := math.Abs(float64(got[m.Slot]) - want); diff > 5*math.Sqrt(want*(1-p))+1 {
			t.Errorf("slot %d of weight %d was picked %d times, want about %.0f", m.Slot, m.Weight, got[m.Slot], want)
		}
	}
}

func equally(*Member) float64    { return 1 }
func byWeight(m *Member) float64 { return float64(m.Weight) }

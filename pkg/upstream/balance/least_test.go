package balance

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// Members of equal weight stand together, in the order in which they were given.
func TestRuns(t *testing.T) {
	r := newRuns(hosts(6, 2, 4, 2, 6, 2))
	want := []run{{upTo: 3, weight: 1, first: 0, n: 3}, {upTo: 5, weight: 2, first: 3, n: 1}, {upTo: 11, weight: 3, first: 4, n: 2}}
	if !slices.Equal(r.runs, want) || !slices.Equal(r.slots, []int32{1, 3, 5, 2, 0, 4}) || r.total != 11 {
		t.Errorf("runs are %+v of slots %v", r.runs, r.slots)
	}
}

// Every place belongs to the member that the sums of the weights say, and a draw
// besides a member yields every place but its own.
func TestDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.OneOf(rapid.Uint32Range(1, 5), rapid.Uint32Range(1, 1000))
		members := hosts(rapid.SliceOfN(weight, 2, 60).Draw(t, "weights")...)
		r := newRuns(members)
		divisor := uint64(commonDivisor(members))
		places := make(map[int32]uint64)
		for place := range r.total {
			member, of := r.at(place)
			slot := r.slots[member]
			places[slot] += divisor
			if w := uint64(r.runs[of].weight) * divisor; w != uint64(members[slot].Weight) {
				t.Fatalf("place %d is in a run of weight %d, and of a member of weight %d", place, w, members[slot].Weight)
			}
		}
		for _, m := range members {
			if places[m.Slot] != uint64(m.Weight) {
				t.Fatalf("a member of weight %d has %d places", m.Weight, places[m.Slot])
			}
		}
		member, of := r.draw(rapid.Uint64().Draw(t, "first"))
		if other, _ := r.drawBesides(rapid.Uint64().Draw(t, "second"), member, of); other == member {
			t.Fatalf("member %d was drawn twice", member)
		}
	})
}

// The second draw is by weight among the others.
func TestDrawBesides(t *testing.T) {
	members := hosts(5, 1, 2, 5, 30)
	r := newRuns(members)
	w := newWorld(1, 0)
	for member := range r.slots {
		for of := range r.runs {
			if run := &r.runs[of]; member < int(run.first) || member >= int(run.first+run.n) {
				continue
			}
			got := make(map[int32]int)
			const n = 50_000
			for range n {
				other, _ := r.drawBesides(w.Rand(), member, of)
				got[r.slots[other]]++
			}
			expectShares(t, got, n, members, func(m *Member) float64 {
				if m.Slot == r.slots[member] {
					return 0
				}
				return float64(m.Weight)
			})
		}
	}
}

// Of two, the more loaded is never picked, and of more loaded than both neither.
func TestLeastOfTwo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lb := rapid.SampledFrom([]config.LBType{config.LBLeastRequest, config.LBLeastConnection}).Draw(t, "type")
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 200), 2, 2).Draw(t, "weights")
		w := newWorld(rapid.Uint64().Draw(t, "seed"), 2)
		p := New(hosts(weights...), options(lb)).Picker(&w.Worker)
		for i := range w.loads {
			w.loads[i] = rapid.IntRange(0, 50).Draw(t, "load")
		}
		relative := func(i int32, more int) float64 { return float64(w.loads[i]+more) / float64(weights[i]) }
		for range 20 {
			slot := p.Pick(0, false)
			if other := 1 - slot; relative(other, 1) < relative(slot, 0) {
				t.Fatalf("picked %d of weights %v, loads %v", slot, weights, w.loads)
			}
		}
	})
}

// A member is passed over for another that would be no more loaded with the request
// than it is without, and for no other.
func TestLeastPassesOver(t *testing.T) {
	const n = 10_000
	for _, test := range []struct {
		weights []uint32
		loads   []int
		want    map[int32]float64 // shares
	}{
		{[]uint32{1, 3}, []int{0, 0}, map[int32]float64{0: 1, 1: 3}},
		{[]uint32{1, 3}, []int{1, 3}, map[int32]float64{0: 1, 1: 3}},
		{[]uint32{1, 3}, []int{1, 2}, map[int32]float64{1: 1}},
		{[]uint32{1, 3}, []int{0, 3}, map[int32]float64{0: 1}},
		{[]uint32{1, 3}, []int{0, 2}, map[int32]float64{0: 1, 1: 3}},
		{[]uint32{7, 7}, []int{1, 0}, map[int32]float64{1: 1}},
		{[]uint32{7, 7}, []int{4, 4}, map[int32]float64{0: 1, 1: 1}},
	} {
		w := newWorld(1, 2)
		w.loads = test.loads
		members := hosts(test.weights...)
		got := count(New(members, options(config.LBLeastRequest)).Picker(&w.Worker), n)
		t.Run(fmt.Sprint(test.weights, test.loads), func(t *testing.T) {
			expectShares(t, got, n, members, func(m *Member) float64 { return test.want[m.Slot] })
		})
	}
}

// The load of members that are equally fast stays within a few of each other.
func TestLeastRequestBalances(t *testing.T) {
	most := func(lb config.LBType) int {
		w := newWorld(3, 100)
		p := New(equal(100), options(lb)).Picker(&w.Worker)
		for range 10_000 { // as balls into bins: nothing is ever over
			w.begin(p.Pick(0, false))
		}
		m := 0
		for _, load := range w.loads {
			m = max(m, load)
		}
		return m
	}
	// The fullest of 100 bins with 100 balls on average: random ones exceed it by
	// about sqrt(2*100*ln(100)) = 30, two choices by about log2(ln(100)) = 2.2.
	least, ewma, random := most(config.LBLeastRequest), most(config.LBPeakEWMA), most(config.LBRandom)
	if least > 105 || ewma > 105 || random < 115 {
		t.Errorf("the fullest has %d with two choices, %d by latency, %d at random", least, ewma, random)
	}
}

func TestLeastRequestAvoidsTheSlow(t *testing.T) {
	for _, lb := range []config.LBType{config.LBLeastRequest, config.LBLeastConnection, config.LBPeakEWMA} {
		for _, weights := range [][]uint32{{1, 1}, {1, 1, 1, 1}, {1, 2, 4}, {128, 1}} {
			w := newWorld(1, len(weights))
			p := New(hosts(weights...), options(lb)).Picker(&w.Worker)
			var under []int32
			got := 0
			for range 10_000 {
				slot := p.Pick(0, false)
				w.begin(slot)
				if slot == 0 {
					got++ // and never done
				} else {
					under = append(under, slot)
				}
				if len(under) > 10 {
					w.end(under[0])
					under = under[1:]
				}
			}
			if limit := 60 * int(weights[0]); got > limit {
				t.Errorf("%s, weights %v: %d requests went to one that answers none, want less than %d", lb, weights, got, limit)
			}
		}
	}
}

// Under load, the load is in proportion to the weights, of peak EWMA to weight/cost.
func TestLoadByWeight(t *testing.T) {
	for _, test := range []struct {
		lb    config.LBType
		costs []float64
		want  []int
	}{
		{config.LBLeastRequest, []float64{1e6, 1e6, 1e6}, []int{1000, 2000, 5000}},
		{config.LBLeastConnection, []float64{1e6, 1e6, 1e6}, []int{1000, 2000, 5000}},
		{config.LBPeakEWMA, []float64{1e6, 1e6, 1e6}, []int{1000, 2000, 5000}},
		{config.LBPeakEWMA, []float64{1e6, 4e6, 5e6}, []int{3200, 1600, 3200}},
	} {
		o := options(test.lb)
		o.ChoiceCount = 16 // all are compared, so that a slow one is not left over
		w := newWorld(1, 3)
		w.costs = test.costs
		p := New(hosts(100, 200, 500), o).Picker(&w.Worker)
		for range 8_000 {
			w.begin(p.Pick(0, false))
		}
		for i, want := range test.want {
			if load := w.loads[i]; load < want*9/10 || load > want*11/10 {
				t.Errorf("%s: loads are %v, want about %v", test.lb, w.loads, test.want)
				break
			}
		}
	}
}

func TestActiveBias(t *testing.T) {
	share := func(bias float64) int {
		o := options(config.LBLeastRequest)
		o.ActiveBias = bias
		w := newWorld(1, 2)
		w.loads[0] = 100
		return count(New(hosts(10, 10), o).Picker(&w.Worker), 10_000)[0]
	}
	if n := share(0); n < 4500 || n > 5500 {
		t.Errorf("without bias, the loaded one was picked %d of 10000 times", n)
	}
	for _, bias := range []float64{0.01, 0.5, 1, 2, 100} {
		if n := share(bias); n != 0 {
			t.Errorf("with bias %v, the loaded one was picked %d times", bias, n)
		}
	}
}

// A bias is an exponent of the load: the greater it is, the less weights matter.
func TestActiveBiasByWeight(t *testing.T) {
	for _, bias := range []float64{0.5, 1, 2, 3} {
		o := options(config.LBLeastRequest)
		o.ActiveBias = bias
		w := newWorld(1, 2)
		p := New(hosts(100, 400), o).Picker(&w.Worker)
		for range 100_000 {
			w.begin(p.Pick(0, false))
		}
		// load^bias/weight is the same for both.
		want := math.Pow(4, 1/bias)
		if got := float64(w.loads[1]) / float64(w.loads[0]); math.Abs(got-want) > 0.02*want {
			t.Errorf("with bias %v, the loads are %v, want them as 1 to %.2f", bias, w.loads, want)
		}
	}
}

// With extreme biases and weights, choices are still made.
func TestExtremeBias(t *testing.T) {
	for _, bias := range []float64{1e-9, 0.01, 100} {
		o := options(config.LBLeastRequest)
		o.ActiveBias = bias
		w := newWorld(1, 3)
		w.loads = []int{5, 5, 5}
		p := New(hosts(1, 100, 12_800), o).Picker(&w.Worker)
		for slot := range count(p, 1000) {
			if slot < 0 || slot > 2 {
				t.Errorf("with bias %v, %d was picked", bias, slot)
			}
		}
	}
}

func TestChoiceCount(t *testing.T) {
	for _, lb := range []config.LBType{config.LBLeastRequest, config.LBLeastConnection, config.LBPeakEWMA} {
		for _, test := range []struct{ choices, least, most int }{
			{0, 2700, 3300}, {1, 2700, 3300}, // a third at random
			{2, 5700, 6300}, // it is one of the two in two of three cases
			{64, 9000, 9000},
		} {
			o := options(lb)
			o.ChoiceCount = test.choices
			w := newWorld(1, 3)
			w.loads = []int{4, 1, 4}
			got := count(New(equal(3), o).Picker(&w.Worker), 9000)[1]
			if got < test.least || got > test.most {
				t.Errorf("%s: with %d choices, the least loaded was picked %d of 9000 times", lb, test.choices, got)
			}
		}
	}
}

// Of idle members the fastest is picked if it is compared.
func TestPeakEWMAPrefersTheFast(t *testing.T) {
	w := newWorld(1, 2)
	p := New(hosts(1, 1), options(config.LBPeakEWMA)).Picker(&w.Worker)
	for _, test := range []struct {
		costs []float64
		loads []int
		want  int32
	}{
		{[]float64{1e6, 2e6}, []int{0, 0}, 0},
		{[]float64{3e6, 2e6}, []int{0, 0}, 1},
		{[]float64{1e6, 2e6}, []int{2, 0}, 1}, // the faster is busy
		{[]float64{1e6, 9e6}, []int{2, 0}, 0}, // and still faster
		{[]float64{0, 1e6}, []int{3, 0}, 0},   // an unknown one is tried
		{[]float64{0, 0}, []int{3, 1}, 1},     // but not all at once
	} {
		copy(w.costs, test.costs)
		copy(w.loads, test.loads)
		for slot := range count(p, 20) {
			if slot != test.want {
				t.Errorf("costs %v, loads %v: picked %d", test.costs, test.loads, slot)
			}
		}
	}
}

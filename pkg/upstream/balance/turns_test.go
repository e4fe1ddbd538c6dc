package balance

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

func TestRoundRobinIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := hosts(rapid.SliceOfN(rapid.Uint32Range(1, 9), 1, 50).Draw(t, "weights")...)
		p := New(members, options(config.LBRoundRobin)).Picker(&newWorld(rapid.Uint64().Draw(t, "seed"), 50).Worker)
		last := p.Pick(0, false)
		for range 3 * len(members) {
			next := p.Pick(0, false)
			if want := (last + 1) % int32(len(members)); next != want {
				t.Fatalf("picked %d after %d, want %d", next, last, want)
			}
			last = next
		}
	})
}

// As many choices as the weights add up to, without what they have in common, are one
// round, wherever they begin, and no member waits much longer for its turn than its
// weight says.
func TestWeightedRoundRobinIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.OneOf(rapid.Uint32Range(1, 128), rapid.Uint32Range(1, 4))
		weights := rapid.SliceOfN(weight, 1, 40).Draw(t, "weights")
		unit := rapid.SampledFrom([]uint32{1, 100}).Draw(t, "unit")
		members := hosts(weights...)
		total := uint32(0)
		distinct := make(map[uint32]bool)
		for i := range members {
			members[i].Weight *= unit
			distinct[weights[i]] = true
			total += weights[i]
		}
		divisor := commonDivisor(members) / unit
		round := int(total / divisor)

		p := New(members, options(config.LBWeightedRoundRobin)).Picker(&newWorld(rapid.Uint64().Draw(t, "seed"), 40).Worker)
		count(p, rapid.IntRange(0, 3*round).Draw(t, "before"))
		for range 3 {
			got := count(p, round)
			for i, w := range weights {
				if got[int32(i)] != int(w/divisor) {
					t.Fatalf("member of weight %d was picked %d times in a round of %v", w, got[int32(i)], weights)
				}
			}
		}
		last := make(map[int32]int)
		for i := range 2 * round {
			slot := p.Pick(0, false)
			if before, ok := last[slot]; ok {
				apart := float64(total) / float64(weights[slot])
				if gap := float64(i - before); math.Abs(gap-apart) > float64(len(distinct)) {
					t.Fatalf("member of weight %d had turns %v apart, want about %.1f of %v", weights[slot], gap, apart, weights)
				}
			}
			last[slot] = i
		}
	})
}

// Numbers do not overflow where many members have large weights.
func TestWeightedRoundRobinOfManyHeavy(t *testing.T) {
	heap := []turn{
		{at: 1 << 55, weight: 1 << 50, first: 0}, {at: 1 << 54, weight: 1 << 49, first: 1}, {at: 1<<54 + 1, weight: 1 << 49, first: 2},
		{at: 1 << 55, weight: 1 << 48, first: 3},
	}
	for i := range heap {
		for j := range heap {
			if heap[i].before(&heap[j]) != (i < j) {
				t.Errorf("turn %d before %d: %v", i, j, i >= j)
			}
		}
	}
	members := hosts(math.MaxUint32, math.MaxUint32-1, math.MaxUint32/2)
	p := New(members, options(config.LBWeightedRoundRobin)).Picker(&newWorld(1, 3).Worker)
	got := count(p, 5_000_000)
	for slot, want := range map[int32]int{0: 2_000_000, 1: 2_000_000, 2: 1_000_000} {
		if math.Abs(float64(got[slot]-want)) > 3 {
			t.Errorf("slot %d was picked %d times, want %d", slot, got[slot], want)
		}
	}
}

func TestRequestRoundRobin(t *testing.T) {
	for name, test := range map[string]struct {
		members []Member
		want    []int32 // slots in the order in which retries try them
	}{
		"one":         {[]Member{{Slot: 5, Weight: 1}}, []int32{5, 5}},
		"in order":    {[]Member{{Slot: 5, Weight: 1}, {Slot: 2, Weight: 9}, {Slot: 7, Weight: 1}}, []int32{5, 2, 7, 5, 2}},
		"without 0":   {[]Member{{Slot: 5}, {Slot: 2, Weight: 9}, {Slot: 3}, {Slot: 7, Weight: 1}}, []int32{2, 7, 2}},
		"all are 0":   {[]Member{{Slot: 5}, {Slot: 2}}, []int32{5, 2, 5}},
		"beyond zero": {[]Member{{Slot: 0, Weight: 1}, {Slot: 1, Weight: 1}}, []int32{0, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(test.members, options(config.LBRequestRoundRobin)).Picker(&newWorld(1, 1).Worker)
			for range 3 { // each request begins with the first
				slot := p.Pick(0, false)
				for i, want := range test.want {
					if slot != want {
						t.Fatalf("try %d is of %d, want %d", i, slot, want)
					}
					slot = p.(Follower).After(slot)
				}
			}
			if slot := p.(Follower).After(99); slot != test.want[0] {
				t.Errorf("after one that has gone comes %d, want %d", slot, test.want[0])
			}
		})
	}
}

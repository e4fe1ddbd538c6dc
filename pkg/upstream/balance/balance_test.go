package balance

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// hashes tells whether the shares of a type are those of its table.
func hashes(lb config.LBType) bool { return lb == config.LBRingHash || lb == config.LBMaglev }

func TestShares(t *testing.T) {
	for lb, share := range map[config.LBType]func(*Member) float64{
		config.LBRandom: equally, config.LBRoundRobin: equally, config.LBWeightedRoundRobin: byWeight,
		config.LBLeastRequest: byWeight, config.LBLeastConnection: byWeight, config.LBPeakEWMA: byWeight,
	} {
		t.Run(string(lb), func(t *testing.T) {
			for _, weights := range [][]uint32{{1, 2, 5, 64, 128}, {100, 250, 12_800, 33}, {1, 1, 1}, {7, 7}, {3, 1, 3, 1, 3, 2}, same(300, 9)} {
				members := hosts(weights...)
				p := New(members, options(lb)).Picker(&newWorld(1, len(members)).Worker)
				const n = 100_000
				expectShares(t, count(p, n), n, members, share)
			}
		})
	}
}

func TestNoMembers(t *testing.T) {
	for _, lb := range types() {
		table := New(nil, options(lb))
		if !table.Empty() || table.Len() != 0 {
			t.Errorf("%s: there are %d members", lb, table.Len())
		}
		if slot := table.Picker(&newWorld(1, 0).Worker).Pick(1, true); slot != -1 {
			t.Errorf("%s: picked %d of no members", lb, slot)
		}
	}
}

// Whatever the type and the weights: the slots that are picked are those of members
// whose weight is not 0, unless all are, and each of those is picked at some time.
func TestWhoIsPicked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lb := rapid.SampledFrom(types()).Draw(t, "type")
		weights := rapid.SliceOfN(rapid.SampledFrom([]uint32{0, 0, 1, 2, 3, 100}), 1, 8).Draw(t, "weights")
		o := options(lb)
		o.TableSize, o.MinRing = 251, 64
		o.HashFactor = rapid.SampledFrom([]uint32{0, 125}).Draw(t, "factor")
		members := hosts(weights...)
		slots := rapid.SliceOfNDistinct(rapid.Int32Range(0, 99), len(members), len(members), rapid.ID).Draw(t, "slots")
		want := make(map[int32]bool)
		for i := range members {
			members[i].Slot = slots[i]
			if weights[i] > 0 {
				want[slots[i]] = true
			}
		}
		if len(want) == 0 {
			for _, slot := range slots {
				want[slot] = true
			}
		}
		table := New(members, o)
		if table.Empty() || table.Len() != len(want) {
			t.Fatalf("%d members are chosen from, want %d", table.Len(), len(want))
		}
		p := table.Picker(&newWorld(rapid.Uint64().Draw(t, "seed"), 100).Worker)
		got := count(p, 20_000)
		for slot := range got {
			if !want[slot] {
				t.Fatalf("slot %d was picked, want one of %v", slot, want)
			}
		}
		if lb != config.LBRequestRoundRobin && len(got) != len(want) {
			t.Fatalf("picked %v, want all of %v", got, want)
		}
	})
}

// If the weights of all are 0, all are equal.
func TestAllWeightsZero(t *testing.T) {
	for _, lb := range types() {
		if lb == config.LBRequestRoundRobin || hashes(lb) {
			continue // see TestRequestRoundRobin and TestHashedWeightsZero
		}
		members := hosts(0, 0, 0, 0)
		p := New(members, options(lb)).Picker(&newWorld(1, 4).Worker)
		expectShares(t, count(p, 40_000), 40_000, members, equally)
	}
}

// A table keeps nothing of what it was made of.
func TestMembersAreNotKept(t *testing.T) {
	for _, lb := range types() {
		members := hosts(1, 2, 3)
		o := options(lb)
		table := New(members, o)
		clear(members)
		*o = Options{}
		got := count(table.Picker(&newWorld(1, 3).Worker), 1000)
		if lb != config.LBRequestRoundRobin && len(got) != 3 {
			t.Errorf("%s: picked %v", lb, got)
		}
	}
}

// Members are not changed, as others may look at them.
func TestMembersAreNotChanged(t *testing.T) {
	for _, lb := range types() {
		members := hosts(0, 0, 0)
		members[0].Key = members[2].Key
		New(members, options(lb))
		if members[0].Weight != 0 || members[0].Key != members[2].Key || members[0].Slot != 0 {
			t.Errorf("%s: members are %v", lb, members)
		}
	}
}

// Two workers do not begin with the same members, where they are chosen in turn.
func TestWorkersBeginElsewhere(t *testing.T) {
	for _, lb := range []config.LBType{config.LBRoundRobin, config.LBWeightedRoundRobin} {
		for _, weights := range [][]uint32{{10, 10, 10, 10, 10, 10}, {10, 11, 12, 13, 14, 15}, {1, 1, 1, 2, 2, 2}} {
			table := New(hosts(weights...), options(lb))
			first := make(map[int32]int)
			for seed := range uint64(64) {
				first[table.Picker(&newWorld(seed, 6).Worker).Pick(0, false)]++
			}
			if len(first) < 4 {
				t.Errorf("%s: 64 workers begin with %v", lb, first)
			}
		}
	}
}

// A type without a balancer of its own is in turn.
func TestOtherTypes(t *testing.T) {
	p := New(equal(3), options(config.LBOriginalDst)).Picker(&newWorld(1, 3).Worker)
	if got := count(p, 30); got[0] != 10 || got[1] != 10 || got[2] != 10 {
		t.Errorf("picked %v", got)
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, lb := range types() {
		for _, factor := range []uint32{0, 125} {
			members := hosts(make([]uint32, 200)...)
			for i := range members {
				members[i].Weight = random.Uint32N(20)
			}
			o := options(lb)
			o.HashFactor = factor
			w := newWorld(1, len(members))
			p := New(members, o).Picker(&w.Worker)
			hash := uint64(1)
			if n := testing.AllocsPerRun(1000, func() {
				hash *= 0x9e3779b97f4a7c15
				w.begin(p.Pick(hash, hash%4 != 0))
			}); n != 0 {
				t.Errorf("%s: a choice allocates %v times", lb, n)
			}
		}
	}
}

func TestBelow(t *testing.T) {
	for _, test := range []struct{ random, n, want uint64 }{
		{0, 10, 0}, {1<<64 - 1, 10, 9}, {1 << 63, 10, 5}, {1<<64 - 1, 1, 0}, {1<<64 - 1, 1 << 40, 1<<40 - 1},
	} {
		if got := below(test.random, test.n); got != test.want {
			t.Errorf("below(%d, %d) = %d, want %d", test.random, test.n, got, test.want)
		}
	}
}

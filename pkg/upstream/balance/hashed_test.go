package balance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

var circles = []config.LBType{config.LBRingHash, config.LBMaglev}

// samples are hashes of requests.
func samples(n int) []uint64 {
	random := rand.New(rand.NewPCG(7, 7))
	hashes := make([]uint64, n)
	for i := range hashes {
		hashes[i] = random.Uint64()
	}
	return hashes
}

// assign returns which key each hash goes to.
func assign(members []Member, o *Options, hashes []uint64) []string {
	keys := make(map[int32]string)
	for _, m := range members {
		keys[m.Slot] = m.Key
	}
	p := New(members, o).Picker(&newWorld(1, 0).Worker)
	to := make([]string, len(hashes))
	for i, hash := range hashes {
		to[i] = keys[p.Pick(hash, true)]
	}
	return to
}

// The same hash has the same member, and without one all are picked at random.
func TestHashDecides(t *testing.T) {
	for _, lb := range circles {
		members := equal(5)
		table := New(members, options(lb))
		a, b := table.Picker(&newWorld(1, 5).Worker), table.Picker(&newWorld(2, 5).Worker)
		for _, hash := range samples(1000) {
			if x, y := a.Pick(hash, true), b.Pick(hash, true); x != y || x != a.Pick(hash, true) {
				t.Fatalf("%s: hash %#x is of %d, and of %d", lb, hash, x, y)
			}
		}
		if got := count(a, 1000); len(got) != 5 {
			t.Errorf("%s: without a hash, picked %v", lb, got)
		}
	}
}

// Order and slots of the members do not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	hashes := samples(2000)
	rapid.Check(t, func(t *rapid.T) {
		o := options(rapid.SampledFrom(circles).Draw(t, "type"))
		o.TableSize, o.MinRing = 1009, 256
		members := hosts(rapid.SliceOfN(rapid.Uint32Range(1, 5), 2, 10).Draw(t, "weights")...)
		want := assign(members, o, hashes)
		shuffled := slices.Clone(rapid.Permutation(members).Draw(t, "order"))
		for i := range shuffled {
			shuffled[i].Slot += 40
		}
		if got := assign(shuffled, o, hashes); !slices.Equal(got, want) {
			t.Fatal("in another order, hashes go elsewhere")
		}
	})
}

// disruption returns how many hashes move, and how many of them from and to other
// members than one.
func disruption(before, after []string, one string) (moved, others int) {
	for i := range before {
		if before[i] != after[i] {
			moved++
			if before[i] != one && after[i] != one {
				others++
			}
		}
	}
	return moved, others
}

// When a member comes, goes, or changes its weight, only hashes of its own move, with
// few exceptions.
func TestDisruption(t *testing.T) {
	hashes := samples(100_000)
	for _, test := range []struct {
		name   string
		lb     config.LBType
		n      int
		change func(o *Options)
		others float64 // share of the hashes that move between others, at most
	}{
		{"ring", config.LBRingHash, 10, nil, 0},
		{"ring of two", config.LBRingHash, 2, nil, 0},
		{"ring of many", config.LBRingHash, 500, nil, 0},
		{"full ring", config.LBRingHash, 10, func(o *Options) { o.MaxRing = 1024 }, 0.15},
		{"maglev", config.LBMaglev, 10, nil, 0.01},
		{"maglev of many", config.LBMaglev, 500, nil, 0.05},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options(test.lb)
			if test.change != nil {
				test.change(o)
			}
			members := hosts(same(test.n, 100)...)
			key := members[test.n/2].Key
			without := slices.Delete(slices.Clone(members), test.n/2, test.n/2+1)
			lighter := slices.Clone(members)
			lighter[test.n/2].Weight = 40
			all, some, less := assign(members, o, hashes), assign(without, o, hashes), assign(lighter, o, hashes)
			for name, after := range map[string][]string{"gone": some, "lighter": less} {
				moved, others := disruption(all, after, key)
				if moved == 0 {
					t.Errorf("%s: nothing moved", name)
				}
				if float64(others) > test.others*float64(len(hashes)) {
					t.Errorf("%s: %d of %d hashes moved between other members", name, others, len(hashes))
				}
			}
		})
	}
}

// A member's share of a table is that of its weight. That of a ring varies as it does
// with so many random entries: by 1/sqrt(512).
func TestHashedShares(t *testing.T) {
	hashes := samples(500_000)
	for _, test := range []struct {
		name    string
		lb      config.LBType
		weights []uint32
		off     float64 // relative to the share
	}{
		{"ring", config.LBRingHash, same(20, 100), 0.15},
		{"ring by weight", config.LBRingHash, []uint32{100, 200, 300, 400}, 0.15},
		{"ring in large units", config.LBRingHash, []uint32{12_800, 6_400, 12_800}, 0.15},
		{"ring of one heavy", config.LBRingHash, []uint32{12_800, 100, 100, 100}, 0.7}, // they have 8 entries
		{"maglev", config.LBMaglev, same(20, 100), 0.03},
		{"maglev by weight", config.LBMaglev, []uint32{100, 200, 300, 400}, 0.03},
		{"maglev of one heavy", config.LBMaglev, []uint32{12_800, 100, 100, 100}, 0.1},
	} {
		t.Run(test.name, func(t *testing.T) {
			members := hosts(test.weights...)
			p := New(members, options(test.lb)).Picker(&newWorld(1, 0).Worker)
			got := make(map[int32]int)
			for _, hash := range hashes {
				got[p.Pick(hash, true)]++
			}
			total := 0.0
			for _, m := range members {
				total += float64(m.Weight)
			}
			for _, m := range members {
				want := float64(m.Weight) / total * float64(len(hashes))
				if off := math.Abs(float64(got[m.Slot])-want) / want; off > test.off {
					t.Errorf("slot %d of weight %d has %d hashes, want about %.0f", m.Slot, m.Weight, got[m.Slot], want)
				}
			}
		})
	}
}

func TestHashedWeightsZero(t *testing.T) {
	hashes := samples(2000)
	for _, lb := range circles {
		zero, one := hosts(0, 0, 0), hosts(1, 1, 1)
		if !slices.Equal(assign(zero, options(lb), hashes), assign(one, options(lb), hashes)) {
			t.Errorf("%s: members of weight 0 are not like those of weight 1", lb)
		}
	}
}

// Members with the same key all have their share.
func TestSameKey(t *testing.T) {
	for _, lb := range circles {
		members := equal(4)
		for i := range members {
			members[i].Key = "service.example"
		}
		got := count(New(members, options(lb)).Picker(&newWorld(1, 4).Worker), 40_000)
		for slot := range int32(4) {
			if n := got[slot]; n < 8_000 || n > 12_000 {
				t.Errorf("%s: slot %d was picked %d of 40000 times", lb, slot, n)
			}
		}
	}
}

// A request for a member that has too much goes to the next one, and no member ever
// has more than the factor says.
func TestBoundedLoad(t *testing.T) {
	for _, lb := range circles {
		for _, factor := range []uint32{110, 125, 200} {
			for _, weights := range [][]uint32{same(2, 1), same(20, 1), {100, 200, 300, 400, 500}} {
				o := options(lb)
				o.HashFactor = factor
				members := hosts(weights...)
				total := uint32(0)
				for _, weight := range weights {
					total += weight
				}
				w := newWorld(1, len(members))
				p := New(members, o).Picker(&w.Worker)
				random := rand.New(rand.NewPCG(1, 1))
				var under []int32
				for range 20_000 {
					// A few hashes are much more frequent than the others.
					hash := uint64(math.Pow(random.Float64(), 8)*50) * 0x9e3779b97f4a7c15
					slot := p.Pick(hash, true)
					w.begin(slot)
					most := ceil(int(factor)*w.total*int(weights[slot]), 100*int(total))
					if w.loads[slot] > most {
						t.Fatalf("%s, factor %d: loads are %v of weights %v, want at most %v for %d", lb, factor, w.loads, weights, most, slot)
					}
					under = append(under, slot)
					if len(under) > 300 {
						i := random.IntN(len(under))
						w.end(under[i])
						under[i] = under[len(under)-1]
						under = under[:len(under)-1]
					}
				}
			}
		}
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// As long as nobody has too much, a bound changes nothing; and who is passed over does
// not matter to other hashes.
func TestBoundedLoadIsConsistent(t *testing.T) {
	for _, lb := range circles {
		members := equal(10)
		free := New(members, options(lb)).Picker(&newWorld(1, 10).Worker)
		o := options(lb)
		o.HashFactor = 150
		w := newWorld(1, 10)
		p := New(members, o).Picker(&w.Worker)
		for i := range w.loads {
			w.loads[i] = 10
		}
		w.total, w.loads[3] = 110, 20
		moved := 0
		for _, hash := range samples(10_000) {
			want, got := free.Pick(hash, true), p.Pick(hash, true)
			switch {
			case want != 3 && got != want:
				t.Fatalf("%s: hash %#x goes to %d, and without a bound to %d", lb, hash, got, want)
			case want == 3 && got == 3:
				t.Fatalf("%s: a request goes to one with a load of 20, of 11 on average", lb)
			case want == 3:
				moved++
			}
		}
		if moved == 0 {
			t.Errorf("%s: no request was for the one with too much", lb)
		}
	}
}

// If all have too much, which a total that lags behind may make it seem, it is the
// least loaded relative to its weight.
func TestBoundedLoadOfAllFull(t *testing.T) {
	for _, lb := range circles {
		o := options(lb)
		o.HashFactor = 1 // counts as 100
		w := newWorld(1, 3)
		w.loads, w.total = []int{10, 30, 15}, 3
		p := New(hosts(100, 400, 100), o).Picker(&w.Worker)
		for _, hash := range samples(1000) {
			if slot := p.Pick(hash, true); slot != 1 {
				t.Fatalf("%s: picked %d", lb, slot)
			}
		}
	}
}

// The limit counts the request that is about to be sent, and is never less than a
// member's share.
func TestLimitOfLoad(t *testing.T) {
	for _, test := range []struct {
		factor uint32
		loads  []int // 0 is the member the request is for
		stays  bool
	}{
		{100, []int{2, 1, 3}, true},  // 7/3 is more than 2
		{100, []int{2, 1, 2}, false}, // 6/3 is not
		{50, []int{2, 1, 3}, true},   // counts as 100
		{150, []int{3, 1, 2}, true},  // 1.5*7/3 is more than 3
		{150, []int{3, 1, 1}, false}, // 1.5*6/3 is not
		{100, []int{0, 0, 0}, true},
	} {
		o := options(config.LBMaglev)
		o.HashFactor = test.factor
		w := newWorld(1, 3)
		p := New(equal(3), o).Picker(&w.Worker)
		for _, hash := range samples(1000) {
			w.loads, w.total = []int{0, 0, 0}, 0
			if p.Pick(hash, true) != 0 {
				continue
			}
			w.loads = test.loads
			for _, load := range test.loads {
				w.total += load
			}
			if slot := p.Pick(hash, true); (slot == 0) != test.stays {
				t.Fatalf("factor %d, loads %v: picked %d", test.factor, test.loads, slot)
			}
		}
	}
}

package balance

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
)

const many = 10_000

// sets are the weights that are measured.
func sets() map[string][]Member {
	random := rand.New(rand.NewPCG(1, 1))
	mixed := make([]uint32, many)
	for i := range mixed {
		mixed[i] = 100 * (1 + random.Uint32N(128))
	}
	return map[string][]Member{"equal": hosts(same(many, 100)...), "mixed": hosts(mixed...)}
}

// crowd is a worker with many hosts, as the real one has them: each a piece of memory
// of its own.
func crowd() *Worker {
	type host struct {
		load int
		cost float64
		_    [240]byte
	}
	known := make([]*host, many)
	total := 0
	for i := range known {
		known[i] = &host{load: i % 7, cost: float64(1e6 + i%13)}
		total += known[i].load
	}
	random := uint64(1)
	return &Worker{
		Rand: func() uint64 { // as cheap as the real one: splitmix64
			random += 0x9e3779b97f4a7c15
			x := random
			x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
			x = (x ^ x>>27) * 0x94d049bb133111eb
			return x ^ x>>31
		},
		Load:  func(slot int32) int { return known[slot].load },
		Cost:  func(slot int32) float64 { return known[slot].cost },
		Total: func() int { return total },
	}
}

func benchmark(b *testing.B, run func(b *testing.B, members []Member, o *Options)) {
	members := sets()
	for _, lb := range types() {
		for _, weights := range []string{"equal", "mixed"} {
			for _, factor := range []uint32{0, 125} {
				if factor > 0 && !hashes(lb) {
					continue
				}
				o := options(lb)
				o.HashFactor = factor
				b.Run(fmt.Sprintf("%s/%s/%d", lb, weights, factor), func(b *testing.B) { run(b, members[weights], o) })
			}
		}
	}
}

func BenchmarkPick(b *testing.B) {
	benchmark(b, func(b *testing.B, members []Member, o *Options) {
		p := New(members, o).Picker(crowd())
		hash := uint64(1)
		b.ReportAllocs()
		for b.Loop() {
			hash *= 0x9e3779b97f4a7c15
			p.Pick(hash, true)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	benchmark(b, func(b *testing.B, members []Member, o *Options) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		table := New(members, o)
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := float64(after.HeapAlloc) - float64(before.HeapAlloc)
		b.ReportAllocs()
		for b.Loop() {
			table = New(members, o)
		}
		b.ReportMetric(held/many, "B-held/member")
		runtime.KeepAlive(table)
	})
}

func BenchmarkPicker(b *testing.B) {
	benchmark(b, func(b *testing.B, members []Member, o *Options) {
		table, w := New(members, o), crowd()
		b.ReportAllocs()
		for b.Loop() {
			table.Picker(w)
		}
	})
}

func BenchmarkAfter(b *testing.B) {
	p := New(equal(many), options(config.LBRequestRoundRobin)).Picker(crowd())
	slot := p.Pick(0, false)
	b.ReportAllocs()
	for b.Loop() {
		slot = p.(Follower).After(slot)
	}
}

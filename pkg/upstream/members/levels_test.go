package members

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/discovery"
)

// share100 is a priority of 100 hosts, by how many of them are what.
type share100 struct{ healthy, degraded int }

// priorities makes hosts of which so many of each hundred are healthy and degraded.
func priorities(all ...share100) (hosts []discovery.Host) {
	for p, of := range all {
		for i := range 100 {
			h := host(100*p + i)
			h.Priority = uint32(p)
			switch {
			case i < of.healthy:
			case i < of.healthy+of.degraded:
				h.Health = discovery.Degraded
			default:
				h.Health = discovery.Unhealthy
			}
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// TestPriorityLoads: the tables of Envoy's documentation on priority levels, panic
// and degraded hosts. They are of whole percents.
func TestPriorityLoads(t *testing.T) {
	healthy := func(percents ...int) (all []share100) {
		for _, n := range percents {
			all = append(all, share100{healthy: n})
		}
		return all
	}
	for _, tt := range []struct {
		of     []share100
		below  float64
		loads  []float64
		panics []int // priorities
	}{
		{healthy(100, 100), 50, []float64{100, 0}, nil},
		{healthy(72, 100), 50, []float64{100, 0}, nil},
		{healthy(71, 100), 50, []float64{99, 1}, nil},
		{healthy(50, 100), 50, []float64{70, 30}, nil},
		{healthy(25, 100), 50, []float64{35, 65}, nil},
		{healthy(0, 100), 50, []float64{0, 100}, nil},

		{healthy(72, 72), 50, []float64{100, 0}, nil},
		{healthy(71, 71), 50, []float64{99, 1}, nil},
		{healthy(50, 50), 50, []float64{70, 30}, nil},
		{healthy(25, 25), 50, []float64{50, 50}, []int{0, 1}},
		{healthy(5, 65), 50, []float64{7, 93}, []int{0}},

		{healthy(100, 100, 100), 50, []float64{100, 0, 0}, nil},
		{healthy(72, 72, 100), 50, []float64{100, 0, 0}, nil},
		{healthy(71, 71, 100), 50, []float64{99, 1, 0}, nil},
		{healthy(50, 50, 100), 50, []float64{70, 30, 0}, nil},
		{healthy(25, 100, 100), 50, []float64{35, 65, 0}, nil},
		{healthy(25, 25, 100), 50, []float64{35, 35, 30}, nil},
		{healthy(25, 25, 20), 0, []float64{36, 36, 28}, nil},
		{healthy(20, 30), 0, []float64{40, 60}, nil},

		// Nobody is well: all share, if that is reason for panic.
		{healthy(0, 0), 50, []float64{50, 50}, []int{0, 1}},
		{healthy(0, 0), 0, []float64{0, 0}, nil},
		{healthy(0), 50, []float64{100}, []int{0}},
		{healthy(49), 50, []float64{100}, []int{0}},
		{healthy(50), 50, []float64{100}, nil},
		{healthy(99), 100, []float64{100}, []int{0}},
		{healthy(100), 100, []float64{100}, nil},
		{[]share100{{20, 30}}, 50, []float64{100}, nil},
		{[]share100{{20, 29}}, 50, []float64{100}, []int{0}},
	} {
		t.Run(fmt.Sprint(tt.of, tt.below), func(t *testing.T) {
			o := usual()
			o.PanicBelow = tt.below
			p := made(o, priorities(tt.of...)...).Current().All()
			var panics []int
			for i, l := range p.Levels {
				if math.Abs(l.Load-tt.loads[i]) >= 1 {
					t.Errorf("priority %d has %.1f %% of the requests, want %v", i, l.Load, tt.loads[i])
				}
				if l.Panics {
					panics = append(panics, i)
				}
				if l.Total != 100 || l.Healthy != tt.of[i].healthy || l.Degraded != tt.of[i].degraded {
					t.Errorf("priority %d: %+v", i, l)
				}
			}
			if !slices.Equal(panics, tt.panics) {
				t.Errorf("%v are in panic, want %v", panics, tt.panics)
			}
		})
	}
}

func TestDegradedLoads(t *testing.T) {
	for _, tt := range []struct {
		of   []share100
		want map[string]float64 // of the healthy and degraded of a priority
	}{
		{[]share100{{100, 0}}, map[string]float64{"h0": 1}},
		{[]share100{{71, 0}}, map[string]float64{"h0": 1}},
		{[]share100{{71, 29}}, map[string]float64{"h0": 0.99, "d0": 0.01}},
		{[]share100{{25, 65}}, map[string]float64{"h0": 0.35, "d0": 0.65}},
		{[]share100{{5, 0}}, map[string]float64{"h0": 1}},
		{[]share100{{0, 10}}, map[string]float64{"d0": 1}},
		// The healthy of all priorities come before the degraded of any.
		{[]share100{{25, 75}, {25, 75}}, map[string]float64{"h0": 0.35, "h1": 0.35, "d0": 0.3}},
		{[]share100{{0, 20}, {10, 20}}, map[string]float64{"d0": 0.4, "h1": 0.2, "d1": 0.4}},
	} {
		t.Run(fmt.Sprint(tt.of), func(t *testing.T) {
			o := usual()
			o.PanicBelow = 0
			s := made(o, priorities(tt.of...)...).Current()
			got := parts(s.All(), func(share *Share) string {
				return map[State]string{Healthy: "h", Degraded: "d"}[s.State(pickedOf(share)[0])] + fmt.Sprint(share.Priority)
			})
			for name, want := range tt.want {
				if math.Abs(got[name]-want) >= 0.01 {
					t.Errorf("%s has %.3f, want %.2f", name, got[name], want)
				}
				delete(got, name)
			}
			for name, part := range got {
				if part > 0 {
					t.Errorf("%s has %v", name, part)
				}
			}
		})
	}
}

// TestAllPanic: where nobody is well, priorities count by their hosts.
func TestAllPanic(t *testing.T) {
	var all []discovery.Host
	for i := range 10 {
		h := host(i)
		h.Health = discovery.Unhealthy
		if i >= 2 {
			h.Priority = 7
		}
		all = append(all, h)
	}
	p := made(usual(), all...).Current().All()
	if len(p.Levels) != 2 || p.Levels[0].Load != 20 || p.Levels[1].Load != 80 || len(p.Slots) != 10 {
		t.Errorf("%+v", p)
	}
}

// TestDrainingCountsForNothing: hosts that are about to go are no part of what could
// take requests, so that they are no reason for panic.
func TestDrainingCountsForNothing(t *testing.T) {
	all := priorities(share100{100, 0})
	for i := range 60 {
		all[i].Health = discovery.Draining
	}
	m := made(usual(), all...)
	if p := m.Current().All(); p.Levels[0].Panics || p.Levels[0].Total != 40 || len(p.Slots) != 40 {
		t.Errorf("%+v", p.Levels)
	}
	for i := range all {
		all[i].Health = discovery.Draining
	}
	m.SetHosts(all)
	if s := m.Current(); len(s.All().Shares) != 0 || s.Len != 100 || s.Healthy != 0 {
		t.Errorf("%+v", s.All())
	}
}

// TestLoads checks the rules for any healths: a priority has what the ones before
// leave of what it can take, more only if all together cannot take everything.
func TestLoads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := usual()
		o.PanicBelow = rapid.Float64Range(0, 100).Draw(t, "panic")
		o.Overprovisioning = rapid.Uint32Range(100, 1000).Draw(t, "overprovisioning")
		var all []discovery.Host
		priorities := rapid.SliceOfNDistinct(rapid.Uint32Range(0, 127), 1, 4, rapid.ID).Draw(t, "priorities")
		type counts struct{ healthy, takes, total int }
		of := make(map[uint32]*counts)
		for _, p := range priorities {
			c := &counts{total: rapid.IntRange(1, 12).Draw(t, "hosts")}
			for range c.total {
				h := host(len(all))
				h.Priority = p
				switch h.Health = rapid.SampledFrom([]discovery.Health{discovery.Healthy, discovery.Degraded, discovery.Unhealthy}).Draw(t, "health"); h.Health {
				case discovery.Healthy:
					c.healthy++
					c.takes++
				case discovery.Degraded:
					c.takes++
				default:
				}
				all = append(all, h)
			}
			of[p] = c
		}
		slices.Sort(priorities)
		s := made(o, all...).Current()
		checkSet(t, s)
		can := func(n, of int) float64 { return min(100, float64(o.Overprovisioning)*float64(n)/float64(of)) }
		sum := 0.0
		for _, p := range priorities {
			c := of[p]
			sum += can(c.healthy, c.total) + can(c.takes-c.healthy, c.total)
		}
		left := 100.0
		for i, l := range s.All().Levels {
			c := of[l.Priority]
			if l.Priority != priorities[i] || l.Total != c.total || l.Healthy+l.Degraded != c.takes {
				t.Fatalf("level %d is %+v", i, l)
			}
			few := 100*float64(c.takes)/float64(c.total) < o.PanicBelow
			if l.Panics != (few && (len(priorities) == 1 || sum < 100)) {
				t.Fatalf("panics: %v with %d of %d, below %v, altogether %v", l.Panics, c.takes, c.total, o.PanicBelow, sum)
			}
			if sum == 0 {
				continue
			}
			healthy := min(left, can(c.healthy, c.total)*100/min(100, sum))
			if left -= healthy; l.Load < healthy-0.001 {
				t.Fatalf("priority %d has %v, its healthy hosts can take %v", l.Priority, l.Load, healthy)
			}
			if most := (can(c.healthy, c.total) + can(c.takes-c.healthy, c.total)) * 100 / min(100, sum); l.Load > most+0.001 {
				t.Fatalf("priority %d has %v, and can take %v", l.Priority, l.Load, most)
			}
		}
		if sum > 0 && len(s.All().Shares) == 0 {
			t.Fatal("there are hosts that are well, and none is chosen")
		}
	})
}

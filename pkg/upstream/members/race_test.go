package members

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// TestAllAtOnce: everything may happen at the same time, to clusters that are each
// other's callers, and every set that is seen is consistent.
func TestAllAtOnce(t *testing.T) {
	a, b := New("a", 2), New("b", 2)
	options := func(r *rand.Rand, callers *Members) Options {
		o := inZone("a")
		o.Callers = []*Members{nil, callers, a}[r.IntN(3)]
		o.Balance.Type = config.LBType(config.LBType("").Values()[r.IntN(10)])
		if r.IntN(2) == 0 {
			o.Outlier = outlier.NewPolicy(new(config.OutlierDetection))
		}
		if r.IntN(2) == 0 {
			o.SlowStart = config.SlowStart{Mode: config.SlowStartDuration, Duration: time.Millisecond, Aggression: 1, MinWeightPercent: 0.1}
		}
		return o
	}
	watch := new(seen)
	act := func(r *rand.Rand, m, other *Members) {
		switch r.IntN(5) {
		case 0:
			var all []discovery.Host
			for range r.IntN(12) {
				h := host(r.IntN(12))
				h.Zone, h.Health, h.Weight = string(rune('a'+r.IntN(3))), discovery.Health(r.IntN(4)), uint32(r.IntN(4))
				all = append(all, h)
			}
			m.SetHosts(all)
		case 1:
			m.SetHealth([]HealthChange{{address(r.IntN(12)), r.IntN(2) == 0}, {address(r.IntN(12)), r.IntN(2) == 0}})
		case 2:
			for _, h := range m.Current().Hosts {
				if h != nil {
					m.SetEjected(Ejection{h.Address, h.Counters, r.IntN(2) == 0})
				}
			}
		case 3:
			m.Configure(options(r, other), nil, nil, watch)
		default:
			checkSet(t, m.Current())
			m.OnChange(r.IntN(2), func() {})
			m.Since()
			watch.news()
		}
	}
	var wg sync.WaitGroup
	for i := range 4 {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		wg.Go(func() {
			for range 300 {
				act(r, a, b)
				act(r, b, a)
			}
		})
	}
	wg.Wait()
	for _, m := range []*Members{a, b} {
		m.Close()
		checkSet(t, m.Current())
	}
	if len(a.callees) != 0 || len(b.callees) != 0 {
		t.Error("clusters that are closed are kept")
	}
}

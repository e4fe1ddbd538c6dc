package members

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// slowly are options with slow start of a minute.
func slowly(aggression, least float64) Options {
	o := usual()
	o.SlowStart = config.SlowStart{Mode: config.SlowStartDuration, Duration: time.Minute, Aggression: aggression, MinWeightPercent: least}
	return o
}

func of(weight uint32, addresses ...int) (all []discovery.Host) {
	for _, i := range addresses {
		h := host(i)
		h.Weight = weight
		all = append(all, h)
	}
	return all
}

func TestSlowStartCurve(t *testing.T) {
	for _, tt := range []struct {
		aggression, least float64
		want              map[time.Duration]float64 // weights, of 1
	}{
		{1, 0.1, map[time.Duration]float64{0: 0.1, 3 * time.Second: 0.1, 15 * time.Second: 0.25, 30 * time.Second: 0.5, 59 * time.Second: 59.0 / 60, time.Minute: 1}},
		{2, 0.1, map[time.Duration]float64{0: 0.1, 15 * time.Second: 0.5, 30 * time.Second: math.Sqrt(0.5), time.Minute: 1}},
		{0.5, 0.01, map[time.Duration]float64{0: 0.01, 15 * time.Second: 1.0 / 16, 30 * time.Second: 0.25, time.Minute: 1}},
		{1, 1, map[time.Duration]float64{0: 1, time.Minute: 1}},
	} {
		for at, want := range tt.want {
			synctest.Test(t, func(t *testing.T) {
				m := made(slowly(tt.aggression, tt.least), of(10, 0)...)
				defer m.Close()
				pass(at + time.Nanosecond) // what was due has been done
				checkSet(t, m.Current())
				step := 1.3 / 60.0 // weights are made anew every 1.2 s, or every second
				if got := float64(m.Current().WeightNow(0)) / 1000; got > want+0.001 || got < want-4*step {
					t.Errorf("aggression %v: after %v it is %v, want %v", tt.aggression, at, got, want)
				}
			})
		}
	}
}

// TestSlowStartEnds: when all hosts have their whole weight, nothing is done any more.
func TestSlowStartEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := made(slowly(1, 0.1), of(3, 0, 1)...)
		defer m.Close()
		woken := wakes(t, m)
		pass(30 * time.Second)
		m.SetHosts(of(3, 0, 1, 2)) // which begins later
		pass(31 * time.Second)
		s := m.Current()
		checkSet(t, s)
		if a, c := s.WeightNow(0), s.WeightNow(2); a != 300 || c < 140 || c > 160 {
			t.Errorf("the weights are %d and %d, want 300 and half of it", a, c)
		}
		pass(time.Minute)
		if w := m.Current().WeightNow(2); w != 300 {
			t.Errorf("the weight is %d, want 300", w)
		}
		if n := woken(); n < 60 || n > 100 {
			t.Errorf("the workers were woken %d times in one and a half minutes", n)
		}
		pass(time.Hour)
		if n := woken(); n != 0 {
			t.Errorf("the workers were woken %d times for nothing", n)
		}
	})
}

// TestSlowStartBeginsAnew: a host that takes requests again has little weight at
// first, whatever was the matter; one that only was degraded, or is described anew,
// has not.
func TestSlowStartBeginsAnew(t *testing.T) {
	delivered := func(h discovery.Health) func(m *Members) {
		return func(m *Members) {
			all := of(3, 0, 1)
			all[0].Health = h
			m.SetHosts(all)
		}
	}
	for name, tt := range map[string]struct {
		ill, well func(m *Members)
		anew      bool
	}{
		"checks": {
			func(m *Members) { m.SetHealth([]HealthChange{{address(0), false}}) },
			func(m *Members) { m.SetHealth([]HealthChange{{address(0), true}}) }, true,
		},
		"ejected": {
			func(m *Members) { m.SetEjected(Ejection{address(0), nil, true}) },
			func(m *Members) { m.SetEjected(Ejection{address(0), nil, false}) }, true,
		},
		"unhealthy":              {delivered(discovery.Unhealthy), delivered(discovery.Healthy), true},
		"draining":               {delivered(discovery.Draining), delivered(discovery.Healthy), true},
		"unhealthy, degraded":    {delivered(discovery.Unhealthy), delivered(discovery.Degraded), true},
		"degraded":               {delivered(discovery.Degraded), delivered(discovery.Healthy), false},
		"gone":                   {func(m *Members) { m.SetHosts(of(3, 1)) }, delivered(discovery.Healthy), true},
		"with another weight":    {func(m *Members) { m.SetHosts(of(5, 0, 1)) }, delivered(discovery.Healthy), false},
		"configured anew":        {func(m *Members) { m.Configure(slowly(2, 0.1), nil, nil, nil) }, delivered(discovery.Healthy), false},
		"slow start off, and on": {func(m *Members) { m.Configure(usual(), nil, nil, nil) }, func(m *Members) { m.Configure(slowly(1, 0.1), nil, nil, nil) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := made(slowly(1, 0.1), of(3, 0, 1)...)
				defer m.Close()
				pass(2 * time.Minute)
				tt.ill(m)
				pass(2 * time.Minute)
				tt.well(m)
				checkSet(t, m.Current())
				want := uint32(300)
				if tt.anew {
					want = 30
				}
				slot := m.byName[address(0)].host.Slot
				if w := m.Current().WeightNow(slot); w != want {
					t.Errorf("the weight is %d, want %d", w, want)
				}
				if w := m.Current().WeightNow(m.byName[address(1)].host.Slot); w != 300 {
					t.Errorf("the weight of the other is %d", w)
				}
			})
		})
	}
}

// TestSlowStartStops: with the members, and where it is turned off.
func TestSlowStartStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := made(slowly(1, 0.1), of(3, 0)...)
		woken := wakes(t, m)
		m.Configure(usual(), nil, nil, nil)
		if w := m.Current().WeightNow(0); w != 300 {
			t.Errorf("the weight is %d", w)
		}
		pass(time.Hour)
		if n := woken(); n > 2 { // by the change, and the timer that was set already
			t.Errorf("the workers were woken %d times", n)
		}
		m.Configure(slowly(1, 0.1), nil, nil, nil)
		m.SetHosts(of(3, 0, 1))
		m.Close()
		woken()
		pass(time.Hour)
		if n := woken(); n != 0 {
			t.Errorf("the workers were woken %d times after the end", n)
		}
		m.SetHosts(of(3, 0, 1, 2)) // a source that is late
		pass(time.Hour)
		if n := woken(); n != 1 {
			t.Errorf("the workers were woken %d times", n)
		}
	})
}

// TestNoWeight: a host of weight 0 has none in slow start either.
func TestNoWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := made(slowly(1, 0.1), of(0, 0)...)
		defer m.Close()
		woken := wakes(t, m)
		pass(time.Hour)
		if w := m.Current().WeightNow(0); w != 0 || woken() != 0 {
			t.Errorf("the weight is %d", w)
		}
	})
}

package members

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// zoned makes so many hosts in the zones a, b, c, ...
func zoned(counts ...int) (all []discovery.Host) {
	for zone, n := range counts {
		for range n {
			h := host(len(all))
			h.Zone = string(rune('a' + zone))
			all = append(all, h)
		}
	}
	return all
}

// inZone are options of a weir in a zone.
func inZone(zone string) Options {
	o := usual()
	o.Zone, o.ZoneAware = zone, &config.ZoneAware{Enabled: 100, MinClusterSize: 1}
	return o
}

func zoneParts(p *Pool) map[string]float64 {
	return parts(p, func(s *Share) string {
		if s.Zoned {
			return s.Zone
		}
		return "any"
	})
}

func TestZones(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(o *Options)
		callers []int // nil: not known
		hosts   []int
		want    map[string]float64
	}{
		{"as many hosts as callers", nil, []int{2, 2}, []int{3, 3}, map[string]float64{"a": 1}},
		{"more hosts than callers", nil, []int{1, 3}, []int{3, 3}, map[string]float64{"a": 1}},
		{"too few hosts", nil, []int{3, 3}, []int{2, 6}, map[string]float64{"a": 0.5, "b": 0.5}},
		{"the rest goes where there is room", nil, []int{2, 1, 1}, []int{2, 3, 3}, map[string]float64{"a": 0.5, "b": 0.25, "c": 0.25}},
		{"... and to none that has too little itself", nil, []int{4, 2, 2}, []int{2, 5, 1}, map[string]float64{"a": 0.5, "b": 0.5}},
		{"... also where there are no callers", nil, []int{1}, []int{2, 6}, map[string]float64{"a": 0.25, "b": 0.75}},
		{"callers are not known: even", nil, nil, []int{1, 3}, map[string]float64{"a": 0.5, "b": 0.5}},
		{"no caller in the zone: even", nil, []int{0, 4}, []int{1, 3}, map[string]float64{"a": 0.5, "b": 0.5}},
		{"no caller at all: even", nil, []int{0}, []int{3, 1}, map[string]float64{"a": 1}},
		{"strict", func(o *Options) { o.ZoneAware.Strict = true }, []int{3, 3}, []int{1, 6}, map[string]float64{"a": 1}},
		{"for some requests", func(o *Options) { o.ZoneAware.Enabled = 40 }, []int{3, 3}, []int{2, 6}, map[string]float64{"a": 0.2, "b": 0.2, "any": 0.6}},
		{"for none", func(o *Options) { o.ZoneAware.Enabled = 0 }, []int{3, 3}, []int{2, 6}, map[string]float64{"any": 1}},
		{"off", func(o *Options) { o.ZoneAware = nil }, []int{3, 3}, []int{2, 6}, map[string]float64{"any": 1}},
		{"weir's zone is not known", func(o *Options) { o.Zone = "" }, []int{3, 3}, []int{2, 6}, map[string]float64{"any": 1}},
		{"no host in weir's zone", func(o *Options) { o.Zone = "z" }, []int{3, 3}, []int{2, 6}, map[string]float64{"any": 1}},
		{"one zone", nil, []int{3, 3}, []int{6}, map[string]float64{"any": 1}},
		{"too few hosts altogether", func(o *Options) { o.ZoneAware.MinClusterSize = 9 }, []int{3, 3}, []int{2, 6}, map[string]float64{"any": 1}},
		{"enough of them", func(o *Options) { o.ZoneAware.MinClusterSize = 8 }, []int{3, 3}, []int{2, 6}, map[string]float64{"a": 0.5, "b": 0.5}},
		{"hashes are not to be scattered", func(o *Options) { o.Balance.Type = config.LBMaglev }, []int{3, 3}, []int{2, 6}, map[string]float64{"any": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := inZone("a")
			if tt.callers != nil {
				o.Callers = made(usual(), zoned(tt.callers...)...)
			}
			if tt.change != nil {
				tt.change(&o)
			}
			s := made(o, zoned(tt.hosts...)...).Current()
			checkSet(t, s)
			got := zoneParts(s.All())
			for name, part := range tt.want {
				if math.Abs(got[name]-part) > 0.001 {
					t.Errorf("%s has %v of the requests, want %v", name, got[name], part)
				}
			}
		})
	}
}

// TestZonesBalance: if all callers choose by zones, every host has as many requests as
// every other one, however callers and hosts are spread.
func TestZonesBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := rapid.IntRange(2, 5).Draw(t, "zones")
		hosts := rapid.SliceOfN(rapid.IntRange(1, 9), zones, zones).Draw(t, "hosts")
		callers := rapid.SliceOfN(rapid.IntRange(0, 9), zones, zones).Draw(t, "callers")
		callers[0]++
		us := made(usual(), zoned(callers...)...)
		requests, local := make(map[string]float64), 0.0
		for zone, n := range callers {
			if n == 0 {
				continue
			}
			own := string(rune('a' + zone))
			o := inZone(own)
			o.Callers = us
			s := made(o, zoned(hosts...)...).Current()
			checkSet(t, s)
			for to, part := range zoneParts(s.All()) {
				if requests[to] += part * float64(n); to == own {
					local += part * float64(n)
				}
			}
		}
		sum := func(all []int) (n int) {
			for _, x := range all {
				n += x
			}
			return n
		}
		most := 0.0
		for zone, n := range hosts {
			share := float64(n) / float64(sum(hosts))
			want := float64(sum(callers)) * share
			if got := requests[string(rune('a'+zone))]; math.Abs(got-want) > 0.001*float64(sum(callers)) {
				t.Fatalf("zone %d with %d of %v hosts has %v requests of callers %v, want %v", zone, n, hosts, got, callers, want)
			}
			most += min(want, float64(callers[zone]))
		}
		if local < most-0.01 {
			t.Fatalf("%v requests stay in their zone, %v could", local, most)
		}
	})
}

// TestZonesOfTheWell: only hosts that take requests count; in panic, zones do not.
func TestZonesOfTheWell(t *testing.T) {
	o := inZone("a")
	o.ZoneAware.Strict = true
	m := made(o, zoned(4, 4)...)
	ill := func(hosts ...int) {
		var changes []HealthChange
		for i := range 8 {
			changes = append(changes, HealthChange{address(i), true})
		}
		for _, i := range hosts {
			changes[i].Healthy = false
		}
		m.SetHealth(changes)
		checkSet(t, m.Current())
	}
	for _, tt := range []struct {
		ill  []int
		want string
	}{
		{nil, "a"}, {[]int{0, 1, 2}, "a"}, {[]int{0, 1, 2, 3}, "any"}, {[]int{0, 1, 2, 3, 4}, "any"}, {[]int{1, 2, 3, 4, 5, 6, 7}, "any"},
	} {
		ill(tt.ill...)
		if got := zoneParts(m.Current().All()); got[tt.want] != 1 {
			t.Errorf("with %v ill: %v, want %s", tt.ill, got, tt.want)
		}
	}
	if p := m.Current().All(); len(p.Slots) != 8 || !p.Shares[0].Panics {
		t.Errorf("%+v", p)
	}
}

// TestCallersChange: when the callers are others, or are in another state, so are
// the parts of the zones, of all clusters that they call, their own included.
func TestCallersChange(t *testing.T) {
	us := New("us", 1)
	o := inZone("a")
	o.Callers = us
	us.Configure(o, zoned(4, 4), nil, nil)
	m := made(o, zoned(2, 6)...)
	woken := wakes(t, m)
	expect := func(what string, m *Members, part float64) {
		t.Helper()
		checkSet(t, m.Current())
		if got := zoneParts(m.Current().All())["a"]; math.Abs(got-part) > 0.001 {
			t.Errorf("%s: %v of the requests to %s stay in the zone, want %v", what, got, m.Name(), part)
		}
	}
	expect("at first", m, 0.5)
	expect("at first", us, 1)
	us.SetHosts(zoned(1, 3))
	expect("fewer in the zone", m, 1)
	if n := woken(); n != 1 {
		t.Errorf("the workers were woken %d times", n)
	}
	us.SetHosts(zoned(4, 4))
	us.SetHealth([]HealthChange{{address(4), false}, {address(5), false}, {address(6), false}, {"nobody", false}})
	expect("those of the other zone are ill", m, 0.25/0.8)
	expect("those of the other zone are ill", us, 1)
	us.SetHealth([]HealthChange{{address(0), false}, {address(1), false}, {address(4), true}, {address(5), true}, {address(6), true}})
	expect("those of the zone are ill", us, 1)
	expect("those of the zone are ill", m, 0.25/(2.0/6))
	us.SetHealth([]HealthChange{{address(0), true}, {address(1), true}})
	for i := range 4 {
		us.SetEjected(Ejection{address(4 + i), nil, i > 1})
	}
	expect("those of the other zone are ejected", m, 0.25/(4.0/6))
	o.Callers = nil
	m.Configure(o, nil, nil, nil)
	expect("not known", m, 0.5)
	woken()
	us.SetHosts(zoned(1))
	if n := woken(); n != 0 || len(us.callees) != 0 {
		t.Errorf("the workers were woken %d times for callers that do not matter", n)
	}
	o.Callers = us
	m.Configure(o, nil, nil, nil)
	m.Close()
	woken()
	us.SetHosts(zoned(2))
	if n := woken(); n != 0 || len(us.callees) != 0 {
		t.Errorf("%d clusters that are closed are kept", len(us.callees))
	}
	if got := fmt.Sprint(zoneParts(us.Current().All())); got != "map[any:1]" {
		t.Error(got)
	}
}

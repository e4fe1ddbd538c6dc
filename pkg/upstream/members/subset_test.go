package members

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

func TestSubsets(t *testing.T) {
	labels := []map[string]string{
		{"zone": "a", "version": "1"},
		{"zone": "a", "version": "2", "stage": "prod"},
		{"zone": "b", "version": "1"},
		{},
		nil,
		{"zone": ""},
	}
	all := hosts(len(labels))
	for i := range all {
		all[i].Metadata = labels[i]
	}
	byZone, byBoth := []string{"zone"}, []string{"version", "zone"}
	every := []int32{0, 1, 2, 3, 4, 5}
	tests := []struct {
		name      string
		selectors [][]string
		policy    config.FallbackPolicy
		standard  map[string]string
		labels    map[string]string
		want      []int32
		fallback  bool
	}{
		{"one label", [][]string{byZone}, 0, nil, map[string]string{"zone": "a"}, []int32{0, 1}, false},
		{"an empty value is one", [][]string{byZone}, 0, nil, map[string]string{"zone": ""}, []int32{5}, false},
		{"two labels, in any order", [][]string{byBoth}, 0, nil, map[string]string{"zone": "a", "version": "1"}, []int32{0}, false},
		{"several selectors", [][]string{byZone, byBoth, {"stage"}}, 0, nil, map[string]string{"stage": "prod"}, []int32{1}, false},
		{"a selector twice, and a label twice", [][]string{byZone, {"zone", "zone"}}, 0, nil, map[string]string{"zone": "b"}, []int32{2}, false},
		{"a selector must name exactly the labels", [][]string{byBoth}, 0, nil, map[string]string{"zone": "a"}, nil, true},
		{"more labels than a selector", [][]string{byZone}, 0, nil, map[string]string{"zone": "a", "version": "1"}, nil, true},
		{"a value no host has", [][]string{byZone}, 0, nil, map[string]string{"zone": "z"}, nil, true},
		{"... any", [][]string{byZone}, 1, nil, map[string]string{"zone": "z"}, every, true},
		{"... the default", [][]string{byZone}, 2, map[string]string{"version": "1"}, map[string]string{"zone": "z"}, []int32{0, 2}, true},
		{"... a default of several labels", [][]string{byZone}, 2, map[string]string{"version": "1", "zone": "b"}, map[string]string{"zone": "z"}, []int32{2}, true},
		{"... a default that no host has", [][]string{byZone}, 2, map[string]string{"x": ""}, map[string]string{"zone": "z"}, nil, true},
		{"an unknown label", [][]string{byZone}, 1, nil, map[string]string{"planet": "mars"}, every, true},
		{"no labels, none", [][]string{byZone}, 0, nil, nil, every, false},
		{"no labels, any", [][]string{byZone}, 1, nil, nil, every, false},
		{"no labels, the default", [][]string{byZone}, 2, map[string]string{"stage": "prod"}, nil, every, false},
		{"no selectors: not divided", nil, 0, nil, map[string]string{"zone": "a"}, every, false},
		{"an empty selector", [][]string{{}}, 0, nil, nil, every, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := usual()
			o.Subsets = &config.SubsetConfig{FallbackPolicy: tt.policy, DefaultSubset: tt.standard, Selectors: tt.selectors}
			s := made(o, all...).Current()
			checkSet(t, s)
			p, fallback := s.Pool(SubsetKey(tt.labels))
			if diff := cmp.Diff(tt.want, p.Slots); diff != "" {
				t.Error(diff)
			}
			if fallback != tt.fallback {
				t.Errorf("it falls back: %v", fallback)
			}
			if !slices.Equal(s.All().Slots, every) {
				t.Errorf("without regard to labels there are %v", s.All().Slots)
			}
		})
	}
}

// TestSubsetsFollow: when labels change, or hosts come and go, so do subsets.
func TestSubsetsFollow(t *testing.T) {
	o := usual()
	o.Subsets = &config.SubsetConfig{Selectors: [][]string{{"v"}}}
	with := func(v string) discovery.Host {
		h := host(0)
		h.Metadata = map[string]string{"v": v}
		return h
	}
	m := made(o, with("1"))
	has := func(v string) bool {
		checkSet(t, m.Current())
		p, _ := m.Current().Pool(SubsetKey(map[string]string{"v": v}))
		return len(p.Slots) == 1
	}
	if !has("1") || has("2") {
		t.Error("at first")
	}
	m.SetHosts([]discovery.Host{with("2")})
	if has("1") || !has("2") {
		t.Error("the host has another label")
	}
	m.SetHosts(nil)
	if has("2") || len(m.Current().subsets) != 0 {
		t.Error("the host is gone")
	}
}

// TestHealthOfSubsets: whatever becomes known of hosts, one after the other, those
// are chosen that are well, of each subset by itself, or all of it if too few are.
func TestHealthOfSubsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, zones := rapid.IntRange(1, 8).Draw(t, "hosts"), rapid.IntRange(1, 3).Draw(t, "zones")
		o := usual()
		o.PanicBelow = rapid.SampledFrom([]float64{0, 7, 30, 50, 70, 100}).Draw(t, "threshold")
		o.Subsets = &config.SubsetConfig{Selectors: [][]string{{"zone"}}, FallbackPolicy: config.FallbackAny}
		all := hosts(n)
		for i := range all {
			all[i].Metadata = map[string]string{"zone": fmt.Sprint(i % zones)}
		}
		m := made(o, all...)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			ill := rapid.SliceOfDistinct(rapid.IntRange(0, n-1), rapid.ID).Draw(t, "ill")
			var changes []HealthChange
			for i := range n {
				changes = append(changes, HealthChange{address(i), !slices.Contains(ill, i)})
			}
			m.SetHealth(changes)
			checkSet(t, m.Current())
			for zone := -1; zone < min(zones, n); zone++ { // -1: the fallback, which is all of them
				var of, well []int32
				for i := range n {
					if zone < 0 || i%zones == zone {
						of = append(of, int32(i))
						if !slices.Contains(ill, i) {
							well = append(well, int32(i))
						}
					}
				}
				want, panics := well, false
				if 100*len(well) < int(o.PanicBelow)*len(of) {
					want, panics = of, true
				}
				p, fallback := m.Current().Pool(SubsetKey(map[string]string{"zone": fmt.Sprint(zone)}))
				if !slices.Equal(p.Slots, want) || p.Levels[0].Panics != panics || fallback != (zone < 0) {
					t.Fatalf("of %v, %v are not well: %v take requests, want %v; panic: %v", of, ill, p.Slots, want, p.Levels[0].Panics)
				}
			}
		}
	})
}

// Keys of different selections differ, whatever bytes the labels have.
func TestSubsetKey(t *testing.T) {
	seen := make(map[string]map[string]string)
	for _, labels := range []map[string]string{
		nil, {"a": "b"}, {"a": "bc"}, {"ab": "c"}, {"a": `b"c`}, {`a"b`: "c"}, {"a": "b", "c": "d"}, {"a": `b""c""d`}, {"": ""}, {"a": ""}, {"": "a"},
	} {
		key := SubsetKey(labels)
		if other, ok := seen[key]; ok {
			t.Errorf("%v and %v have the same key", labels, other)
		}
		seen[key] = labels
	}
}

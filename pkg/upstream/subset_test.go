package upstream

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

func TestSubsets(t *testing.T) {
	hosts := []map[string]string{
		{"zone": "a", "version": "1"},
		{"zone": "a", "version": "2", "stage": "prod"},
		{"zone": "b", "version": "1"},
		{},
		nil,
		{"zone": ""},
	}
	byZone, byBoth := []string{"zone"}, []string{"version", "zone"}
	all := []int{0, 1, 2, 3, 4, 5}
	tests := []struct {
		name      string
		selectors [][]string
		policy    config.FallbackPolicy
		standard  map[string]string
		labels    map[string]string
		want      []int
		fallback  bool
	}{
		{"one label", [][]string{byZone}, 0, nil, map[string]string{"zone": "a"}, []int{0, 1}, false},
		{"an empty value is one", [][]string{byZone}, 0, nil, map[string]string{"zone": ""}, []int{5}, false},
		{"two labels, in any order", [][]string{byBoth}, 0, nil, map[string]string{"zone": "a", "version": "1"}, []int{0}, false},
		{"several selectors", [][]string{byZone, byBoth, {"stage"}}, 0, nil, map[string]string{"stage": "prod"}, []int{1}, false},
		{"a selector twice, and a label twice", [][]string{byZone, {"zone", "zone"}}, 0, nil, map[string]string{"zone": "b"}, []int{2}, false},
		{"a selector must name exactly the labels", [][]string{byBoth}, 0, nil, map[string]string{"zone": "a"}, nil, true},
		{"more labels than a selector", [][]string{byZone}, 0, nil, map[string]string{"zone": "a", "version": "1"}, nil, true},
		{"a value no host has", [][]string{byZone}, 0, nil, map[string]string{"zone": "z"}, nil, true},
		{"... any", [][]string{byZone}, 1, nil, map[string]string{"zone": "z"}, all, true},
		{"... the default", [][]string{byZone}, 2, map[string]string{"version": "1"}, map[string]string{"zone": "z"}, []int{0, 2}, true},
		{"... a default of several labels", [][]string{byZone}, 2, map[string]string{"version": "1", "zone": "b"}, map[string]string{"zone": "z"}, []int{2}, true},
		{"... a default that no host has", [][]string{byZone}, 2, map[string]string{"x": ""}, map[string]string{"zone": "z"}, nil, true},
		{"an unknown label", [][]string{byZone}, 1, nil, map[string]string{"planet": "mars"}, all, true},
		{"no labels, none", [][]string{byZone}, 0, nil, nil, nil, true},
		{"no labels, any", [][]string{byZone}, 1, nil, nil, all, true},
		{"no labels, the default", [][]string{byZone}, 2, map[string]string{"stage": "prod"}, nil, []int{1}, true},
		{"no selectors: not divided", nil, 0, nil, map[string]string{"zone": "a"}, all, false},
		{"an empty selector", [][]string{{}}, 0, nil, nil, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, lb := range balancers {
				c := balanced(lb, make1s(len(hosts))...)
				for i, h := range c.hosts {
					h.Metadata = hosts[i]
					c.Spec.Hosts = append(c.Spec.Hosts, *h.HostSpec)
				}
				c.Spec.subsets = newSubsets(&config.SubsetConfig{
					FallbackPolicy: tt.policy, DefaultSubset: tt.standard, Selectors: tt.selectors,
				}, c.Spec.Hosts)
				c.balance()
				picked := make(map[*Host]bool)
				key := SubsetKey(tt.labels)
				for range 200 {
					if h := c.Pick(key, nil); h != nil {
						picked[h] = true
					}
				}
				var got []int
				for i, h := range c.hosts {
					if picked[h] {
						got = append(got, i)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: %s", lb, diff)
				}
				if (c.Stats.SubsetsFallBack > 0) != tt.fallback {
					t.Errorf("the fallback was counted %d times", c.Stats.SubsetsFallBack)
				}
			}
		})
	}
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

package upstream

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

// subsets divides a cluster's hosts by the labels that routes may ask for.
type subsets struct {
	byKey   map[string][]int // SubsetKey of a selection: places of its hosts
	standby []int            // of those that the fallback policy names
}

// SubsetKey is the canonical form of a selection of labels, for looking up the
// hosts that have them. It is made when a route is compiled; "" is no selection.
func SubsetKey(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(strconv.Quote(name))
		b.WriteString(strconv.Quote(labels[name]))
	}
	return b.String()
}

// newSubsets returns nil if the hosts are not divided, which is so as well if no
// selector says by what.
func newSubsets(c *config.SubsetConfig, hosts []HostSpec) *subsets {
	if c == nil || len(c.Selectors) == 0 {
		return nil
	}
	s := &subsets{byKey: make(map[string][]int)}
	for i := range hosts {
		labels := hosts[i].Metadata
		for _, selector := range c.Selectors {
			key, ok := keyOf(labels, selector)
			if places := s.byKey[key]; ok && (len(places) == 0 || places[len(places)-1] != i) {
				s.byKey[key] = append(places, i)
			}
		}
		switch c.FallbackPolicy {
		case config.FallbackAny:
			s.standby = append(s.standby, i)
		case config.FallbackDefault:
			if hasLabels(labels, c.DefaultSubset) {
				s.standby = append(s.standby, i)
			}
		}
	}
	return s
}

// keyOf returns the key by which a selector finds a host, if the host has all of
// the selector's labels.
func keyOf(labels map[string]string, selector []string) (key string, ok bool) {
	chosen := make(map[string]string, len(selector))
	for _, name := range selector {
		v, ok := labels[name]
		if !ok {
			return "", false
		}
		chosen[name] = v
	}
	return SubsetKey(chosen), len(chosen) > 0
}

func hasLabels(labels, want map[string]string) bool {
	for name, v := range want {
		if has, ok := labels[name]; !ok || has != v {
			return false
		}
	}
	return true
}

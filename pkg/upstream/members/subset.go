package members

import (
	"slices"

	"github.com/weirproxy/weir/pkg/config"
)

// SubsetKey is the canonical form of a selection of labels, for looking up the
// hosts that have them. It is made when a route is compiled; "" is no selection.
func SubsetKey(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var b []byte
	for _, name := range names {
		b = quoted(quoted(b, name), labels[name])
	}
	return string(b)
}

// divide makes the pools of a set.
func (m *Members) divide(s *Set) {
	s.all = m.pool(s, m.order)
	c := m.opts.Subsets
	if c == nil || len(c.Selectors) == 0 {
		return
	}
	by := make(map[string][]*member)
	var standby []*member
	for _, member := range m.order {
		labels := member.host.Metadata
		for _, selector := range c.Selectors {
			key, ok := keyOf(labels, selector)
			if of := by[key]; ok && (len(of) == 0 || of[len(of)-1] != member) {
				by[key] = append(of, member)
			}
		}
		if c.FallbackPolicy == config.FallbackDefault && hasLabels(labels, c.DefaultSubset) {
			standby = append(standby, member)
		}
	}
	s.subsets = make(map[string]*Pool, len(by))
	for key, of := range by {
		s.subsets[key] = m.pool(s, of)
	}
	if s.standby = s.all; c.FallbackPolicy != config.FallbackAny {
		s.standby = m.pool(s, standby)
	}
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

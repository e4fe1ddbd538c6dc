package members

import (
	"slices"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

// zone is the members of a zone and their part of the requests of their level.
type zone struct {
	name  string
	zoned bool
	of    []*member
	part  float64 // of 1
}

// zones divides the requests of a level among zones, as Envoy's zone-aware routing
// does. Weir's own zone takes them all if its share of the hosts is at least its
// share of the callers. Otherwise it takes what its hosts are there for, and the
// rest goes to the zones that have more hosts than callers, in proportion to how
// many more. Without zones, and in panic, when a zone has no hosts to rely on, there is
// one part, of all members.
func (m *Members) zones(s *Set, of []*member, panics bool) []zone {
	whole := []zone{{of: of, part: 1}}
	c := m.opts.ZoneAware
	if c == nil || panics || c.Enabled == 0 || m.opts.Zone == "" || len(of) < c.MinClusterSize || m.hashes() {
		return whole
	}
	by := byZone(of)
	own := slices.IndexFunc(by, func(z zone) bool { return z.name == m.opts.Zone })
	if own < 0 || len(by) == 1 {
		return whole
	}
	callers := m.callers(s, by)
	hosts := func(z *zone) float64 { return float64(len(z.of)) / float64(len(of)) }
	local := 1.0
	if mine := callers(m.opts.Zone); !c.Strict && hosts(&by[own]) < mine {
		local = hosts(&by[own]) / mine
	}
	by[own].part = local
	surplus := 0.0
	for i := range by {
		if i != own {
			surplus += max(0, hosts(&by[i])-callers(by[i].name))
		}
	}
	for i := range by {
		switch {
		case i == own:
		case surplus > 0:
			by[i].part = (1 - local) * max(0, hosts(&by[i])-callers(by[i].name)) / surplus
		default: // no zone has more than its share: the others share by their hosts
			by[i].part = (1 - local) * hosts(&by[i]) / (1 - hosts(&by[own]))
		}
	}
	if on := c.Enabled / 100; on < 1 {
		for i := range by {
			by[i].part *= on
		}
		by = append(by, zone{of: of, part: 1 - on})
	}
	return by
}

func byZone(of []*member) []zone {
	var all []zone
	at := make(map[string]int)
	for _, member := range of {
		name := member.host.Zone
		i, ok := at[name]
		if !ok {
			i = len(all)
			at[name] = i
			all = append(all, zone{name: name, zoned: true})
		}
		all[i].of = append(all[i].of, member)
	}
	slices.SortFunc(all, func(a, b zone) int { return strings.Compare(a.name, b.name) })
	return all
}

// callers returns which part of the callers is in a zone: by the hosts of the local
// cluster, or, if it is not known, the same for all zones.
func (m *Members) callers(s *Set, by []zone) func(name string) float64 {
	if m.opts.Callers != nil {
		set := s // if weir calls its like, the set that is being made
		if m.opts.Callers != m {
			set = m.opts.Callers.Current()
		}
		count := make(map[string]int)
		for _, h := range set.Hosts {
			if h != nil && set.State(h.Slot).Takes() {
				count[h.Zone]++
			}
		}
		if set.Healthy > 0 && count[m.opts.Zone] > 0 {
			return func(name string) float64 { return float64(count[name]) / float64(set.Healthy) }
		}
	}
	return func(string) float64 { return 1 / float64(len(by)) }
}

// hashes tells whether requests choose by a hash, which zones would scatter.
func (m *Members) hashes() bool {
	return m.opts.Balance.Type == config.LBMaglev || m.opts.Balance.Type == config.LBRingHash
}

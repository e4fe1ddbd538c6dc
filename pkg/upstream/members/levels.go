package members

import (
	"slices"

	"github.com/weirproxy/weir/pkg/upstream/balance"
)

// level is the members of one priority, by how they are.
type level struct {
	Level
	healthy, degraded, all []*member
}

// levels sorts members by their priorities. Those that are draining are in none:
// they are no part of what could take requests.
func levels(of []*member) []*level {
	var all []*level
	by := make(map[uint32]*level, 1)
	for _, member := range of {
		if member.state == Draining {
			continue
		}
		p := member.host.Priority
		l := by[p]
		if l == nil {
			l = &level{Level: Level{Priority: p}}
			by[p] = l
			all = append(all, l)
		}
		l.all = append(l.all, member)
		switch member.state {
		case Healthy:
			l.healthy = append(l.healthy, member)
		case Degraded:
			l.degraded = append(l.degraded, member)
		default:
		}
	}
	slices.SortFunc(all, func(a, b *level) int { return int(a.Priority) - int(b.Priority) })
	for _, l := range all {
		l.Healthy, l.Degraded, l.Total = len(l.healthy), len(l.degraded), len(l.all)
	}
	return all
}

// loads are a level's parts of the requests.
type loads struct{ healthy, degraded float64 }

// distribute gives each level its parts, as Envoy does: the healthy hosts of a
// priority count for more than they are, by the overprovisioning factor; what the
// first priority cannot take goes to the next, and what the healthy hosts of all
// cannot take to the degraded ones, in the same order. If all together cannot take
// everything, each takes more in proportion. Where no host of any priority is well,
// the levels that panic share the requests by how many hosts they have.
func (m *Members) distribute(all []*level) []loads {
	parts := make([]loads, len(all))
	available := func(n, of int) float64 {
		return min(100, float64(m.opts.Overprovisioning)*float64(n)/float64(of))
	}
	sum := 0.0
	for _, l := range all {
		sum += available(l.Healthy, l.Total) + available(l.Degraded, l.Total)
	}
	m.panic(all, min(sum, 100))
	if sum == 0 {
		hosts := 0
		for _, l := range all {
			if l.Panics {
				hosts += l.Total
			}
		}
		for i, l := range all {
			if l.Panics {
				parts[i].healthy = percent(l.Total, hosts)
			}
		}
		return parts
	}
	left, scale := 100.0, 100/min(sum, 100)
	for i, l := range all {
		parts[i].healthy = min(left, available(l.Healthy, l.Total)*scale)
		left -= parts[i].healthy
	}
	for i, l := range all {
		parts[i].degraded = min(left, available(l.Degraded, l.Total)*scale)
		left -= parts[i].degraded
	}
	return parts
}

// panic decides which levels use all of their hosts, because too few take requests.
// Where there are several, none does as long as together they can take everything.
func (m *Members) panic(all []*level, total float64) {
	if len(all) > 1 && total >= 100 {
		return
	}
	for _, l := range all {
		takes := l.Healthy + l.Degraded
		l.Panics = takes < l.Total && percent(takes, l.Total) < m.opts.PanicBelow
	}
}

// pool makes what is chosen from among some members.
func (m *Members) pool(s *Set, of []*member) *Pool {
	p := &Pool{}
	all := levels(of)
	upTo := 0.0
	for i, part := range m.distribute(all) {
		l := all[i]
		l.Load = part.healthy + part.degraded
		switch {
		case l.Panics:
			upTo = m.share(p, s, l, l.all, upTo, l.Load)
		default:
			upTo = m.share(p, s, l, l.healthy, upTo, part.healthy)
			upTo = m.share(p, s, l, l.degraded, upTo, part.degraded)
		}
		p.Levels = append(p.Levels, l.Level)
	}
	if upTo == 0 {
		p.Shares, p.Slots = nil, nil
	}
	return p
}

// share adds a part of the requests, in percent, that some members of a level take.
func (m *Members) share(p *Pool, s *Set, l *level, of []*member, from, part float64) (upTo float64) {
	if len(of) == 0 {
		return from
	}
	for _, member := range of {
		p.Slots = append(p.Slots, member.host.Slot)
	}
	for _, z := range m.zones(s, of, l.Panics) {
		from += part * z.part
		share := Share{
			UpTo: uint32(from/100*Whole + 0.5), Priority: l.Priority, Panics: l.Panics,
			Zone: z.name, Zoned: z.zoned, Table: m.table(s, z.of),
		}
		p.Shares = append(p.Shares, share)
	}
	return from
}

func (m *Members) table(s *Set, of []*member) *balance.Table {
	all := make([]balance.Member, len(of))
	for i, member := range of {
		key := member.host.Address
		if m.opts.HashByHostname && member.host.Hostname != "" {
			key = member.host.Hostname
		}
		all[i] = balance.Member{Slot: member.host.Slot, Weight: s.weights[member.host.Slot], Key: key}
	}
	return balance.New(all, &m.opts.Balance)
}

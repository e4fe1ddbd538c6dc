package upstream

import (
	"math"

	"github.com/weirproxy/weir/pkg/config"
)

// set is some hosts of a cluster with what the choice among them needs.
type set struct {
	members []*Host
	hosts   []*Host      // of the members, those that are chosen from
	pick    func() *Host // if there are hosts
	panics  bool         // too few members are well: all are chosen from
}

func newSet(c *Cluster, members []*Host) *set {
	s := &set{members: members}
	s.fill(c)
	return s
}

// refresh makes the set anew if a member is not as it was.
func (s *set) refresh(c *Cluster) {
	for _, h := range s.members {
		if h.turned {
			s.fill(c)
			return
		}
	}
}

// fill puts those of the members into the set that are well, if there are enough of
// them.
func (s *set) fill(c *Cluster) {
	ill := 0
	for _, h := range s.members {
		if h.ill {
			ill++
		}
	}
	well := len(s.members) - ill
	s.panics = ill > 0 && 100*float64(well) < c.PanicBelow*float64(len(s.members))
	s.hosts = s.members
	if ill > 0 && !s.panics {
		s.hosts = make([]*Host, 0, well)
		for _, h := range s.members {
			if !h.ill {
				s.hosts = append(s.hosts, h)
			}
		}
	}
	s.pick = picker(c, s.hosts)
}

// picker returns how to choose from hosts, nil if there are none.
func picker(c *Cluster, hosts []*Host) func() *Host {
	random := c.env.Rand
	switch {
	case len(hosts) == 0:
		return nil
	case len(hosts) == 1:
		return func() *Host { return hosts[0] }
	case c.Balancer == config.LBRandom:
		return func() *Host { return hosts[below(random(), len(hosts))] }
	case c.Balancer == config.LBLeastRequest:
		return newLeast(c, hosts, func(h *Host) int { return h.active + h.waiting.n }).next
	case c.Balancer == config.LBLeastConnection:
		return newLeast(c, hosts, func(h *Host) int { return h.conns + h.dialing }).next
	case c.Balancer == config.LBWeightedRoundRobin && !sameWeights(hosts):
		return newSchedule(hosts, random).next
	}
	return inTurn(hosts, random())
}

// inTurn chooses one host after the other. Each worker begins elsewhere.
func inTurn(hosts []*Host, random uint64) func() *Host {
	i := below(random, len(hosts))
	return func() *Host {
		h := hosts[i]
		if i++; i == len(hosts) {
			i = 0
		}
		return h
	}
}

func sameWeights(hosts []*Host) bool {
	for _, h := range hosts {
		if h.Weight != hosts[0].Weight {
			return false
		}
	}
	return true
}

// below turns a random number into one from 0 to n-1.
func below(random uint64, n int) int { return int((random >> 32) * uint64(n) >> 32) }

// least chooses the least loaded of a few random hosts, two by default: nearly as
// good as the least loaded of all, without making every worker choose the same.
//
// Hosts are drawn by their weights. The first is passed over for another that
// would be no more loaded with the request, relative to its weight, than the first
// is without. So idle hosts are chosen by weight, and loaded ones tend to a load in
// proportion to it.
type least struct {
	hosts  []*Host
	upTo   []int // sums of the weights up to each host; nil if all are the same
	total  int   // places to draw from
	load   func(*Host) int
	bias   float64
	choice int
	random func() uint64
}

func newLeast(c *Cluster, hosts []*Host, load func(*Host) int) *least {
	l := &least{hosts: hosts, total: len(hosts), load: load, bias: 1, choice: c.ChoiceCount, random: c.env.Rand}
	if c.Balancer == config.LBLeastRequest {
		l.bias = c.ActiveBias
	}
	if !sameWeights(hosts) {
		l.total = 0
		for _, h := range hosts {
			l.total += int(h.Weight)
			l.upTo = append(l.upTo, l.total)
		}
	}
	return l
}

func (l *least) next() *Host {
	i := l.at(below(l.random(), l.total))
	if l.bias == 0 {
		return l.hosts[i]
	}
	for range l.choice - 1 {
		from, width := l.places(i) // another host is drawn from what they leave
		place := below(l.random(), l.total-width)
		if place >= from {
			place += width
		}
		if j := l.at(place); l.better(l.hosts[j], l.hosts[i]) {
			i = j
		}
	}
	return l.hosts[i]
}

// places returns the places of a host.
func (l *least) places(i int) (from, width int) {
	switch {
	case l.upTo == nil:
		return i, 1
	case i == 0:
		return 0, l.upTo[0]
	}
	return l.upTo[i-1], l.upTo[i] - l.upTo[i-1]
}

// at returns which host has a place.
func (l *least) at(place int) int {
	if l.upTo == nil {
		return place
	}
	from, to := 0, len(l.hosts)-1
	for from < to {
		middle := (from + to) / 2
		if place < l.upTo[middle] {
			to = middle
		} else {
			from = middle + 1
		}
	}
	return from
}

// better tells whether a with another request is no more loaded than b without.
func (l *least) better(a, b *Host) bool {
	x, y := l.load(a)+1, l.load(b)
	if l.bias == 1 {
		return x*int(b.Weight) <= y*int(a.Weight)
	}
	return math.Pow(float64(x), l.bias)*float64(b.Weight) <= math.Pow(float64(y), l.bias)*float64(a.Weight)
}

// schedule chooses hosts in turn by weight: the turns of a host are 1/weight
// apart, and the earliest is next (earliest deadline first). It counts in whole
// numbers, so that as many choices in a row as the weights add up to are exactly
// one round, wherever they begin.
type schedule struct {
	heap []turn
}

type turn struct {
	at    uint64 // when the next turn is, times the weight, in units of 1/phases
	order int    // among those at the same time
	host  *Host
}

// phases is how many points of its first turn a host may begin at. They are drawn,
// so that workers do not all send their first requests to the heaviest host.
const phases = 256

func newSchedule(hosts []*Host, random func() uint64) *schedule {
	s := &schedule{heap: make([]turn, len(hosts))}
	for i, h := range hosts {
		s.heap[i] = turn{at: uint64(below(random(), phases)), order: i, host: h}
	}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		s.sink(i)
	}
	return s
}

func (s *schedule) next() *Host {
	t := &s.heap[0]
	h := t.host
	t.at += phases
	s.sink(0)
	return h
}

func (s *schedule) sink(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(s.heap); child++ {
			if s.heap[child].before(&s.heap[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		s.heap[i], s.heap[first] = s.heap[first], s.heap[i]
		i = first
	}
}

func (t *turn) before(u *turn) bool {
	a, b := t.at*uint64(u.host.Weight), u.at*uint64(t.host.Weight)
	return a < b || a == b && t.order < u.order
}

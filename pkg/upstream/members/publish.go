package members

import (
	"math"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// publish makes the set of what is known, and wakes the workers.
func (m *Members) publish() {
	now := time.Now()
	s := &Set{
		Generation: m.generation,
		Hosts:      make([]*Host, len(m.slots)),
		Len:        len(m.order),
		states:     make([]State, len(m.slots)),
		weights:    make([]uint32, len(m.slots)),
	}
	slow := false
	for _, member := range m.order {
		m.judge(member, now)
		slot := member.host.Slot
		s.Hosts[slot], s.states[slot] = member.host, member.state
		weight, growing := m.weight(member, now)
		s.weights[slot] = weight
		slow = slow || growing
		s.count(member.state)
	}
	s.Ejections = m.ejections
	m.divide(s)
	m.set.Store(s)
	for i := range m.wakes {
		if wake := m.wakes[i].Load(); wake != nil {
			(*wake)()
		}
	}
	if slow && !m.closed {
		m.soon()
	}
}

// count counts a host by its state.
func (s *Set) count(state State) {
	if state.Takes() {
		s.Healthy++
	}
	switch state {
	case Degraded:
		s.Degraded++
	case Ejected:
		s.Ejected++
	default:
	}
}

// judge puts a member in the state that follows from what is known of it.
func (m *Members) judge(of *member, now time.Time) {
	state, bySource := Healthy, false
	switch {
	case of.source == discovery.Draining:
		state, bySource = Draining, true
	case of.source == discovery.Unhealthy || of.ill:
		state, bySource = Unhealthy, of.source == discovery.Unhealthy
	case of.ejected:
		state = Ejected
	case of.source == discovery.Degraded:
		state, bySource = Degraded, true
	}
	was, wasBySource := of.state, of.bySource
	if of.bySource = bySource; state == was {
		return
	}
	if state.Takes() && !was.Takes() { // it begins again
		of.fresh = now
	}
	if state == Ejected {
		m.ejections++
	}
	of.state, of.since = state, now
	if m.observer != nil {
		m.observer.HostEvent(Event{
			Cluster: m.name, Host: of.host.Address, Kind: Turned,
			State: state, Was: was, BySource: bySource || state == Healthy && wasBySource,
		})
	}
}

// weight returns the weight that a member has now, in hundredths, and whether it
// grows.
func (m *Members) weight(of *member, now time.Time) (weight uint32, growing bool) {
	full := of.host.Weight * WeightUnit
	s := &m.opts.SlowStart
	age := now.Sub(of.fresh)
	if s.Mode != config.SlowStartDuration || age >= s.Duration || full == 0 {
		return full, false
	}
	part := math.Pow(float64(max(age, 0))/float64(s.Duration), 1/s.Aggression)
	return max(1, uint32(float64(full)*max(part, s.MinWeightPercent))), true
}

// soon makes the set anew in a while, because weights grow.
func (m *Members) soon() {
	const steps = 50
	step := min(max(m.opts.SlowStart.Duration/steps, 50*time.Millisecond), time.Second)
	if m.slow == nil {
		m.slow = time.AfterFunc(step, m.again)
	} else {
		m.slow.Reset(step)
	}
}

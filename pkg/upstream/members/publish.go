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
		if member.state.Takes() {
			s.Healthy++
		}
	}
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

// judge puts a member in the state that follows from what is known of it.
func (m *Members) judge(of *member, now time.Time) {
	state := Healthy
	switch {
	case of.source == discovery.Draining:
		state = Draining
	case of.source == discovery.Unhealthy || of.ill:
		state = Unhealthy
	case of.ejected:
		state = Ejected
	case of.source == discovery.Degraded:
		state = Degraded
	}
	if state == of.state {
		return
	}
	if state.Takes() && !of.state.Takes() { // it begins again
		of.fresh = now
	}
	of.state, of.since = state, now
	m.event(of, Turned, "")
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

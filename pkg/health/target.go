package health

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Target is a host of a cluster that is to be checked.
type Target struct {
	Cluster string
	Host    string         // its address, as configured
	Addr    netip.AddrPort // where it is
	Check   *Check
}

// same tells whether what is known of one target holds for another.
func (t *Target) same(o *Target) bool {
	return t.Addr == o.Addr && t.Check.settings == o.Check.settings
}

// State is what is known of a host.
type State uint8

const (
	// Unknown: it was not checked yet. It counts as well.
	Unknown State = iota
	// Healthy: it is well.
	Healthy
	// Unhealthy: it is not.
	Unhealthy
)

// String names the state.
func (s State) String() string { return [...]string{"unknown", "healthy", "unhealthy"}[s] }

// Status is what is known of a target at a time.
type Status struct {
	Cluster, Host string
	State         State
	Since         time.Time // when the state began
	Checked       time.Time // when the last check ended; zero: there was none
	Reason        string    // what was wrong in the last check; "": nothing
	Checks        uint64    // so far
	Failed        uint64    // of them
}

// Change is news of a host: it is no longer well, or well again.
type Change struct {
	Cluster, Host string
	Healthy       bool
}

// checked is a target with what is known of it. The checker's lock guards it, but
// for the session, which is its present check's.
type checked struct {
	Target
	status  Status
	row     int // answers in a row that speak against the state
	session *session

	due     time.Time // when the next check is
	place   int       // in the schedule; -1: not there, because it is being checked
	dropped bool      // it is no target any more
	ctx     context.Context
	cancel  context.CancelFunc // ends a check under way
}

// record takes on how a check went, and tells whether the state has changed. The
// first check decides at once, and from then on the thresholds do: a host that never
// gave an answer is more likely not there than in trouble for a moment.
func (t *checked) record(now time.Time, err error) (changed bool) {
	s := &t.status
	s.Checks++
	s.Checked, s.Reason = now, ""
	state, needed := Healthy, t.Check.rise
	if err != nil {
		s.Failed++
		s.Reason = err.Error()
		state, needed = Unhealthy, t.Check.fall
	}
	if s.State == state {
		t.row = 0
		return false
	}
	if t.row++; s.State != Unknown && t.row < needed {
		return false
	}
	s.State, s.Since, t.row = state, now, 0
	return true
}

// first returns the time until the first check. It is a random one, so that many
// hosts are not asked at once.
func (c *Check) first() time.Duration { return c.delay + random(min(c.interval, time.Second)) }

// next returns the time until the next check.
func (t *checked) next() time.Duration {
	c := t.Check
	wait := c.interval
	if t.status.State == Unhealthy {
		wait = c.whileIll
	}
	return wait + random(c.jitter)
}

func random(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// schedule is a heap of targets by when they are due.
type schedule []*checked

// Len implements [heap.Interface].
func (s schedule) Len() int { return len(s) }

// Less implements [heap.Interface].
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }

// Swap implements [heap.Interface].
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push implements [heap.Interface].
func (s *schedule) Push(x any) {
	t := x.(*checked)
	t.place = len(*s)
	*s = append(*s, t)
}

// Pop implements [heap.Interface].
func (s *schedule) Pop() any {
	last := len(*s) - 1
	t := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	t.place = -1
	return t
}

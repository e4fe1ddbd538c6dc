package outlier

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// pause is the shortest time between two turns of a monitor: hosts that fail all the
// time must not keep it busy.
const pause = 5 * time.Millisecond

// Options are what a monitor is made with.
type Options struct {
	// Report is told of hosts that are ejected, or no longer, in the order in which it
	// happened. One goroutine calls it, holding no lock. It may be about a host or a
	// cluster that has gone meanwhile: then it is to be ignored. The end of an ejection
	// is not reported of hosts that have gone.
	Report func([]Change)
	// Log gets a record when hosts stay in only because enough are ejected.
	Log *slog.Logger

	draw func() float64 // nil: random
}

// Monitor decides which hosts are ejected, and when they come back. Its methods may
// be called from any goroutine, Report included, but for Close. None of them waits
// for Report.
type Monitor struct {
	opts   Options
	wake   chan struct{} // something is to be done
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	setting sync.Mutex
	set     map[string]membership // clusters whose hosts or policies are others now; nil: none

	mu       sync.Mutex // held by the monitor's goroutine while it decides
	clusters map[string]*cluster
	limited  map[string]bool // clusters where the limit held hosts in
}

// membership is what Set has said of a cluster.
type membership struct {
	policy *Policy
	hosts  []Target
}

// New starts a monitor without clusters. Close ends it.
func New(o Options) *Monitor {
	if o.draw == nil {
		o.draw = rand.Float64
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Monitor{
		opts: o, wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
		clusters: make(map[string]*cluster), limited: make(map[string]bool),
	}
	m.wg.Go(m.run)
	return m
}

// Set makes these the hosts of a cluster, and soon acts on it; it does not block.
// hosts is the monitor's from then on. Those that were there before, with the same
// counters, stay what they are, ejected or not, whatever the policy was: an ejection
// that has begun keeps its time. More hosts than the policy allows may be ejected
// when the others have gone.
//
// Without a policy the cluster is forgotten, and its ejections end.
func (m *Monitor) Set(cluster string, p *Policy, hosts []Target) {
	if m.ctx.Err() != nil {
		return
	}
	m.setting.Lock()
	if m.set == nil {
		m.set = make(map[string]membership)
	}
	m.set[cluster] = membership{p, hosts}
	m.setting.Unlock()
	m.Wake()
}

// Wake makes the monitor look at hosts that are suspect. It does not block.
func (m *Monitor) Wake() {
	select {
	case m.wake <- struct{}{}:
	default: // it is about to
	}
}

// States returns what is known of the hosts that are ejected or were, by cluster and
// host.
func (m *Monitor) States() []Status {
	var all []Status
	m.mu.Lock()
	for _, c := range m.clusters {
		for _, h := range c.hosts {
			if h.times > 0 {
				all = append(all, h.status(c.name))
			}
		}
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Host, b.Host))
	})
	return all
}

// Close ends the monitor. Report is told nothing more once it has returned.
func (m *Monitor) Close() {
	m.cancel()
	m.wg.Wait()
}

func (m *Monitor) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-rest.C:
		}
		select {
		case <-m.ctx.Done():
			return
		case <-m.wake:
		case <-timer.C:
		}
		news, wait := m.turn(time.Now())
		if len(news) > 0 && m.ctx.Err() == nil {
			m.opts.Report(news)
		}
		timer.Reset(wait)
		rest.Reset(pause)
	}
}

// turn does what is to be done now, and returns what came of it and the time until
// there is more. It may be less than that: then there is nothing.
func (m *Monitor) turn(now time.Time) (news []Change, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	news = m.settle(now)
	wait = time.Hour
	for _, c := range m.clusters {
		switch {
		case !now.Before(c.next):
			c.look(now)
			m.tellLimit(c)
		case c.policy.stirred.Load():
			c.suspects(now)
		}
		news = append(news, c.take()...)
		wait = min(wait, c.next.Sub(now))
	}
	return news, wait
}

// settle acts on what Set has said.
func (m *Monitor) settle(now time.Time) (news []Change) {
	m.setting.Lock()
	set := m.set
	m.set = nil // Set makes another
	m.setting.Unlock()
	for name, s := range set {
		c := m.clusters[name]
		switch {
		case s.policy != nil:
			if c == nil {
				c = &cluster{name: name, draw: m.opts.draw}
				m.clusters[name] = c
			}
			c.set(s.policy, s.hosts, now)
		case c != nil:
			c.stop(now)
			delete(m.clusters, name)
			delete(m.limited, name)
			news = append(news, c.take()...)
		}
	}
	return news
}

// tellLimit writes to the log when the limit begins to hold hosts in that would be
// ejected.
func (m *Monitor) tellLimit(c *cluster) {
	limited := c.spared > 0
	if limited && !m.limited[c.name] {
		m.opts.Log.Warn("hosts that fail are not ejected, because max_ejection_percent of the cluster's hosts are",
			"cluster", c.name, "ejected", c.out, "hosts", len(c.hosts), "times", c.spared)
	}
	if limited {
		m.limited[c.name] = true
	} else {
		delete(m.limited, c.name)
	}
	c.spared = 0
}

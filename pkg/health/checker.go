package health

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/events"
)

// maxRunning is how many checks are under way at a time. Others that are due wait.
const maxRunning = 256

// Options are what a checker is made with.
type Options struct {
	// Report is told of hosts that are no longer well, or well again, in the order in
	// which it happened; of hosts that were not checked yet, nothing. It may be about a
	// host that is no target any more: then it is to be ignored. It is called by one
	// goroutine at a time, without a lock that the checker's methods other than Apply and
	// Close take; it must not block, nor call those two.
	Report func([]Change)
	// Events gets each change, with its reason, and writes of it to the process's log;
	// nil: one of the checker's own that writes to Log.
	Events *events.Log
	// Log gets everything else.
	Log *slog.Logger
	// Running is how many checks are under way at a time; 0 is 256.
	Running int

	dial dialer // nil: TCP
}

// Checker checks targets until it is closed. Its methods may be called from any
// goroutine.
type Checker struct {
	opts   Options
	wake   chan struct{} // something is to be done
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	telling sync.Mutex // held while Report is told, so that it is in order; never inside mu

	mu      sync.Mutex
	targets map[string]map[string]*checked // by cluster and host
	due     schedule                       // those that are not being checked
	running int
	news    []Change // that Report was not told of
}

// New starts a checker without targets. Close ends it.
func New(o Options) *Checker {
	o.Running = cmp.Or(o.Running, maxRunning)
	if o.dial == nil {
		o.dial = dialTCP
	}
	if o.Events == nil {
		o.Events = events.New(1, o.Log)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Checker{opts: o, wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel, targets: make(map[string]map[string]*checked)}
	c.wg.Go(c.run)
	return c
}

// Apply makes these the targets. What is known of those that were targets before,
// with the same check, stays known, and Report is told once more of those that are
// not well. The others' checks end at once; of those that were not well, Report is
// told that they are.
//
// Of several targets with the same cluster and host, the first counts. Report has been
// told when Apply returns.
func (c *Checker) Apply(targets []Target) {
	by := make(map[string][]Target)
	for _, t := range targets {
		by[t.Cluster] = append(by[t.Cluster], t)
	}
	c.mu.Lock()
	for cluster := range c.targets {
		if by[cluster] == nil {
			c.apply(cluster, nil)
		}
	}
	for cluster, of := range by {
		c.apply(cluster, of)
	}
	c.mu.Unlock()
	c.report()
	c.stir()
}

// ApplyCluster makes these the targets of one cluster, as Apply does of all, and
// leaves those of the other clusters alone. The targets are of that cluster, whatever
// they say. It costs in proportion to the targets of the cluster, before and after.
//
// It does not call Report, but has it called soon, so that the caller may hold a lock
// which Report takes.
func (c *Checker) ApplyCluster(cluster string, targets []Target) {
	c.mu.Lock()
	c.apply(cluster, targets)
	c.mu.Unlock()
	c.stir()
}

// apply makes these the targets of a cluster.
func (c *Checker) apply(cluster string, targets []Target) {
	before := c.targets[cluster]
	now := make(map[string]*checked, len(targets))
	for _, t := range targets {
		t.Cluster = cluster
		if now[t.Host] != nil {
			continue
		}
		if old := before[t.Host]; old != nil && old.same(&t) {
			now[t.Host] = old
			delete(before, t.Host)
			if old.status.State == Unhealthy {
				c.news = append(c.news, Change{cluster, t.Host, false})
			}
			continue
		}
		added := c.newChecked(t)
		now[t.Host] = added
		heap.Push(&c.due, added)
	}
	for _, t := range before {
		c.drop(t)
		if t.status.State == Unhealthy {
			c.news = append(c.news, Change{cluster, t.Host, true})
		}
	}
	c.targets[cluster] = now
	if len(now) == 0 {
		delete(c.targets, cluster)
	}
}

func (c *Checker) newChecked(t Target) *checked {
	now := time.Now()
	n := &checked{
		Target:  t,
		status:  Status{Cluster: t.Cluster, Host: t.Host, Since: now},
		session: newSession(&t, c.opts.dial),
		due:     now.Add(t.Check.first()),
	}
	n.ctx, n.cancel = context.WithCancel(c.ctx)
	return n
}

// drop ends what is done for a target. A check under way closes its session itself.
func (c *Checker) drop(t *checked) {
	t.dropped = true
	t.cancel()
	if t.place >= 0 {
		heap.Remove(&c.due, t.place)
		t.session.close()
	}
}

// States returns what is known of the targets, by cluster and host.
func (c *Checker) States() []Status {
	c.mu.Lock()
	var all []Status
	for _, of := range c.targets {
		for _, t := range of {
			all = append(all, t.status)
		}
	}
	c.mu.Unlock()
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Host, b.Host))
	})
	return all
}

// Close ends all checks, and returns when they have. Report is told nothing more.
func (c *Checker) Close() {
	c.cancel()
	c.wg.Wait()
	c.opts.Events.Close()
	c.telling.Lock() // Apply may be telling Report still
	defer c.telling.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.due {
		t.session.close()
	}
	c.due = nil
	clear(c.targets)
}

// run starts checks when they are due, and passes on what they find.
func (c *Checker) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
		c.report()
		timer.Reset(c.turn())
	}
}

// stir makes run look at what is to be done.
func (c *Checker) stir() {
	select {
	case c.wake <- struct{}{}:
	default: // it is about to
	}
}

// turn does what is to be done now, and returns the time until there is more. It
// may be less than that: then there is nothing.
func (c *Checker) turn() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.due) > 0 && c.running < c.opts.Running {
		t := c.due[0]
		if wait := time.Until(t.due); wait > 0 {
			return wait
		}
		heap.Pop(&c.due)
		c.running++
		c.wg.Go(func() { c.check(t) })
	}
	return time.Hour // the end of a check comes before
}

// report passes the news on.
func (c *Checker) report() {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	news := c.news
	c.news = nil
	c.mu.Unlock()
	if len(news) > 0 && c.ctx.Err() == nil {
		c.opts.Report(news)
	}
}

// check checks a target once.
func (c *Checker) check(t *checked) {
	err := c.ask(t)
	c.mu.Lock()
	c.running--
	if t.dropped || c.ctx.Err() != nil {
		t.session.close()
		c.mu.Unlock()
		c.stir()
		return
	}
	was, now := t.status.State, time.Now()
	changed := t.record(now, err)
	status := t.status
	if changed && (was != Unknown || status.State == Unhealthy) {
		c.news = append(c.news, Change{t.Cluster, t.Host, status.State == Healthy})
	}
	t.due = now.Add(t.next())
	heap.Push(&c.due, t)
	c.mu.Unlock()
	c.stir()
	if changed {
		c.tell(was, &status)
	}
}

// ask asks a target. That it panics is a mistake of weir's, which must not end it.
func (c *Checker) ask(t *checked) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.opts.Log.Error("a health check panicked", "cluster", t.Cluster, "host", t.Host, "panic", p, "stack", string(debug.Stack()))
			t.session.abandon()
			err = fmt.Errorf("the check panicked: %v", p)
		}
	}()
	return t.session.ask(t.ctx)
}

// tell takes note of a change.
func (c *Checker) tell(was State, s *Status) {
	e := events.Event{Time: s.Since, Cluster: s.Cluster, Host: s.Host, Kind: events.Healthy}
	switch {
	case s.State == Unhealthy:
		e.Kind, e.Detail = events.Unhealthy, s.Reason
	case was == Unknown: // it was taken for well before
		c.opts.Log.Debug("a host is well", "cluster", s.Cluster, "host", s.Host)
		return
	}
	c.opts.Events.Add(e)
}

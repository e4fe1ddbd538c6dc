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
)

// maxRunning is how many checks are under way at a time. Others that are due wait.
const maxRunning = 256

// Options are what a checker is made with.
type Options struct {
	// Report is told of hosts that are no longer well, or well again, in the order in
	// which it happened; of hosts that were not checked yet, nothing. It is called by
	// one goroutine at a time, must not block, and must not call the checker.
	Report func([]Change)
	// Log gets a record of each change, with its reason.
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

	mu      sync.Mutex
	targets map[key]*checked
	due     schedule // those that are not being checked
	running int
	news    []Change // that Report was not told of
}

// key is what a target is known by.
type key struct{ cluster, host string }

// New starts a checker without targets. Close ends it.
func New(o Options) *Checker {
	o.Running = cmp.Or(o.Running, maxRunning)
	if o.dial == nil {
		o.dial = dialTCP
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Checker{opts: o, wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel, targets: make(map[key]*checked)}
	c.wg.Go(c.run)
	return c
}

// Apply makes these the targets. What is known of those that were targets before,
// with the same check, stays known, and Report is told once more of those that are
// not well. The others' checks end at once; of those that were not well, Report is
// told that they are.
//
// Of several targets with the same cluster and host, the first counts.
func (c *Checker) Apply(targets []Target) {
	c.mu.Lock()
	before := c.targets
	c.targets = make(map[key]*checked, len(targets))
	var fresh []*checked
	for _, t := range targets {
		k := key{t.Cluster, t.Host}
		if c.targets[k] != nil {
			continue
		}
		if old := before[k]; old != nil && old.same(&t) {
			c.targets[k] = old
			delete(before, k)
			continue
		}
		added := c.newChecked(t)
		c.targets[k] = added
		fresh = append(fresh, added)
	}
	for k, t := range before {
		c.drop(t)
		if t.status.State == Unhealthy {
			c.news = append(c.news, Change{k.cluster, k.host, true})
		}
	}
	for k, t := range c.targets {
		if t.status.State == Unhealthy {
			c.news = append(c.news, Change{k.cluster, k.host, false})
		}
	}
	for _, t := range fresh {
		heap.Push(&c.due, t)
	}
	c.report()
	c.mu.Unlock()
	c.stir()
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
	all := make([]Status, 0, len(c.targets))
	for _, t := range c.targets {
		all = append(all, t.status)
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
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.due {
		t.session.close()
	}
	c.due, c.targets = nil, nil
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
	c.report()
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
	if len(c.news) > 0 && c.ctx.Err() == nil {
		c.opts.Report(c.news)
		c.news = nil
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

// tell writes a change to the log.
func (c *Checker) tell(was State, s *Status) {
	switch {
	case s.State == Unhealthy:
		c.opts.Log.Warn("a host is not well", "cluster", s.Cluster, "host", s.Host, "reason", s.Reason)
	case was == Unhealthy:
		c.opts.Log.Info("a host is well again", "cluster", s.Cluster, "host", s.Host)
	default:
		c.opts.Log.Debug("a host is well", "cluster", s.Cluster, "host", s.Host)
	}
}

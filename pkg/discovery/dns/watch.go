package dns

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// watch is what is known of one cluster. Only the goroutine of run uses it.
type watch struct {
	cluster  *config.Cluster
	entries  []entry
	refresh  time.Duration
	to       discovery.Sink
	asker    asker
	settings func() (*settings, hostTable, error)

	memory    memory            // by question
	names     map[string]*found // by name, as written: what the last round had
	services  map[string]*found
	rounds    uint64
	delivered bool
	last      []discovery.Host // what was delivered
}

// newWatch makes a watch that knows nothing yet.
func newWatch(c *config.Cluster, to discovery.Sink, a asker, s func() (*settings, hostTable, error)) *watch {
	w := &watch{cluster: c, refresh: max(c.DNSRefreshRate, shortestRefresh), to: to, asker: a, settings: s}
	for i := range c.Hosts {
		w.entries = append(w.entries, parseEntry(&c.Hosts[i]))
	}
	return w
}

// run looks names up until ctx is done.
func (w *watch) run(ctx context.Context) {
	for {
		next := w.look(ctx)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// look looks all names up once, delivers what has changed, and says when to do it
// again.
func (w *watch) look(ctx context.Context) (next time.Time) {
	w.rounds++
	// Instances of weir that start together do not go on asking together.
	r := &round{watch: w, number: w.rounds, start: time.Now(), jitter: 0.9 + 0.2*rand.Float64()}
	var err error
	if r.settings, r.table, err = w.settings(); err != nil {
		w.to.Failed(err)
		return r.in(w.refresh)
	}
	hosts, answered := r.run(ctx)
	if ctx.Err() != nil {
		return r.start
	}
	w.memory.forget(w.rounds)
	w.deliver(hosts, answered, r.failure())
	return r.end()
}

// deliver tells the sink what a round has found: a set, if it is another one than
// before, or that all is as it was; and what has failed.
func (w *watch) deliver(hosts []discovery.Host, answered bool, failure error) {
	if w.cluster.Type == config.ClusterLogicalDNS {
		hosts = w.one(hosts)
	}
	switch {
	case answered && (!w.delivered || !slices.EqualFunc(hosts, w.last, sameHost)):
		w.delivered, w.last = true, slices.Clone(hosts)
		w.to.Hosts(hosts)
	case failure == nil:
		w.to.Alive()
	}
	if failure != nil {
		w.to.Failed(failure)
	}
}

// one returns the host of a LOGICAL_DNS cluster: the one it has, if it is still
// there, else the first of those that are to be used first.
func (w *watch) one(hosts []discovery.Host) []discovery.Host {
	if len(hosts) == 0 {
		return nil
	}
	first := 0
	for i := range hosts {
		if hosts[i].Priority < hosts[first].Priority {
			first = i
		}
	}
	if len(w.last) == 1 {
		i := slices.IndexFunc(hosts, func(h discovery.Host) bool { return h.Address == w.last[0].Address })
		if i >= 0 && hosts[i].Priority == hosts[first].Priority {
			first = i
		}
	}
	return hosts[first : first+1]
}

// sameHost reports whether two hosts of the same configuration are the same: so are
// their labels, then.
func sameHost(a, b discovery.Host) bool {
	return a.Address == b.Address && a.Hostname == b.Hostname && a.Weight == b.Weight && a.Zone == b.Zone && a.Priority == b.Priority
}

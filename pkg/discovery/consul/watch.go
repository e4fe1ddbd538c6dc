package consul

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// errHidden is an answer that says nothing, because the token may see nothing.
var errHidden = errors.New("the token may not see any instance of the service")

// watch is one cluster's.
type watch struct {
	*Source
	service string
	wants   *config.ConsulService
	options *api.QueryOptions // but for index and wait
	to      discovery.Sink

	seat    *seat
	cursor  cursor
	pace    pace
	backOff backOff
	failing bool

	delivered bool
	last      []discovery.Host
	named     bool   // a host's address is a name
	left      string // what was left out, as it was logged
}

func (s *Source) newWatch(c *config.Cluster, to discovery.Sink) (*watch, error) {
	w := &watch{
		Source: s, service: cmp.Or(c.Consul.Service, c.Name), wants: &c.Consul, to: to,
		backOff: backOff{shortest: s.block.BackOff, longest: s.block.MaxBackOff},
	}
	// The name is a part of a path, and may come from a request.
	if rooted := "/" + w.service; w.service == "" || path.Clean(rooted) != rooted {
		return nil, fmt.Errorf("consul: %q cannot be the name of a service", w.service)
	}
	w.options = options(s.block, c.Consul.Datacenter, c.Consul.Namespace, c.Consul.Partition)
	w.options.Near, w.options.Filter = c.Consul.Near, c.Consul.Filter
	return w, nil
}

// ask asks once, in the watch's turn, and delivers what is new.
func (w *watch) ask(ctx context.Context) error {
	turn, held, ok := w.turns.take(ctx, w.seat)
	if !ok {
		return ctx.Err()
	}
	if w.named {
		held = min(held, nameTime)
	}
	first := w.cursor.index == 0
	entries, meta, err := w.question(turn, held)
	fresh := err == nil && w.cursor.take(meta.LastIndex)
	if evicted := w.turns.done(w.seat, fresh && w.delivered); evicted && err != nil {
		return nil //nolint:nilerr // the question ended to make room for another watch's
	}
	if err != nil {
		return err
	}
	if meta.ResultsFilteredByACLs && len(entries) == 0 {
		return errHidden
	}
	if len(entries) == 0 && len(w.last) > 0 && !first {
		// An agent does not say of the answer to a question that it held whether the
		// token hid instances: it is asked again before a service is taken for empty.
		w.cursor.reset()
		return nil
	}
	if !fresh && !w.named {
		w.to.Alive()
		return nil
	}
	w.deliver(ctx, entries)
	return nil
}

// question asks the agent, which may hold it for so long if there is nothing new.
func (w *watch) question(ctx context.Context, held time.Duration) ([]*api.ServiceEntry, *api.QueryMeta, error) {
	q := *w.options
	patience := answerTime
	if w.cursor.index > 0 {
		q.WaitIndex, q.WaitTime = w.cursor.index, held
		patience += held + held/16 // agents hold questions a little longer than told, each a different time
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.client.Health().ServiceMultipleTags(w.service, w.wants.Tags, w.wants.Status == config.ConsulPassing, q.WithContext(ctx))
}

func (w *watch) deliver(ctx context.Context, entries []*api.ServiceEntry) {
	names := namesOf(entries, w.wants.TaggedAddress)
	w.named = len(names) > 0
	hosts, left := hostsOf(entries, w.wants, w.names.resolve(ctx, names))
	w.logLeft(left)
	switch {
	case ctx.Err() != nil:
	case w.delivered && same(hosts, w.last):
		w.to.Alive()
	default:
		w.delivered, w.last = true, slices.Clone(hosts)
		w.to.Hosts(hosts)
	}
}

// fail tells of a failure, and logs the first of a row.
func (w *watch) fail(err error) {
	w.cursor.reset()
	err = fmt.Errorf("consul: service %s: %w", w.service, brief(err))
	w.to.Failed(err)
	if w.failing {
		return
	}
	w.failing = true
	if dropped, ok := w.logged.allow(time.Now()); ok {
		w.log.Warn("nothing is learned from Consul at present", "error", err, "similar", dropped)
	}
}

// logLeft logs what was left out of an answer, when it is not what it was before.
func (w *watch) logLeft(l left) {
	if l.example == w.left {
		return
	}
	w.left = l.example
	if l.instances > 0 {
		w.log.Warn("instances in Consul were left out", "service", w.service, "instances", l.instances, "example", l.example)
	}
}

// throttle lets a line a second into the log, and a few more after a pause: when an
// agent goes away, all watches have the same to tell.
type throttle struct {
	mu      sync.Mutex
	next    time.Time
	dropped int
}

// allow tells whether a line may be logged, and how many were not since the last.
func (t *throttle) allow(now time.Time) (dropped int, ok bool) {
	const every, burst = time.Second, 3
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next.Before(now) {
		t.next = now
	}
	if t.next.Sub(now) > (burst-1)*every {
		t.dropped++
		return 0, false
	}
	t.next = t.next.Add(every)
	dropped, t.dropped = t.dropped, 0
	return dropped, true
}

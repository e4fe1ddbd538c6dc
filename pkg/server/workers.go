package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/logging"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/server/clusters"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream"
)

// blockingHooks bounds the goroutine pool: how many filter hooks may block at a
// time.
const blockingHooks = 256

// workers are the event loops, with what runs on each.
type workers struct {
	group  *eventloop.Group
	all    []*proxy.Worker
	on     map[*eventloop.Loop]*proxy.Worker
	stats  []*metrics.Worker
	pool   *ants.Pool
	nextID atomic.Uint64
}

var _ clusters.Workers = (*workers)(nil)

// start starts n event loops. A loop waits in ways that the Go scheduler does not see,
// and so holds a processor of its own; two more are for everything else.
func (w *workers) start(n int, log *slog.Logger, files *accesslog.Files, c *clusters.Manager, panics *panics) (err error) {
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), n+2))
	w.pool, err = ants.NewPool(blockingHooks, ants.WithNonblocking(true), ants.WithPanicHandler(func(p any) {
		panics.note(time.Now(), p)
		log.Error("a blocking filter hook panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}))
	if err != nil {
		return err
	}
	log = slog.New(logging.Limit(log.Handler()))
	if w.group, err = eventloop.NewGroup(n, eventloop.Options{Short: shortage(log)}); err != nil {
		w.pool.Release()
		return fmt.Errorf("the workers cannot be started: %w", err)
	}
	w.all, w.stats, w.on = make([]*proxy.Worker, n), make([]*metrics.Worker, n), make(map[*eventloop.Loop]*proxy.Worker, n)
	w.group.Each(func(i int, l *eventloop.Loop) {
		w.stats[i] = metrics.NewWorker()
		w.all[i] = proxy.NewWorker(proxy.Options{
			Loop: l, Index: i, Stats: w.stats[i], Goroutines: w.pool, AccessLogs: files, Log: log,
			Panicked: panics.ofWorker(i, log),
			NextID:   func() uint64 { return w.nextID.Add(1) },
			Clock:    time.Now,
			Suspect:  c.Suspect,
			OnDemand: func(name string) bool { return c.Request(i, name) },
		})
	})
	for i, l := range w.group.Loops() {
		w.on[l] = w.all[i]
	}
	return nil
}

// apply makes all workers swap a snapshot in.
func (w *workers) apply(next *transaction.Next) {
	w.each(func(of *proxy.Worker) { of.Apply(next.Snapshot) })
}

// Len returns how many there are.
func (w *workers) Len() int { return len(w.all) }

// Post runs something on a worker's clusters, without waiting for it.
func (w *workers) Post(worker int, fn func(*upstream.Manager)) {
	of := w.all[worker]
	of.Loop.Post(func() { fn(of.Clusters()) })
}

// Clusters runs something on all workers' clusters.
func (w *workers) Clusters(fn func(worker int, m *upstream.Manager)) {
	w.group.Each(func(i int, _ *eventloop.Loop) { fn(i, w.all[i].Clusters()) })
}

// each runs something on all workers, and returns when they have.
func (w *workers) each(fn func(of *proxy.Worker)) {
	w.group.Each(func(i int, _ *eventloop.Loop) { fn(w.all[i]) })
}

// accept gives a connection that a socket brought to the worker that has its loop.
func (w *workers) accept(from *proxy.Shared, c *eventloop.Conn) eventloop.Handler {
	return w.on[c.Loop()].Accept(from, c)
}

// sum asks each worker for a number.
func (w *workers) sum(of func(*proxy.Worker) int) (sum int) {
	each := make([]int, len(w.all))
	w.group.Each(func(i int, _ *eventloop.Loop) { each[i] = of(w.all[i]) })
	for _, n := range each {
		sum += n
	}
	return sum
}

// load adds up what there is to do.
func (w *workers) load() (sum proxy.Load) {
	loads := make([]proxy.Load, len(w.all))
	w.group.Each(func(i int, _ *eventloop.Loop) { loads[i] = w.all[i].Load() })
	for _, l := range loads {
		sum.Connections += l.Connections
		sum.Streams += l.Streams
	}
	return sum
}

// endStreams ends every stream and returns how many there were.
func (w *workers) endStreams() int { return w.sum((*proxy.Worker).EndStreams) }

// cuts returns how many connections were closed so far before their client had taken
// everything.
func (w *workers) cuts() int { return w.sum((*proxy.Worker).Cuts) }

// counts asks every worker for a copy of its statistics.
func (w *workers) counts() []*metrics.Snapshot {
	copies := make([]*metrics.Snapshot, len(w.stats))
	w.group.Each(func(i int, _ *eventloop.Loop) { copies[i] = w.stats[i].Copy() })
	return slices.DeleteFunc(copies, func(c *metrics.Snapshot) bool { return c == nil }) // a worker that has stopped does not answer
}

// buffers returns what the slab pool of each worker holds.
func (w *workers) buffers() []buffer.Stats {
	stats := make([]buffer.Stats, len(w.all))
	w.group.Each(func(i int, l *eventloop.Loop) { stats[i] = l.Buffers().Stats() })
	return stats
}

// stop ends all streams, and the loops.
func (w *workers) stop() {
	w.endStreams()
	w.group.Stop()
	w.pool.Release()
	for _, of := range w.all { // their loops have ended; what they cut off is logged too
		of.FlushLogs()
	}
}

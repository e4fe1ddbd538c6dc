package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// watch is the sink of one cluster's hosts.
type watch struct {
	cluster  *config.Cluster
	members  *members.Members
	source   *source
	settings string
	onDemand bool
	log      *slog.Logger
	told     *pace
	cancel   context.CancelFunc
	first    chan struct{} // closed when there was a delivery
	done     chan struct{} // closed when the source has returned

	mu    sync.Mutex
	state sourceState
}

// sourceState is how a source is doing with a cluster.
type sourceState struct {
	ready   bool      // it has delivered
	updated time.Time // the last time
	failing error     // why it does not learn anything; nil: it does
	since   time.Time // when that began
	refused bool      // what it delivered last was empty, and was not taken

	deliveries, failures uint64 // so far
}

var _ discovery.Sink = (*watch)(nil)

func (w *watch) run(ctx context.Context) {
	defer close(w.done)
	w.source.Watch(ctx, w.cluster, w)
}

// end ends the watch, and returns when nothing more is delivered.
func (w *watch) end() {
	w.cancel()
	<-w.done
}

// delivered tells whether there was a delivery.
func (w *watch) delivered() bool {
	select {
	case <-w.first:
		return true
	default:
		return false
	}
}

// failure is why the source learns nothing at present, nil if it does.
func (w *watch) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.failing
}

// Hosts takes on a delivery. One that is empty after hosts were there is taken only
// if the cluster allows it.
func (w *watch) Hosts(hosts []discovery.Host) {
	empty := len(hosts) == 0 && !w.cluster.AllowEmpty && w.members.Current().Len > 0
	w.mu.Lock()
	before := w.state
	w.state = sourceState{
		ready: true, updated: time.Now(), refused: empty,
		deliveries: before.deliveries + 1, failures: before.failures,
	}
	w.mu.Unlock()
	if before.failing != nil && w.told.allow(time.Now()) {
		w.log.Info("hosts are discovered again", "cluster", w.cluster.Name)
	}
	if empty {
		if !before.refused {
			w.log.Warn("no hosts were discovered: the last ones stay; see allow_empty", "cluster", w.cluster.Name)
		}
	} else {
		w.members.SetHosts(hosts)
	}
	if !before.ready {
		close(w.first)
	}
}

// Failed notes that there is nothing to be learned.
func (w *watch) Failed(err error) {
	w.mu.Lock()
	first := w.state.failing == nil
	if first {
		w.state.since = time.Now()
	}
	w.state.failing = err
	w.state.failures++
	w.mu.Unlock()
	if first && w.told.allow(time.Now()) {
		w.log.Warn("hosts are not discovered: the last ones stay", "cluster", w.cluster.Name, "error", err)
	}
}

// Alive notes that the source answers.
func (w *watch) Alive() {
	w.mu.Lock()
	was := w.state.failing
	w.state.failing, w.state.since = nil, time.Time{}
	w.mu.Unlock()
	if was != nil && w.told.allow(time.Now()) {
		w.log.Info("hosts are discovered again", "cluster", w.cluster.Name)
	}
}

// pace bounds how many records about sources go to the log: when an agent is away,
// all of its clusters have the same to tell. The statistics and the admin interface
// have all of it.
type pace struct {
	mu    sync.Mutex
	begun time.Time
	n     int
}

// allow tells whether there may be another record.
func (p *pace) allow(now time.Time) bool {
	const most, within = 20, time.Second
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.begun) >= within {
		p.begun, p.n = now, 0
	}
	p.n++
	return p.n <= most
}

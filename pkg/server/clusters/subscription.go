package clusters

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// subscription is the sink of one cluster's hosts.
type subscription struct {
	cluster  *config.Cluster
	members  *members.Members
	source   *source
	settings string
	onDemand bool
	log      *slog.Logger
	logged   *logLimit
	cancel   context.CancelFunc
	first    chan struct{} // closed when there was a delivery
	done     chan struct{} // closed when the source has returned

	taking sync.Mutex // held while hosts are taken on, so that the last ones win
	held   bool       // deliveries are kept until release; guarded by taking
	kept   *delivery  // the last one, if it is held

	mu   sync.Mutex
	told SourceState
}

// delivery is hosts that a source has delivered.
type delivery struct{ hosts []discovery.Host }

// SourceState is how it stands with where a cluster's hosts come from.
type SourceState struct {
	Ready   bool      // it has delivered
	Updated time.Time // the last time
	Failing error     // why it does not learn anything; nil: it does
	Since   time.Time // when that began
	Refused bool      // what it delivered last was empty, and was not taken

	Deliveries, Failures uint64 // so far
}

var _ discovery.Sink = (*subscription)(nil)

func (d *discoveryManager) newSubscription(c *config.Cluster, m *members.Members, from *source) *subscription {
	return &subscription{
		cluster: c, members: m, source: from, settings: config.Settings(c.SourceSettings(), c.AllowEmpty),
		log: d.log, logged: &d.logged, first: make(chan struct{}), done: make(chan struct{}),
	}
}

// same reports whether another one does the same.
func (s *subscription) same(other *subscription) bool {
	return other != nil && other.settings == s.settings && other.source == s.source && other.members == s.members
}

// begin begins to find hosts.
func (s *subscription) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() {
		defer close(s.done)
		s.source.Watch(ctx, s.cluster, s)
	}()
}

// end ends it, and returns when nothing more is delivered.
func (s *subscription) end() {
	s.cancel()
	<-s.done
}

// endAll ends all of some subscriptions.
func endAll(all []*subscription) {
	for _, s := range all {
		s.cancel()
	}
	for _, s := range all {
		<-s.done
	}
}

// delivered reports whether there was a delivery.
func (s *subscription) delivered() bool {
	select {
	case <-s.first:
		return true
	default:
		return false
	}
}

// current returns how it stands.
func (s *subscription) current() SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// release gives the members what was held, and from now on what is delivered.
func (s *subscription) release() {
	s.taking.Lock()
	defer s.taking.Unlock()
	s.held = false
	if s.kept != nil {
		s.take(s.kept.hosts)
		s.kept = nil
	}
}

// Hosts takes on a delivery.
func (s *subscription) Hosts(hosts []discovery.Host) {
	s.taking.Lock()
	defer s.taking.Unlock()
	s.mu.Lock()
	was := s.told.Failing
	s.told.Ready, s.told.Updated = true, time.Now()
	s.told.Failing, s.told.Since = nil, time.Time{}
	s.told.Deliveries++
	s.mu.Unlock()
	s.recovered(was)
	if s.held {
		s.kept = &delivery{hosts}
	} else {
		s.take(hosts)
	}
	if !s.delivered() {
		close(s.first)
	}
}

// take gives hosts to the members. None are taken after there were some only if the
// cluster allows it.
func (s *subscription) take(hosts []discovery.Host) {
	refused := len(hosts) == 0 && !s.cluster.AllowEmpty && s.members.Current().Len > 0
	s.mu.Lock()
	before := s.told.Refused
	s.told.Refused = refused
	s.mu.Unlock()
	if !refused {
		s.members.SetHosts(hosts)
	} else if !before {
		s.log.Warn("no hosts were discovered: the last ones stay; see allow_empty", "cluster", s.cluster.Name)
	}
}

// recovered writes to the log that the source learns something again, if it did not.
func (s *subscription) recovered(was error) {
	if was != nil && s.logged.allow(time.Now()) {
		s.log.Info("hosts are discovered again", "cluster", s.cluster.Name)
	}
}

// Failed notes that there is nothing to be learned.
func (s *subscription) Failed(err error) {
	s.mu.Lock()
	first := s.told.Failing == nil
	if first {
		s.told.Since = time.Now()
	}
	s.told.Failing = err
	s.told.Failures++
	s.mu.Unlock()
	if first && s.logged.allow(time.Now()) {
		s.log.Warn("hosts are not discovered: the last ones stay", "cluster", s.cluster.Name, "error", err)
	}
}

// Alive notes that the source answers.
func (s *subscription) Alive() {
	s.mu.Lock()
	was := s.told.Failing
	s.told.Failing, s.told.Since = nil, time.Time{}
	s.mu.Unlock()
	s.recovered(was)
}

// logLimit bounds how many records about sources go to the log: when an agent is away,
// all of its clusters have the same to say. The statistics and the admin interface have
// all of it.
type logLimit struct {
	mu    sync.Mutex
	begun time.Time
	n     int
}

// allow reports whether there may be another record.
func (l *logLimit) allow(now time.Time) bool {
	const most, within = 20, time.Second
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.begun) >= within {
		l.begun, l.n = now, 0
	}
	l.n++
	return l.n <= most
}

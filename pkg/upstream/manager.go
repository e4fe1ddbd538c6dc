package upstream

import (
	"log/slog"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// NewCodec makes the codec of an upstream connection. maker is the protocol's, for
// the connection's cluster.
type NewCodec func(link stream.Link, maker protocol.ClientMaker) stream.ClientCodec

// Env is what a worker gives its manager.
type Env struct {
	Loop   *eventloop.Loop
	Worker int // the worker's index
	Rand   func() uint64
	Codec  NewCodec
	Stats  *metrics.Worker
	Log    *slog.Logger // for what an operator should know of; nil discards it
	// NextID numbers connections, uniquely in the process.
	NextID func() uint64
	// Suspect is called when a host may have to be ejected. It must not block.
	Suspect func()
	// OnDemand asks for a cluster that no configuration has, and returns false if there
	// can be none of that name. Otherwise Add or Deny follows, on the worker. It must
	// not block. nil: there are no such clusters.
	OnDemand func(name string) bool

	conns    int   // upstream connections of the worker, being made or made
	calling  *Conn // whose codec is being asked something on behalf of others
	draining bool  // no connection becomes idle any more
}

// Manager is one worker's clusters. It is not safe for concurrent use.
type Manager struct {
	env      Env
	snapshot *Snapshot
	clusters []*Cluster // in the snapshot's order
	byName   map[string]*Cluster
	onDemand map[string]*Cluster // that a request asked for, and no configuration has
	waits    map[string]*list[ClusterWait, *ClusterWait]
	waiting  int // requests, for clusters of all names
}

// NewManager makes a manager without clusters.
func NewManager(env Env) *Manager {
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	return &Manager{
		env: env, byName: make(map[string]*Cluster),
		onDemand: make(map[string]*Cluster), waits: make(map[string]*list[ClusterWait, *ClusterWait]),
	}
}

// Apply takes on a snapshot, whose update is committed. Clusters and hosts that were there before keep their
// connections and counters; the others' connections are closed as they become
// idle, and what is under way on them goes on. It costs what has changed: clusters
// whose spec is the one before are not looked at.
func (m *Manager) Apply(s *Snapshot) {
	before := m.snapshot
	m.snapshot = s
	if !s.SamePlaces(before) {
		m.place(s)
		return
	}
	for i, spec := range s.clusters {
		if spec != before.clusters[i] {
			m.clusters[i].apply(spec)
		}
	}
}

// place takes on a snapshot that has other clusters than the one before, or at other
// places.
func (m *Manager) place(s *Snapshot) {
	old := m.byName
	m.byName = make(map[string]*Cluster, len(s.clusters))
	m.clusters = make([]*Cluster, 0, len(s.clusters))
	for _, spec := range s.clusters {
		c := old[spec.Name]
		switch {
		case c == nil:
			c = newCluster(&m.env, spec)
			c.apply(spec)
		case c.Spec != spec:
			c.apply(spec)
		}
		delete(old, spec.Name)
		m.byName[spec.Name] = c
		m.clusters = append(m.clusters, c)
	}
	for name, c := range old {
		c.remove()
		m.forget(name)
	}
}

// forget drops the statistics of a cluster that is gone, unless there is another one
// of its name.
func (m *Manager) forget(name string) {
	if m.byName[name] == nil && m.onDemand[name] == nil {
		m.env.Stats.ForgetCluster(name)
	}
}

// Snapshot returns the snapshot in use.
func (m *Manager) Snapshot() *Snapshot { return m.snapshot }

// At returns the cluster at a place in the snapshot.
func (m *Manager) At(i int) *Cluster { return m.clusters[i] }

// Named returns a cluster by its name, or nil.
func (m *Manager) Named(name []byte) *Cluster {
	if c := m.byName[string(name)]; c != nil {
		return c
	}
	return m.onDemand[string(name)]
}

// Connections returns how many upstream connections the worker has, those of
// clusters and hosts that are no longer configured included.
func (m *Manager) Connections() int { return m.env.conns }

// Drain closes idle connections, and every other one when it becomes idle.
func (m *Manager) Drain() {
	m.env.draining = true // of clusters, too, that requests wait for
	for _, c := range m.clusters {
		c.drain()
	}
	for _, c := range m.onDemand {
		c.drain()
	}
}

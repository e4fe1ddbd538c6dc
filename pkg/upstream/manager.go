package upstream

import (
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// NewCodec makes the codec of an upstream connection.
type NewCodec func(link stream.Link, p *protocol.Protocol) stream.ClientCodec

// Env is what a worker gives its manager.
type Env struct {
	Loop   *eventloop.Loop
	Worker int // the worker's index
	Rand   func() uint64
	Codec  NewCodec
	Stats  *metrics.Worker
	// NextID numbers connections, uniquely in the process.
	NextID func() uint64

	conns int // upstream connections of the worker, being made or made
}

// Manager is one worker's clusters. It is not safe for concurrent use.
type Manager struct {
	env      Env
	snapshot *Snapshot
	clusters []*Cluster // in the snapshot's order
	byName   map[string]*Cluster
}

// NewManager makes a manager without clusters.
func NewManager(env Env) *Manager {
	return &Manager{env: env, byName: make(map[string]*Cluster)}
}

// Apply takes on a snapshot. Clusters and hosts that were there before keep their
// connections and counters; the others' connections are closed as they become
// idle, and what is under way on them goes on.
func (m *Manager) Apply(s *Snapshot) {
	old := m.byName
	m.snapshot = s
	m.byName = make(map[string]*Cluster, len(s.clusters))
	m.clusters = make([]*Cluster, 0, len(s.clusters))
	for _, spec := range s.clusters {
		c := old[spec.Name]
		if c == nil {
			c = newCluster(&m.env, spec)
		} else {
			delete(old, spec.Name)
		}
		c.apply(spec)
		m.byName[spec.Name] = c
		m.clusters = append(m.clusters, c)
	}
	for _, c := range old {
		c.remove()
	}
}

// Snapshot returns the snapshot in use.
func (m *Manager) Snapshot() *Snapshot { return m.snapshot }

// At returns the cluster at a place in the snapshot.
func (m *Manager) At(i int) *Cluster { return m.clusters[i] }

// Named returns a cluster by its name, or nil.
func (m *Manager) Named(name []byte) *Cluster { return m.byName[string(name)] }

// Connections returns how many upstream connections the worker has, those of
// clusters and hosts that are no longer configured included.
func (m *Manager) Connections() int { return m.env.conns }

// Drain closes idle connections, and every other one when it becomes idle.
func (m *Manager) Drain() {
	for _, c := range m.clusters {
		for _, h := range c.hosts {
			h.retire()
		}
	}
}

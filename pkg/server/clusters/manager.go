package clusters

import (
	"context"
	"log/slog"

	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/events"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Workers are who uses clusters.
type Workers interface {
	// Len returns how many there are.
	Len() int
	// Post runs fn on a worker, soon, and does not wait for it.
	Post(worker int, fn func(*upstream.Manager))
	// Clusters runs fn on all workers, and returns when they have.
	Clusters(fn func(worker int, m *upstream.Manager))
}

// Options are what a manager is made of.
type Options struct {
	Sources discovery.Registry
	Workers Workers
	Log     *slog.Logger
	// Ending is done when nothing is waited for any more; its cause is why.
	Ending context.Context
}

// Manager has the clusters of the configuration in force, and those that requests have
// asked for. Its methods may be called from any goroutine.
type Manager struct {
	hosts     *hostMonitor
	discovery *discoveryManager
	onDemand  *onDemandClusters
}

// New starts a manager without clusters. Close ends it.
func New(o Options) *Manager {
	m := &Manager{hosts: newHostMonitor(o.Log), discovery: newDiscoveryManager(o)}
	m.onDemand = newOnDemandClusters(o.Workers, m.hosts, m.discovery)
	return m
}

// Participants returns the manager's parts in a change of the configuration. They
// commit before workers have the snapshot.
func (m *Manager) Participants() []transaction.Participant {
	return []transaction.Participant{
		{Name: "hosts", Prepare: m.hosts.prepare},
		{Name: "discovery", Prepare: m.discovery.prepare},
		{Name: "on-demand clusters", Prepare: m.onDemand.prepare},
	}
}

// Close ends everything.
func (m *Manager) Close() {
	m.onDemand.close()
	m.discovery.close()
	m.hosts.close()
}

// Suspect makes hosts be looked at that may have to be ejected. It does not block.
func (m *Manager) Suspect() { m.hosts.outlier.Wake() }

// Request asks for a cluster that no configuration has, on behalf of a worker, which is
// told of it later. It returns false if there can be none of the name. It does not
// block.
func (m *Manager) Request(worker int, name string) bool { return m.onDemand.request(worker, name) }

// OnDemand reports whether a cluster was made because a request asked for it.
func (m *Manager) OnDemand(name string) bool { return m.onDemand.has(name) }

// Names returns the clusters, in order.
func (m *Manager) Names() []string { return m.hosts.names() }

// Members returns the members of a cluster, nil if there is none.
func (m *Manager) Members(name string) *members.Members { return m.hosts.members(name) }

// Source returns how it stands with where a cluster's hosts come from; false if they
// stand in the configuration.
func (m *Manager) Source(name string) (SourceState, bool) { return m.discovery.state(name) }

// Health returns what is known of the hosts that are checked, by cluster and host.
func (m *Manager) Health() []health.Status { return m.hosts.health.States() }

// Ejections returns what is known of the hosts that are ejected or were.
func (m *Manager) Ejections() []outlier.Status { return m.hosts.outlier.States() }

// Events returns what has happened to hosts, oldest first, as far as it is kept.
func (m *Manager) Events() []events.Event { return m.hosts.events.Since(0) }

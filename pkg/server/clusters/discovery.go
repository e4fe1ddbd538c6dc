package clusters

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// discoveryManager runs the sources of hosts, and a subscription for each cluster whose
// hosts they find.
type discoveryManager struct {
	makers discovery.Registry
	log    *slog.Logger
	logged logLimit
	ending context.Context

	mu            sync.Mutex
	sources       sources
	subscriptions map[string]*subscription // by cluster
}

// sources are the sources of hosts, by the type of clusters.
type sources map[config.ClusterType]*source

// source is a source with what it was made of.
type source struct {
	discovery.Source
	settings string
}

func newDiscoveryManager(o Options) *discoveryManager {
	return &discoveryManager{makers: o.Sources, log: o.Log, ending: o.Ending, sources: make(sources), subscriptions: make(map[string]*subscription)}
}

// prepare is the manager's part in a change of the configuration: it makes sources and
// subscriptions that are not there yet, or with other settings. What new subscriptions
// are delivered comes into force with the configuration. The others go on.
func (d *discoveryManager) prepare(next *transaction.Next) (transaction.Change, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, err := d.makeSources(next.Config)
	if err != nil {
		return transaction.Change{}, err
	}
	begun := d.subscribe(next.Config, next.Snapshot.Clusters, now)
	return transaction.Change{
		Warm:    func() error { return d.warm(begun, next.Config.ClusterManager.WarmUp) },
		Commit:  func() { d.use(now, begun) },
		Release: d.release(next.Config),
		Abort: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			endAll(begun)
			now.closeAllBut(d.sources)
		},
	}, nil
}

// makeSources returns the sources that a configuration needs.
func (d *discoveryManager) makeSources(c *config.Config) (sources, error) {
	need := make(sources)
	for _, t := range discoveredTypes(c) {
		settings := sourceSettings(t, c)
		if now := d.sources[t]; now != nil && now.settings == settings {
			need[t] = now
			continue
		}
		made, err := d.makeSource(t, c)
		if err != nil {
			need.closeAllBut(d.sources)
			return nil, err
		}
		need[t] = &source{made, settings}
	}
	return need, nil
}

func (d *discoveryManager) makeSource(t config.ClusterType, c *config.Config) (discovery.Source, error) {
	newSource, ok := d.makers[t]
	if !ok {
		return nil, fmt.Errorf("this build of weir does not know clusters of type %s", t)
	}
	made, err := newSource(c, d.log)
	if err != nil {
		return nil, fmt.Errorf("clusters of type %s: %w", t, err)
	}
	return made, nil
}

// sourceSettings returns what a configuration says of a source, besides the clusters.
func sourceSettings(t config.ClusterType, c *config.Config) string {
	if t != config.ClusterConsul {
		return ""
	}
	return config.Settings(c.Consul.AgentSettings(), c.Consul.ConfigPrefix != "") // which takes a connection
}

// closeAllBut closes the sources that others do not include.
func (s sources) closeAllBut(others sources) {
	for t, of := range s {
		if others[t] != of {
			of.Close()
		}
	}
}

// discoveredTypes are the types of a configuration's clusters that need a source.
func discoveredTypes(c *config.Config) []config.ClusterType {
	types := make(map[config.ClusterType]bool)
	for i := range c.ClusterManager.Clusters {
		if cluster := &c.ClusterManager.Clusters[i]; cluster.Discovered() {
			types[cluster.Type] = true
		}
	}
	if d := c.ClusterManager.OnDemand; d != nil {
		types[d.Cluster.Type] = true
	}
	return slices.Sorted(maps.Keys(types))
}

// subscribe begins the subscriptions that a configuration needs and that are not there,
// in the same way.
func (d *discoveryManager) subscribe(c *config.Config, snapshot *upstream.Snapshot, from sources) (begun []*subscription) {
	for i := range c.ClusterManager.Clusters {
		cluster := &c.ClusterManager.Clusters[i]
		at, ok := snapshot.Index(cluster.Name)
		if !ok || !cluster.Discovered() {
			continue
		}
		s := d.newSubscription(cluster, snapshot.Clusters()[at].Members, from[cluster.Type])
		if s.same(d.subscriptions[cluster.Name]) {
			continue
		}
		s.held = true
		s.begin()
		begun = append(begun, s)
	}
	return begun
}

// warm waits until subscriptions have delivered, but not longer than a time. That some
// have not is no error, unless nothing is waited for any more.
func (d *discoveryManager) warm(begun []*subscription, most time.Duration) error {
	ctx, cancel := context.WithTimeout(d.ending, most)
	defer cancel()
	var cold []string
	for _, s := range begun {
		select {
		case <-s.first:
		case <-ctx.Done():
			if !s.delivered() && s.members.Current().Len == 0 {
				cold = append(cold, s.cluster.Name)
			}
		}
	}
	if d.ending.Err() != nil {
		return context.Cause(d.ending)
	}
	if len(cold) > 0 {
		d.log.Warn("clusters begin without hosts: nothing was heard of them in time", "clusters", cold)
	}
	return nil
}

// use puts sources and new subscriptions into force. Those that they replace end first,
// so that what these deliver is not the last word.
func (d *discoveryManager) use(now sources, begun []*subscription) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sources = now
	for _, s := range begun {
		if old := d.subscriptions[s.cluster.Name]; old != nil {
			old.end()
		}
		d.subscriptions[s.cluster.Name] = s
		s.release()
	}
}

// release returns what ends the subscriptions that a configuration does not need any
// more, and closes the sources that are in force now and not then.
func (d *discoveryManager) release(c *config.Config) func() {
	before := d.sources
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		configured := make(map[string]bool)
		for i := range c.ClusterManager.Clusters {
			cluster := &c.ClusterManager.Clusters[i]
			configured[cluster.Name] = cluster.Discovered()
		}
		for name, s := range d.subscriptions {
			if !configured[name] && (!s.onDemand || d.sources[s.cluster.Type] != s.source) {
				s.end()
				delete(d.subscriptions, name)
			}
		}
		before.closeAllBut(d.sources)
	}
}

// subscribeOne begins to find the hosts of a cluster that no configuration has. It
// returns nil if there is no source for it any more.
func (d *discoveryManager) subscribeOne(c *config.Cluster, m *members.Members) *subscription {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := d.sources[c.Type]
	if from == nil {
		return nil
	}
	s := d.newSubscription(c, m, from)
	s.onDemand = true
	d.subscriptions[c.Name] = s
	s.begin()
	return s
}

// unsubscribe ends the subscription of a cluster that no configuration has.
func (d *discoveryManager) unsubscribe(cluster string) {
	d.mu.Lock()
	s := d.subscriptions[cluster]
	delete(d.subscriptions, cluster)
	d.mu.Unlock()
	if s != nil {
		s.end()
	}
}

// state returns how it stands with a cluster's source; false if it has none.
func (d *discoveryManager) state(cluster string) (SourceState, bool) {
	d.mu.Lock()
	s := d.subscriptions[cluster]
	d.mu.Unlock()
	if s == nil {
		return SourceState{}, false
	}
	return s.current(), true
}

// close ends all subscriptions and sources.
func (d *discoveryManager) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	endAll(slices.Collect(maps.Values(d.subscriptions)))
	d.sources.closeAllBut(nil)
	clear(d.subscriptions)
	clear(d.sources)
}

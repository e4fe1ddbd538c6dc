package server

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
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// finder runs the sources of hosts, and a watch for each cluster whose hosts they
// find.
type finder struct {
	makers discovery.Registry
	log    *slog.Logger
	told   pace

	mu      sync.Mutex
	sources map[config.ClusterType]*source
	watches map[string]*watch // by cluster
}

// source is a source with what it was made of.
type source struct {
	discovery.Source
	settings string
}

func newFinder(makers discovery.Registry, log *slog.Logger) *finder {
	return &finder{makers: makers, log: log, sources: make(map[config.ClusterType]*source), watches: make(map[string]*watch)}
}

// prepared are the sources that a configuration needs.
type prepared map[config.ClusterType]*source

// prepare makes the sources that a configuration needs and that are not there yet,
// or with other settings. Nothing changes until use.
func (f *finder) prepare(c *config.Config) (prepared, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	need := make(prepared)
	for _, t := range discoveredTypes(c) {
		newSource, ok := f.makers[t]
		if !ok {
			need.discard(f.sources)
			return nil, fmt.Errorf("this build of weir does not know clusters of type %s", t)
		}
		settings := sourceSettings(t, c)
		if now := f.sources[t]; now != nil && now.settings == settings {
			need[t] = now
			continue
		}
		made, err := newSource(c, f.log)
		if err != nil {
			need.discard(f.sources)
			return nil, fmt.Errorf("clusters of type %s: %w", t, err)
		}
		need[t] = &source{made, settings}
	}
	return need, nil
}

// sourceSettings returns what a configuration says of a source, besides the clusters.
func sourceSettings(t config.ClusterType, c *config.Config) string {
	if t != config.ClusterConsul {
		return ""
	}
	return config.Settings(agentSettings(&c.Consul), c.Consul.ConfigPrefix != "") // which takes a connection
}

// agentSettings returns what a configuration says of how Consul is reached.
func agentSettings(c *config.Consul) string {
	agent := *c
	agent.Register, agent.ConfigPrefix, agent.DrainDelay = nil, "", 0
	return config.Settings(agent)
}

// discard closes the sources that are not in use.
func (p prepared) discard(inUse map[config.ClusterType]*source) {
	for t, s := range p {
		if inUse[t] != s {
			s.Close()
		}
	}
}

// discard closes what was prepared and is not used after all.
func (f *finder) discard(p prepared) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.discard(f.sources)
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

// use watches the hosts of these clusters from now on, and no others of a
// configuration. What is watched already with the same settings goes on; the other
// watches are returned.
func (f *finder) use(c *config.Config, sources prepared, membersOf func(cluster string) *members.Members) (begun []*watch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.sources
	f.sources = sources
	wanted := make(map[string]bool)
	for i := range c.ClusterManager.Clusters {
		cluster := &c.ClusterManager.Clusters[i]
		if m := membersOf(cluster.Name); m != nil && cluster.Discovered() {
			wanted[cluster.Name] = true
			if w, isNew := f.watch(cluster, m); isNew {
				begun = append(begun, w)
			}
		}
	}
	for name, w := range f.watches {
		if !wanted[name] && (!w.onDemand || sources[w.cluster.Type] != w.source) {
			w.end()
			delete(f.watches, name)
		}
	}
	for t, s := range before {
		if sources[t] != s {
			s.Close()
		}
	}
	return begun
}

// watch begins to watch a cluster, unless it is watched in the same way.
func (f *finder) watch(c *config.Cluster, m *members.Members) (w *watch, isNew bool) {
	s := f.sources[c.Type]
	settings := config.Settings(c.SourceSettings(), c.AllowEmpty)
	old := f.watches[c.Name]
	if old != nil {
		if old.settings == settings && old.source == s && old.members == m {
			return old, false
		}
		old.end()
	}
	w = &watch{cluster: c, members: m, source: s, settings: settings, log: f.log, told: &f.told, first: make(chan struct{}), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	f.watches[c.Name] = w
	go w.run(ctx)
	return w, true
}

// demand begins to watch a cluster that no configuration has. It returns nil if
// there is no source for it any more.
func (f *finder) demand(c *config.Cluster, m *members.Members) *watch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sources[c.Type] == nil {
		return nil
	}
	w, _ := f.watch(c, m)
	w.onDemand = true
	return w
}

// forget ends the watch of a cluster that no configuration has.
func (f *finder) forget(cluster string) {
	f.mu.Lock()
	w := f.watches[cluster]
	delete(f.watches, cluster)
	f.mu.Unlock()
	if w != nil {
		w.end()
	}
}

// warm waits until watches have delivered, but not longer than a time, nor than ctx. It
// returns the clusters that have no hosts then.
func warm(ctx context.Context, watches []*watch, most time.Duration) (cold []string) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for _, w := range watches {
		select {
		case <-w.first:
		case <-ctx.Done():
			if !w.delivered() && w.members.Current().Len == 0 {
				cold = append(cold, w.cluster.Name)
			}
		}
	}
	return cold
}

// state returns how a cluster's source is doing; false if it has none.
func (f *finder) state(cluster string) (sourceState, bool) {
	f.mu.Lock()
	w := f.watches[cluster]
	f.mu.Unlock()
	if w == nil {
		return sourceState{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, true
}

// close ends all watches and sources.
func (f *finder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.watches {
		w.cancel()
	}
	for _, w := range f.watches {
		<-w.done
	}
	for _, s := range f.sources {
		s.Close()
	}
	clear(f.watches)
	clear(f.sources)
}

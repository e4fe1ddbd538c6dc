package metrics

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/weirproxy/weir/pkg/config"
)

// Options are what a Registry is made from.
type Options struct {
	// Collect asks every worker for a copy of its statistics. It may be called
	// from several goroutines at a time, and may wait for the workers.
	Collect func() []*Snapshot
	// Process are the values that no worker counts.
	Process []Value
	// Matcher leaves statistics out.
	Matcher config.StatsMatcher
}

// Value is a value of the whole process: its version, its start, its state.
// Several may have the same key, if they have the same label with different
// values.
type Value struct {
	Key, Help         string
	Label, LabelValue string // none if empty
	Counter           bool   // it only grows
	// Read returns the value now; it may be called from several goroutines at a
	// time.
	Read func() int64
}

// Registry adds up the statistics of all workers and publishes them. Its methods
// may be called from any goroutine; each asks the workers anew.
type Registry struct {
	collect func() []*Snapshot
	process []Value
	matcher atomic.Pointer[config.StatsMatcher]

	listeners, routes, clusters, hosts, calls *schema
}

// NewRegistry returns a Registry.
func NewRegistry(o Options) *Registry {
	r := &Registry{
		collect:   o.Collect,
		process:   o.Process,
		listeners: &schema{"downstream", "weir_downstream_", []string{"listener"}, new(ListenerStats)},
		routes:    &schema{"downstream", "weir_route_", []string{"router", "virtual_host", "route"}, new(RouteStats)},
		clusters:  &schema{"upstream", "weir_upstream_", []string{"cluster"}, new(ClusterStats)},
		hosts:     &schema{"upstream", "weir_upstream_host_", []string{"cluster", "host"}, new(HostStats)},
		calls:     &schema{"grpc", "weir_grpc_", []string{"service", "method"}, new(CallStats)},
	}
	r.SetMatcher(o.Matcher)
	return r
}

// SetMatcher changes which statistics are left out from now on. They are counted
// nevertheless.
func (r *Registry) SetMatcher(m config.StatsMatcher) { r.matcher.Store(&m) }

// sets returns the sums over all workers of the statistics that the matcher
// leaves, in a stable order.
func (r *Registry) sets(m *config.StatsMatcher) []*set {
	if m.RejectAll {
		return nil
	}
	snapshots := r.collect()
	var all []*set
	all = append(all, sum(m, snapshots, r.listeners, func(s *Snapshot) map[string]*ListenerStats { return s.Listeners },
		func(k string) []string { return []string{k} })...)
	all = append(all, sum(m, snapshots, r.routes, func(s *Snapshot) map[RouteKey]*RouteStats { return s.Routes },
		func(k RouteKey) []string { return []string{k.Router, k.VirtualHost, k.Route} })...)
	all = append(all, sum(m, snapshots, r.clusters, func(s *Snapshot) map[string]*ClusterStats { return s.Clusters },
		func(k string) []string { return []string{k} })...)
	all = append(all, sum(m, snapshots, r.hosts, func(s *Snapshot) map[HostKey]*HostStats { return s.Hosts },
		func(k HostKey) []string { return []string{k.Cluster, k.Host} })...)
	all = append(all, sum(m, snapshots, r.calls, func(s *Snapshot) map[CallKey]*CallStats { return s.Calls },
		func(k CallKey) []string { return []string{k.Service, k.Method} })...)
	return all
}

// sum adds up one kind of statistics over all snapshots. values are a key's
// label values; keys that do not differ once these are made valid UTF-8 become
// one set.
func sum[K comparable, S any, P interface {
	*S
	statistics
}](m *config.StatsMatcher, snapshots []*Snapshot, s *schema, of func(*Snapshot) map[K]P, values func(K) []string) []*set {
	for _, label := range s.labels {
		if slices.Contains(m.ExclusionLabels, label) {
			return nil
		}
	}
	const between = "\xff" // in no valid UTF-8
	sums := make(map[string]*set)
	for _, snapshot := range snapshots {
		for k, stats := range of(snapshot) {
			vs := values(k)
			for i := range vs {
				vs[i] = strings.ToValidUTF8(vs[i], "\ufffd")
			}
			id := strings.Join(vs, between)
			if sums[id] == nil {
				sums[id] = &set{s, vs, P(new(S))}
			}
			merge(sums[id].statistics, stats)
		}
	}
	var sorted []*set
	for _, total := range sums {
		sorted = append(sorted, total)
	}
	slices.SortFunc(sorted, func(a, b *set) int { return slices.Compare(a.values, b.values) })
	return sorted
}

// values returns the values of the process that the matcher leaves.
func (r *Registry) values(m *config.StatsMatcher) []Value {
	if m.RejectAll {
		return nil
	}
	var left []Value
	for _, v := range r.process {
		if !slices.Contains(m.ExclusionKeys, v.Key) && (v.Label == "" || !slices.Contains(m.ExclusionLabels, v.Label)) {
			left = append(left, v)
		}
	}
	return left
}

// each visits all statistics that the matcher leaves. set is the name of the set
// that one belongs to; v is a uint64, an int64 or a *Histogram.
func (r *Registry) each(visit func(set, key string, v any)) {
	m := r.matcher.Load()
	for _, s := range r.sets(m) {
		name := s.name()
		for _, f := range s.stats() {
			if slices.Contains(m.ExclusionKeys, f.key) {
				continue
			}
			switch v := f.at.(type) {
			case *uint64:
				visit(name, f.key, *v)
			case *int64:
				visit(name, f.key, *v)
			case *Histogram:
				visit(name, f.key, v)
			}
		}
	}
	for _, v := range r.values(m) {
		key := v.Key
		if v.Label != "" {
			key += "." + v.Label + "." + v.LabelValue
		}
		if v.Counter {
			visit("process", key, uint64(max(0, v.Read())))
		} else {
			visit("process", key, v.Read())
		}
	}
}

package server

import (
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/weirproxy/weir/pkg/events"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// overseer joins what finds hosts with what watches over them: whenever the hosts of
// a cluster change, its checks and its ejection take on the new ones; and what these
// find out goes to the cluster's members.
type overseer struct {
	events  *events.Log
	health  *health.Checker
	outlier *outlier.Monitor

	all sync.Map // by cluster: *overseen

	mu sync.Mutex // held while targets are handed over, so that the last ones win
}

// overseen is a cluster with how it is watched over.
type overseen struct {
	members *members.Members
	check   *health.Check // nil: none
	policy  *outlier.Policy
}

func newOverseer(log *slog.Logger) *overseer {
	o := &overseer{events: events.New(0, log)}
	o.health = health.New(health.Options{Report: o.setHealth, Log: log, Events: o.events})
	o.outlier = outlier.New(outlier.Options{Report: o.setEjected, Log: log})
	return o
}

// members returns the members of a cluster, nil if there is none.
func (o *overseer) members(cluster string) *members.Members {
	if of, ok := o.all.Load(cluster); ok {
		return of.(*overseen).members
	}
	return nil
}

// names returns the clusters, in order.
func (o *overseer) names() []string {
	names := make(map[string]bool)
	o.all.Range(func(name, _ any) bool { names[name.(string)] = true; return true })
	return slices.Sorted(maps.Keys(names))
}

// oversee watches over a cluster from now on, or in another way.
func (o *overseer) oversee(cluster string, of *overseen) {
	o.all.Store(cluster, of)
	o.HostsChanged(of.members)
}

// forget ends that.
func (o *overseer) forget(cluster string) {
	of, ok := o.all.LoadAndDelete(cluster)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.health.ApplyCluster(cluster, nil)
	o.outlier.Set(cluster, nil, nil)
	of.(*overseen).members.Close()
}

// HostsChanged hands the hosts of a cluster over to what watches over them.
func (o *overseer) HostsChanged(m *members.Members) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.all.Load(m.Name())
	if !ok || v.(*overseen).members != m {
		return
	}
	of := v.(*overseen)
	var targets []health.Target
	var counted []outlier.Target
	set := m.Current()
	for _, h := range set.Hosts {
		if h == nil {
			continue
		}
		if of.check != nil {
			targets = append(targets, health.Target{Cluster: m.Name(), Host: h.Address, Addr: h.Addr, Check: of.check})
		}
		if h.Counters != nil {
			counted = append(counted, outlier.Target{Host: h.Address, Counters: h.Counters})
		}
	}
	policy := of.policy
	if len(counted) == 0 && set.Len > 0 { // they have no counters before the configuration is in force
		policy = nil
	}
	o.health.ApplyCluster(m.Name(), targets)
	o.outlier.Set(m.Name(), policy, counted)
}

// HostEvent writes what happens to hosts into the event log. Of hosts that are
// checked, the checks tell why they turned; of those that are ejected, ejection does.
func (o *overseer) HostEvent(e members.Event) {
	kind := events.Added
	switch e.Kind {
	case members.Added:
	case members.Removed:
		kind = events.Removed
	case members.Changed:
		kind = events.Weight
	case members.Turned:
		var ok bool
		if kind, ok = o.turned(e); !ok {
			return
		}
		e.Detail = "its source says so"
	}
	o.events.Add(events.Event{Cluster: e.Cluster, Host: e.Host, Kind: kind, Detail: e.Detail})
}

func (o *overseer) turned(e members.Event) (events.Kind, bool) {
	switch e.State {
	case members.Healthy:
		return events.Healthy, e.BySource
	case members.Degraded:
		return events.Degraded, true
	case members.Unhealthy:
		return events.Unhealthy, e.BySource
	case members.Draining:
		return events.Draining, true
	default:
		return 0, false
	}
}

// setHealth tells the members of hosts that are no longer well, or well again.
func (o *overseer) setHealth(news []health.Change) {
	for len(news) > 0 {
		cluster := news[0].Cluster
		n := slices.IndexFunc(news, func(c health.Change) bool { return c.Cluster != cluster })
		if n < 0 {
			n = len(news)
		}
		if m := o.members(cluster); m != nil {
			changes := make([]members.HealthChange, n)
			for i, c := range news[:n] {
				changes[i] = members.HealthChange{Host: c.Host, Healthy: c.Healthy}
			}
			m.SetHealth(changes)
		}
		news = news[n:]
	}
}

// setEjected tells the members of hosts that are ejected, or come back, those of a
// cluster together.
func (o *overseer) setEjected(news []outlier.Change) {
	by := make(map[string][]members.Ejection, 1)
	for _, c := range news {
		by[c.Cluster] = append(by[c.Cluster], members.Ejection{Host: c.Host, Counters: c.Counters, Ejected: c.Ejected})
		e := events.Event{Cluster: c.Cluster, Host: c.Host, Kind: events.Returned, Detail: c.Reason}
		if c.Ejected {
			e.Kind = events.Ejected
		}
		o.events.Add(e)
	}
	for cluster, of := range by {
		if m := o.members(cluster); m != nil {
			m.SetEjected(of...)
		}
	}
}

// close ends what watches over hosts.
func (o *overseer) close() {
	o.health.Close()
	o.outlier.Close()
	o.all.Range(func(_, of any) bool { of.(*overseen).members.Close(); return true })
	o.events.Close()
}

package clusters

import (
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/weirproxy/weir/pkg/events"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// hostMonitor joins what finds hosts with what watches over them: whenever the hosts of
// a cluster change, its checks and its ejection take on the new ones; and what these
// find out goes to the cluster's members.
type hostMonitor struct {
	events  *events.Log
	health  *health.Checker
	outlier *outlier.Monitor

	all sync.Map // by cluster: *monitored

	mu sync.Mutex // held while targets are handed over, so that the last ones win
}

// monitored is a cluster with how it is watched over.
type monitored struct {
	members *members.Members
	check   *health.Check // nil: none
	policy  *outlier.Policy
	// configured says that a configuration has it; otherwise a request asked for it.
	configured bool
}

func newHostMonitor(log *slog.Logger) *hostMonitor {
	h := &hostMonitor{events: events.New(0, log)}
	h.health = health.New(health.Options{Report: h.setHealth, Log: log, Events: h.events})
	h.outlier = outlier.New(outlier.Options{Report: h.setEjected, Log: log})
	return h
}

// members returns the members of a cluster, nil if there is none.
func (h *hostMonitor) members(cluster string) *members.Members {
	if of, ok := h.all.Load(cluster); ok {
		return of.(*monitored).members
	}
	return nil
}

// names returns the clusters, in order.
func (h *hostMonitor) names() []string {
	names := make(map[string]bool)
	h.all.Range(func(name, _ any) bool { names[name.(string)] = true; return true })
	return slices.Sorted(maps.Keys(names))
}

// prepare is the monitor's part in a change of the configuration. Nothing can fail: the
// checks are made with the configuration.
func (h *hostMonitor) prepare(next *transaction.Next) (transaction.Change, error) {
	var replaced []*members.Members
	return transaction.Change{
		Commit: func() {
			for _, spec := range next.Snapshot.Clusters.Clusters() {
				of := &monitored{members: spec.Members, policy: spec.Outlier, check: next.Checks[spec.Name], configured: true}
				if before := h.monitor(of); before != nil && before != of.members {
					replaced = append(replaced, before)
				}
			}
			next.Members.Commit(h)
		},
		Release: func() {
			for _, m := range replaced {
				m.Close()
			}
			h.forgetAllBut(next.Snapshot.Clusters)
		},
	}, nil
}

// monitor watches over a cluster from now on, or in another way. It returns the members
// that it had before, nil if it is new.
func (h *hostMonitor) monitor(of *monitored) (before *members.Members) {
	if was, ok := h.all.Swap(of.members.Name(), of); ok {
		before = was.(*monitored).members
	}
	h.HostsChanged(of.members)
	return before
}

// forgetAllBut ends what watches over clusters that were configured, and are not any
// more.
func (h *hostMonitor) forgetAllBut(now *upstream.Snapshot) {
	h.all.Range(func(name, of any) bool {
		if _, ok := now.Index(name.(string)); !ok && of.(*monitored).configured {
			h.forget(name.(string))
		}
		return true
	})
}

// forget ends what watches over a cluster.
func (h *hostMonitor) forget(cluster string) {
	of, ok := h.all.LoadAndDelete(cluster)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.health.ApplyCluster(cluster, nil)
	h.outlier.Set(cluster, nil, nil)
	of.(*monitored).members.Close()
}

// HostsChanged hands the hosts of a cluster over to what watches over them.
func (h *hostMonitor) HostsChanged(m *members.Members) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.all.Load(m.Name())
	if !ok || v.(*monitored).members != m {
		return
	}
	of := v.(*monitored)
	var targets []health.Target
	var counted []outlier.Target
	set := m.Current()
	for _, host := range set.Hosts {
		if host == nil {
			continue
		}
		if of.check != nil {
			targets = append(targets, health.Target{Cluster: m.Name(), Host: host.Address, Addr: host.Addr, Check: of.check})
		}
		if host.Counters != nil {
			counted = append(counted, outlier.Target{Host: host.Address, Counters: host.Counters})
		}
	}
	policy := of.policy
	if len(counted) == 0 && set.Len > 0 { // they have no counters before the configuration is in force
		policy = nil
	}
	h.health.ApplyCluster(m.Name(), targets)
	h.outlier.Set(m.Name(), policy, counted)
}

// HostEvent writes what happens to hosts into the event log. Of hosts that are
// checked, the checks tell why they turned; of those that are ejected, ejection does.
func (h *hostMonitor) HostEvent(e members.Event) {
	kind := events.Added
	switch e.Kind {
	case members.Added:
	case members.Removed:
		kind = events.Removed
	case members.Changed:
		kind = events.Weight
	case members.Turned:
		var ok bool
		if kind, ok = h.turned(e); !ok {
			return
		}
		e.Detail = "its source says so"
	}
	h.events.Add(events.Event{Cluster: e.Cluster, Host: e.Host, Kind: kind, Detail: e.Detail})
}

func (h *hostMonitor) turned(e members.Event) (events.Kind, bool) {
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
func (h *hostMonitor) setHealth(news []health.Change) {
	for len(news) > 0 {
		cluster := news[0].Cluster
		n := slices.IndexFunc(news, func(c health.Change) bool { return c.Cluster != cluster })
		if n < 0 {
			n = len(news)
		}
		if m := h.members(cluster); m != nil {
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
func (h *hostMonitor) setEjected(news []outlier.Change) {
	by := make(map[string][]members.Ejection, 1)
	for _, c := range news {
		by[c.Cluster] = append(by[c.Cluster], members.Ejection{Host: c.Host, Counters: c.Counters, Ejected: c.Ejected})
		e := events.Event{Cluster: c.Cluster, Host: c.Host, Kind: events.Returned, Detail: c.Reason}
		if c.Ejected {
			e.Kind = events.Ejected
		}
		h.events.Add(e)
	}
	for cluster, of := range by {
		if m := h.members(cluster); m != nil {
			m.SetEjected(of...)
		}
	}
}

// close ends what watches over hosts.
func (h *hostMonitor) close() {
	h.health.Close()
	h.outlier.Close()
	h.all.Range(func(_, of any) bool { of.(*monitored).members.Close(); return true })
	h.events.Close()
}

package server

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/server/clusters"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// clustersView shows clusters to the admin interface.
type clustersView struct {
	clusters *clusters.Manager
	workers  *workers
	status   *status
}

var _ admin.Clusters = clustersView{}

// Clusters calls each for every cluster, or for the one of a name, in the order of
// their names, until it returns false.
func (c clustersView) Clusters(name string, each func(*admin.Cluster) bool) {
	names := []string{name}
	switch {
	case name == "":
		names = c.clusters.Names()
	case c.clusters.Members(name) == nil:
		return
	}
	v := c.now()
	for _, n := range names {
		if m := c.clusters.Members(n); m != nil && !each(v.cluster(m)) {
			return
		}
	}
}

// Events returns the newest changes of hosts, oldest first: at most n, those of one
// cluster if it is not "".
func (c clustersView) Events(cluster string, n int) []admin.Event {
	var all []admin.Event
	for _, e := range c.clusters.Events() {
		if cluster == "" || e.Cluster == cluster {
			all = append(all, admin.Event{Time: e.Time, Cluster: e.Cluster, Host: e.Host, Kind: e.Kind.String(), Detail: e.Detail})
		}
	}
	return all[max(0, len(all)-n):]
}

// view is what is known of all clusters at a time.
type view struct {
	clusters   *clusters.Manager
	config     *config.Config
	configured map[string]*config.Cluster
	now        time.Time
	counts     []*metrics.Snapshot
	checks     map[metrics.HostKey]*health.Status
	ejected    map[metrics.HostKey]*outlier.Status
}

func (c clustersView) now() *view {
	v := &view{
		clusters: c.clusters, config: c.status.Config(), now: time.Now(), counts: c.workers.counts(),
		checks: make(map[metrics.HostKey]*health.Status), ejected: make(map[metrics.HostKey]*outlier.Status),
		configured: make(map[string]*config.Cluster),
	}
	if v.config != nil {
		all := v.config.ClusterManager.Clusters
		for i := range all {
			v.configured[all[i].Name] = &all[i]
		}
	}
	checks := c.clusters.Health()
	for i := range checks {
		v.checks[metrics.HostKey{Cluster: checks[i].Cluster, Host: checks[i].Host}] = &checks[i]
	}
	ejected := c.clusters.Ejections()
	for i := range ejected {
		v.ejected[metrics.HostKey{Cluster: ejected[i].Cluster, Host: ejected[i].Host}] = &ejected[i]
	}
	return v
}

func (v *view) cluster(m *members.Members) *admin.Cluster {
	c := &admin.Cluster{Name: m.Name(), OnDemand: v.clusters.OnDemand(m.Name())}
	if conf := v.configuration(m.Name()); conf != nil {
		c.Type, c.Balancer = string(conf.Type), string(conf.LBType)
	}
	c.Source = v.source(m.Name(), c.Type)
	set := m.Current()
	for _, l := range set.All().Levels {
		c.Levels = append(c.Levels, admin.Level{
			Priority: int(l.Priority), Healthy: l.Healthy, Degraded: l.Degraded, Total: l.Total, Load: l.Load, Panic: l.Panics,
		})
	}
	since := m.Since()
	c.Hosts = make([]admin.Host, 0, set.Len)
	for _, h := range set.Hosts {
		if h != nil {
			c.Hosts = append(c.Hosts, v.host(m.Name(), h, set, since[h.Address]))
		}
	}
	return c
}

// configuration returns what a configuration says of a cluster, nil if nothing.
func (v *view) configuration(name string) *config.Cluster {
	if c := v.configured[name]; c != nil || v.config == nil || v.config.ClusterManager.OnDemand == nil {
		return c
	}
	return &v.config.ClusterManager.OnDemand.Cluster
}

func (v *view) source(cluster, kind string) admin.SourceState {
	s := admin.SourceState{Kind: kind, Ready: true}
	state, ok := v.clusters.Source(cluster)
	if !ok {
		return s
	}
	s.Ready, s.Updated, s.Since = state.Ready, state.Updated, state.Since
	switch {
	case state.Failing != nil:
		s.Failing = state.Failing.Error()
	case state.Refused:
		s.Failing, s.Since = "no hosts were discovered: the last ones stay", state.Updated
	}
	return s
}

func (v *view) host(cluster string, h *members.Host, set *members.Set, since time.Time) admin.Host {
	key := metrics.HostKey{Cluster: cluster, Host: h.Address}
	a := admin.Host{
		Address: h.Address, Hostname: h.Hostname, Zone: h.Zone, Priority: h.Priority,
		Weight: h.Weight, WeightNow: float64(set.WeightNow(h.Slot)) / members.WeightUnit,
		State: set.State(h.Slot).String(), Since: since, Metadata: h.Metadata,
	}
	for _, counts := range v.counts {
		if st := counts.Hosts[key]; st != nil {
			a.Active += st.RequestActive
			a.Requests += st.RequestTotal
			a.Failed += st.ResponseFailed
		}
	}
	if !set.State(h.Slot).Takes() {
		a.WeightNow = 0
	}
	check, ejected := v.checks[key], v.ejected[key]
	if check != nil {
		a.Checks, a.ChecksFailed = check.Checks, check.Failed
	}
	switch set.State(h.Slot) {
	case members.Unhealthy:
		a.Why = "its source says so"
		if check != nil && check.State == health.Unhealthy {
			a.Why = fmt.Sprintf("failed health check %s ago: %s", ago(v.now, check.Checked), check.Reason)
		}
	case members.Ejected:
		if ejected != nil {
			a.EjectedUntil = ejected.Until
			a.Why = fmt.Sprintf("ejected until %s (%s time): %s", ejected.Until.Format(time.TimeOnly), ordinal(ejected.Times), ejected.Reason)
		}
	case members.Degraded, members.Draining:
		a.Why = "its source says so"
	default:
		if a.WeightNow < float64(a.Weight) {
			a.Why = "slow start"
		}
	}
	return a
}

func ago(now, then time.Time) time.Duration { return now.Sub(then).Round(time.Second) }

// ordinal is a number as a place in a row.
func ordinal(n int) string {
	switch {
	case n%100/10 == 1:
	case n%10 == 1:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

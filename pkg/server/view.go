package server

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Clusters calls each for every cluster, or for the one of a name, in the order of
// their names, until it returns false.
func (s *Server) Clusters(name string, each func(*admin.Cluster) bool) {
	if !s.up.Load() {
		return
	}
	names := []string{name}
	switch {
	case name == "":
		names = s.overseer.names()
	case s.overseer.members(name) == nil:
		return
	}
	v := s.newView()
	for _, n := range names {
		if m := s.overseer.members(n); m != nil && !each(v.cluster(m)) {
			return
		}
	}
}

// Events returns the newest changes of hosts, oldest first: at most n, those of one
// cluster if it is not "".
func (s *Server) Events(cluster string, n int) []admin.Event {
	if !s.up.Load() {
		return nil
	}
	var all []admin.Event
	for _, e := range s.overseer.events.Since(0) {
		if cluster == "" || e.Cluster == cluster {
			all = append(all, admin.Event{Time: e.Time, Cluster: e.Cluster, Host: e.Host, Kind: e.Kind.String(), Detail: e.Detail})
		}
	}
	return all[max(0, len(all)-n):]
}

// view is what is known of all clusters at a time.
type view struct {
	s        *Server
	config   *config.Config
	clusters map[string]*config.Cluster
	now      time.Time
	counts   []*metrics.Snapshot
	checks   map[metrics.HostKey]*health.Status
	ejected  map[metrics.HostKey]*outlier.Status
}

func (s *Server) newView() *view {
	v := &view{
		s: s, config: s.Config(), now: time.Now(), counts: s.workerCounts(),
		checks: make(map[metrics.HostKey]*health.Status), ejected: make(map[metrics.HostKey]*outlier.Status),
		clusters: make(map[string]*config.Cluster),
	}
	if v.config != nil {
		all := v.config.ClusterManager.Clusters
		for i := range all {
			v.clusters[all[i].Name] = &all[i]
		}
	}
	checks := s.overseer.health.States()
	for i := range checks {
		v.checks[metrics.HostKey{Cluster: checks[i].Cluster, Host: checks[i].Host}] = &checks[i]
	}
	ejected := s.overseer.outlier.States()
	for i := range ejected {
		v.ejected[metrics.HostKey{Cluster: ejected[i].Cluster, Host: ejected[i].Host}] = &ejected[i]
	}
	return v
}

func (v *view) cluster(m *members.Members) *admin.Cluster {
	c := &admin.Cluster{Name: m.Name(), OnDemand: v.s.demands.has(m.Name())}
	if conf := v.configured(m.Name()); conf != nil {
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

// configured returns what a configuration says of a cluster, nil if nothing.
func (v *view) configured(name string) *config.Cluster {
	if c := v.clusters[name]; c != nil || v.config == nil || v.config.ClusterManager.OnDemand == nil {
		return c
	}
	return &v.config.ClusterManager.OnDemand.Cluster
}

func (v *view) source(cluster, kind string) admin.SourceState {
	s := admin.SourceState{Kind: kind, Ready: true}
	state, ok := v.s.finder.state(cluster)
	if !ok {
		return s
	}
	s.Ready, s.Updated, s.Since = state.ready, state.updated, state.since
	switch {
	case state.failing != nil:
		s.Failing = state.failing.Error()
	case state.refused:
		s.Failing, s.Since = "no hosts were discovered: the last ones stay", state.updated
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

package server

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// checks reports health checks that cannot be made.
func (b *builder) checks() {
	clusters := b.config.ClusterManager.Clusters
	for i := range clusters {
		b.check(&clusters[i])
	}
	if d := b.config.ClusterManager.OnDemand; d != nil {
		b.check(&d.Cluster)
	}
}

func (b *builder) check(c *config.Cluster) {
	if c.HealthCheck == nil {
		return
	}
	if _, err := health.NewCheck(c.HealthCheck, c.Mark, b.registry.Protocols); err != nil {
		b.report.Errorf(c.HealthCheck.At("protocol"), "%v", err)
	}
}

// find puts into force where the hosts of a snapshot's clusters come from and what
// watches over them, and waits a while for those that are discovered.
func (s *Server) find(c *config.Config, clusters *upstream.Snapshot, sources prepared) {
	for i := range c.ClusterManager.Clusters {
		cluster := &c.ClusterManager.Clusters[i]
		at, ok := clusters.Index(cluster.Name)
		if !ok {
			continue
		}
		spec := clusters.Clusters()[at]
		seen := &overseen{members: spec.Members, policy: spec.Outlier}
		if cluster.HealthCheck != nil {
			check, err := health.NewCheck(cluster.HealthCheck, cluster.Mark, s.opts.Registry.Protocols)
			if err == nil { // otherwise the loader has refused it
				seen.check = check
			}
		}
		s.overseer.oversee(cluster.Name, seen)
	}
	clusters.Prepare(s.overseer)
	begun := s.finder.use(c, sources, s.overseer.members)
	if cold := warm(s.ending, begun, c.ClusterManager.WarmUp); len(cold) > 0 {
		s.opts.Log.Warn("clusters begin without hosts: nothing was heard of them in time", "clusters", cold)
	}
	clusters.Commit(s.overseer)
	if c.ClusterManager.OnDemand != nil { // otherwise the routes in use may still name such clusters
		s.demands.configure(c)
	}
}

// forgetClusters ends what watches over clusters that are not configured any more, and
// what goes on by itself of members that others have replaced.
func (s *Server) forgetClusters(now *upstream.Snapshot) {
	before := s.clusters.Load()
	if before == nil {
		return
	}
	for _, spec := range before.Clusters() {
		at, ok := now.Index(spec.Name)
		switch {
		case !ok:
			s.overseer.forget(spec.Name)
		case now.Clusters()[at].Members != spec.Members:
			spec.Members.Close()
		}
	}
}

// post runs something on a worker's clusters.
func (s *Server) post(worker int, fn func(m *upstream.Manager)) {
	w := s.workers[worker]
	w.Loop.Post(func() { fn(w.Clusters()) })
}

// postAll runs something on all workers' clusters.
func (s *Server) postAll(fn func(m *upstream.Manager)) {
	for i := range s.workers {
		s.post(i, fn)
	}
}

// Health returns what is known of the hosts that are checked, by cluster and host.
func (s *Server) Health() []health.Status {
	if !s.up.Load() {
		return nil
	}
	return s.overseer.health.States()
}

// healthCounts are the statistics of the hosts' health, which no worker counts: of
// each cluster how many hosts there are, and of the hosts those that requests went
// to, or that are checked or not well.
func (s *Server) healthCounts(used []*metrics.Snapshot) *metrics.Snapshot {
	if !s.up.Load() {
		return nil
	}
	counts := &metrics.Snapshot{Clusters: make(map[string]*metrics.ClusterStats), Hosts: make(map[metrics.HostKey]*metrics.HostStats)}
	for _, name := range s.overseer.names() {
		m := s.overseer.members(name)
		if m == nil {
			continue
		}
		set := m.Current()
		counts.Clusters[name] = s.clusterCounts(name, set)
		for _, h := range set.Hosts {
			if h == nil {
				continue
			}
			key := metrics.HostKey{Cluster: name, Host: h.Address}
			if takes := set.State(h.Slot).Takes(); !takes || wanted(used, key) {
				st := &metrics.HostStats{}
				if takes {
					st.Healthy = 1
				}
				counts.Hosts[key] = st
			}
		}
	}
	for _, status := range s.Health() {
		key := metrics.HostKey{Cluster: status.Cluster, Host: status.Host}
		h := counts.Hosts[key]
		if h == nil {
			h = &metrics.HostStats{Healthy: 1}
			counts.Hosts[key] = h
		}
		h.HealthCheckTotal, h.HealthCheckFailed = status.Checks, status.Failed
	}
	return counts
}

// clusterCounts are those of a cluster.
func (s *Server) clusterCounts(name string, set *members.Set) *metrics.ClusterStats {
	c := &metrics.ClusterStats{
		Hosts: int64(set.Len), HostsHealthy: int64(set.Healthy), HostsDegraded: int64(set.Degraded), HostsEjected: int64(set.Ejected),
		Ejections: set.Ejections,
	}
	if source, ok := s.finder.state(name); ok {
		c.DiscoveryUpdates, c.DiscoveryFailures = source.deliveries, source.failures
		if source.failing != nil {
			c.DiscoveryFailing = 1
		}
	}
	return c
}

// wanted tells whether a worker has statistics of a host.
func wanted(used []*metrics.Snapshot, key metrics.HostKey) bool {
	for _, u := range used {
		if u.Hosts[key] != nil {
			return true
		}
	}
	return false
}

package server

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream"
)

// checks reports health checks that cannot be made.
func (b *builder) checks() {
	clusters := b.config.ClusterManager.Clusters
	for i := range clusters {
		c := &clusters[i]
		if c.HealthCheck == nil {
			continue
		}
		if _, err := health.NewCheck(c.HealthCheck, c.Mark, b.registry.Protocols); err != nil {
			b.report.Errorf(c.HealthCheck.At("protocol"), "%v", err)
		}
	}
}

// targets returns the hosts of a configuration that are to be checked.
func (g Registry) targets(c *config.Config, clusters *upstream.Snapshot) (all []health.Target) {
	for i := range c.ClusterManager.Clusters {
		cluster := &c.ClusterManager.Clusters[i]
		at, ok := clusters.Index(cluster.Name)
		if !ok || cluster.HealthCheck == nil {
			continue
		}
		check, err := health.NewCheck(cluster.HealthCheck, cluster.Mark, g.Protocols)
		if err != nil {
			continue // the loader has refused it
		}
		hosts := clusters.Clusters()[at].Hosts
		for j := range hosts {
			h := &hosts[j]
			all = append(all, health.Target{Cluster: cluster.Name, Host: h.Address, Addr: h.Addr(), Check: check})
		}
	}
	return all
}

// setHealth tells the workers of hosts that are no longer well, or well again.
func (s *Server) setHealth(news []health.Change) {
	changes := make([]upstream.HealthChange, len(news))
	for i, n := range news {
		changes[i] = upstream.HealthChange(n)
	}
	s.clusters.Load().SetHealth(changes)
}

// Health returns what is known of the hosts that are checked, by cluster and host.
func (s *Server) Health() []health.Status {
	if s.health == nil {
		return nil
	}
	return s.health.States()
}

// healthCounts are the statistics of the hosts' health, which no worker counts.
func (s *Server) healthCounts() *metrics.Snapshot {
	clusters := s.clusters.Load()
	if clusters == nil {
		return nil
	}
	counts := &metrics.Snapshot{Clusters: make(map[string]*metrics.ClusterStats), Hosts: make(map[metrics.HostKey]*metrics.HostStats)}
	for _, c := range clusters.Clusters() {
		st := &metrics.ClusterStats{Hosts: int64(len(c.Hosts))}
		counts.Clusters[c.Name] = st
		for i := range c.Hosts {
			h := &metrics.HostStats{}
			if c.Health.Healthy(c.Hosts[i].Address) {
				h.Healthy = 1
			}
			st.HostsHealthy += h.Healthy
			counts.Hosts[metrics.HostKey{Cluster: c.Name, Host: c.Hosts[i].Address}] = h
		}
	}
	for _, status := range s.Health() {
		if h := counts.Hosts[metrics.HostKey{Cluster: status.Cluster, Host: status.Host}]; h != nil {
			h.HealthCheckTotal, h.HealthCheckFailed = status.Checks, status.Failed
		}
	}
	return counts
}

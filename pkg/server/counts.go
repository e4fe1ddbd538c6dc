package server

import (
	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// counts returns the statistics of all workers, and of the hosts' health.
func (c clustersView) counts() []*metrics.Snapshot {
	got := c.workers.counts()
	return append(got, c.hostCounts(got))
}

// hostCounts are the statistics of the hosts' health, which no worker counts: of each
// cluster how many hosts there are, and of the hosts those that requests went to, or
// that are checked or not healthy.
func (c clustersView) hostCounts(used []*metrics.Snapshot) *metrics.Snapshot {
	counts := &metrics.Snapshot{Clusters: make(map[string]*metrics.ClusterStats), Hosts: make(map[metrics.HostKey]*metrics.HostStats)}
	for _, name := range c.clusters.Names() {
		m := c.clusters.Members(name)
		if m == nil {
			continue
		}
		set := m.Current()
		counts.Clusters[name] = c.clusterCounts(name, set)
		for _, h := range set.Hosts {
			if h == nil {
				continue
			}
			key := metrics.HostKey{Cluster: name, Host: h.Address}
			if takes := set.State(h.Slot).Takes(); !takes || counted(used, key) {
				st := &metrics.HostStats{}
				if takes {
					st.Healthy = 1
				}
				counts.Hosts[key] = st
			}
		}
	}
	for _, status := range c.clusters.Health() {
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
func (c clustersView) clusterCounts(name string, set *members.Set) *metrics.ClusterStats {
	counts := &metrics.ClusterStats{
		Hosts: int64(set.Len), HostsHealthy: int64(set.Healthy), HostsDegraded: int64(set.Degraded), HostsEjected: int64(set.Ejected),
		Ejections: set.Ejections,
	}
	if source, ok := c.clusters.Source(name); ok {
		counts.DiscoveryUpdates, counts.DiscoveryFailures = source.Deliveries, source.Failures
		if source.Failing != nil {
			counts.DiscoveryFailing = 1
		}
	}
	return counts
}

// counted reports whether a worker has statistics of a host.
func counted(used []*metrics.Snapshot, key metrics.HostKey) bool {
	for _, u := range used {
		if u.Hosts[key] != nil {
			return true
		}
	}
	return false
}

// logValues are the statistics of access logs.
func logValues(files *accesslog.Files) []metrics.Value {
	return []metrics.Value{
		{Key: "access_log_written_total", Counter: true, Help: "Records of access logs written.",
			Read: func() int64 { return int64(files.Written()) }},
		{Key: "access_log_dropped_total", Counter: true, Help: "Records of access logs lost because a file was too slow.",
			Read: func() int64 { return int64(files.Dropped()) }},
		{Key: "access_log_errors_total", Counter: true, Help: "Failures to open, write or rotate an access log.",
			Read: func() int64 { return int64(files.Errors()) }},
	}
}

package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

func quote(s string) string { return strconv.Quote(s) }

// sortedKeys returns a map's keys in order, so that what is said of them does not change from run to run.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// nameHint returns a hint at the name in m that is nearest to what was written. In a big configuration with as many mistakes it
// would cost their product, and there is none.
func nameHint[V any](written string, m map[string]V) string {
	if len(m) > 1000 {
		return ""
	}
	return DidYouMean(written, sortedKeys(m))
}

func (v *validator) checkClusterManager() {
	m := &v.config.ClusterManager
	m.Clusters = lastOfName(m.Clusters, func(c *Cluster) string { return c.Name }, func(before, last *Cluster) {
		v.warnReplaced("cluster", last.At("name"), before.Node(), last.Name)
	})
	v.clusters = make(map[string]*Cluster, len(m.Clusters))
	managerTLS := false
	for i := range m.Clusters {
		c := &m.Clusters[i]
		v.checkClusterName(c)
		managerTLS = managerTLS || c.ManagerTLS
		v.checkCluster(c)
	}
	if d := m.OnDemand; d != nil {
		v.checkOnDemand(d)
		managerTLS = managerTLS || d.Cluster.ManagerTLS
	}
	if m.LocalCluster != "" {
		v.checkClusterExists(m.At("local_cluster_name"), m.LocalCluster)
	}
	// TLS that no cluster asks for takes nothing away from anybody.
	if managerTLS {
		v.checkTLS(m.TLS)
	}
}

// checkClusterName checks a cluster's name, and notes the cluster by it.
func (v *validator) checkClusterName(c *Cluster) {
	switch {
	case c.Name == "":
		v.report.Errorf(c.At("name"), "name is missing")
	case strings.HasPrefix(c.Name, OnDemandPrefix):
		v.report.Errorf(c.At("name"), "%q: names that start with %s are those of clusters on demand", c.Name, OnDemandPrefix)
	default:
		v.clusters[c.Name] = c
	}
}

// checkCluster checks what the clusters of the file and those on demand have in common.
func (v *validator) checkCluster(c *Cluster) {
	v.checkTLS(c.TLS)
	v.checkSource(c)
	v.checkBalancer(c)
	v.checkGreater0(c.At("connect_timeout"), c.ConnectTimeout)
	if c.Keepalive != nil {
		v.checkGreater0(c.Keepalive.At("interval"), c.Keepalive.Interval)
	}
	if c.Subsets != nil && c.Subsets.Node().isEmpty() {
		c.Subsets = nil
	}
	if s := c.Subsets; s != nil && s.FallbackPolicy == FallbackDefault && len(s.DefaultSubset) == 0 {
		v.report.Errorf(s.At("fall_back_policy"), "the policy 2 needs a default_subset")
	}
	v.checkBreakers(c)
	v.checkHealth(c)
	v.checkOutliers(c.OutlierDetection)
	v.checkHosts(c)
}

// checkGreater0 refuses a time that must pass.
func (v *validator) checkGreater0(n *Node, d time.Duration) {
	if d <= 0 {
		v.report.Errorf(n, "must be greater than 0s")
	}
}

// checkBreakers checks a cluster's limits, and puts those of the priority DEFAULT first.
func (v *validator) checkBreakers(c *Cluster) {
	seen := make(map[Priority]bool)
	c.CircuitBreakers = slices.DeleteFunc(c.CircuitBreakers, func(t Thresholds) bool {
		again := seen[t.Priority]
		switch {
		case again:
			v.report.Warnf(t.Node(), "ignored: there is an entry of priority %s already", t.Priority)
		case t.Priority == PriorityHigh:
			v.report.Warnf(t.At("priority"), "ignored: no request has the priority HIGH")
		}
		seen[t.Priority] = true
		return again
	})
	if !seen[PriorityDefault] {
		c.CircuitBreakers = append(c.CircuitBreakers, Default[Thresholds]())
	}
	slices.SortStableFunc(c.CircuitBreakers, func(a, b Thresholds) int { return strings.Compare(string(a.Priority), string(b.Priority)) })
}

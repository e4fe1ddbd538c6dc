package server

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/health"
)

// checks makes the health checks, by cluster, and that of clusters that requests ask
// for.
func (b *builder) checks() (by map[string]*health.Check, onDemand *health.Check) {
	by = make(map[string]*health.Check)
	all := b.config.ClusterManager.Clusters
	for i := range all {
		if check := b.check(&all[i]); check != nil {
			by[all[i].Name] = check
		}
	}
	if d := b.config.ClusterManager.OnDemand; d != nil {
		onDemand = b.check(&d.Cluster)
	}
	return by, onDemand
}

// check makes a cluster's health check, nil if it has none.
func (b *builder) check(c *config.Cluster) *health.Check {
	if c.HealthCheck == nil {
		return nil
	}
	check, err := health.NewCheck(c.HealthCheck, c.Mark, b.registry.Protocols)
	if err != nil {
		b.report.Errorf(c.HealthCheck.At("protocol"), "%v", err)
		return nil
	}
	return check
}

package proxy

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// clusterWait is a request that waits for a cluster which is made when a request first
// names it. Only one that has passed its filters does, so that who is not let in
// makes none. Its timeout runs, and of its body no more is taken than it may hold.
type clusterWait struct {
	x     *exchange
	name  []byte
	place upstream.ClusterWait
}

var _ upstream.ClusterWaiter = (*clusterWait)(nil)

func newClusterWait(x *exchange, name []byte) *clusterWait {
	return &clusterWait{x: x, name: bytes.Clone(name)}
}

// begin asks for the cluster, false if there can be none.
func (c *clusterWait) begin() bool {
	return c != nil && c.x.w.clusters.Await(c.name, &c.place, c)
}

// cancel ends the wait, if it has begun.
func (c *clusterWait) cancel() {
	if c != nil {
		c.place.Cancel()
	}
}

// onDemand reports whether the name is one of those that clusters are made for.
func (c *clusterWait) onDemand() bool {
	return c != nil && bytes.HasPrefix(c.name, []byte(config.OnDemandPrefix))
}

// Ready sends the request on its way.
func (c *clusterWait) Ready(cluster *upstream.Cluster) {
	x := c.x
	x.enter()
	x.target.cluster = cluster
	x.info.Cluster = cluster.Name
	x.forwardTo()
	x.leave()
}

// Missing answers the request.
func (c *clusterWait) Missing(err error) {
	x := c.x
	x.enter()
	if err != nil {
		x.info.Failure = err.Error()
	}
	x.filters.Reply(filter.Reply{Status: 503, Body: "no such service\n", Flags: stream.NoHealthyUpstream})
	x.leave()
}

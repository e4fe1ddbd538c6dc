package proxy

import (
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// demander is a stream that waits for a cluster which is made when a request first
// names it. Only one that has passed its filters does, so that who is not let in
// makes none. Its timeout runs, and of its body no more is taken than it may hold.
type demander activeStream

var _ upstream.Demander = (*demander)(nil)

// demand asks for the cluster that the route names, false if there can be none.
func (s *activeStream) demand() bool {
	if len(s.wanted) == 0 || !s.w.clusters.Demand(s.wanted, &s.place, (*demander)(s)) {
		return false
	}
	s.flags |= demanding
	return true
}

// Ready sends the request on its way.
func (d *demander) Ready(c *upstream.Cluster) {
	s := (*activeStream)(d)
	s.enter()
	s.flags &^= demanding
	s.cluster = c
	s.info.Cluster = c.Name
	s.forwardTo()
	s.leave()
}

// Missing answers the request.
func (d *demander) Missing(err error) {
	s := (*activeStream)(d)
	s.enter()
	s.flags &^= demanding
	if err != nil {
		s.info.Failure = err.Error()
	}
	s.filters.Reply(filter.Reply{Status: 503, Body: "no such service\n", Flags: stream.NoHealthyUpstream})
	s.leave()
}

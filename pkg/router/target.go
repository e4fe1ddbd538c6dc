package router

import (
	"sort"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/upstream"
)

// Target is where a request goes.
type Target struct {
	// Cluster is the index that Options.Cluster gave, or -1: then Dynamic is the
	// name, which need not be a cluster's: one that the request itself carries, or
	// that of a cluster on demand, consul:SERVICE, whose service the configuration
	// allows. It is valid until the [Request] is used again, and must not be written
	// to.
	Cluster int
	Name    string
	Dynamic []byte
	// Metadata are the labels that a host must have, and Subset is the same as the
	// key that clusters look them up by.
	Metadata map[string]string
	Subset   string
}

// target is the compiled choice of a cluster: the header or variable that names
// it, or shares that are added up.
type target struct {
	header   *headerName
	variable Variable
	services *services // that a name of the request's may stand for
	metadata map[string]string
	subset   string
	shares   []share
}

// share is a cluster that takes the draws below upTo which no share before takes.
type share struct {
	upTo    uint64
	cluster int
	name    string
	// dynamic is the name of a cluster on demand, nil if it is none; services are set
	// if the request says which.
	dynamic  []byte
	services *services
	// metadata are the labels of the route and of the share.
	metadata map[string]string
	subset   string
}

// Target chooses the cluster of a request; false if the request lacks the header
// or variable that names it, or names a service that it may not. Among weighted
// clusters, draw modulo the sum of the weights decides, so the same draw gives the
// same cluster: draw once per request, evenly from all of uint64, and the shares
// are exact.
func (rt *Route) Target(r *Request, draw uint64) (Target, bool) {
	t := &rt.target
	var name []byte
	var ok bool
	switch {
	case t.header != nil:
		name, ok = t.header.get(r)
	case t.variable != nil:
		name, ok = r.variable(t.variable)
	default:
		return t.pick(r, draw)
	}
	ok = ok && len(name) > 0 && t.services.mayName(name)
	return Target{Cluster: -1, Dynamic: name, Metadata: t.metadata, Subset: t.subset}, ok
}

func (t *target) pick(r *Request, draw uint64) (Target, bool) {
	n := len(t.shares)
	if n == 0 {
		return Target{}, false
	}
	s := &t.shares[0]
	if n > 1 {
		draw %= t.shares[n-1].upTo
		s = &t.shares[sort.Search(n, func(i int) bool { return draw < t.shares[i].upTo })]
	}
	target, ok := Target{Cluster: s.cluster, Name: s.name, Dynamic: s.dynamic, Metadata: s.metadata, Subset: s.subset}, true
	if s.services != nil {
		target.Dynamic = r.onDemand()
		ok = s.services.mayName(target.Dynamic)
	}
	return target, ok
}

func (c *compiler) target(a *config.RouteAction) target {
	t := target{services: c.services, metadata: a.MetadataMatch, subset: upstream.SubsetKey(a.MetadataMatch)}
	switch {
	case a.ClusterName != "":
		s := c.share(a.At("cluster_name"), a.ClusterName)
		s.upTo, s.metadata, s.subset = 1, t.metadata, t.subset
		t.shares = []share{s}
	case a.ClusterHeader != "":
		h := headerNameOf(a.ClusterHeader)
		t.header = &h
	case a.ClusterVariable != "":
		t.variable = c.variable(a.At("cluster_variable"), a.ClusterVariable)
	default:
		t.shares = c.shares(a)
	}
	return t
}

// shares adds up the weights. Clusters of weight 0 are left out: they take none.
func (c *compiler) shares(a *config.RouteAction) []share {
	var all []share
	var sum uint64
	for i := range a.WeightedClusters {
		w := &a.WeightedClusters[i].Cluster
		s := c.share(w.At("name"), w.Name)
		if w.Weight == 0 {
			continue
		}
		sum += uint64(w.Weight)
		s.upTo, s.metadata = sum, merge(a.MetadataMatch, w.MetadataMatch)
		s.subset = upstream.SubsetKey(s.metadata)
		all = append(all, s)
	}
	if len(all) == 0 {
		c.errorf(a.At("weighted_clusters"), "no cluster takes requests")
	}
	return all
}

// share compiles the name of a cluster.
func (c *compiler) share(n *config.Node, name string) share {
	service, onDemand := strings.CutPrefix(name, config.OnDemandPrefix)
	switch {
	case !onDemand || c.OnDemand == nil:
		return share{cluster: c.cluster(n, name), name: name}
	case service == config.AnyService:
		return share{cluster: -1, services: c.services}
	case !config.ValidService(service):
		c.errorf(n, "%q is not a service's name", service)
	}
	return share{cluster: -1, name: name, dynamic: []byte(name)}
}

// cluster returns the index of a cluster; if there is none it says so.
func (c *compiler) cluster(n *config.Node, name string) int {
	if c.Cluster != nil {
		if index, ok := c.Cluster(name); ok {
			return index
		}
	}
	c.errorf(n, "there is no cluster %q", name)
	return -1
}

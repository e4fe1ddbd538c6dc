package proxy

import (
	"net/netip"

	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// target is where a request goes: its route, the route's cluster, and what the choice
// of a host in it depends on.
type target struct {
	x       *exchange
	route   *router.Route       // nil: none takes the request
	stats   *metrics.RouteStats // of the route
	cluster *upstream.Cluster   // nil: there is none yet, or it is not to go to one
	wait    *clusterWait        // for a cluster that is made when it is asked for; nil mostly
	choice  upstream.Choice     // of a host
	draw    uint64              // the value of the cookie that the response is to set
	cookie  bool                // there is one
	counted bool                // the cluster counts the request
	granted bool                // and a retry of it that no attempt is yet
}

func (t *target) begin() {
	t.route, t.stats, t.cluster, t.wait = nil, nil, nil, nil
	t.choice = upstream.Choice{}
	t.cookie, t.counted, t.granted = false, false, false
}

// end gives up what the request has of its cluster.
func (t *target) end() {
	if t.counted {
		t.counted = false
		t.cluster.End()
	}
	if t.granted { // a panic came between
		t.granted = false
		t.cluster.EndRetry()
	}
}

// count makes the cluster count the request, false if it has too many.
func (t *target) count() bool {
	t.counted = t.cluster.Begin()
	return t.counted
}

// policy is the route's policy of retries, nil for none.
func (t *target) policy() *router.RetryPolicy { return t.route.Retry }

// beginRetry asks the cluster for a retry: its budget may be used up.
func (t *target) beginRetry() bool {
	if !t.cluster.BeginRetry() {
		t.cluster.Stats.RequestRetryOverflow++
		return false
	}
	t.granted = true
	t.cluster.Stats.RequestRetry++
	t.stats.RequestRetry++
	return true
}

// pick chooses a host, nil if there is none.
func (t *target) pick() *upstream.Host { return t.cluster.Pick(&t.choice) }

// match finds the route, and the cluster of a route that has one. Of clusters
// with weights, one is drawn, here and only here.
func (t *target) match() {
	x, w := t.x, t.x.w
	r := &w.request
	r.Reset(x.req, &x.info)
	route := x.cfg.Routes.Match(r)
	if route == nil {
		return
	}
	t.route, t.stats = route, x.l.routes[route.ID]
	x.deadlines.timeout = route.Timeout
	(*recorder)(x).routed()
	if route.Action != router.Forward {
		return
	}
	if p := x.cfg.Upstreams[route.ID]; p != nil && !x.proto.RPC {
		x.attempts.protocol = p
	}
	chosen, ok := route.Target(r, w.rng.Uint64())
	if !ok {
		return
	}
	t.choice.Subset = chosen.Subset
	switch {
	case chosen.Cluster < 0:
		if t.cluster = w.clusters.Named(chosen.Dynamic); t.cluster == nil {
			t.wait = newClusterWait(x, chosen.Dynamic)
		}
	case x.cfg.Clusters.SamePlaces(w.clusters.Snapshot()):
		t.cluster = w.clusters.At(chosen.Cluster)
	default: // a connection that outlives its listener: its routes are of old
		t.cluster = w.clusters.Named([]byte(chosen.Name))
	}
	if t.cluster != nil {
		x.info.Cluster = t.cluster.Name
	}
}

// aim takes note of what the choice of a host depends on: of the request as the
// filters left it, before the route rewrites it.
func (t *target) aim() {
	x := t.x
	if t.cluster.Hashes() {
		draw := x.w.rng.Uint64()
		sum, lacks, ok := t.route.Hash(&x.w.request, draw)
		t.choice.Hash, t.choice.Hashed = sum, ok
		if lacks && x.req.RPC.Kind == stream.KindHTTP {
			t.cookie, t.draw = true, draw
		}
	}
	if header, ok := t.cluster.WantsDestination(); ok {
		t.choice.Destination = t.destination(header)
	}
}

// destination returns where the request was meant to go, not valid if that is not
// known: what a header says, or, if that is "", the connection.
func (t *target) destination(header string) netip.AddrPort {
	x := t.x
	switch header {
	case "":
		return x.conn.originalDst()
	case "host":
		return parseAddrPort(x.req.Authority())
	}
	value, _ := x.req.Get(header)
	return parseAddrPort(value)
}

// setCookie makes the client send the cookie with its next requests that this one
// was hashed by.
func (t *target) setCookie() {
	x := t.x
	b := t.route.AppendCookie(x.w.scratch[:0], t.draw)
	x.w.scratch = b[:0]
	if len(b) > 0 {
		x.resp.AddBytes([]byte("Set-Cookie"), b)
	}
}

// address makes the request's head name the host, where it is to.
func (t *target) address(h *upstream.Host) {
	x := t.x
	if x.req.RPC.Kind != stream.KindHTTP {
		return
	}
	if t.route.AutoHost {
		x.w.request.Reset(x.req, &x.info)
		router.RewriteHost(&x.w.request, h.Hostname)
	}
	if len(x.req.Authority()) == 0 { // HTTP/1.0 need not name a host, HTTP/1.1 must
		x.req.SetAuthority([]byte(h.Address))
	}
}

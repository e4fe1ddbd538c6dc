package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// callTimeout lets an RPC request's own timeout count: if the configuration gives
// the route one, the shorter of both; otherwise the request's alone, within reason.
func (d *deadlines) callTimeout() {
	x := d.x
	asked := x.req.RPC.Timeout
	switch {
	case asked <= 0 || x.target.route == nil:
	case x.target.route.TimeoutGiven:
		d.timeout = min(d.timeout, max(asked, leastTimeout))
	default:
		d.timeout = min(max(asked, leastTimeout), mostTimeout)
	}
}

const (
	leastTimeout = time.Millisecond
	mostTimeout  = time.Hour
)

// timeLeft makes an RPC request that says how long its sender waits say what is
// left of that.
func (d *deadlines) timeLeft() {
	x := d.x
	r := &x.req.RPC
	switch {
	case r.Timeout <= 0:
	case d.response > 0:
		r.Timeout = max(time.Duration(d.response-x.w.Loop.Now()), leastTimeout)
	case d.timeout > 0: // it has only just come
		r.Timeout = min(r.Timeout, d.timeout)
	}
}

// heartbeat answers a client's heartbeat that no filter has answered. It returns
// true if a filter wants a host to answer it, and there is a route.
func (x *exchange) heartbeat() bool {
	switch {
	case !x.req.RPC.Forward:
		x.response().Clear()
		x.answer(200, nil)
		return false
	case x.target.route == nil:
		x.filters.Reply(filter.Reply{Status: 404, Flags: stream.NoRouteFound})
		return false
	}
	return true
}

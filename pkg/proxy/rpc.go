package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// callTimeout lets an RPC request's own timeout count: if the configuration gives
// the route one, the shorter of both; otherwise the request's alone, within reason.
func (s *activeStream) callTimeout() {
	asked := s.req.RPC.Timeout
	switch {
	case asked <= 0 || s.route == nil:
	case s.route.TimeoutGiven:
		s.timeout = min(s.timeout, max(asked, leastTimeout))
	default:
		s.timeout = min(max(asked, leastTimeout), mostTimeout)
	}
}

const (
	leastTimeout = time.Millisecond
	mostTimeout  = time.Hour
)

// timeLeft makes an RPC request that says how long its sender waits say what is
// left of that.
func (s *activeStream) timeLeft() {
	r := &s.req.RPC
	switch {
	case r.Timeout <= 0:
	case s.deadline > 0:
		r.Timeout = max(time.Duration(s.deadline-s.w.Loop.Now()), leastTimeout)
	case s.timeout > 0: // it has only just come
		r.Timeout = min(r.Timeout, s.timeout)
	}
}

// heartbeat answers a client's heartbeat that no filter has answered. It returns
// true if a filter wants a host to answer it, and there is a route.
func (s *activeStream) heartbeat() bool {
	switch {
	case !s.req.RPC.Forward:
		s.response().Clear()
		s.answer(200, nil)
		return false
	case s.route == nil:
		s.filters.Reply(filter.Reply{Status: 404, Flags: stream.NoRouteFound})
		return false
	}
	return true
}

// mayRepeat tells whether a request may be executed more than once because of what
// it is. Of an RPC request nobody knows.
func (s *activeStream) mayRepeat() bool {
	return s.req.RPC.Kind == stream.KindHTTP && idempotent(s.req.Method())
}

package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// A try is what the upstream codec gives the parts of the response to.
var _ stream.End = (*try)(nil)

// Head begins the response, if it is not one that is tried again, or that another
// try may better.
func (t *try) Head(h *stream.Head, end bool) {
	s := t.s
	s.enter()
	s.moved = s.w.Loop.Now()
	switch {
	case h.Interim():
		if !s.has(committed) && s.hedge == nil {
			if h.Status == 100 { // from here on it is the client for whom the request waits
				s.req.DelID(stream.Expect)
			}
			s.down.Head(h, false)
		}
	case s.mayBeBettered(t) && s.names(h, end):
		t.park(h, end)
	case s.retryStatus(t, h, end):
	default:
		if s.hedge != nil {
			s.decide(t)
		}
		t.countAnswer(h, end)
		s.setResponse(h.Keep())
		s.beginResponse(end)
	}
	s.leave()
}

// Data passes a piece of the response to the filters.
func (t *try) Data(d *buffer.Chain, end bool) {
	s := t.s
	s.enter()
	s.moved = s.w.Loop.Now()
	if t.parked {
		t.keepData(d, end)
		s.leave()
		return
	}
	var c *upstream.Conn
	if end {
		s.flags |= answered
		if s.flags&(isGRPC|noCall) == isGRPC && s.resp.Status == 200 { // there is no status
			t.countResponse(500)
		}
		if !s.has(tunnelling) || s.tunnelOver() {
			c = t.end()
		}
	}
	s.filters.Data(filter.ResponseDirection, d, end)
	if c != nil {
		c.Release()
	}
	s.leave()
}

// tunnelOver tells whether a tunnel that does not have its connection for itself
// has ended both ways.
func (s *activeStream) tunnelOver() bool {
	return s.has(tunnelling) && s.has(answered) && s.body.ended && s.speaks.Multiplexed
}

// Trailers passes the response's trailers to the filters.
func (t *try) Trailers(h *stream.Header) {
	s := t.s
	s.enter()
	if t.parked {
		t.keepTrailers(h)
		s.leave()
		return
	}
	s.flags |= answered
	if s.flags&(isGRPC|noCall) == isGRPC {
		t.countCall(h)
	}
	c := t.end()
	s.filters.Trailers(filter.ResponseDirection, h)
	c.Release()
	s.leave()
}

// Reset: the host, or its connection, failed the try.
func (t *try) Reset(r stream.Reset) {
	s := t.s
	s.enter()
	at := t.at
	if key := limitKey(&r); key != "" {
		r.Reason = stream.TooLarge
		t.tellLimit(key, &r)
	}
	if t.answered > 0 {
		t.noteFailure(r)
	}
	t.unsent = t.opening && r.Unprocessed && r.Reason.Local()
	if c := t.end(); c != nil {
		if r.Reason == stream.ConnectionLost && !r.Unprocessed {
			r.Unprocessed = c.Undelivered(at)
		}
		c.Release()
	}
	s.tryFailed(t, r)
	s.leave()
}

// Pause: the host takes the request slowly.
func (t *try) Pause() {
	if t.up != nil {
		t.s.hold(pauseUpstream)
	}
}

// Resume: the host takes it again.
func (t *try) Resume() {
	if t.up != nil {
		t.s.release(pauseUpstream)
	}
}

// beginResponse passes the head of the response to the filters. From here on
// there is no other try.
func (s *activeStream) beginResponse(end bool) {
	t := s.try
	s.flags |= committed
	s.body.keepNothing()
	s.info.ResponseReceived = s.elapsed()
	if t.hedge {
		s.cluster.Stats.RequestHedgeWon++
	}
	if s.resp.Opaque {
		s.flags |= tunnelling
		if !s.proto.Multiplexed {
			s.conn.io.DeliverAll()
		}
	}
	if end {
		s.flags |= answered
	}
	var c *upstream.Conn
	if end && (!s.has(tunnelling) || s.tunnelOver()) {
		if s.req.Opaque && !s.body.ended { // an upgrade that was declined: there is no more of the request
			s.body.complete = true
			s.sendBody(t)
		}
		c = t.end()
	}
	if s.route.EditsResponse() {
		s.w.request.Reset(s.req, &s.info)
		s.route.RewriteResponse(s.resp, &s.w.request)
	}
	if s.has(newCookie) {
		s.setCookie()
	}
	s.filters.Head(filter.ResponseDirection, s.resp, end)
	if c != nil {
		c.Release()
	}
}

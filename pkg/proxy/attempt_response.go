package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// An attempt is what the upstream codec gives the parts of the response to.
var _ stream.End = (*attempt)(nil)

// Head begins the response, if it is not one that is tried again, or that a
// rival may better.
func (t *attempt) Head(h *stream.Head, end bool) {
	x := t.x
	a := &x.attempts
	x.enter()
	x.deadlines.moved = x.w.Loop.Now()
	switch {
	case h.Interim():
		if x.phase < responseChosen && a.rival == nil {
			if h.Status == 100 { // from here on it is the client for whom the request waits
				x.req.DelID(stream.Expect)
			}
			x.down.Head(h, false)
		}
	case a.hasRival(t) && a.retriable(h, end):
		t.hold(h, end)
	case a.retryStatus(t, h, end):
	default:
		if a.rival != nil {
			a.decide(t)
		}
		t.recorder().countAnswer(h, end)
		x.setResponse(h.Keep())
		x.beginResponse(end)
	}
	x.leave()
}

// Data passes a piece of the response to the filters.
func (t *attempt) Data(d *buffer.Chain, end bool) {
	x := t.x
	x.enter()
	x.deadlines.moved = x.w.Loop.Now()
	if t.state == attemptHeld {
		t.holdData(d, end)
		x.leave()
		return
	}
	var c *upstream.Conn
	if end {
		x.attempts.answered = true
		if x.call.tells() && x.resp.Status == 200 { // there is no status
			t.recorder().countResponse(500)
		}
		if !x.has(tunnelling) || x.attempts.tunnelOver() {
			c = t.end()
		}
	}
	x.filters.Data(filter.ResponseDirection, d, end)
	if c != nil {
		c.Release()
	}
	x.leave()
}

// Trailers passes the response's trailers to the filters.
func (t *attempt) Trailers(h *stream.Header) {
	x := t.x
	x.enter()
	if t.state == attemptHeld {
		t.holdTrailers(h)
		x.leave()
		return
	}
	x.attempts.answered = true
	if x.call.tells() {
		t.recorder().countCall(h)
	}
	c := t.end()
	x.filters.Trailers(filter.ResponseDirection, h)
	c.Release()
	x.leave()
}

// Reset: the host, or its connection, failed the attempt.
func (t *attempt) Reset(r stream.Reset) {
	x := t.x
	if x.has(finished) { // a codec tells after a panic that did not know
		return
	}
	x.enter()
	at := t.at
	if key := limitKey(&r); key != "" {
		r.Reason = stream.TooLarge
		t.tellLimit(key, &r)
	}
	if t.answered > 0 {
		t.noteFailure(r)
	}
	heard := t.state != attemptSending || !r.Unprocessed || !r.Reason.Local()
	if c := t.endAs(heard, r); c != nil {
		if r.Reason == stream.ConnectionLost && !r.Unprocessed {
			r.Unprocessed = c.Undelivered(at)
		}
		c.Release()
	}
	x.attempts.failed(t, r)
	x.leave()
}

// Pause: the host takes the request slowly.
func (t *attempt) Pause() {
	if t.up != nil {
		t.x.enter()
		t.x.hold(pauseUpstream)
		t.x.leave()
	}
}

// Resume: the host takes it again.
func (t *attempt) Resume() {
	if t.up != nil {
		t.x.enter()
		t.x.release(pauseUpstream)
		t.x.leave()
	}
}

// beginResponse passes the head of the response to the filters. From here on
// there is no other attempt.
func (x *exchange) beginResponse(end bool) {
	a := &x.attempts
	t := a.current
	x.advance(responseChosen)
	a.body.keepNothing()
	x.info.ResponseReceived = x.elapsed()
	if t.hedge {
		x.target.cluster.Stats.RequestHedgeWon++
	}
	if x.resp.Opaque {
		x.flags |= tunnelling
		if !x.proto.Multiplexed {
			x.conn.io.DeliverAll()
		}
	}
	if end {
		a.answered = true
	}
	var c *upstream.Conn
	if end && (!x.has(tunnelling) || a.tunnelOver()) {
		if x.req.Opaque && !a.body.ended { // an upgrade that was declined: there is no more of the request
			a.body.complete = true
			a.send(t)
		}
		c = t.end()
	}
	x.editResponse()
	if x.target.cookie {
		x.target.setCookie()
	}
	x.filters.Head(filter.ResponseDirection, x.resp, end)
	if c != nil {
		c.Release()
	}
}

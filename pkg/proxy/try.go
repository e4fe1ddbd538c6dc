package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// try is one attempt to have the request answered by a host. What few requests
// come to need stands behind what is cleared for each.
type try struct {
	tryState
	pending upstream.Pending
	tried   [maxTried]*upstream.Host // hosts of earlier tries
	backOff backOff
}

type tryState struct {
	host *upstream.Host
	conn *upstream.Conn // nil while none was given yet
	up   stream.End     // where the request goes; nil without a connection
	at   uint64         // the connection's position when the request began

	start    int64 // on the loop's clock
	deadline int64 // of this try; 0: none

	retries int // tries that counted as retries
	ntried  int8
	moves   int8 // to other connections, because the request had not been processed
	retry   bool // the present try is a retry, and counted by the cluster
	waited  bool // a try has waited for a connection, or for its time
}

// maxTried is how many hosts are remembered, to choose another one first.
const maxTried = 4

// forward begins the first try of a request that has passed the filters.
func (s *activeStream) forward() {
	if s.cluster == nil {
		s.filters.Reply(filter.Reply{Status: 503, Body: "no such cluster\n", Flags: stream.NoHealthyUpstream})
		return
	}
	if !s.cluster.Begin() {
		s.cluster.Stats.RequestOverflow++
		s.filters.Reply(filter.Reply{Status: 503, Body: "too many requests to the cluster\n", Flags: stream.UpstreamOverflow})
		return
	}
	s.flags |= counted
	s.w.request.Reset(s.req, &s.info)
	if !s.route.RewriteRequest(&s.w.request) {
		s.filters.Reply(filter.Reply{Status: 400, Body: "the path is malformed\n"})
		return
	}
	if s.cfg.TimeoutHeaders {
		s.takeTimeouts()
	}
	s.startTry()
}

// startTry chooses a host and asks for a connection to it.
func (s *activeStream) startTry() {
	t := &s.try
	h := s.cluster.Pick(s.subset, t.tried[:t.ntried])
	if h == nil {
		s.cluster.Stats.NoHost++
		s.filters.Reply(filter.Reply{Status: 503, Body: "no host\n", Flags: stream.NoHealthyUpstream})
		return
	}
	t.host = h
	t.start = s.w.Loop.Now()
	s.info.Tries++
	s.info.UpstreamHost = h.Address
	http := s.req.RPC.Kind == stream.KindHTTP
	if s.route.AutoHost && http {
		s.w.request.Reset(s.req, &s.info)
		router.RewriteHost(&s.w.request, h.Hostname)
	}
	if http && len(s.req.Authority()) == 0 { // HTTP/1.0 need not name a host, HTTP/1.1 must
		s.req.SetAuthority([]byte(h.Address))
	}
	if p := s.perTry(); p > 0 {
		t.deadline = t.start + int64(p)
		s.setTimer()
	}
	speaks := upstream.Dialect{Protocol: s.speaks, Variant: s.req.RPC.Form}
	if s.cfg.Bound && s.speaks.RPC {
		speaks.Owner = s.conn.binding()
	}
	if t.moves == 0 || s.speaks.Multiplexed { // idle connections are what a moved request just ran into
		if c := h.Acquire(speaks); c != nil {
			s.connected(c)
			return
		}
	}
	t.waited = true
	if r, ok := h.Wait(s, &t.pending, speaks); !ok {
		s.tryFailed(r)
	}
}

// Connected gives the try the connection that it waited for.
func (s *activeStream) Connected(c *upstream.Conn) {
	s.enter()
	s.connected(c)
	s.leave()
}

// Unconnected tells the try that there is none.
func (s *activeStream) Unconnected(r stream.Reset) {
	s.enter()
	s.tryFailed(r)
	s.leave()
}

// connected sends the request over a connection.
func (s *activeStream) connected(c *upstream.Conn) {
	t := &s.try
	t.conn, t.at = c, c.Position()
	t.up = c.Open((*upEnd)(s))
	s.info.Upstream, s.info.UpstreamProtocol = c, s.speaks.Name
	t.host.Stats.RequestTotal++
	t.host.Stats.RequestActive++
	s.cluster.Stats.RequestTotal++
	s.cluster.Stats.RequestActive++
	if s.pauses&pausesResponse != 0 {
		t.up.Pause()
	}
	if s.callEnds > 0 {
		s.passDeadline()
	} else {
		s.timeLeft()
	}
	t.up.Head(s.req, s.body.headOnly)
	if t.up == nil { // the codec refused the head
		return
	}
	s.sendBody()
	s.release(pauseUnsent)
}

// endTry gives the connection of the present try back.
func (s *activeStream) endTry() *upstream.Conn {
	t := &s.try
	c := t.conn
	if c == nil {
		return nil
	}
	t.conn, t.up, t.deadline = nil, nil, 0
	took := time.Duration(s.w.Loop.Now() - t.start)
	t.host.Stats.RequestActive--
	s.tries += took
	t.host.Stats.Latency.Record(took)
	s.cluster.Stats.RequestActive--
	s.cluster.Stats.Latency.Record(took)
	s.endRetry()
	s.release(pauseUpstream)
	return c
}

// endRetry ends the count of a try that is a retry.
func (s *activeStream) endRetry() {
	if s.try.retry {
		s.try.retry = false
		s.cluster.EndRetry()
	}
}

// cancelTry ends the present try, whatever it is doing.
func (s *activeStream) cancelTry(r stream.Reset) {
	t := &s.try
	if t.waited {
		t.backOff.stop(s)
		if t.pending.Waiting() {
			t.host.Forget(&t.pending)
		}
	}
	if up := t.up; up != nil {
		c := s.endTry()
		t.host = nil
		up.Reset(r)
		c.Release()
	}
	s.endRetry()
}

// upEnd is the stream as the upstream codec sees it: parts of the response come
// in.
type upEnd activeStream

var _ stream.End = (*upEnd)(nil)

// Head begins the response, if it is not one that is tried again.
func (e *upEnd) Head(h *stream.Head, end bool) {
	s := (*activeStream)(e)
	s.enter()
	s.moved = s.w.Loop.Now()
	switch {
	case h.Interim():
		if !s.has(committed) {
			s.down.Head(h, false)
		}
	case s.retryStatus(h, end):
	default:
		switch {
		case !s.has(isGRPC) || h.Status != 200:
			s.countResponse(h.Status)
		case end:
			s.countCall(&h.Header)
		}
		s.keepResponse(h)
		s.beginResponse(end)
	}
	s.leave()
}

// Data passes a piece of the response to the filters.
func (e *upEnd) Data(d *buffer.Chain, end bool) {
	s := (*activeStream)(e)
	s.enter()
	s.moved = s.w.Loop.Now()
	var c *upstream.Conn
	if end {
		s.flags |= answered
		if s.has(isGRPC) && s.resp.Status == 200 { // there is no status
			s.countResponse(500)
		}
		if !s.has(tunnelling) || s.tunnelOver() {
			c = s.endTry()
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
func (e *upEnd) Trailers(t *stream.Header) {
	s := (*activeStream)(e)
	s.enter()
	if s.has(isGRPC) {
		s.countCall(t)
	}
	c := s.endTry()
	s.filters.Trailers(filter.ResponseDirection, t)
	c.Release()
	s.leave()
}

// Reset: the host, or its connection, failed the try.
func (e *upEnd) Reset(r stream.Reset) {
	s := (*activeStream)(e)
	s.enter()
	at := s.try.at
	if c := s.endTry(); c != nil {
		if r.Reason == stream.ConnectionLost && !r.Unprocessed {
			r.Unprocessed = c.Undelivered(at)
		}
		c.Release()
	}
	s.tryFailed(r)
	s.leave()
}

// Pause: the host takes the request slowly.
func (e *upEnd) Pause() { (*activeStream)(e).hold(pauseUpstream) }

// Resume: the host takes it again.
func (e *upEnd) Resume() { (*activeStream)(e).release(pauseUpstream) }

// beginResponse passes the head of the response to the filters. From here on
// there is no other try.
func (s *activeStream) beginResponse(end bool) {
	s.flags |= committed
	s.body.keepNothing()
	s.info.ResponseReceived = s.elapsed()
	if s.resp.Opaque {
		s.flags |= tunnelling
	}
	if end {
		s.flags |= answered
	}
	var c *upstream.Conn
	if end && (!s.has(tunnelling) || s.tunnelOver()) {
		if s.req.Opaque && !s.body.ended { // an upgrade that was declined: there is no more of the request
			s.body.complete = true
			s.sendBody()
		}
		c = s.endTry()
	}
	s.route.RewriteResponse(s.resp)
	s.filters.Head(filter.ResponseDirection, s.resp, end)
	if c != nil {
		c.Release()
	}
}

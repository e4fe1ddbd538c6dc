package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// policy is the route's policy of retries, nil for none.
func (s *activeStream) policy() *router.RetryPolicy { return s.route.Retry }

// perTry is the time that each try may take; 0: no limit of its own.
func (s *activeStream) perTry() time.Duration {
	if s.tryTimeout > 0 {
		return s.tryTimeout
	}
	if p := s.policy(); p != nil {
		return p.PerTry
	}
	return 0
}

// takeTimeouts shortens the timeouts as the request asks.
func (s *activeStream) takeTimeouts() {
	before := s.timeout
	s.timeout = s.takeTimeout(globalTimeoutHeader, before)
	if s.deadline > 0 {
		s.deadline -= int64(before - s.timeout)
	} else {
		s.startClock() // there was none before
	}
	limit := time.Duration(0)
	if p := s.policy(); p != nil {
		limit = p.PerTry
	}
	s.tryTimeout = s.takeTimeout(tryTimeoutHeader, limit)
	s.setTimer()
}

// countAnswer counts the response of the try's host by its head, if that tells what
// became of the request.
func (t *try) countAnswer(h *stream.Head, end bool) {
	if t.s.req.RPC.Kind != stream.KindOneWay {
		t.answered = t.s.w.Loop.Now()
	}
	switch {
	case h.RPC.Exception:
		t.countException()
	case t.s.has(isBridged) && !grpc.IsResponse(h):
		t.s.flags |= noCall
		t.s.code = grpc.FromHTTP(h.Status)
		t.countResponse(h.Status)
	case !t.s.has(isGRPC) || h.Status != 200:
		t.countResponse(h.Status)
	case end:
		t.countCall(&h.Header)
	}
}

// countResponse counts a response of the try's host.
func (t *try) countResponse(status int) {
	h, c := t.host.Stats, t.s.cluster.Stats
	t.outcome = outcomeOf(status)
	if status >= 500 {
		h.ResponseFailed++
		c.ResponseFailed++
		return
	}
	h.ResponseSuccess++
	c.ResponseSuccess++
}

// countException counts a response by which the method throws an exception: the host
// did what it was asked to. It is no failure, unless the cluster wants it to be one.
func (t *try) countException() {
	h, c := t.host.Stats, t.s.cluster
	h.ResponseException++
	c.Stats.ResponseException++
	t.countResponse(200)
	if c.Outlier != nil && c.Outlier.Exceptions {
		t.outcome = outlier.ServerError
	}
}

// countFailure counts a try that brought no response.
func (t *try) countFailure(r stream.Reset) {
	if t.host == nil {
		return
	}
	h, c := t.host.Stats, t.s.cluster.Stats
	switch r.Reason {
	case stream.Overflow:
		c.RequestPendingOverflow++
		return
	case stream.Unsendable, stream.TooLarge:
		t.countLocal(r)
		return
	case stream.TimedOut:
		h.RequestTimeout++
		c.RequestTimeout++
	case stream.ConnectFailed:
	default:
		h.RequestRemoteReset++
		c.RequestRemoteReset++
	}
	h.ResponseFailed++
	c.ResponseFailed++
}

// countLocal counts a try that failed because of what weir cannot send, or does not
// take.
func (t *try) countLocal(r stream.Reset) {
	c := t.s.cluster.Stats
	if r.Reason == stream.Unsendable {
		c.RequestUnsendable++
		return
	}
	if r.Unprocessed {
		c.RequestTooLarge++
	} else {
		t.host.Stats.ResponseTooLarge++
		c.ResponseTooLarge++
	}
}

// recordLost counts a one-way request that came to no good end, and says so: its client
// cannot be told.
func (s *activeStream) recordLost() {
	s.l.stats.RequestOneWayLost++
	s.w.Log.Warn("a one-way request is lost, of which its client is not told",
		"listener", s.cfg.Name, "cluster", s.info.Cluster, "host", s.info.UpstreamHost,
		"flags", s.info.Flags.String(), "failure", s.info.Failure)
}

// record counts a request that is over, and writes it to the access logs.
func (s *activeStream) record() {
	took := s.elapsed()
	s.info.Duration = took
	st := s.l.stats
	st.RequestActive--
	st.Latency.Record(took)
	st.ProcessTime.Record(max(took-s.tries, 0))
	st.Codes.CountCode(s.info.Status)
	if s.info.Status == 0 {
		st.RequestReset++
	}
	if s.info.Flags&stream.DelayInjected != 0 {
		st.FaultDelayed++
	}
	if s.info.Flags&stream.FaultInjected != 0 {
		st.FaultAborted++
	}
	if s.info.Flags&(stream.NoRouteFound|stream.NoHealthyUpstream|stream.LocalReset|stream.UpstreamOverflow|stream.UpstreamTimeout|
		stream.UpstreamConnectFailure|stream.UpstreamConnectionLost|stream.UpstreamRemoteReset|
		stream.UpstreamProtocolError) != 0 {
		st.RequestFailed++
		if s.routeStats != nil {
			s.routeStats.RequestFailed++
		}
	}
	if s.req.RPC.Kind == stream.KindOneWay && (s.info.Status == 0 || s.info.Status >= 400) {
		s.recordLost()
	}
	if rs := s.routeStats; rs != nil {
		rs.RequestActive--
		rs.Codes.CountCode(s.info.Status)
		rs.Latency.Record(took)
	}
	if s.has(isGRPC) {
		s.recordCall(took)
	}
	if s.req.RPC.Kind == stream.KindHeartbeat {
		return
	}
	for _, log := range s.l.logs {
		log.Append(&s.info)
	}
	if len(s.l.logs) > 0 && !s.w.logTick.Set() {
		s.w.Loop.Schedule(&s.w.logTick, logInterval, s.w)
	}
}

package proxy

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// past is what came of earlier tries. What few requests come to need stands behind
// what is cleared for each.
type past struct {
	pastState
	tried   [maxTried]*upstream.Host // hosts of earlier tries
	backOff backOff
}

type pastState struct {
	retries int // tries that counted as retries
	ntried  int8
	moves   int8 // to other connections, because the request had not been processed
	stale   bool // one of them because the connection had been idle, and was gone
	refused bool // one of them because the host took no connection
	waited  bool // a retry has waited for its time
}

// maxTried is how many hosts are remembered, to choose another one first.
const maxTried = 4

// tryFailed decides what becomes of a request whose try has failed: another try,
// or an answer that says so.
//
// A request for which provably nothing was done is moved to another one, and that
// does not count as a retry. Beyond that the route's policy decides; and
// what may have been executed is only tried again if it may be executed twice.
func (s *activeStream) tryFailed(t *try, r stream.Reset) {
	if s.atDeadline(r) {
		r.Reason = stream.TimedOut
	}
	if s.has(isGRPC) {
		s.noteReset(r)
	}
	t.countFailure(r)
	t.endRetry()
	movable := s.movable(t, r)
	if !movable || r.Reason == stream.ConnectFailed {
		t.noteFailure(r)
	}
	if r.Err != nil {
		s.info.Failure = r.Err.Error()
	} else {
		s.info.Failure = r.Reason.String()
	}
	switch {
	case s.has(responseOver):
	case errors.Is(r.Err, eventloop.ErrStopped): // the client's connection ends as well
		s.giveUp(r)
	case s.has(responseBegun):
		s.info.Flags |= flagOf(r.Reason)
		s.breakResponse()
	case s.has(committed): // filters hold the response, which will not be whole
		s.failed(r)
	case s.mayBeBettered(t):
		s.otherGoesOn(t)
	case movable:
		s.move(t, r)
	case triable(r.Reason) && s.retryable(r.Unprocessed) && s.keptForRetry() && s.takeRetry(t):
	case s.hedge != nil:
		s.settleFor(s.besides(t))
	default:
		s.failed(r)
	}
}

// triable reports whether another try may bring something else.
func triable(r stream.Reason) bool {
	return !r.Local() && r != stream.ProtocolError
}

// movable tells whether a request goes to another connection, because this one did
// nothing for it: a few times at most, and to a host that took no connection only
// once more.
func (s *activeStream) movable(t *try, r stream.Reset) bool {
	const most = 4
	p := &s.past
	if !r.Unprocessed || r.Reason.Local() {
		return false
	}
	refused := r.Reason == stream.ConnectFailed && p.refused
	return p.moves < most && (!refused || s.hasOther(t)) && s.keptForRetry()
}

// hasOther tells whether there is a host that was not tried yet.
func (s *activeStream) hasOther(t *try) bool {
	s.remember(t.host)
	h := s.pick()
	return h != nil && !s.hasTried(h)
}

func (s *activeStream) hasTried(h *upstream.Host) bool {
	return slices.Contains(s.past.tried[:s.past.ntried], h)
}

// move sends the request to another connection.
func (s *activeStream) move(t *try, r stream.Reset) {
	p := &s.past
	p.moves++
	switch r.Reason {
	case stream.Refused:
	case stream.ConnectFailed:
		p.refused = true
	default:
		p.stale = true
	}
	s.again(t)
}

// failed answers a request whose last try has failed, or ends the response that has
// begun.
func (s *activeStream) failed(r stream.Reset) {
	if s.has(responseBegun) {
		s.info.Flags |= flagOf(r.Reason)
		s.breakResponse()
		return
	}
	status, text := statusOf(r)
	s.filters.Reply(filter.Reply{Status: status, Body: text, Flags: flagOf(r.Reason)})
}

// names tells whether the route's policy of retries names a response.
func (s *activeStream) names(h *stream.Head, end bool) bool {
	p := s.policy()
	return p != nil && !h.RPC.Exception && (p.Status(h.Status) || s.namesCall(h, end))
}

// retryStatus tries again after a response that the route's policy names. It
// returns false if the response is to be passed on.
func (s *activeStream) retryStatus(t *try, h *stream.Head, end bool) bool {
	if !s.names(h, end) || s.has(committed) || !s.retryable(h.RPC.Refused) || !s.keptForRetry() {
		return false
	}
	up := t.up
	if !s.reserveRetry() {
		return false
	}
	t.countAnswer(h, end)
	c := t.end()
	if !end { // the rest of this response is of no use
		up.Reset(stream.Reset{Reason: stream.Cancelled})
	}
	c.Release()
	s.delayRetry(t)
	return true
}

// retryable tells whether the policy allows another try, if the request was kept.
func (s *activeStream) retryable(unprocessed bool) bool {
	p := s.policy()
	if p == nil {
		return false
	}
	if s.past.retries >= p.Retries {
		s.info.Flags |= stream.RetriesExhausted
		return false
	}
	if s.req.RPC.Kind == stream.KindOneWay {
		return unprocessed // whoever sends one cannot be told that it came twice
	}
	return unprocessed || p.Idempotent || s.mayRepeat()
}

// keptForRetry reports whether a request that is to be tried again is there for it. If
// it was too large to be kept, that is told.
func (s *activeStream) keptForRetry() bool {
	if s.body.tooLarge && s.info.Flags&stream.RequestTooLarge == 0 {
		s.info.Flags |= stream.RequestTooLarge
		s.cluster.Stats.RequestRetryTooLarge++
	}
	return !s.body.lost
}

// keptBody is how many bytes of the request's body are kept for another try.
func (s *activeStream) keptBody() int {
	p := s.policy()
	switch {
	case s.req.RPC.Kind != stream.KindHTTP: // frames are whole anyway
		return math.MaxInt
	case p != nil:
		return p.BufferLimit
	}
	return smallBody
}

// idempotent tells whether a request may be executed more than once because of
// its method (RFC 9110, 9.2.2).
func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}

// takeRetry begins a retry, if the budget allows one.
func (s *activeStream) takeRetry(t *try) bool {
	if !s.reserveRetry() {
		return false
	}
	s.delayRetry(t)
	return true
}

// reserveRetry asks the cluster for a retry.
func (s *activeStream) reserveRetry() bool {
	if !s.cluster.BeginRetry() {
		s.cluster.Stats.RequestRetryOverflow++
		return false
	}
	s.cluster.Stats.RequestRetry++
	s.routeStats.RequestRetry++
	return true
}

// delayRetry waits a little before the next try: a random time, up to a limit
// that doubles with each.
func (s *activeStream) delayRetry(t *try) {
	s.clearUp(t)
	s.past.retries++
	limit := s.policy().Delay(s.past.retries)
	wait := time.Duration(0)
	if limit > 0 {
		wait = time.Duration(s.w.rng.Uint64() % uint64(limit))
	}
	t.retry = true
	s.past.waited = true
	s.past.backOff.start(s, wait)
}

// again begins another try at once.
func (s *activeStream) again(t *try) {
	s.clearUp(t)
	s.body.rewind()
	s.startTry()
}

// clearUp makes a try that is over ready to be the next one.
func (s *activeStream) clearUp(t *try) {
	if s.hedge != nil {
		s.decide(t)
	}
	s.remember(t.host)
	t.tryState = tryState{}
}

// remember notes the host of a try, so that others come first.
func (s *activeStream) remember(h *upstream.Host) {
	p := &s.past
	if h == nil {
		return
	}
	at := slices.Index(p.tried[:p.ntried], h)
	switch {
	case at >= 0:
	case p.ntried < maxTried:
		at = int(p.ntried)
		p.ntried++
	default: // the oldest is forgotten
		at = 0
	}
	copy(p.tried[at:p.ntried], p.tried[at+1:p.ntried])
	p.tried[p.ntried-1] = h // balancers go on from the last one
}

// tryTimedOut ends a try that took longer than each may.
func (s *activeStream) tryTimedOut(t *try) {
	host := t.host
	t.deadline = 0
	t.cancel(stream.Reset{Reason: stream.TimedOut})
	t.host = host
	s.tryFailed(t, stream.Reset{Reason: stream.TimedOut})
}

// backOff is the wait before a retry.
type backOff struct {
	timer  eventloop.Timer
	stream *activeStream
}

func (b *backOff) start(s *activeStream, d time.Duration) {
	b.stream = s
	s.w.Loop.Schedule(&b.timer, d, b)
}

func (b *backOff) stop(s *activeStream) { s.w.Loop.Cancel(&b.timer) }

// Expired begins the retry.
func (b *backOff) Expired(*eventloop.Timer) {
	s := b.stream
	s.enter()
	if !s.has(committed | responseOver) {
		s.body.rewind()
		s.startTry()
	}
	s.leave()
}

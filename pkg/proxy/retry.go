package proxy

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// tryFailed decides what becomes of a request whose try has failed: another try,
// or an answer that says so.
//
// A request for which provably nothing was done is moved to another one, and that
// does not count as a retry. Beyond that the route's policy decides; and
// what may have been executed is only tried again if it may be executed twice.
func (s *activeStream) tryFailed(r stream.Reset) {
	if s.atDeadline(r) {
		r.Reason = stream.TimedOut
	}
	if s.has(isGRPC) {
		s.noteReset(r)
	}
	s.countFailure(r)
	s.endRetry()
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
		s.failed(r.Reason)
	case s.movable(r):
		s.try.moves++
		s.again()
	case s.retryable(r.Unprocessed) && r.Reason != stream.Overflow && r.Reason != stream.ProtocolError && s.takeRetry():
	default:
		s.failed(r.Reason)
	}
}

// movable tells whether a request goes to another connection, because this one did
// nothing for it. A host that says so may be asked a few times: it takes fewer
// requests at a time than it had said.
func (s *activeStream) movable(r stream.Reset) bool {
	const most = 4
	moves := s.try.moves
	return r.Unprocessed && r.Reason != stream.Overflow && !s.body.lost && (moves == 0 || r.Reason == stream.Refused && moves < most)
}

// failed answers a request whose last try has failed.
func (s *activeStream) failed(r stream.Reason) {
	status, text := statusOf(r)
	s.filters.Reply(filter.Reply{Status: status, Body: text, Flags: flagOf(r)})
}

// retryStatus tries again after a response whose status the route's policy
// names. It returns false if the response is to be passed on.
func (s *activeStream) retryStatus(h *stream.Head, end bool) bool {
	p, status := s.policy(), h.Status
	if p == nil || !p.Status(status) && !s.retryCall(h, end) || s.has(committed) || !s.retryable(h.RPC.Refused) {
		return false
	}
	t := &s.try
	up := t.up
	if !s.reserveRetry() {
		return false
	}
	s.countResponse(status)
	c := s.endTry()
	if !end { // the rest of this response is of no use
		up.Reset(stream.Reset{Reason: stream.Cancelled})
	}
	c.Release()
	s.delayRetry()
	return true
}

// retryable tells whether the policy allows another try.
func (s *activeStream) retryable(unprocessed bool) bool {
	p := s.policy()
	if p == nil || s.body.lost || s.try.retries >= p.Retries {
		if p != nil && s.try.retries >= p.Retries {
			s.info.Flags |= stream.RetriesExhausted
		}
		return false
	}
	if s.req.RPC.Kind == stream.KindOneWay {
		return unprocessed // whoever sends one cannot be told that it came twice
	}
	return unprocessed || p.Idempotent || s.mayRepeat()
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
func (s *activeStream) takeRetry() bool {
	if !s.reserveRetry() {
		return false
	}
	s.delayRetry()
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
func (s *activeStream) delayRetry() {
	t := &s.try
	t.retries++
	limit := s.policy().Delay(t.retries)
	wait := time.Duration(0)
	if limit > 0 {
		wait = time.Duration(s.w.rng.Uint64() % uint64(limit))
	}
	s.remember()
	t.retry = true
	t.waited = true
	t.backOff.start(s, wait)
}

// again begins another try at once.
func (s *activeStream) again() {
	s.remember()
	s.body.rewind()
	s.startTry()
}

// remember notes the host of the try that failed, so that others come first.
func (s *activeStream) remember() {
	t := &s.try
	if t.host != nil {
		t.tried[t.ntried%maxTried] = t.host
		t.ntried = min(t.ntried+1, maxTried)
		t.host = nil
	}
	t.deadline = 0
}

// tryTimedOut ends a try that took longer than each may.
func (s *activeStream) tryTimedOut() {
	s.try.deadline = 0
	host := s.try.host
	s.cancelTry(stream.Reset{Reason: stream.TimedOut})
	s.try.host = host
	s.tryFailed(stream.Reset{Reason: stream.TimedOut})
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

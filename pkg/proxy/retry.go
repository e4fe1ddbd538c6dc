package proxy

import (
	"errors"
	"math"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
)

// failed decides what becomes of a request of which an attempt has failed: another
// attempt, or an answer that says so.
//
// A request for which provably nothing was done is tried again without further ado, as
// gRPC's transparent retries are, and that does not count as a retry. Beyond that the
// route's policy decides; and what may have been executed is only tried again if it may
// be executed twice.
func (a *attempts) failed(t *attempt, r stream.Reset) {
	x := a.x
	if x.call.atDeadline(r) {
		r.Reason = stream.TimedOut
	}
	if x.call.is() {
		x.call.noteReset(r)
	}
	t.recorder().countFailure(r)
	t.endRetry()
	transparent := a.mayMove(t, r)
	if !transparent || r.Reason == stream.ConnectFailed {
		t.noteFailure(r)
	}
	if r.Err != nil {
		x.info.Failure = r.Err.Error()
	} else {
		x.info.Failure = r.Reason.String()
	}
	switch {
	case x.phase == responseOver:
	case errors.Is(r.Err, eventloop.ErrStopped): // the client's connection ends as well
		x.giveUp(r)
	case x.phase >= responseChosen: // filters may hold the response, which will not be whole
		x.failed(r)
	case a.hasRival(t):
		a.past().remember(t.host)
		a.decide(a.other(t))
	case transparent:
		a.move(t, r)
	case triable(r.Reason) && a.retryable(r.Unprocessed) && a.keptForRetry() && a.x.target.beginRetry():
		a.delayRetry(t)
	case a.rival != nil:
		a.useHeld(a.other(t))
	default:
		x.failed(r)
	}
}

// triable reports whether another attempt may bring something else.
func triable(r stream.Reason) bool {
	return !r.Local() && r != stream.ProtocolError
}

// mayMove reports whether a request is retried transparently, on another connection,
// because this one did nothing for it: a few times at most, and to a host that took no
// connection only once more.
func (a *attempts) mayMove(t *attempt, r stream.Reset) bool {
	const most = 4
	if !r.Unprocessed || r.Reason.Local() {
		return false
	}
	p := a.past()
	if p.moves >= most {
		return false
	}
	if r.Reason == stream.ConnectFailed && p.refused { // only to a host that was not tried yet
		p.remember(t.host)
		if h := a.pick(); h == nil || p.has(h) {
			return false
		}
	}
	return a.keptForRetry()
}

// move retries the request transparently.
func (a *attempts) move(t *attempt, r stream.Reset) {
	p := a.past()
	p.moves++
	switch r.Reason {
	case stream.Refused:
	case stream.ConnectFailed:
		p.refused = true
	default:
		p.stale = true
	}
	a.clearUp(t)
	a.body.rewind()
	a.start()
}

// retriable reports whether the route's policy of retries names a response.
func (a *attempts) retriable(h *stream.Head, end bool) bool {
	p := a.x.target.policy()
	return p != nil && !h.RPC.Exception && (p.Status(h.Status) || a.x.call.retriable(h, end, p))
}

// retryStatus tries again after a response that the route's policy names. It
// returns false if the response is to be passed on.
func (a *attempts) retryStatus(t *attempt, h *stream.Head, end bool) bool {
	if !a.retriable(h, end) || a.x.phase >= responseChosen || !a.retryable(h.RPC.Refused) || !a.keptForRetry() {
		return false
	}
	up := t.up
	if !a.x.target.beginRetry() {
		return false
	}
	t.recorder().countAnswer(h, end)
	c := t.end()
	if !end { // the rest of this response is of no use
		up.Reset(stream.Reset{Reason: stream.Cancelled})
	}
	c.Release()
	a.delayRetry(t)
	return true
}

// retryable reports whether the policy allows another attempt, if the request was kept.
func (a *attempts) retryable(unprocessed bool) bool {
	p, x := a.x.target.policy(), a.x
	if p == nil {
		return false
	}
	if a.past().retries >= p.Retries {
		x.info.Flags |= stream.RetriesExhausted
		return false
	}
	if x.req.RPC.Kind == stream.KindOneWay {
		return unprocessed // whoever sends one cannot be told that it came twice
	}
	return unprocessed || p.Idempotent || mayRepeat(x.req)
}

// keptForRetry reports whether a request that is to be tried again is there for it. If
// it was too large to be kept, that is told.
func (a *attempts) keptForRetry() bool {
	x := a.x
	if a.body.tooLarge && x.info.Flags&stream.RequestTooLarge == 0 {
		x.info.Flags |= stream.RequestTooLarge
		x.target.cluster.Stats.RequestRetryTooLarge++
	}
	return !a.body.lost
}

// bodyLimit is how many bytes of a request's body are kept for another attempt.
func bodyLimit(h *stream.Head, p *router.RetryPolicy) int {
	switch {
	case h.RPC.Kind != stream.KindHTTP: // frames are whole anyway
		return math.MaxInt
	case p != nil:
		return p.BufferLimit
	}
	return smallBody
}

// mayRepeat reports whether a request may be executed more than once because of what
// it is: of HTTP, because of its method (RFC 9110, 9.2.2). Of an RPC request nobody
// knows.
func mayRepeat(h *stream.Head) bool {
	if h.RPC.Kind != stream.KindHTTP {
		return false
	}
	switch string(h.Method()) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}

// delayRetry waits a little before the next attempt: a random time, up to a limit
// that doubles with each.
func (a *attempts) delayRetry(t *attempt) {
	a.clearUp(t)
	p := a.past()
	p.retries++
	limit := a.x.target.policy().Delay(p.retries)
	wait := time.Duration(0)
	if limit > 0 {
		wait = time.Duration(a.x.w.rng.Uint64() % uint64(limit))
	}
	t.retry, a.x.target.granted = true, false
	p.wait(a, wait)
}

// clearUp makes an attempt that is over ready to be the next one.
func (a *attempts) clearUp(t *attempt) {
	if a.rival != nil {
		a.decide(t)
	}
	a.past().remember(t.host)
	t.reset()
}

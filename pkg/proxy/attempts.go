package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// attempts is all that is done to have a request answered: the present attempt with a
// host, a rival of it if the request is hedged, what came of the earlier ones, and the
// request's body, which the next one needs as well.
//
// It is told what becomes of an attempt ([attempts.failed], [attempts.answers]), and
// decides: another attempt, the other of two, or what the exchange is to answer.
type attempts struct {
	x        *exchange
	protocol *protocol.Protocol // that hosts are spoken to
	current  *attempt           // that the request depends on
	rival    *attempt           // the other one; nil: there is one only
	spare    *attempt           // the one not in use, once there were two
	history  *history           // nil until an exchange of this memory has needed one
	body     requestBody
	spent    time.Duration // that attempts took
	perTry   time.Duration // asked for by the request; 0: the policy's
	hedgeAt  int64         // when the rival is due, if there is no answer; 0: never
	hedged   bool          // there was a rival
	answered bool          // the host has sent all of its response
	first    attempt
}

// init is called once.
func (a *attempts) init(x *exchange) {
	a.x, a.current = x, &a.first
	a.first.x = x
}

func (a *attempts) begin(p *protocol.Protocol) {
	a.protocol = p
	a.spent, a.perTry, a.hedgeAt, a.hedged, a.answered = 0, 0, 0, false, false
	a.current.reset()
	if a.history != nil {
		a.history.reset()
	}
	a.body.begin(a.x.w.Loop.Buffers(), &a.x.l.kept)
}

// timeout is the time that each attempt may take; 0: no limit of its own.
func (a *attempts) timeout() time.Duration {
	if a.perTry > 0 {
		return a.perTry
	}
	if p := a.x.target.policy(); p != nil {
		return p.PerTry
	}
	return 0
}

// start chooses a host and begins an attempt with it, the only one.
func (a *attempts) start() {
	h := a.pick()
	if h == nil {
		a.x.target.cluster.Stats.NoHost++
		a.x.filters.Reply(filter.Reply{Status: 503, Body: "no host\n", Flags: stream.NoHealthyUpstream})
		return
	}
	a.current.begin(h)
}

// pick chooses a host, nil if there is none; for another attempt one that was not
// tried, if there is one.
func (a *attempts) pick() *upstream.Host {
	t := &a.x.target
	if h := a.history; h != nil && h.nhosts > 0 {
		t.choice.Tried = h.hosts[:h.nhosts]
		if p := a.x.target.policy(); p != nil {
			t.choice.AvoidZone, t.choice.AvoidPriority = p.AvoidZone, p.AvoidPriority
		}
	}
	return t.pick()
}

// send gives an attempt's host what has come of the body. What no host can be given
// yet waits, and is not much.
func (a *attempts) send(t *attempt) {
	x := a.x
	if t.up != nil {
		if a.body.pass(t.up); t.up != nil && a.tunnelOver() {
			t.end().Release()
		}
		return
	}
	if x.phase >= responseChosen {
		a.body.unsent.Clear()
		return
	}
	if a.body.unsent.Len() >= x.cfg.BufferLimit {
		x.hold(pauseUnsent)
	}
}

// sendMore sends what has just come of the body.
func (a *attempts) sendMore() {
	a.current.given()
	a.send(a.current)
	if a.body.complete && a.x.phase < responseChosen { // what is to be done in time begins
		a.current.startTimeout()
		a.armHedge()
	}
}

// tunnelOver reports whether a tunnel that does not have its connection for itself
// has ended both ways.
func (a *attempts) tunnelOver() bool {
	return a.x.has(tunnelling) && a.answered && a.body.ended && a.protocol.Multiplexed
}

// flow makes all hosts send as the response's pauses say.
func (a *attempts) flow() {
	a.current.flow()
	if a.rival != nil {
		a.rival.flow()
	}
}

// due returns when something is to be done in time; 0: never.
func (a *attempts) due() int64 {
	due := earlier(a.current.deadline, a.hedgeAt)
	if a.rival != nil {
		due = earlier(due, a.rival.deadline)
	}
	return due
}

// endLate does what is due, and reports whether that was anything.
func (a *attempts) endLate(now int64) bool {
	late := func(at int64) bool { return at > 0 && now >= at }
	switch {
	case late(a.current.deadline):
		if !a.x.deadlines.putOff(&a.current.deadline, a.timeout()) {
			a.timedOut(a.current)
		}
	case a.rival != nil && late(a.rival.deadline):
		a.timedOut(a.rival)
	case late(a.hedgeAt):
		a.startHedge()
	default:
		return false
	}
	return true
}

// timedOut ends an attempt that took longer than each may.
func (a *attempts) timedOut(t *attempt) {
	host := t.host
	t.deadline = 0
	t.cancel(stream.Reset{Reason: stream.TimedOut})
	t.host = host
	a.failed(t, stream.Reset{Reason: stream.TimedOut})
}

// allTimedOut ends a request that was not answered in time; or answers it as the
// attempt was that holds an answer which might have been bettered.
func (a *attempts) allTimedOut() {
	a.countTimeout()
	if t := a.holding(); t != nil {
		a.other(t).cancel(stream.Reset{Reason: stream.TimedOut})
		a.useHeld(t)
		return
	}
	a.cancel(stream.Reset{Reason: stream.TimedOut})
	a.x.failed(stream.Reset{Reason: stream.TimedOut})
}

// countTimeout counts that the attempts under way are ended because of the time.
func (a *attempts) countTimeout() {
	for _, t := range [2]*attempt{a.current, a.rival} {
		if t != nil && t.state != attemptHeld && !t.clientLate() {
			t.recorder().countFailure(stream.Reset{Reason: stream.TimedOut})
			t.noteFailure(stream.Reset{Reason: stream.TimedOut})
		}
	}
}

// cancel ends what is done to have the request answered.
func (a *attempts) cancel(r stream.Reset) {
	a.x.target.wait.cancel()
	if a.history != nil {
		a.history.stop(a.x.w.Loop)
	}
	if a.rival != nil {
		a.decide(a.current)
	}
	a.current.cancel(r)
}

// addTime adds an attempt's time to that of all. Of two at a time, it is added once.
func (a *attempts) addTime(t *attempt, now int64) {
	other := a.other(t)
	if other != nil && other.conn != nil {
		other.since = min(other.since, t.since)
		return
	}
	a.spent += time.Duration(now - t.since)
	if other != nil {
		other.since = now
	}
}

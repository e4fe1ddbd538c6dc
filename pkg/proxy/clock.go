package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// startClock sets the stream's timer for what is due first: the response, once
// the request is complete (one to upgrade is with its head), or any movement at
// all. Movement itself does not set the timer anew: when it runs out, it is looked
// at whether the time has really passed, and whether a slow peer has taken something
// (progress.go).
func (s *activeStream) startClock() {
	if s.timeout > 0 && s.deadline == 0 && (s.has(requestOver) || s.req.Opaque) {
		s.deadline = s.w.Loop.Now() + int64(s.timeout)
	}
	s.setTimer()
}

// due returns when the stream's timer is to run out; 0: never.
func (s *activeStream) due() int64 {
	due := int64(0)
	earlier := func(at int64) {
		if at > 0 && (due == 0 || at < due) {
			due = at
		}
	}
	if s.times.StreamIdle > 0 {
		earlier(s.moved + int64(s.times.StreamIdle))
	}
	if s.looks.next > 0 {
		earlier(s.looks.next)
	} else if s.owesRequest() {
		earlier(s.moved + int64(stallLimit))
	}
	if !s.has(committed) {
		earlier(s.deadline)
		earlier(s.try.deadline)
		earlier(s.hedgeAt)
		if s.hedge != nil {
			earlier(s.hedge.deadline)
		}
	}
	earlier(s.callEnds)
	earlier(s.requestDue())
	return due
}

// requestDue returns when the whole request must have come; 0: never, as for one
// that became a tunnel.
func (s *activeStream) requestDue() int64 {
	if s.times.Request == 0 || s.has(requestOver|tunnelling) {
		return 0
	}
	return s.start + int64(s.times.Request)
}

// setTimer makes the timer run out when something is due, or before: it is not set
// later than it is, and not stopped with the stream, because most streams are over
// long before, and the next one can use it.
func (s *activeStream) setTimer() {
	due := s.due()
	if due == 0 || s.timer.Set() && s.timerAt <= due {
		return
	}
	s.timerAt = due
	s.w.Loop.Schedule(&s.timer, time.Duration(due-s.w.Loop.Now()), s)
}

// Expired ends what has taken too long.
func (s *activeStream) Expired(*eventloop.Timer) {
	if s.conn == nil || s.has(finished) { // set for a stream that is over
		return
	}
	s.enter()
	now := s.w.Loop.Now()
	late := func(at int64) bool { return at > 0 && now >= at }
	switch {
	case s.has(responseOver):
	case s.looks.next != 0:
		s.keepLooking(now)
	case s.owesRequest() && late(s.moved+int64(stallLimit)):
		s.beginLooks(s.moved)
	}
	switch {
	case s.has(responseOver):
	case late(s.callEnds):
		s.countTimeout()
		s.failed(stream.Reset{Reason: stream.TimedOut})
	case !s.has(committed) && late(s.deadline):
		if !s.putOff(&s.deadline, s.timeout) {
			s.triesTimedOut()
		}
	case !s.has(committed) && late(s.try.deadline):
		if !s.putOff(&s.try.deadline, s.perTry()) {
			s.tryTimedOut(s.try)
		}
	case !s.has(committed) && s.hedge != nil && late(s.hedge.deadline):
		s.tryTimedOut(s.hedge)
	case !s.has(committed) && late(s.hedgeAt):
		s.startHedge()
	case s.stalls(now):
		s.endStalled()
	case s.idle(now), late(s.requestDue()):
		s.stalled()
	}
	if !s.has(responseOver) {
		s.setTimer()
	}
	s.leave()
}

// stalled ends a request on which nothing moves. A client that does not send its
// request is told so; one that waits for a response learns that there is none.
func (s *activeStream) stalled() {
	s.info.Flags |= stream.StreamIdleTimeout
	switch {
	case s.has(responseBegun):
		takesNothing := s.pauses&pauseDownstream != 0 && !s.proto.Multiplexed
		s.breakResponse()
		if takesNothing { // and would not take what came before the end either
			s.conn.io.Abort()
		}
	case !s.has(requestOver) && s.pauses&pausesRequest == 0:
		s.cancelTries(stream.Reset{Reason: stream.TimedOut})
		s.filters.Reply(filter.Reply{Status: 408, Body: "the request did not arrive in time\n"})
	default:
		s.countTimeout()
		s.cancelTries(stream.Reset{Reason: stream.TimedOut})
		s.filters.Reply(filter.Reply{Status: 504, Body: "the upstream did not answer in time\n"})
	}
}

// triesTimedOut ends a request that was not answered in time; or answers it as the
// try was that has an answer which might have been bettered.
func (s *activeStream) triesTimedOut() {
	s.countTimeout()
	if t := s.parkedTry(); t != nil {
		s.besides(t).cancel(stream.Reset{Reason: stream.TimedOut})
		s.settleFor(t)
		return
	}
	s.cancelTries(stream.Reset{Reason: stream.TimedOut})
	s.failed(stream.Reset{Reason: stream.TimedOut})
}

// countTimeout counts that the tries under way are ended because of the time.
func (s *activeStream) countTimeout() {
	for _, t := range [2]*try{s.try, s.hedge} {
		if t != nil && !t.parked && !t.clientLate() {
			t.countFailure(stream.Reset{Reason: stream.TimedOut})
			t.noteFailure(stream.Reset{Reason: stream.TimedOut})
		}
	}
}

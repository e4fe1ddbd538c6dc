package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// deadlines are when an exchange is to be looked at because of the time: one timer
// for whatever is due first. All times are on the loop's clock, and 0 is never.
type deadlines struct {
	x       *exchange
	limits  *protocol.Timeouts
	timer   eventloop.Timer
	timerAt int64 // when it runs out
	start   int64 // when the request began

	timeout  time.Duration // for the response to begin once the request is over; 0: none
	response int64         // when it is to have begun
	call     int64         // of a gRPC call: when the response is to be over
	moved    int64         // when something last moved

	progress *progress // nil until it is looked for the first time
	stalling bool      // the client keeps the exchange waiting, and its connection counts it
}

func (d *deadlines) begin(limits *protocol.Timeouts, now int64) {
	d.limits, d.start = limits, now
	d.timeout, d.response, d.call, d.moved = 0, 0, 0, now
	if d.progress != nil {
		d.progress.next, d.progress.late = 0, 0
	}
}

// startResponse begins the time for the response, once the request is complete (one
// to upgrade is with its head). Movement does not set the timer anew: when it runs
// out, it is looked at whether the time has really passed, and whether a slow peer has
// taken something (progress.go).
func (d *deadlines) startResponse() {
	if d.timeout > 0 && d.response == 0 && (d.x.has(requestOver) || d.x.req.Opaque) {
		d.response = d.now() + int64(d.timeout)
	}
	d.set()
}

func (d *deadlines) now() int64 { return d.x.w.Loop.Now() }

// earlier returns the earlier of two times.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// due returns when the timer is to run out.
func (d *deadlines) due() int64 {
	x, due := d.x, d.call
	if d.limits.StreamIdle > 0 {
		due = earlier(due, d.moved+int64(d.limits.StreamIdle))
	}
	if d.looking() {
		due = earlier(due, d.progress.next)
	} else if d.owesRequest() {
		due = earlier(due, d.moved+int64(stallLimit))
	}
	if x.phase < responseChosen {
		due = earlier(due, earlier(d.response, x.attempts.due()))
	}
	return earlier(due, d.request())
}

// request returns when the whole request must have come; never, as for one that
// became a tunnel.
func (d *deadlines) request() int64 {
	if d.limits.Request == 0 || d.x.has(requestOver|tunnelling) {
		return 0
	}
	return d.start + int64(d.limits.Request)
}

// set makes the timer run out when something is due, or before: it is not set later
// than it is, and not stopped with the exchange, because most are over long before,
// and the next one can use it.
func (d *deadlines) set() {
	due := d.due()
	if due == 0 || d.timer.Set() && d.timerAt <= due {
		return
	}
	d.timerAt = due
	d.x.w.Loop.Schedule(&d.timer, time.Duration(due-d.now()), d)
}

// Expired ends what has taken too long.
func (d *deadlines) Expired(*eventloop.Timer) {
	x := d.x
	if x.conn == nil || x.has(finished) { // set for an exchange that is over
		return
	}
	x.enter()
	now := d.now()
	if x.phase < responseOver {
		d.lookIfDue(now)
	}
	if x.phase < responseOver {
		d.endLate(now)
	}
	if x.phase < responseOver {
		d.set()
	}
	x.leave()
}

// lookIfDue looks for progress, if it is time to.
func (d *deadlines) lookIfDue(now int64) {
	switch {
	case d.looking():
		d.keepLooking(now)
	case d.owesRequest() && now >= d.moved+int64(stallLimit):
		d.beginLooks(d.moved)
	}
}

// endLate ends what is late.
func (d *deadlines) endLate(now int64) {
	x := d.x
	late := func(at int64) bool { return at > 0 && now >= at }
	switch {
	case late(d.call):
		x.attempts.countTimeout()
		x.failed(stream.Reset{Reason: stream.TimedOut})
	case x.phase < responseChosen && late(d.response):
		if !d.putOff(&d.response, d.timeout) {
			x.attempts.allTimedOut()
		}
	case x.phase < responseChosen && x.attempts.endLate(now):
	case d.stalls(now):
		d.endStalled()
	case d.idle(now), late(d.request()):
		d.stalled()
	}
}

// stalled ends a request on which nothing moves. A client that does not send its
// request is told so; one that waits for a response learns that there is none.
func (d *deadlines) stalled() {
	x := d.x
	x.info.Flags |= stream.StreamIdleTimeout
	switch {
	case x.phase >= responseBegun:
		takesNothing := x.pauses&pauseDownstream != 0 && !x.proto.Multiplexed
		x.breakResponse()
		if takesNothing { // and would not take what came before the end either
			x.conn.io.Abort()
		}
	case !x.has(requestOver) && x.pauses&pausesRequest == 0:
		x.attempts.cancel(stream.Reset{Reason: stream.TimedOut})
		x.filters.Reply(filter.Reply{Status: 408, Body: "the request did not arrive in time\n"})
	default:
		x.attempts.countTimeout()
		x.attempts.cancel(stream.Reset{Reason: stream.TimedOut})
		x.filters.Reply(filter.Reply{Status: 504, Body: "the upstream did not answer in time\n"})
	}
}

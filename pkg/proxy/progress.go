package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
)

// What comes in shows that a stream moves. What leaves does not: weir has done its part
// long before a slow peer has taken it. So as long as a side is paused because the
// other one is slow, and before a stream is given up, it is looked once in a while how
// much has left.

// lookInterval is the time between two looks.
const lookInterval = time.Second

// progress is what is known of an exchange's peers' progress.
type progress struct {
	next   int64 // when it is looked next; 0: it is not
	client peerProgress
	host   peerProgress
	came   uint64 // of the request's body, at the last look
	late   uint64 // how much the host had taken when the time for its response was put off last; 0: it was not
	since  int64  // since when fewer than leastProgress bytes of the client's have moved
	moved  uint64 // since then
}

// looking reports whether it is looked once in a while.
func (d *deadlines) looking() bool { return d.progress != nil && d.progress.next != 0 }

// looks returns what is known of the peers' progress.
func (d *deadlines) looks() *progress {
	if d.progress == nil {
		d.progress = new(progress)
	}
	return d.progress
}

// peerProgress is how far a peer had come with what is sent to it when it was looked last.
type peerProgress struct {
	left  uint64 // bytes of the stream that had left it for the connection
	taken uint64 // bytes of the connection that the peer's system had confirmed
	end   uint64 // where in the bytes of the connection those of the stream end
}

// step returns how many bytes have moved since the last look. left is how many have
// left the stream so far; behind tells that more of it waits for the connection alone.
func (p *peerProgress) step(left uint64, behind bool, io *eventloop.Conn) uint64 {
	before := *p
	p.left, p.taken = left, io.Taken()
	if left != before.left || behind {
		p.end = io.WriteOffset()
	}
	switch until := min(p.taken, p.end); {
	case left > before.left:
		return left - before.left
	case until > before.taken:
		return until - before.taken
	}
	return 0
}

// watch begins to look, if it is not done yet.
func (d *deadlines) watch() {
	if !d.looking() {
		d.beginLooks(d.now())
		d.set()
	}
}

// beginLooks takes the first look. since is from when on nothing of the client's is
// known to have moved.
func (d *deadlines) beginLooks(since int64) {
	l := d.looks()
	d.look()
	l.client.end = d.x.conn.io.WriteOffset()
	if t := d.x.attempts.current; t.conn != nil {
		l.host.end = t.conn.WriteOffset()
	}
	l.since, l.moved = since, 0
	l.next = d.now() + int64(d.lookInterval())
}

func (d *deadlines) lookInterval() time.Duration {
	if idle := d.limits.StreamIdle; idle > 0 {
		return lookEvery(idle)
	}
	return lookInterval
}

// look returns how many bytes the client, and the host, have moved since the last look.
func (d *deadlines) look() (client, host uint64) {
	l := d.looks()
	if d.x.phase < responseOver {
		n, behind := queued(d.x.down)
		client = l.client.step(d.x.info.BytesSent-uint64(n), behind, d.x.conn.io)
	}
	client += d.x.info.BytesReceived - l.came
	l.came = d.x.info.BytesReceived
	if t := d.x.attempts.current; t.conn != nil {
		n, behind := queued(t.up)
		host = l.host.step(d.x.info.BytesReceived-uint64(d.x.attempts.body.unsent.Len()+n), behind, t.conn.Socket())
	}
	return client, host
}

// putOff puts a deadline of the response off if the host is still taking the request,
// most of which the system may have: it is given the full time once it has all of it.
// That is only known of a connection that the request has for itself.
func (d *deadlines) putOff(deadline *int64, full time.Duration) bool {
	t := d.x.attempts.current
	if t.conn == nil || d.x.attempts.protocol.Multiplexed || d.x.attempts.rival != nil {
		return false
	}
	l, io, now := d.looks(), t.conn.Socket(), d.now()
	taken := io.Taken()
	switch {
	case taken == l.late: // nothing since it was put off
		return false
	case io.Untaken() > 0:
		*deadline = now + int64(takeInterval)
	case l.late == 0: // it has had it all the time
		return false
	default:
		*deadline = now + int64(full)
	}
	l.late = taken
	return true
}

// takeInterval is in what time a host must take something of a request to be waited
// for.
const takeInterval = 5 * time.Second

func queued(e stream.End) (n int, onConnection bool) {
	if q, ok := e.(stream.Queue); ok {
		return q.Queued()
	}
	return 0, false
}

// keepLooking takes the look that is due, and goes on as long as a side is paused
// because the other one is slow.
func (d *deadlines) keepLooking(now int64) {
	l := d.looks()
	client, host := d.look()
	if client+host > 0 {
		d.moved = now
	}
	if l.moved += client; l.moved >= leastProgress || !d.keepsWaiting() {
		l.since, l.moved = now, 0
	}
	l.next = 0
	if d.x.pauses&(pauseDownstream|pauseUpstream) != 0 || d.owesRequest() || d.quiet(now) {
		l.next = now + int64(d.lookInterval())
	}
}

// quiet reports whether nothing is known to have moved for too long.
func (d *deadlines) quiet(now int64) bool {
	limit := int64(d.limits.StreamIdle)
	return limit > 0 && now >= d.moved+limit
}

// idle reports whether nothing has moved for too long. Where something waits to be
// taken by a peer at which it was not looked lately, it is: one look tells nothing.
func (d *deadlines) idle(now int64) bool {
	switch {
	case !d.quiet(now):
		return false
	case d.looking() || !d.outstanding():
		return true
	}
	d.beginLooks(d.moved)
	return false
}

// outstanding reports whether something is on its way to a peer that has not taken it.
func (d *deadlines) outstanding() bool {
	if n, _ := queued(d.x.down); n > 0 || d.x.conn.io.WriteOffset() > d.x.conn.io.Taken() {
		return true
	}
	t := d.x.attempts.current
	if t.conn == nil {
		return false
	}
	n, _ := queued(t.up)
	io := t.conn.Socket()
	return n > 0 || io.WriteOffset() > io.Taken()
}

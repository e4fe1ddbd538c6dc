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

// progress is how far a peer had come with what is sent to it when it was looked last.
type progress struct {
	left  uint64 // bytes of the stream that had left it for the connection
	taken uint64 // bytes of the connection that the peer's system had confirmed
	end   uint64 // where in the bytes of the connection those of the stream end
}

// step returns how many bytes have moved since the last look. left is how many have
// left the stream so far; behind tells that more of it waits for the connection alone.
func (p *progress) step(left uint64, behind bool, io *eventloop.Conn) uint64 {
	before := *p
	p.left, p.taken = left, io.Taken()
	if left != before.left || behind {
		p.end = io.Position()
	}
	switch until := min(p.taken, p.end); {
	case left > before.left:
		return left - before.left
	case until > before.taken:
		return until - before.taken
	}
	return 0
}

// looks is what a stream knows of its peers' progress.
type looks struct {
	next  int64 // when it is looked next; 0: it is not
	down  progress
	up    progress
	came  uint64 // of the request's body, at the last look
	late  uint64 // how much the host had taken when the time for its response was put off last; 0: it was not
	since int64  // since when fewer than leastProgress bytes of the client's have moved
	moved uint64 // since then
}

// watch begins to look, if it is not done yet.
func (s *activeStream) watch() {
	if s.looks.next == 0 {
		s.beginLooks(s.w.Loop.Now())
		s.setTimer()
	}
}

// beginLooks takes the first look. since is from when on nothing of the client's is
// known to have moved.
func (s *activeStream) beginLooks(since int64) {
	l := &s.looks
	s.look()
	l.down.end = s.conn.io.Position()
	if t := s.try; t.conn != nil {
		l.up.end = t.conn.Position()
	}
	l.since, l.moved = since, 0
	l.next = s.w.Loop.Now() + int64(s.lookInterval())
}

func (s *activeStream) lookInterval() time.Duration {
	if idle := s.times.StreamIdle; idle > 0 {
		return min(lookInterval, max(idle/4, 10*time.Millisecond))
	}
	return lookInterval
}

// look returns how many bytes the client, and the host, have moved since the last look.
func (s *activeStream) look() (client, host uint64) {
	l := &s.looks
	if !s.has(responseOver) {
		n, behind := queued(s.down)
		client = l.down.step(s.info.BytesSent-uint64(n), behind, s.conn.io)
	}
	client += s.info.BytesReceived - l.came
	l.came = s.info.BytesReceived
	if t := s.try; t.conn != nil {
		n, behind := queued(t.up)
		host = l.up.step(s.info.BytesReceived-uint64(s.body.unsent.Len()+n), behind, t.conn.Socket())
	}
	return client, host
}

// putOff puts a deadline of the response off if the host is still taking the request,
// most of which the system may have: it is given the full time once it has all of it.
// That is only known of a connection that the request has for itself.
func (s *activeStream) putOff(deadline *int64, full time.Duration) bool {
	t := s.try
	if t.conn == nil || s.speaks.Multiplexed || s.hedge != nil {
		return false
	}
	l, io, now := &s.looks, t.conn.Socket(), s.w.Loop.Now()
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
func (s *activeStream) keepLooking(now int64) {
	l := &s.looks
	client, host := s.look()
	if client+host > 0 {
		s.moved = now
	}
	if l.moved += client; l.moved >= leastProgress || !s.keepsWaiting() {
		l.since, l.moved = now, 0
	}
	l.next = 0
	if s.pauses&(pauseDownstream|pauseUpstream) != 0 || s.owesRequest() || s.quiet(now) {
		l.next = now + int64(s.lookInterval())
	}
}

// quiet reports whether nothing is known to have moved for too long.
func (s *activeStream) quiet(now int64) bool {
	limit := int64(s.times.StreamIdle)
	return limit > 0 && now >= s.moved+limit
}

// idle reports whether nothing has moved for too long. Where something waits to be
// taken by a peer at which it was not looked lately, it is: one look tells nothing.
func (s *activeStream) idle(now int64) bool {
	switch {
	case !s.quiet(now):
		return false
	case s.looks.next != 0 || !s.outstanding():
		return true
	}
	s.beginLooks(s.moved)
	return false
}

// outstanding reports whether something is on its way to a peer that has not taken it.
func (s *activeStream) outstanding() bool {
	if n, _ := queued(s.down); n > 0 || s.conn.io.Position() > s.conn.io.Taken() {
		return true
	}
	t := s.try
	if t.conn == nil {
		return false
	}
	n, _ := queued(t.up)
	io := t.conn.Socket()
	return n > 0 || io.Position() > io.Taken()
}

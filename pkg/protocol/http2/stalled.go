package http2

import "github.com/weirproxy/weir/pkg/stream"

// Stalled reports whether responses wait for the client that are over for who gave them.
func (c *ServerConn) Stalled() bool { return c.streams.count > c.streams.live }

// ResetStalled resets the streams of such responses with which the client has not come any
// further since a time.
func (c *ServerConn) ResetStalled(since int64, t stream.Taken) {
	c.moved = max(c.moved, t.Moved)
	stalled := func(s *h2stream) bool {
		return s.peer == nil && s.out.queue.Len() > 0 && s.lastMoved(t) <= since
	}
	for s := c.streams.find(stalled); s != nil && !c.closing(); s = c.streams.find(stalled) {
		s.abandon(Cancel, stream.Reset{Reason: stream.TimedOut})
	}
}

// lastMoved is when the client was last seen to come any further with what waits in a
// stream.
func (s *h2stream) lastMoved(t stream.Taken) int64 {
	d, now := &s.conn.send, s.conn.now()
	last := s.out.sent.seen(t, now)
	if s.out.window <= 0 { // nothing but its window can make it go on
		return last
	}
	last = max(last, d.sent.seen(t, now)) // it waits for its turn
	if d.window > 0 {                     // and what leaves does so as the client takes it
		last = max(last, t.Moved)
	}
	return last
}

// lastSent is when something was last sent, or began to wait. Once that is known to have
// been taken, it is when that was seen, and negative.
type lastSent int64

// time is when that was.
func (l lastSent) time() int64 { return max(int64(l), -int64(l)) }

// seen is when the peer was last seen to come any further. What it has not taken yet it
// cannot answer by opening a window; as long as it takes anything of the connection, it
// comes nearer to that.
func (l *lastSent) seen(t stream.Taken, now int64) int64 {
	if *l >= 0 && int64(*l) < t.Until {
		*l = lastSent(-now)
	}
	if *l < 0 {
		return l.time()
	}
	return max(l.time(), t.Moved)
}

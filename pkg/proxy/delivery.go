package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// delivery is how far a client is known to have come with what is sent to it, as of the
// last look. What leaves weir may wait in the system's buffers for minutes: neither is
// a client stalled that takes it slowly, nor can it answer what it has not got.
type delivery struct {
	known stream.Taken
	taken uint64 // bytes that the client had taken
	// What was sent until markedAt ends at mark, and is known to have been taken once
	// that is reached.
	mark     uint64
	markedAt int64
}

// look takes a look: so many bytes were taken of those that are sent so far.
func (d *delivery) look(now int64, taken, sent uint64) stream.Taken {
	if taken > d.taken {
		d.taken, d.known.Moved = taken, now
	}
	switch {
	case taken >= sent:
		d.known.Until = now
	case taken >= d.mark:
		d.known.Until = d.markedAt
	default:
		return d.known
	}
	d.mark, d.markedAt = sent, now
	return d.known
}

// watchWaiting makes sure that the timer will look at responses that wait for a
// client that does not take them.
func (c *downConn) watchWaiting() {
	if c.proto == nil || !c.proto.Multiplexed || c.proto.RPC {
		return
	}
	idle := c.l.timeouts(c.proto).StreamIdle
	r := c.codec.Features().StallResetter
	if r == nil || idle == 0 || !r.Stalled() {
		return
	}
	now := c.l.worker.Loop.Now()
	if c.delivery == nil {
		c.delivery = &delivery{known: stream.Taken{Moved: now}}
		c.delivery.look(now, c.io.Taken(), c.io.WriteOffset())
	}
	if next := lookEvery(idle); !c.timer.Set() || c.timer.at > now+int64(next) {
		c.wake(next)
	}
}

// lookEvery is the time between two looks at what may be idle for so long.
func lookEvery(idle time.Duration) time.Duration {
	return min(lookInterval, max(idle/4, 10*time.Millisecond))
}

// reap gives such responses up that wait for too long.
func (c *downConn) reap() {
	idle := c.l.timeouts(c.proto).StreamIdle
	r := c.codec.Features().StallResetter
	if r == nil || idle == 0 {
		return
	}
	if !r.Stalled() {
		c.delivery = nil
		return
	}
	if now := c.l.worker.Loop.Now(); c.delivery != nil {
		r.ResetStalled(now-int64(idle), c.delivery.look(now, c.io.Taken(), c.io.WriteOffset()))
	}
}

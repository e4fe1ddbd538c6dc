package upstream

import (
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// slowConnect is after how long without a connection the requests that wait for it
// look for another host, and the host is avoided if it has no other: sooner than a
// lost SYN is sent again, which takes a second, and later than any network takes.
const slowConnect = 500 * time.Millisecond

// watch sets the timer for what is due first: the end of an idle connection, a
// heartbeat, or a look at what is sent.
func (c *Conn) watch() {
	wait := time.Duration(-1)
	if c.idle && c.mayIdle() {
		wait = max(c.patience(), 0)
	}
	wait = c.dueIn(c.pulse.probeAt, wait)
	wait = c.dueIn(c.progress.lookAt, wait)
	loop := c.host.cluster.env.Loop
	if wait < 0 {
		loop.Cancel(&c.timer)
		return
	}
	loop.Schedule(&c.timer, wait, c)
}

// Expired does what is due.
func (c *Conn) Expired(*eventloop.Timer) {
	h := c.host
	switch now := c.now(); {
	case c.dialing:
		c.slow()
		return
	case c.idle && c.stale():
		c.notIdle()
		c.io.CloseNow()
		return
	case c.waitedEnough(now):
		h.mute = true
		c.proved()
		return
	case !c.pulseDue(now):
		h.cluster.Stats.ConnectionSilent++
		h.Stats.ConnectionSilent++
		c.io.CloseWith(errSilent)
		return
	default:
		c.lookDue(now)
	}
	if !c.ended {
		c.watch()
	}
}

// slow lets those who wait for the connection turn to other hosts. It goes on being
// made.
func (c *Conn) slow() {
	h := c.host
	if h.conns == 0 {
		h.avoid(unreachable, c.key, 0)
	} else {
		h.turnAway()
	}
	if c.dialing { // for those who come to wait
		h.cluster.env.Loop.Schedule(&c.timer, slowConnect, c)
	}
}

package upstream

import (
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/stream"
)

// Host is one worker's view of a host, with its pool of connections. A connection
// carries one stream at a time; the one used last is used next, so that those
// beyond what the traffic needs become idle and are closed.
//
//	dial -> (dialing) -> Connected -> a waiting request, or idle
//	idle -> Acquire -> Open ... Release -> a waiting request, or idle
//	any  -> Closed
//
// Whenever more requests wait than connections are being made, the limit of
// connections is the reason, and the host is in its cluster's list of the hungry.
type Host struct {
	*HostSpec
	Stats       *metrics.HostStats
	links[Host] // in the cluster's list of the hungry

	cluster *Cluster
	active  int // streams under way
	conns   int // connections that stand
	dialing int // connections that are being made
	idle    list[Conn, *Conn]
	waiting list[Pending, *Pending]
	hungry  bool
	retired bool
}

// Acquire returns an idle connection to the host, or nil.
func (h *Host) Acquire() *Conn {
	for h.idle.n > 0 {
		c := h.idle.last
		c.notIdle()
		if c.usable() && !c.stale() {
			return c
		}
		c.io.CloseNow()
	}
	return nil
}

// dialMore makes a connection for every place in the queue, as far as the limit
// allows.
func (h *Host) dialMore() error {
	c := h.cluster
	for h.dialing < h.waiting.n {
		if !h.slot() {
			return nil
		}
		if err := h.dial(); err != nil {
			c.Limits.release()
			return err
		}
	}
	return nil
}

// slot takes a slot for a connection. If it returns false, the host is hungry.
func (h *Host) slot() bool {
	c := h.cluster
	if c.Limits.connections.take(1) {
		return true
	}
	c.Stats.ConnectionOverflow++
	h.hunger()
	if c.idle > 0 { // to another host, or one that the request must not use
		c.shed(c.env.Worker)
		return false
	}
	return c.Limits.want(c.env.Worker)
}

func (h *Host) hunger() {
	if !h.hungry {
		h.hungry = true
		h.cluster.hungry.push(h)
	}
}

func (h *Host) unhunger() {
	c := h.cluster
	h.hungry = false
	c.hungry.remove(h)
	if c.hungry.n == 0 {
		c.Limits.sated(c.env.Worker)
	}
}

// settle restores the rule that who waits has a connection coming, or is hungry,
// after a connection was of no use to those it was made for.
func (h *Host) settle() {
	if c := h.cluster; h.waiting.n > h.dialing && !h.hungry {
		h.hunger()
		if c.Limits.want(c.env.Worker) {
			c.spend()
		}
	}
}

// fed notes that the host may not be hungry any more.
func (h *Host) fed() {
	if h.hungry && h.waiting.n <= h.dialing {
		h.unhunger()
	}
}

// dial makes a connection, for which a slot was taken.
func (h *Host) dial() error {
	cl := h.cluster
	c := &Conn{host: h, id: cl.env.NextID(), dialing: true, heir: noHeir, jitter: uint16(cl.env.Rand())}
	io, err := cl.env.Loop.Dial(&h.addr, &cl.Dial, c)
	if err != nil {
		h.Stats.ConnectionConFail++
		cl.Stats.ConnectionConFail++
		return err
	}
	c.io = io
	c.codec = cl.env.Codec(io)
	h.dialing++
	cl.env.conns++
	cl.Limits.seats[cl.env.Worker].held.Add(1)
	h.fed()
	return nil
}

// refuse tells those for whom no connection is being made that none can be made:
// the host does not take connections, and trying for one after the other would
// only keep them waiting.
func (h *Host) refuse(err error) {
	for n := h.waiting.n - h.dialing; n > 0 && h.waiting.n > h.dialing; n-- {
		p := h.waiting.first
		w := p.waiter
		h.Forget(p)
		w.Unconnected(stream.Reset{Reason: stream.ConnectFailed, Unprocessed: true, Err: err})
	}
}

// free takes a connection back that has no stream, and gives it to who waits.
func (h *Host) free(c *Conn) {
	switch {
	case !c.io.Alive(): // it ends once what waits is written
	case !c.usable() || h.cluster.Limits.connections.exceeded():
		c.io.CloseNow()
	case h.waiting.n > 0:
		if heir, ok := h.yields(); ok {
			c.bequeath(heir)
			return
		}
		p := h.waiting.first
		w := p.waiter
		h.Forget(p)
		w.Connected(c)
	case h.retired:
		c.io.CloseNow()
	default:
		c.keep()
		if h.cluster.Limits.hungry.Load() > 0 {
			h.cluster.relieve()
		}
	}
}

// yields tells whether a connection that requests wait for is given up, because
// another worker has fewer, or because another worker or host has none; in the
// latter case every other time.
func (h *Host) yields() (heir int, ok bool) {
	c := h.cluster
	if c.Limits.hungry.Load() <= 0 {
		return 0, false
	}
	c.turns++
	share := c.turns%2 == 0
	if heir, ok = c.Limits.claimPoor(c.env.Worker, share); ok {
		return heir, true
	}
	if other := c.hungry.first; share && other != nil && other != h && other.conns+other.dialing == 0 {
		return c.env.Worker, true
	}
	return 0, false
}

// retire closes idle connections now and the others when they become idle. Who
// waits still gets one.
func (h *Host) retire() {
	h.retired = true
	for h.idle.n > 0 {
		c := h.idle.first
		c.notIdle()
		c.io.CloseNow()
	}
}

// rearm makes idle connections keep to an idle timeout that has changed.
func (h *Host) rearm() {
	for c := h.idle.first; c != nil; c = c.next {
		c.watch()
	}
}

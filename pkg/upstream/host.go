package upstream

import (
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Host is one worker's view of a host, with its pool of connections. A connection
// carries one stream at a time, or, if its protocol is multiplexed, many; the one
// used last is used next, so that those beyond what the traffic needs become idle
// and are closed. Connections of several protocols are one pool, because they
// share the limit.
//
//	dial   -> (dialing, handshake) -> Connected -> waiting requests, or idle
//	idle   -> Acquire -> Open ... Release -> a waiting request, or idle
//	shared -> Acquire -> Open ... Release -> waiting requests, or, without streams, idle
//	any    -> Closed
//
// Whenever more requests wait than connections that are being made will do for,
// the limit of connections is the reason, and the host is in its cluster's list of
// the hungry; or they wait for room on a shared connection.
type Host struct {
	*members.Host
	Stats       *metrics.HostStats
	links[Host] // in the cluster's list of the hungry

	cluster *Cluster
	// What choosing looks at stands together, for the processor's cache.
	active  int // streams and raw connections under way
	waiting list[Pending, *Pending]
	ewma    ewma
	conns   int // connections that stand
	dialing int // connections that are being made
	coming  int // requests for which they will do
	idle    list[Conn, *Conn]
	shared  list[Conn, *Conn] // with streams under way, and perhaps room for more
	hungry  bool
	retired bool
	round   uint32 // how often those who wait were told that there is no connection
	// width is how many streams a connection takes, as the host last said; 0: it has
	// not.
	width     int
	addr      eventloop.Addr
	ill       bool       // it takes no requests, as far as others do
	doubted   int        // connections that are suspected
	mute      bool       // it has let a new connection wait for a sign of it for too long
	avoided   *avoidance // nil: it is not
	goodbyeAt int64      // when it said last that it goes
	goodbyes  int        // how often it has, on connections that had done next to nothing
	original  bool       // of an ORIGINAL_DST cluster
	asked     int64      // when it was chosen last, if it is
	outcomes  outlier.Local
}

// addressOf returns where a host is.
func addressOf(m *members.Host) eventloop.Addr {
	if m.Addr.IsValid() {
		return eventloop.AddrFrom(m.Addr)
	}
	a, err := eventloop.ParseAddr(m.Address)
	if err != nil { // sources deliver addresses; dialling will fail, and say so
		return eventloop.Addr{}
	}
	return a
}

// label is what statistics call the host.
func (h *Host) label() string {
	if h.original {
		return "original_dst"
	}
	return h.Address
}

// adopt takes on what a set says of the host. It returns false if it is no member
// any more.
func (h *Host) adopt(set *members.Set) bool {
	m := set.Hosts[h.Slot]
	if m == nil || m != h.Host && !m.Same(h.Host) {
		return false
	}
	h.Host = m
	if ill := !set.State(h.Slot).Takes(); ill != h.ill {
		h.ill = ill
		if ill {
			h.closeIdle()
		}
	}
	return true
}

// Acquire returns a connection to the host of a key that has room for
// a stream, or nil.
func (h *Host) Acquire(key PoolKey) *Conn {
	if c := h.roomiest(key); c != nil {
		return c
	}
	for c := h.idle.last; c != nil; {
		before := c.prev
		if c.key == key && c.doubt == trusted {
			c.notIdle()
			if c.usable() && !c.stale() {
				return c
			}
			c.finish()
		}
		c = before
	}
	return nil
}

// roomiest returns a shared connection that has room for a stream: of RPC protocols
// the one used last, because their requests are short; of others the one with the
// fewest streams, because some streams last, and are to be spread.
func (h *Host) roomiest(key PoolKey) *Conn {
	var best *Conn
	for c := h.shared.last; c != nil; c = c.prev {
		if c.key != key || best != nil && best.streams <= c.streams || !c.usable() {
			continue
		}
		if best = c; key.Protocol.RPC {
			break
		}
	}
	return best
}

// dialMore makes connections for those who wait, as far as the limit allows.
func (h *Host) dialMore(key PoolKey) error {
	c := h.cluster
	for h.coming < h.waiting.n && !h.hasShared(key) {
		if !h.slot() {
			return nil
		}
		if err := h.dial(key); err != nil {
			c.Limits.release()
			return err
		}
	}
	return nil
}

// hasShared tells whether there is a connection with streams of a key that
// has room for more, or will have.
func (h *Host) hasShared(key PoolKey) bool {
	for c := h.shared.first; c != nil; c = c.next {
		if c.key == key && c.hasRoom() {
			return true
		}
	}
	return false
}

// lacking tells whether more requests wait than connections are coming for.
func (h *Host) lacking() bool {
	return h.waiting.n > h.coming && !h.hasShared(h.waiting.first.key)
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
	if c.hungry.n == 0 && c.raws.n == 0 {
		c.Limits.sated(c.env.Worker)
	}
}

// settle restores the rule that who waits has a connection coming, or is hungry,
// after a connection was of no use to those it was made for.
func (h *Host) settle() {
	if c := h.cluster; !h.hungry && h.lacking() {
		h.hunger()
		if c.Limits.want(c.env.Worker) {
			c.spend()
		}
	}
}

// fed notes that the host may not be hungry any more.
func (h *Host) fed() {
	if h.hungry && !h.lacking() {
		h.unhunger()
	}
}

// dial makes a connection, for which a slot was taken.
func (h *Host) dial(key PoolKey) error {
	cl := h.cluster
	c := &Conn{host: h, key: key, id: cl.env.NextID(), dialing: true, heir: noHeir, jitter: uint16(cl.env.Rand())}
	c.born = cl.env.Loop.Now()
	io, err := cl.env.Loop.Dial(&h.addr, &cl.Dial, c)
	if err != nil {
		h.Stats.ConnectionConFail++
		cl.Stats.ConnectionConFail++
		h.connectFailed(0, err)
		return err
	}
	io.DeliverAll() // an answer that came before a reset is one
	if cl.Dial.Timeout > slowConnect {
		cl.env.Loop.Schedule(&c.timer, slowConnect, c)
	}
	c.io = io
	h.secure(io, key.Protocol)
	c.wide = h.widthOf(key)
	if key.Owner != nil {
		key.Owner.Bound(c)
	}
	h.dialing++
	h.coming += c.wide
	cl.env.conns++
	cl.Limits.seats[cl.env.Worker].held.Add(1)
	h.fed()
	return nil
}

// widthOf is for how many waiting requests a connection that is being made will do.
func (h *Host) widthOf(key PoolKey) int {
	switch {
	case !key.Protocol.Multiplexed:
		return 1
	case h.width > 0:
		return h.width
	}
	return 1 << 20
}

// refuse tells those for whom no connection is being made that none can be made:
// the host does not take connections, and trying for one after the other would
// only keep them waiting. Who waits again within the call, for another connection,
// is not among them.
func (h *Host) refuse(err error) {
	h.round++
	over := false
	defer func() { h.later(over, func() { h.refuse(err) }) }()
	for n := h.waiting.n - h.coming; n > 0; n-- {
		p := h.waiting.first
		if p == nil || p.round == h.round {
			break
		}
		w := p.waiter
		h.Forget(p)
		w.Unconnected(stream.Reset{Reason: stream.ConnectFailed, Unprocessed: true, Err: err})
	}
	over = true
}

// free takes a connection back that has no stream, or room for one more, and gives
// it to who waits.
func (h *Host) free(c *Conn) {
	if c.streams > 0 {
		h.share(c)
		return
	}
	c.unshare()
	switch {
	case !c.io.Alive(): // it ends once what waits is written
	case !c.sound() || h.cluster.Limits.connections.exceeded() || h.goes(c):
		c.finish()
	case c.doubt != trusted && !h.retired:
		c.keep()
	case h.waits(c.key) != nil:
		if heir, ok := h.yields(); ok {
			c.bequeath(heir)
			return
		}
		h.serve(c)
	case h.retired:
		c.finish()
	default:
		c.keep()
		if h.cluster.Limits.hungry.Load() > 0 {
			h.cluster.relieve()
		}
	}
}

// share gives those who wait the room on a connection that has streams. If others
// need its slot more, it takes no further stream, and they have it after the last.
func (h *Host) share(c *Conn) {
	switch {
	case h.retired, h.cluster.Limits.connections.exceeded():
		c.retire()
	case h.cluster.Limits.hungry.Load() > 0:
		if heir, ok := h.yields(); ok {
			c.heir = int32(heir)
			c.retire()
			return
		}
		h.serve(c)
	default:
		h.serve(c)
	}
}

// serve gives a connection to those who wait, as long as it has room.
func (h *Host) serve(c *Conn) {
	for {
		p := h.waits(c.key)
		if p == nil || !c.usable() {
			return
		}
		w := p.waiter
		h.Forget(p)
		w.Connected(c)
		if !c.key.Protocol.Multiplexed {
			return
		}
	}
}

// waits returns the first who waits for a connection of a key, or
// nil.
func (h *Host) waits(key PoolKey) *Pending {
	for p := h.waiting.first; p != nil; p = p.next {
		if p.key == key {
			return p
		}
	}
	return nil
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
	h.avoidNoMore()
	h.retired = true
	over := false
	defer func() { h.later(over, h.retire) }()
	for c := h.shared.first; c != nil; {
		next := c.next
		c.retire()
		c = next
	}
	h.closeIdle()
	over = true
}

// closeIdle closes the connections that have no stream.
func (h *Host) closeIdle() {
	for h.idle.n > 0 {
		c := h.idle.first
		c.notIdle()
		c.finish()
	}
}

// rearm makes idle connections keep to an idle timeout that has changed.
func (h *Host) rearm() {
	for c := h.idle.first; c != nil; c = c.next {
		c.watch()
	}
}

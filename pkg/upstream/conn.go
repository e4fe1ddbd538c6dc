package upstream

import (
	"errors"
	"net/netip"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
)

// errEarly: the peer sent something before the request that it would answer.
var errEarly = errors.New("upstream: the host sent bytes before the request")

// noHeir: the slot of the connection, when it closes, goes to whoever needs it.
const noHeir = -1

// Conn is one connection to a host.
type Conn struct {
	links[Conn] // among the host's idle ones, or the shared ones
	host        *Host
	io          *eventloop.Conn
	key         PoolKey
	codec       stream.ClientCodec   // nil until the connection stands
	pinger      stream.Pinger        // the codec, if it has heartbeats
	leaver      stream.Leaver        // the codec, if a host can say that it goes
	orphans     stream.OrphanCounter // the codec, if it drops messages
	limiter     stream.StreamLimiter // the codec, if its peer says how many streams it takes
	id          uint64
	local       netip.AddrPort

	timer     eventloop.Timer // looks whether the connection is idle too long, or the peer silent
	idleSince int64
	born      int64  // when it was begun to be made, and then, when it stood
	askedAt   int64  // when a heartbeat was last sent because of a request; 0: never
	heardThen uint64 // bytes that had come when it was answered
	dropped   uint64 // messages for nobody that the statistics know of
	before    uint64 // bytes that had been sent when the last stream on it began
	counted   uint64 // bytes sent that the statistics know of
	uses      uint32 // streams so far
	streams   int32  // streams under way
	heir      int32  // the worker that gets the connection's slot
	wide      int    // for how many requests it will do, while it is being made
	jitter    uint16 // how much earlier than others it is idle too long

	idle    bool
	shared  bool // it is among the host's shared ones
	pressed bool // what is sent does not leave fast enough
	dialing bool
	ended   bool
	fin     bool // the peer ended its direction
	spoke   bool // the host has sent something
	onBusy  bool // what ended it came while a stream was under way
	left    bool // the host has said on it that it goes
	doubt   doubt

	pulse    pulse
	progress progress
}

// ID numbers the connection, uniquely in the process.
func (c *Conn) ID() uint64 { return c.id }

// Host returns the host that the connection leads to.
func (c *Conn) Host() *Host { return c.host }

// Socket returns the connection itself, for its addresses.
func (c *Conn) Socket() *eventloop.Conn { return c.io }

// Open begins a stream whose response goes to receiver, and returns where the
// request goes. Release follows when both are over.
func (c *Conn) Open(receiver stream.End) stream.End {
	c.streams++
	c.uses++
	c.before = c.WriteOffset()
	c.host.active++
	up := c.codec.NewStream(receiver)
	if c.key.Protocol.Multiplexed {
		if !c.shared {
			c.shared = true
			c.host.shared.push(c)
		}
		if c.progress.lookAt == 0 {
			c.lookSoon()
		}
	}
	return up
}

// Release gives the connection back after a stream is over. A connection whose
// stream was broken off, or that the peer or the protocol ended, is closed with
// its last stream.
func (c *Conn) Release() {
	if c.streams == 0 {
		return
	}
	c.streams--
	c.host.active--
	c.countSent()
	if !c.ended {
		c.host.free(c)
	}
}

// worn tells whether the connection has carried as many requests as it may, or is
// too old. One of an RPC protocol, which many share, would be replaced for its
// requests all the time.
func (c *Conn) worn() bool {
	cl := c.host.cluster
	if cl.MaxAge > 0 && !c.dialing {
		age := time.Duration(cl.env.Loop.Now() - c.born)
		if age >= cl.MaxAge-c.earlier(cl.MaxAge) {
			return true
		}
	}
	limit := cl.MaxRequests
	if limit == 0 || c.key.Protocol.RPC {
		return false
	}
	if c.key.Protocol.Multiplexed {
		limit -= uint32(c.earlier(time.Duration(limit)))
	}
	return c.uses >= limit
}

// earlier is a part of up to an eighth of a limit, a different one for each
// connection, so that those of a burst do not all end at the same time.
func (c *Conn) earlier(limit time.Duration) time.Duration {
	return limit / 8 * time.Duration(c.jitter) / (1 << 16)
}

// keep makes the connection idle.
func (c *Conn) keep() {
	h := c.host
	cl := h.cluster
	c.idle = true
	c.idleSince = cl.env.Loop.Now()
	h.idle.push(c)
	if cl.idle++; cl.idle == 1 {
		cl.Limits.seats[cl.env.Worker].idle.Store(true)
	}
	// The timer is not set anew for each request: when it runs out, it is looked at
	// whether the time has really passed.
	if !c.timer.Set() {
		c.watch()
	}
}

// unshare takes the connection out of the shared ones: it has no stream, or ends.
func (c *Conn) unshare() {
	if c.shared {
		c.shared = false
		c.host.shared.remove(c)
	}
}

// notIdle takes the connection out of the idle ones.
func (c *Conn) notIdle() {
	h := c.host
	cl := h.cluster
	c.idle = false
	h.idle.remove(c)
	if cl.idle--; cl.idle == 0 {
		cl.Limits.seats[cl.env.Worker].idle.Store(false)
	}
}

// patience is how much longer the connection may be idle.
func (c *Conn) patience() time.Duration {
	cl := c.host.cluster
	return cl.IdleTimeout - c.earlier(cl.IdleTimeout) - time.Duration(cl.env.Loop.Now()-c.idleSince)
}

// stale tells whether an idle connection is due to be closed, but the timer has
// not had its turn.
func (c *Conn) stale() bool { return c.mayIdle() && c.patience() <= 0 }

// mayIdle tells whether there is a limit to how long the connection may be idle:
// what heartbeats keep alive stays, once a request has used it.
func (c *Conn) mayIdle() bool {
	cl := c.host.cluster
	return cl.IdleTimeout > 0 && (!c.hasBeats() || c.uses == 0)
}

// retire makes the connection end with its last stream.
func (c *Conn) retire() {
	c.drain()
	c.unshare()
}

// Disown closes a connection whose owner is gone.
func (c *Conn) Disown() {
	c.key.Owner = nil
	if c.idle {
		c.notIdle()
	}
	c.finish()
}

// finish closes a connection without streams. On one that carries one request at a
// time nothing is left to be sent; on another there may be requests to which there
// is no answer.
func (c *Conn) finish() {
	if c.key.Protocol.Multiplexed && !c.dialing {
		c.io.Close()
		return
	}
	c.io.CloseNow()
}

// bequeath closes the connection; its slot is for a worker that was claimed, or for
// this one.
func (c *Conn) bequeath(heir int) {
	if c.idle {
		c.notIdle()
	}
	c.heir = int32(heir)
	c.finish()
}

// RemoteAddr returns the host's address.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.io.RemoteAddr() }

// LocalAddr returns weir's own address on the connection.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

// Connected is called when the dialled connection stands, its handshake included. If
// that agreed on another protocol than the one that is to be spoken, there is none.
func (c *Conn) Connected(io *eventloop.Conn) {
	h := c.host
	if s := io.Session(); s != nil && s.Protocol != "" && s.Protocol != c.key.Protocol.ALPN {
		io.CloseWith(&AgreedError{Protocol: s.Protocol, Wanted: c.key.Protocol.ALPN})
		return
	}
	c.speak()
	c.dialing = false
	c.local = c.io.LocalAddr()
	c.born = c.host.cluster.env.Loop.Now()
	h.dialing--
	h.conns++
	for _, st := range c.stats() {
		st.ConnectionTotal++
		st.ConnectionActive++
	}
	if c.prove() {
		return
	}
	h.coming -= c.wide
	h.restore()
	c.beginPulse()
	c.watch()
	h.free(c)
	h.settle()
}

// Data passes bytes to the codec.
func (c *Conn) Data(io *eventloop.Conn, in buffer.View) int {
	n, h := uint64(in.Len()), c.host
	c.spoke = true
	h.Stats.BytesReadTotal += n
	h.cluster.Stats.BytesReadTotal += n
	if c.streams > 0 && !c.key.Protocol.Multiplexed && io.WireWritten() <= c.before {
		// They cannot answer the request, nothing of which has left yet.
		c.onBusy = true
		io.CloseNow()
		c.codec.Close(stream.Reset{Reason: stream.ConnectionLost, Unprocessed: true, Err: errEarly})
		return in.Len()
	}
	busy := c.streams > 0
	used, err := c.codec.Feed(in)
	if c.orphans != nil {
		c.countDropped(c.orphans.Orphans())
	}
	if err != nil {
		c.onBusy = busy
		if c.key.Protocol.Multiplexed { // the host is told why
			io.Close()
		} else {
			io.CloseNow()
		}
		c.codec.Close(stream.Reset{Reason: stream.ProtocolError, Err: err})
	}
	if c.limiter != nil {
		h.width = c.limiter.Limit()
	}
	if !c.left && c.says() {
		c.left = true
		h.announced(c)
	}
	if c.doubt >= suspected {
		c.reassure()
	}
	if c.shared && h.waiting.n > 0 { // there may be room that there was not
		h.share(c)
	}
	if c.idle && c.codec.Available() == 0 { // the host takes no more requests on it
		c.notIdle()
		c.finish()
	}
	return used
}

// EOF ends the connection, if the codec does not need it any more.
func (c *Conn) EOF(io *eventloop.Conn) {
	c.fin, c.onBusy = true, c.streams > 0
	if !c.codec.EOF() {
		io.CloseNow()
	}
}

// Pressure passes on that the host takes more slowly than is sent.
func (c *Conn) Pressure(_ *eventloop.Conn, high bool) {
	if c.dialing { // only a handshake has said something yet
		return
	}
	c.pressed = high
	c.codec.Pressure(high)
	if !high && c.shared && !c.ended {
		c.host.share(c) // requests may have waited for room
		c.host.settle()
	}
}

// Closed ends what was under way.
func (c *Conn) Closed(_ *eventloop.Conn, err error) {
	h := c.host
	cl := h.cluster
	c.ended = true
	if errors.Is(err, eventloop.ErrTruncated) { // the system has said that the peer ended
		c.fin = true
	}
	cl.env.Loop.Cancel(&c.timer)
	if c.idle {
		c.notIdle()
	}
	cl.env.conns--
	cl.Limits.seats[cl.env.Worker].held.Add(-1)
	c.unshare()
	if o := c.key.Owner; o != nil {
		defer o.Unbound(c, c.uses > 0)
	}
	if c.dialing {
		h.dialing--
		h.coming -= c.wide
		c.leave()
		for _, st := range c.stats() {
			st.ConnectionConFail++
		}
		h.connectFailed(time.Duration(c.now()-c.born), err)
		h.refuse(err)
		return
	}
	h.conns--
	c.countSent()
	c.countClosed(err)
	h.noteCut(err)
	c.leave()
	c.disproved(err)
	defer c.leaveNothing()
	c.codec.Close(stream.Reset{Reason: stream.ConnectionLost, Err: err})
}

// leaveNothing ends the account of a connection that is closed, also if its codec did
// not know of all of its streams after a panic, or panics again.
func (c *Conn) leaveNothing() {
	c.host.active -= int(c.streams)
	c.streams = 0
	c.host.settle() // requests may have waited for room on it
}

// leave gives the connection's slot up.
func (c *Conn) leave() {
	cl := c.host.cluster
	switch int(c.heir) {
	case noHeir:
		cl.Limits.release()
	case cl.env.Worker:
		cl.Limits.seats[cl.env.Worker].grants.Add(1)
		cl.pump()
	default:
		cl.Limits.hand(int(c.heir))
	}
}

package upstream

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
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
	speaks      Dialect
	codec       stream.ClientCodec
	prober      stream.Prober  // the codec, if it has heartbeats
	limiter     stream.Limiter // the codec, if its peer says how many streams it takes
	id          uint64
	local       netip.AddrPort

	timer     eventloop.Timer // looks whether the connection is idle too long, or the peer silent
	idleSince int64
	born      int64  // when the connection stood
	probeAt   int64  // when the next heartbeat is due
	heard     uint64 // frames that had come when it was looked last
	dropped   uint64 // messages for nobody that the statistics know of
	before    uint64 // bytes that had been sent when the last stream on it began
	counted   uint64 // bytes sent that the statistics know of
	uses      uint32 // streams so far
	streams   int32  // streams under way
	silence   int32  // heartbeats sent since the last frame came
	heir      int32  // the worker that gets the connection's slot
	wide      int    // for how many requests it will do, while it is being made
	jitter    uint16 // how much earlier than others it is idle too long

	idle    bool
	shared  bool // it is among the host's shared ones
	pressed bool // what is sent does not leave fast enough
	dialing bool
	ended   bool
	fin     bool // the peer ended its direction
	onBusy  bool // what ended it came while a stream was under way
}

// ID numbers the connection, uniquely in the process.
func (c *Conn) ID() uint64 { return c.id }

// Host returns the host that the connection leads to.
func (c *Conn) Host() *Host { return c.host }

// Socket returns the connection itself, for its addresses.
func (c *Conn) Socket() *eventloop.Conn { return c.io }

// Position returns where in the bytes that are sent on the connection the next
// request begins, at the earliest.
func (c *Conn) Position() uint64 { return c.io.Sent() + uint64(c.io.Out().Len()) }

// Open begins a stream whose response goes to receiver, and returns where the
// request goes. Release follows when both are over.
func (c *Conn) Open(receiver stream.End) stream.End {
	c.streams++
	c.uses++
	c.before = c.Position()
	c.host.active++
	up := c.codec.NewStream(receiver)
	if c.speaks.Protocol.Multiplexed && !c.shared {
		c.shared = true
		c.host.shared.push(c)
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

// Undelivered tells, of a connection that is lost, that a request that began at a
// position provably did not reach the peer: nothing of it was sent; or the peer
// ended the connection, and its system had confirmed no byte of the request when
// it said so. It may be asked within the receiver's Reset, before Release.
//
// A connection that was reset proves nothing: systems confirm bytes with a delay,
// and the peer may have read what it had not confirmed yet.
func (c *Conn) Undelivered(position uint64) bool {
	if c.io.Sent() <= position {
		return true
	}
	if !c.fin {
		return false
	}
	// The first byte of a connection's sequence numbers is no data, and systems
	// count it.
	acked, ok := c.io.Acked()
	return ok && acked <= position+1
}

func (c *Conn) usable() bool {
	return !c.ended && c.io.Alive() && !c.io.PeerEnded() && !c.worn() && c.codec.Available() > 0
}

// hasRoom tells whether the connection takes another stream, now or as soon as
// what is sent has left.
func (c *Conn) hasRoom() bool {
	return !c.ended && c.io.Alive() && !c.io.PeerEnded() && !c.worn() && (c.pressed || c.codec.Available() > 0)
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
	if limit == 0 || c.speaks.Protocol.RPC {
		return false
	}
	if c.speaks.Protocol.Multiplexed {
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

// watch sets the timer for when the connection has been idle too long, or the peer
// silent.
func (c *Conn) watch() {
	cl := c.host.cluster
	wait := time.Duration(-1)
	if c.idle && c.mayIdle() {
		wait = max(c.patience(), 0)
	}
	if c.prober != nil && cl.Probes.Interval > 0 {
		if d := max(time.Duration(c.probeAt-cl.env.Loop.Now()), 0); wait < 0 || d < wait {
			wait = d
		}
	}
	if wait < 0 {
		cl.env.Loop.Cancel(&c.timer)
		return
	}
	cl.env.Loop.Schedule(&c.timer, wait, c)
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
// what heartbeats keep alive stays.
func (c *Conn) mayIdle() bool {
	cl := c.host.cluster
	return cl.IdleTimeout > 0 && (c.prober == nil || cl.Probes.Interval == 0)
}

// Expired closes the connection if it has been idle, or the peer silent, for too
// long.
func (c *Conn) Expired(*eventloop.Timer) {
	if c.idle && c.stale() {
		c.notIdle()
		c.io.CloseNow()
		return
	}
	if c.prober != nil && c.host.cluster.Probes.Interval > 0 && !c.probe() {
		c.host.cluster.Stats.ConnectionSilent++
		c.host.Stats.ConnectionSilent++
		c.io.CloseWith(errSilent)
		return
	}
	c.watch()
}

// errSilent: the peer does not answer heartbeats.
var errSilent = errors.New("upstream: the host does not answer heartbeats")

// probe sends a heartbeat if it is time to and nothing came meanwhile. It returns
// false if the peer has left too many unanswered.
func (c *Conn) probe() bool {
	cl := c.host.cluster
	now := cl.env.Loop.Now()
	if now < c.probeAt {
		return true
	}
	next := cl.Probes.Interval
	if n := c.prober.Received(); n != c.heard {
		c.heard, c.silence = n, 0
	} else {
		if c.silence++; c.silence > int32(cl.Probes.Count) {
			return false
		}
		c.prober.Probe()
		next = cl.Probes.Timeout
	}
	c.probeAt = now + int64(next)
	return true
}

// retire makes the connection end with its last stream.
func (c *Conn) retire() {
	c.codec.Drain()
	c.unshare()
}

// Disown closes a connection whose owner is gone.
func (c *Conn) Disown() {
	c.speaks.Owner = nil
	if c.idle {
		c.notIdle()
	}
	c.finish()
}

// finish closes a connection without streams. On one that carries one request at a
// time nothing is left to be sent; on another there may be requests to which there
// is no answer.
func (c *Conn) finish() {
	if c.speaks.Protocol.Multiplexed && !c.dialing {
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

// Connected is called when the dialled connection stands.
func (c *Conn) Connected(*eventloop.Conn) {
	h := c.host
	c.dialing = false
	c.local = c.io.LocalAddr()
	c.born = c.host.cluster.env.Loop.Now()
	h.dialing--
	h.coming -= c.wide
	h.conns++
	for _, st := range c.stats() {
		st.ConnectionTotal++
		st.ConnectionActive++
	}
	if c.prober != nil && h.cluster.Probes.Interval > 0 {
		c.probeAt = h.cluster.env.Loop.Now() + int64(h.cluster.Probes.Interval)
		c.watch()
	}
	h.free(c)
	h.settle()
}

// Data passes bytes to the codec.
func (c *Conn) Data(io *eventloop.Conn, in buffer.View) int {
	n, h := uint64(in.Len()), c.host
	h.Stats.BytesReadTotal += n
	h.cluster.Stats.BytesReadTotal += n
	if c.streams > 0 && !c.speaks.Protocol.Multiplexed && io.Sent() == c.before {
		// They cannot answer the request, nothing of which has left yet.
		c.onBusy = true
		io.CloseNow()
		c.codec.Close(stream.Reset{Reason: stream.ConnectionLost, Unprocessed: true, Err: errEarly})
		return in.Len()
	}
	busy := c.streams > 0
	used, err := c.codec.Feed(in)
	if d, ok := c.codec.(stream.Dropper); ok {
		c.countDropped(d.Dropped())
	}
	if err != nil {
		c.onBusy = busy
		if c.speaks.Protocol.Multiplexed { // the host is told why
			io.Close()
		} else {
			io.CloseNow()
		}
		c.codec.Close(stream.Reset{Reason: stream.ProtocolError, Err: err})
	}
	if c.limiter != nil {
		h.width = c.limiter.Limit()
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
	cl.env.Loop.Cancel(&c.timer)
	if c.idle {
		c.notIdle()
	}
	cl.env.conns--
	cl.Limits.seats[cl.env.Worker].held.Add(-1)
	c.unshare()
	if o := c.speaks.Owner; o != nil {
		defer o.Unbound(c, !c.dialing)
	}
	if c.dialing {
		h.dialing--
		h.coming -= c.wide
		c.leave()
		for _, st := range c.stats() {
			st.ConnectionConFail++
		}
		h.refuse(err)
		return
	}
	h.conns--
	c.countSent()
	c.countClosed(err)
	h.noteCut(err)
	c.leave()
	c.codec.Close(stream.Reset{Reason: stream.ConnectionLost, Err: err})
	h.settle() // requests may have waited for room on it
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

func (c *Conn) stats() [2]*metrics.Upstream {
	return [2]*metrics.Upstream{&c.host.Stats.Upstream, &c.host.cluster.Stats.Upstream}
}

// countSent tells the statistics of the bytes sent since it did last.
func (c *Conn) countSent() {
	n := c.io.Sent() - c.counted
	c.counted += n
	c.host.Stats.BytesWriteTotal += n
	c.host.cluster.Stats.BytesWriteTotal += n
}

// countDropped tells the statistics of messages that came for nobody.
func (c *Conn) countDropped(n uint64) {
	if n != c.dropped {
		c.host.Stats.ResponseUnknown += n - c.dropped
		c.host.cluster.Stats.ResponseUnknown += n - c.dropped
		c.dropped = n
	}
}

// countClosed counts the end of a connection that stood, by who ended it.
func (c *Conn) countClosed(err error) {
	var errno syscall.Errno
	remote := c.fin || errors.As(err, &errno)
	busy := c.streams > 0 || c.onBusy
	for _, st := range c.stats() {
		st.ConnectionActive--
		st.ConnectionClose++
		switch {
		case remote && busy:
			st.ConnectionRemoteClose++
			st.ConnectionRemoteCloseWithActiveRequest++
		case remote:
			st.ConnectionRemoteClose++
		case busy:
			st.ConnectionLocalClose++
			st.ConnectionLocalCloseWithActiveRequest++
		default:
			st.ConnectionLocalClose++
		}
	}
}

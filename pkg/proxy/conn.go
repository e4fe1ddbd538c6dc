package proxy

import (
	"net/netip"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// downConn is one downstream connection: it moves bytes between the socket and
// the codec, and watches that the client keeps to the time limits.
type downConn struct {
	l      *listener
	shared *Shared
	io     *eventloop.Conn
	proto  *protocol.Protocol // nil while it is being detected
	codec  stream.ServerCodec
	local  *netip.AddrPort

	next, prev *downConn // of the same listener
	timer      alarm
	since      int64 // when the present phase began, on the loop's clock
	id         uint64
	counted    uint64       // bytes sent that the statistics know of
	begun      uint64       // bytes received when the present phase began, or made progress
	bound      *binding     // its own connections to hosts; nil unless they are
	delivery   *delivery    // while responses wait for the client that are over for the proxy
	stalled    int64        // streams that the client keeps waiting
	asked      bool         // a request has come since the connection was last seen idle
	opening    openingState // while the protocol is not known
	phase      stream.Phase // that the timer is set for
}

// openingState is how far a connection has come whose protocol is not known yet.
type openingState uint8

const (
	opened       openingState = iota // nothing has come that tells anything
	handshaking                      // its transport is not ready
	undecided                        // bytes have come that do not tell the protocol yet
	unrecognised                     // the protocol will not be known, and so it is closing
)

// alarm is a timer that knows when it runs out, on the loop's clock.
type alarm struct {
	eventloop.Timer
	at int64
}

// ID numbers the connection.
func (c *downConn) ID() uint64 { return c.id }

// RemoteAddr returns the client's address.
func (c *downConn) RemoteAddr() netip.AddrPort { return c.io.RemoteAddr() }

// LocalAddr returns the address that the client connected to.
func (c *downConn) LocalAddr() netip.AddrPort { return *c.local }

// choose decides what the connection speaks, or that it is to be detected.
func (c *downConn) choose() {
	agreed := c.agreed()
	switch l := c.l; {
	case agreed != nil:
		c.speak(agreed)
	case len(l.Protocols) == 0:
		c.passOn()
	case l.Detector == nil:
		c.speak(&l.Protocols[0])
	default:
		c.codec = (*sniffer)(c)
	}
}

// agreed returns the protocol that the handshake agreed on, nil if none, or none of the
// listener's.
func (c *downConn) agreed() *ListenerProtocol {
	s := c.io.Session()
	if s == nil || s.Protocol == "" {
		return nil
	}
	for i := range c.l.Protocols {
		if p := &c.l.Protocols[i]; p.ALPN == s.Protocol {
			return p
		}
	}
	return nil
}

// speak makes the connection speak a protocol.
func (c *downConn) speak(p *ListenerProtocol) {
	c.proto = p.Protocol
	c.codec = p.NewCodec(c.io, c, &c.l.worker.heads)
}

// NewStream gives the codec the other end of a new stream.
func (c *downConn) NewStream(sender stream.End) stream.End {
	c.asked = true
	x := c.l.worker.getExchange()
	x.begin(c, sender)
	return (*downEnd)(x)
}

// Switched makes the connection count as one of another protocol of the listener.
func (c *downConn) Switched(protocol string) {
	for i := range c.l.Protocols {
		if p := c.l.Protocols[i].Protocol; p.Name == protocol {
			c.proto = p
		}
	}
}

// Data passes bytes to the codec.
func (c *downConn) Data(_ *eventloop.Conn, in buffer.View) int {
	n, err := c.codec.Feed(in)
	c.l.stats.BytesReadTotal += uint64(n)
	if err != nil {
		c.l.stats.RequestProtocolError++
	}
	if c.phase == stream.ReadingHead && c.proto != nil && c.proto.RPC && c.io.WireRead()-c.begun >= frameProgress {
		c.begun, c.since = c.io.WireRead(), c.l.worker.Loop.Now()
	}
	c.settle()
	return n
}

// frameProgress is how many bytes of a frame must come within the time for a head:
// a long one may take long, and not one whose bytes trickle.
const frameProgress = 1 << 10

// Refused counts a request that the codec refuses, and says which limit it exceeds.
func (c *downConn) Refused(r stream.Reset) {
	if r.Reason != stream.TooLarge {
		c.l.stats.RequestProtocolError++
		return
	}
	c.l.stats.RequestTooLarge++
	c.l.worker.Log.Warn("a request is refused: it is larger than max_frame_size in the extend_config of its listener's proxy",
		"listener", c.l.Name, "client", c.io.RemoteAddr(), "error", r.Err)
}

// EOF passes the client's end to the codec.
func (c *downConn) EOF(io *eventloop.Conn) {
	switch {
	case c.codec.EOF():
		c.settle()
	case c.codec.Phase() == stream.Breaking:
		io.CloseWithReset()
	default:
		io.Close()
	}
}

// Pressure passes on that the client takes more slowly than is sent.
func (c *downConn) Pressure(_ *eventloop.Conn, high bool) {
	c.codec.Pressure(high)
	c.settle() // responses that waited may be over
}

// Closed ends what was under way.
func (c *downConn) Closed(io *eventloop.Conn, err error) {
	c.l.worker.Loop.Cancel(&c.timer.Timer)
	defer c.account(io, err)
	c.codec.Close(stream.Reset{Reason: stream.ConnectionLost, Err: err})
	if c.bound != nil {
		c.bound.end()
	}
}

// account ends what the connection is counted for.
func (c *downConn) account(io *eventloop.Conn, err error) {
	l := c.l
	c.countSent()
	l.noteCut(io, err)
	l.stats.ConnectionActive--
	l.stats.ConnectionDestroy++
	c.shared.Connections.Add(-1)
	l.remove(c)
}

// countSent tells the statistics of the bytes sent since it did last.
func (c *downConn) countSent() {
	n := c.io.WireWritten() - c.counted
	c.counted += n
	c.l.stats.BytesWriteTotal += n
}

// begin starts watching a new connection.
func (c *downConn) begin() {
	loop := c.l.worker.Loop
	c.since = loop.Now()
	c.phase = c.codec.Phase()
	if c.phase == stream.ReadingHead {
		c.wake(c.headTimeout())
	} else if d := c.l.timeouts(c.proto).Idle; d > 0 && c.phase == stream.Idle {
		c.wake(d)
	}
	if c.l.draining {
		c.drain()
	}
}

// settle follows the codec into its phase, after anything that may have changed
// it.
func (c *downConn) settle() {
	c.watchWaiting()
	phase := c.codec.Phase()
	if phase == c.phase && (phase != stream.Discarding || !c.asked) {
		if phase == stream.Idle && (c.asked || !c.l.draining) { // something came and went; in a drain, heartbeats are nothing
			c.since = c.l.worker.Loop.Now()
			c.asked = false
		}
		return
	}
	loop := c.l.worker.Loop
	c.phase, c.since = phase, loop.Now()
	switch phase {
	case stream.ReadingHead:
		c.begun = c.io.WireRead()
		c.wake(c.headTimeout())
	case stream.Discarding:
		c.asked = false // so that another request is known to be one, and has its own time
		c.wake(discardTime)
	case stream.Closing:
		loop.Cancel(&c.timer.Timer)
		c.io.Close()
	case stream.Breaking:
		loop.Cancel(&c.timer.Timer)
		c.io.CloseWithReset()
	case stream.Idle:
		// The timer of an idle connection is not set anew for each request: when it
		// runs out, it is looked at whether the time has really passed.
		if c.l.draining {
			c.drain()
		} else if d := c.l.timeouts(c.proto).Idle; d > 0 && !c.timer.Set() {
			c.wake(d)
		}
	}
}

// wake sets the timer.
func (c *downConn) wake(d time.Duration) {
	loop := c.l.worker.Loop
	c.timer.at = loop.Now() + int64(d)
	loop.Schedule(&c.timer.Timer, d, c)
}

// Expired ends what has been in one phase for too long.
func (c *downConn) Expired(*eventloop.Timer) {
	if c.reap(); c.codec.Phase() != c.phase { // its last stream was one of them
		c.settle()
	}
	limit := time.Duration(0)
	switch c.phase {
	case stream.ReadingHead:
		limit = c.headTimeout()
	case stream.Discarding:
		limit = discardTime
	case stream.Idle:
		limit = c.l.timeouts(c.proto).Idle
		if c.l.draining {
			limit = drainIdle
		}
	}
	if limit == 0 { // the stream watches itself
		c.settle()
		return
	}
	loop := c.l.worker.Loop
	if left := limit - time.Duration(loop.Now()-c.since); left > 0 {
		c.wake(left)
		c.watchWaiting()
		return
	}
	if c.phase == stream.Idle {
		c.codec.Drain()
	} else {
		c.codec.TimedOut()
	}
	c.settle()
}

// headTimeout is the time for what the client has begun: a request's head, or what
// tells its protocol.
func (c *downConn) headTimeout() time.Duration {
	if c.proto == nil {
		return c.l.DetectTimeout
	}
	return c.l.timeouts(c.proto).Header
}

// discardTime is how long the rest of a request may take to come that was answered
// before. Bytes do not win more: who sends so slowly can connect anew.
const discardTime = 5 * time.Second

// drainIdle is how long an idle connection stays open in a drain: a request may be
// on its way, which would be lost.
const drainIdle = time.Second

// drain finishes what is in flight. The codec learns of it with the next response
// that begins (lastResponse): only then can the client be told not to send another
// request. One whose response had begun before may do so.
func (c *downConn) drain() {
	if n := c.codec.Features().DrainNotifier; n != nil {
		n.NotifyDrain()
	}
	if c.proto == nil {
		c.phase = c.codec.Phase()
	}
	if c.phase == stream.Idle {
		c.wake(drainIdle)
	}
}

// lastResponse makes the response that is about to begin the last one of a
// connection that is being drained.
func (c *downConn) lastResponse() {
	if c.l.draining {
		c.codec.Drain()
	}
}

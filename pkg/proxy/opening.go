package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// Transport says what stands between a listener's sockets and the codecs: TLS, say.
type Transport struct {
	// New makes one for a connection. It may be called on any worker.
	New func(*eventloop.Conn) eventloop.Transport
	// Match tells from its first bytes whether a connection has one; nil: all have.
	Match protocol.Match
	// Timeout is how long a handshake may take.
	Timeout time.Duration
}

// opening is the codec of a connection that has no protocol yet because it may have a
// transport. The transport is told by the first bytes, or all connections have it; once
// its handshake is done, the protocol is chosen.
//
//	waiting -> handshaking -> Connected: choose
//	waiting ----------------------------> choose: the connection is plain
type opening downConn

var (
	_ stream.ServerCodec  = (*opening)(nil)
	_ eventloop.Connector = (*downConn)(nil)
)

// open begins a new connection.
func (c *downConn) open() {
	t := c.l.Transport
	if t == nil {
		c.choose()
		return
	}
	c.codec = (*opening)(c)
	if t.Match == nil {
		c.secure(t)
	}
}

// secure puts the listener's transport in.
func (c *downConn) secure(t *Transport) {
	c.opening = handshaking
	c.io.SetTransport(t.New(c.io), t.Timeout)
}

// Connected chooses the protocol once the handshake is done.
func (c *downConn) Connected(*eventloop.Conn) {
	c.opening = opened
	c.choose()
	c.begin()
}

// Session returns what the transport knows, nil if the connection is plain.
func (c *downConn) Session() *eventloop.Session { return c.io.Session() }

// Feed looks at the first bytes, and consumes none of them.
func (o *opening) Feed(in buffer.View) (int, error) {
	c := (*downConn)(o)
	if t := c.l.Transport; t != nil { // unless the configuration was changed
		b := in.Bytes()
		switch verdict := t.Match(b[:min(len(b), protocol.MaxSignature)]); {
		case verdict == protocol.Yes:
			c.secure(t)
			return 0, nil
		case verdict == protocol.More && len(b) < protocol.MaxSignature:
			c.opening = undecided
			return 0, nil
		}
	}
	c.opening = opened
	c.choose()
	if _, passed := c.codec.(*tcp); passed { // what came is passed on once that is possible
		return 0, nil
	}
	return c.codec.Feed(in)
}

// Phase tells that a handshake has a time of its own, and that the client has begun
// something once bytes have come.
func (o *opening) Phase() stream.Phase {
	switch {
	case o.opening == unrecognised:
		return stream.Closing
	case o.opening == handshaking:
		return stream.Busy
	case o.opening == undecided, o.l.TCP != nil && !o.l.draining: // the host may have to speak first
		return stream.ReadingHead
	}
	return stream.Idle
}

// EOF ends the connection, or has what there is of it looked at as that of a plain one.
func (o *opening) EOF() (busy bool) {
	c := (*downConn)(o)
	if o.opening != undecided {
		return false
	}
	c.choose()
	if t, passed := c.codec.(*tcp); passed {
		t.endFollows = true
		return true
	}
	return c.codec.EOF()
}

// Features returns none: no protocol is spoken yet.
func (*opening) Features() stream.ServerFeatures { return stream.ServerFeatures{} }

// TimedOut takes a client that says nothing, or too little, for one without transport.
func (o *opening) TimedOut() {
	c := (*downConn)(o)
	if c.l.TCP == nil {
		o.opening = unrecognised
		return
	}
	c.choose()
	c.codec.TimedOut()
}

// Drain ends the connection, unless its handshake is under way.
func (o *opening) Drain() {
	if o.opening != handshaking {
		o.opening = unrecognised
	}
}

// Pressure does nothing: nothing is sent.
func (o *opening) Pressure(bool) {}

// Close does nothing: there is no stream.
func (o *opening) Close(stream.Reset) {}

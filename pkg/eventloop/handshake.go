package eventloop

import (
	"errors"
	"io"

	"github.com/weirproxy/weir/pkg/buffer"
)

// handshake is the handler of a connection until its transport is ready.
type handshake struct {
	transport Transport
	owner     Handler // nil while an accepted connection is given one
	paused    bool    // the owner wants no bytes once there are any
	waits     bool    // for Wake; the connection is paused
}

// Data shows the transport what has come.
func (h *handshake) Data(c *Conn, in buffer.View) int { return h.step(c, in.Bytes()) }

func (h *handshake) step(c *Conn, in []byte) (used int) {
	took, p, err := h.transport.Handshake(in, &c.extra.wire)
	c.markDirty()
	switch {
	case c.flags&dead != 0:
	case err != nil:
		h.fail(c, err)
	case p == WantWake:
		h.waits = true
		c.flags |= paused
	case p == Done:
		c.extra.sealed = append(c.extra.sealed, in[took:]...)
		h.done(c)
		return len(in)
	}
	return took
}

// done makes the transport the connection's, and gives its owner back.
func (h *handshake) done(c *Conn) {
	x := c.extra
	c.loop.Cancel(&x.timer)
	x.transport, x.handshake, c.handler = h.transport, nil, h.owner
	c.flags &^= handshaking
	if h.paused {
		c.flags |= paused
	}
	c.callAgain()
	if k, ok := c.handler.(Connector); ok {
		k.Connected(c)
	}
}

// EOF: the peer ends the connection midway.
func (h *handshake) EOF(c *Conn) { h.fail(c, io.ErrUnexpectedEOF) }

// fail ends the connection. What the transport had to say about it is sent if that is
// possible at once.
func (h *handshake) fail(c *Conn, err error) {
	c.writeChain(&c.extra.wire)
	c.fail(&HandshakeError{err})
}

// Pressure tells an owner that writes before the handshake is done.
func (h *handshake) Pressure(c *Conn, high bool) {
	if h.owner != nil {
		h.owner.Pressure(c, high)
	}
}

// Closed tells the owner. What ended a connection that stood is the handshake's
// failure.
func (h *handshake) Closed(c *Conn, err error) {
	if h.owner == nil {
		return
	}
	if c.flags&connecting == 0 && (isErrno(err) || errors.Is(err, ErrUnreadTooLong)) {
		err = &HandshakeError{err}
	}
	h.owner.Closed(c, err)
}

package eventloop

import (
	"errors"
	"io"

	"github.com/weirproxy/weir/pkg/buffer"
)

// wakeTransport calls the transport again although nothing came.
func (c *Conn) wakeTransport() {
	switch {
	case c.flags&(dead|connecting) != 0:
	case c.flags&handshaking == 0:
		if c.hasTransport() {
			c.open()
		}
	case c.unread == nil && c.flags&paused == 0: // otherwise it was given what there is just now, or waits itself
		c.extra.handshake.step(c, nil)
	}
}

// readSealed reads for a transport, and hands over what it opens.
func (c *Conn) readSealed() {
	x, l := c.extra, c.loop
	wire := l.bufs.Get(buffer.MaxSlab)
	n := c.sysRead(wire.Bytes())
	if n > 0 && !x.peerEnded { // behind the end there is nothing to be opened
		x.sealed = append(x.sealed, wire.Bytes()[:n]...)
	}
	wire.Release()
	c.open()
}

// open lets the transport turn received bytes into plain ones, which are handed
// over together with what was kept.
func (c *Conn) open() {
	x := c.extra
	for c.flags&(dead|closing|paused) == 0 && !c.unreadFull() && !x.peerEnded {
		if c.unread == nil {
			c.unread = c.loop.bufs.Get(buffer.MaxSlab / 4)
		}
		c.makeRoom()
		took, put, err := x.transport.Open(x.sealed, c.unread.Bytes()[c.unreadTo:])
		x.sealed = x.sealed[:copy(x.sealed, x.sealed[took:])]
		c.unreadTo += int32(put)
		if c.unreadFrom == c.unreadTo {
			c.dropUnread()
		}
		if put > 0 {
			c.offerUnread()
		}
		if err != nil {
			c.openFailed(err)
			break
		}
		if took == 0 && put == 0 {
			if len(x.sealed) >= buffer.MaxSlab {
				c.fail(ErrUnreadTooLong)
			}
			break
		}
	}
	if len(x.sealed) == 0 {
		x.sealed = nil
	}
	c.markDirty() // the transport may have something to say itself
}

// openFailed takes the end of the peer's direction, or ends the connection. What the
// transport has to say about an error is sent if that is possible at once.
func (c *Conn) openFailed(err error) {
	x := c.extra
	if errors.Is(err, io.EOF) {
		x.peerEnded, x.sealed = true, nil
		c.flags |= peerEnded
		return
	}
	if c.flags&(dead|closing|broken) == 0 && x.transport.Seal(&c.out, &x.wire) == nil {
		c.writeChain(&x.wire)
	}
	c.fail(err)
}

// truncated reports whether bytes that ended may not be all.
func (c *Conn) truncated() bool { return c.hasTransport() && !c.extra.peerEnded }

func (c *Conn) failTruncated() {
	x := c.extra
	x.cutAt, x.cut = c.Delivery()
	c.fail(ErrTruncated)
}

// seal has the transport turn what waits into bytes for the wire, and returns these;
// nil if it failed.
func (c *Conn) seal() *buffer.Chain {
	x := c.extra
	if err := x.transport.Seal(&c.out, &x.wire); err != nil {
		c.fail(err)
		return nil
	}
	if c.flags&(ending|closing) != 0 && c.flags&(ended|resetting) == 0 {
		x.transport.CloseWrite(&x.wire)
		c.flags |= ended
	}
	return &x.wire
}

// flushEarly writes what a connection has to say before it stands: nothing, or the
// bytes of a handshake.
func (c *Conn) flushEarly() {
	c.out.Compact()
	if c.flags&connecting != 0 || c.writeChain(&c.extra.wire) {
		c.tellPressure(c.Buffered())
	}
}

// release gives back what few connections have.
func (x *extra) release() {
	x.conn.loop.Cancel(&x.timer)
	x.wire.Clear()
	t := x.transport
	if x.handshake != nil {
		t = x.handshake.transport
	}
	if closer, ok := t.(io.Closer); ok {
		_ = closer.Close()
	}
}

package eventloop

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

// maxPieces is the most pieces of one writev; the system takes 1,024.
const maxPieces = 64

// flush writes what waits, as far as the socket takes it.
func (c *Conn) flush() {
	switch {
	case c.flags&dead != 0:
		c.out.Clear()
		return
	case c.flags&broken != 0:
		c.out.Clear()
		c.tellPressure(0) // whoever was to slow down has nothing to wait for
		if c.flags&closing != 0 {
			c.fail(nil)
		}
		return
	case c.flags&(connecting|handshaking) != 0:
		c.flushEarly()
		return
	}
	out := &c.out
	if c.hasTransport() {
		if out = c.seal(); out == nil {
			return
		}
	}
	if !c.writeChain(out) {
		return
	}
	c.tellPressure(out.Len())
	switch {
	case c.flags&dead != 0: // by the handler, just now
	case out.Len() == 0:
		c.finishWriting()
	case c.flags&closing != 0:
		c.watchClose()
	}
}

// writeChain writes from the front of a chain as much as the socket takes. It returns
// false if nothing can be written any more.
func (c *Conn) writeChain(out *buffer.Chain) bool {
	for out.Len() > 0 && c.flags&blocked == 0 {
		c.loop.pieces = out.Pieces(c.loop.pieces[:0])
		n, errno := c.sysWrite(c.loop.pieces)
		switch errno {
		case 0:
			c.wireWritten += uint64(n)
			out.Discard(n)
		case syscall.EAGAIN:
			c.flags |= blocked
		case syscall.EINTR:
		default:
			out.Clear()
			c.writeFailed(errno)
			return false
		}
	}
	if c.flags&blocked != 0 {
		out.Compact()
	}
	return true
}

// writeFailed takes it that nothing can be written any more. What the peer sent
// before it broke the connection off is still read, such as an answer that says
// why; then the connection ends with the error.
func (c *Conn) writeFailed(err error) {
	if c.flags&closing != 0 || c.flags&(paused|deliverAll) == paused {
		c.fail(err)
		return
	}
	c.flags |= broken | readable
	c.err = err
	c.markReady()
	c.tellPressure(0)
}

// tellPressure tells the handler when a watermark is crossed.
func (c *Conn) tellPressure(waiting int) {
	switch {
	case c.flags&closing != 0:
	case c.flags&high == 0 && waiting > c.loop.opts.HighWater:
		c.flags |= high
		c.handler.Pressure(c, true)
	case c.flags&high != 0 && waiting <= c.loop.opts.LowWater:
		c.flags &^= high
		c.handler.Pressure(c, false)
	}
}

// finishWriting does what was to be done once everything is written.
func (c *Conn) finishWriting() {
	switch {
	case c.flags&closing != 0:
		c.finishClosing()
	case c.flags&ending != 0:
		c.endWriting()
	}
}

// endWriting sends our FIN.
func (c *Conn) endWriting() {
	if c.flags&ended == 0 || c.hasTransport() {
		c.flags |= ended
		_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
	}
}

// Expired ends a connect or a handshake that took too long, or looks how a close goes.
func (x *extra) Expired(*Timer) {
	switch c := x.conn; {
	case c.flags&connecting != 0:
		c.fail(ErrConnectTimeout)
	case c.flags&handshaking != 0:
		x.handshake.fail(c, ErrHandshakeTimeout)
	default:
		c.lookAtClose()
	}
}

func (c *Conn) sysWrite(pieces [][]byte) (int, syscall.Errno) {
	if len(pieces) == 1 {
		b := pieces[0]
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
		return int(n), errno
	}
	iov := c.loop.iovecs[:0]
	for _, b := range pieces {
		v := unix.Iovec{Base: &b[0]}
		v.SetLen(len(b))
		iov = append(iov, v)
	}
	n, _, errno := syscall.RawSyscall(unix.SYS_WRITEV, uintptr(c.fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
	clear(iov)
	return int(n), errno
}

package eventloop

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

const (
	// readsPerTurn bounds what one connection may read before others have theirs.
	readsPerTurn = 4
	// minRead is the least room that a read into the shared buffer is made with,
	// before another slab is taken.
	minRead = 68 << 10
	// minUnread is the smallest slab for unread bytes.
	minUnread = 1 << 10
)

// read hands over what was kept, and what the socket has, until it is empty, the
// owner pauses, or it is others' turn.
func (c *Conn) read() {
	if c.flags&replay != 0 {
		c.flags &^= replay
		c.offerUnread()
		if c.extra != nil {
			c.wakeTransport()
		}
	}
	for range readsPerTurn {
		if c.flags&(paused|dead) != 0 || c.flags&readable == 0 || c.unreadFull() {
			break
		}
		c.readOnce()
	}
	switch {
	case c.flags&(paused|dead) != 0:
	case c.unreadFull() && c.flags&replay == 0:
		c.fail(ErrUnreadTooLong)
	case c.flags&readable != 0, c.flags&replay != 0 && c.unread != nil:
		c.markReady()
	case c.flags&broken != 0:
		c.fail(c.err)
	case c.flags&peerEnded != 0:
		c.tellEOF()
	}
}

// readOnce makes one read call and hands its bytes over.
func (c *Conn) readOnce() {
	switch {
	case c.flags&closing != 0:
		c.lingerRead()
	case c.hasTransport():
		c.readSealed()
	case c.unread != nil:
		c.readBehindUnread()
	default:
		c.readShared()
	}
	c.loop.flushLarge()
}

// largeOutput is how much is written at once rather than at the end of the turn.
const largeOutput = 32 << 10

// flushLarge writes what the last read made much of, while the processor still
// has it at hand, and so that its slabs can be used for the next read.
func (l *Loop) flushLarge() {
	c := l.fed
	l.fed = nil
	if c != nil && c.out.Len() >= largeOutput {
		l.interrupted, l.serving = l.serving, c
		c.flush()
		l.serving, l.interrupted = l.interrupted, nil
	}
}

// readShared reads into the loop's buffer: what most reads are.
func (c *Conn) readShared() {
	l := c.loop
	into := l.readSpace()
	n := c.sysRead(into)
	if n <= 0 {
		return
	}
	v := buffer.ViewOf(l.in, l.inFrom, l.inFrom+n)
	used := c.handler.Data(c, v)
	if used < n && c.flags&(dead|closing) == 0 {
		c.keep(v.From(used).Bytes())
	}
	if l.in.Shared() {
		l.inFrom += n
	}
}

// readSpace returns where to read to. Bytes that somebody kept a reference to
// stay; the next read goes behind them, or into another slab.
func (l *Loop) readSpace() []byte {
	if l.in != nil && !l.in.Shared() {
		l.inFrom = 0
	}
	if l.in == nil || l.in.Cap()-l.inFrom < minRead {
		if l.in != nil {
			l.in.Release()
		}
		l.in = l.bufs.Get(buffer.MaxSlab)
		l.inFrom = 0
	}
	return l.in.Bytes()[l.inFrom:]
}

// readBehindUnread reads behind what the handler has not consumed yet.
func (c *Conn) readBehindUnread() {
	c.makeRoom()
	n := c.sysRead(c.unread.Bytes()[c.unreadTo:])
	if n <= 0 {
		return
	}
	c.unreadTo += int32(n)
	c.offerUnread()
}

// unreadFull reports whether there are as many unread bytes as there may be.
func (c *Conn) unreadFull() bool { return c.unreadTo-c.unreadFrom == buffer.MaxSlab }

// makeRoom makes the slab of unread bytes that are not full have free space at its end.
func (c *Conn) makeRoom() {
	if int(c.unreadTo) == c.unread.Cap() {
		c.keep(c.unreadBytes())
	}
}

// keep makes a copy of b the unread bytes, in a slab with as much room again. b may
// be the present ones.
func (c *Conn) keep(b []byte) {
	s := c.loop.bufs.Get(max(2*len(b), minUnread))
	n := copy(s.Bytes(), b)
	c.dropUnread()
	c.unread, c.unreadFrom, c.unreadTo = s, 0, int32(n)
}

func (c *Conn) unreadBytes() []byte {
	if c.unread == nil {
		return nil
	}
	return c.unread.Bytes()[c.unreadFrom:c.unreadTo]
}

func (c *Conn) dropUnread() {
	if c.unread != nil {
		c.unread.Release()
		c.unread, c.unreadFrom, c.unreadTo = nil, 0, 0
	}
}

// offerUnread hands over what was kept.
func (c *Conn) offerUnread() {
	if c.unread == nil || c.flags&(paused|dead|closing) != 0 {
		return
	}
	s := c.unread
	s.Retain() // the handler may end the connection
	c.loop.offered = s
	used := c.handler.Data(c, buffer.ViewOf(s, int(c.unreadFrom), int(c.unreadTo)))
	c.loop.offered = nil
	if c.unread == s {
		c.unreadFrom += int32(used)
		if c.unreadFrom == c.unreadTo {
			c.dropUnread()
		}
	}
	s.Release()
}

// tellEOF tells the handler once that the peer has ended its direction.
func (c *Conn) tellEOF() {
	switch {
	case c.flags&closing != 0:
		c.endedByPeer()
	case c.flags&toldEOF == 0:
		c.flags |= toldEOF
		if c.truncated() {
			c.failTruncated()
		} else {
			c.handler.EOF(c)
		}
	}
}

// sysRead reads once. It keeps readable and peerEnded true to what the socket
// said: fewer bytes than asked for means that it is empty now. Behind the last
// bytes of a peer that has ended, only the next read tells an end from a reset.
func (c *Conn) sysRead(b []byte) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	switch {
	case errno == 0 && n > 0:
		if int(n) < len(b) && c.flags&peerEnded == 0 {
			c.flags &^= readable
		}
		c.wireRead += uint64(n)
		return int(n)
	case errno == 0:
		c.flags |= peerEnded
		c.flags &^= readable
	case errno == syscall.EAGAIN:
		c.flags &^= readable
	case errno == syscall.EINTR:
	default:
		c.fail(errno)
	}
	return 0
}

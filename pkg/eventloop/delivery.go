package eventloop

import "golang.org/x/sys/unix"

// Delivery is how far what was sent has got, as far as this system knows.
type Delivery struct {
	// Acked is how many bytes the peer's system has confirmed.
	Acked uint64
	// Full says that the peer's system has confirmed all that is on its way: what is
	// left of what was sent waits here until there is room for it.
	Full bool
}

// Delivery asks the system how far what was sent has got. It returns false if that
// is not known, as for unix sockets, and after the connection was closed. It takes a
// system call.
//
// Of a connection that ended with [ErrTruncated], it stays known: the system that ended
// it had confirmed what it was going to.
func (c *Conn) Delivery() (d Delivery, ok bool) {
	if x := c.extra; c.fd < 0 && x != nil {
		return x.cutAt, x.cut
	}
	info, err := unix.GetsockoptTCPInfo(int(c.fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return Delivery{}, false
	}
	// The first byte of a connection's sequence numbers is no data, and systems
	// count it.
	return Delivery{Acked: max(info.Bytes_acked, 1) - 1, Full: info.Unacked == 0}, true
}

// WriteOffset returns where in the bytes on the wire the next one that is appended to
// Out will be. With a transport it is there at the earliest, and if nothing waits,
// exactly there, unless the transport has something to say itself. So what was not
// written, or confirmed, beyond the offset has not reached the peer.
func (c *Conn) WriteOffset() uint64 { return c.wireWritten + uint64(c.Buffered()) }

// Taken returns how many of the bytes sent the peer's system has confirmed, as far as
// this one knows. It asks the system.
func (c *Conn) Taken() uint64 {
	if c.flags&dead != 0 {
		return c.wireWritten
	}
	waiting, err := unix.IoctlGetInt(int(c.fd), unix.SIOCOUTQ)
	if err != nil || uint64(waiting) > c.wireWritten {
		return c.wireWritten
	}
	return c.wireWritten - uint64(waiting)
}

// Paused reports whether the owner wants no bytes for now, so that none come.
func (c *Conn) Paused() bool {
	if c.flags&handshaking != 0 {
		return c.extra.handshake.paused
	}
	return c.flags&paused != 0
}

package eventloop

import "golang.org/x/sys/unix"

// Position returns where in the bytes that are sent the next one to be written will be.
func (c *Conn) Position() uint64 { return c.sent + uint64(c.out.Len()) }

// Taken returns how many of the bytes sent the peer's system has confirmed, as far as
// this one knows. It asks the system.
func (c *Conn) Taken() uint64 {
	if c.flags&dead != 0 {
		return c.sent
	}
	waiting, err := unix.IoctlGetInt(int(c.fd), unix.SIOCOUTQ)
	if err != nil || uint64(waiting) > c.sent {
		return c.sent
	}
	return c.sent - uint64(waiting)
}

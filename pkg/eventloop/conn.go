package eventloop

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

// What a connection can be closed with, beside errors of the operating system.
var (
	// ErrUnreadTooLong: the handler left more unconsumed than a slab holds.
	ErrUnreadTooLong = errors.New("eventloop: too many bytes were left unconsumed")
	// ErrConnectTimeout: the peer did not accept the connection in time.
	ErrConnectTimeout = errors.New("eventloop: connecting took too long")
	// ErrAborted: the owner broke the connection off.
	ErrAborted = errors.New("eventloop: the connection was broken off")
)

type flags uint32

const (
	readable    flags = 1 << iota // the last read did not empty the socket
	peerEnded                     // the peer's FIN has come
	toldEOF                       // and the handler knows
	paused                        // the owner wants no more for now
	replay                        // resumed: what is kept is to be offered again
	blocked                       // the socket takes no more
	high                          // the handler was told to slow down
	connecting                    // Dial has not finished
	handshaking                   // the transport is not ready
	ending                        // no more is to be written after what waits
	ended                         // our FIN is sent
	closing                       // the owner is done; what waits is still written
	resetting                     // closing, and the end is to be a reset
	broken                        // nothing can be written any more; err says why
	deliverAll                    // what came before a reset is handed over before it is told
	dead                          // to be finalized at the end of the turn
	inReady
	inDirty
)

// Conn is one connection. Its methods are called on its loop only.
type Conn struct {
	loop    *Loop
	handler Handler
	fd      int32
	slot    int32
	flags   flags

	unread     *buffer.Slab // what the handler did not consume: its bytes from unreadFrom to unreadTo
	unreadFrom int32
	unreadTo   int32

	out   buffer.Chain
	extra *extra // what few connections have
	err   error  // why it is dead

	wireRead, wireWritten uint64
	remote                netip.AddrPort
}

// extra is what only connections with a transport, a pending connect or a lingering
// close need.
type extra struct {
	transport Transport    // nil until its handshake is done
	handshake *handshake   // while it is under way
	wire      buffer.Chain // sealed, to be written
	sealed    []byte       // received, not yet opened
	peerEnded bool         // the transport said that nothing more comes
	cut       bool         // the bytes ended without that, when Delivery was cutAt
	cutAt     Delivery

	timer Timer // of connecting and the handshake, or of closing
	conn  *Conn
	close closeWatch
}

// Loop returns the loop that the connection lives on.
func (c *Conn) Loop() *Loop { return c.loop }

// Now returns the time of the loop's present turn; see [Loop.Now].
func (c *Conn) Now() int64 { return c.loop.now }

// Handler returns the current owner.
func (c *Conn) Handler() Handler {
	if h, ok := c.handler.(*handshake); ok {
		return h.owner
	}
	return c.handler
}

// SetHandler gives the connection to another owner, who gets all later calls.
func (c *Conn) SetHandler(h Handler) {
	if shake, ok := c.handler.(*handshake); ok {
		shake.owner = h
		return
	}
	c.handler = h
}

// RemoteAddr returns the peer's address; it is not valid for unix sockets.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.remote }

// LocalAddr asks the system for the connection's own address.
func (c *Conn) LocalAddr() netip.AddrPort {
	sa, err := unix.Getsockname(int(c.fd))
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPortOf(sa)
}

// OriginalDst asks the system for the address that the client connected to: the one
// before the system redirected the connection here, or else LocalAddr.
func (c *Conn) OriginalDst() netip.AddrPort {
	const soOriginalDst = 80 // of SOL_IP and SOL_IPV6: linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h
	local := c.LocalAddr()
	if local.Addr().Unmap().Is4() {
		// The system writes a sockaddr_in; of the calls that x/sys has, this one has room.
		raw, err := unix.GetsockoptIPv6Mreq(int(c.fd), unix.IPPROTO_IP, soOriginalDst)
		if err != nil {
			return local
		}
		b := raw.Multiaddr
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4]))
	}
	raw, err := unix.GetsockoptIPv6MTUInfo(int(c.fd), unix.IPPROTO_IPV6, soOriginalDst)
	if err != nil {
		return local
	}
	var port [2]byte
	binary.NativeEndian.PutUint16(port[:], raw.Addr.Port)
	return netip.AddrPortFrom(netip.AddrFrom16(raw.Addr.Addr), binary.BigEndian.Uint16(port[:]))
}

// WireRead returns how many bytes were read from the socket so far.
func (c *Conn) WireRead() uint64 { return c.wireRead }

// WireWritten returns how many bytes were written to the socket so far.
func (c *Conn) WireWritten() uint64 { return c.wireWritten }

// Alive tells whether the connection can still carry anything.
func (c *Conn) Alive() bool { return c.flags&(dead|closing) == 0 }

// PeerEnded tells whether the peer has ended its direction, or worse, even if the
// handler has not been told because reading is paused.
func (c *Conn) PeerEnded() bool { return c.flags&(peerEnded|dead) != 0 }

// Out returns the chain that bytes to be written are appended to; they leave at the
// end of the turn. It is for writing: to ask how much waits, there is [Conn.Buffered].
func (c *Conn) Out() *buffer.Chain {
	c.markDirty()
	c.loop.fed = c
	return &c.out
}

// Write appends a copy of b to what is to be written.
func (c *Conn) Write(b []byte) { c.Out().Append(b) }

// Pause stops the reading. The handler is given nothing more until Resume, not
// even what it left unconsumed.
func (c *Conn) Pause() {
	switch {
	case c.flags&handshaking != 0:
		c.extra.handshake.paused = true
	case c.flags&closing == 0:
		c.flags |= paused
	}
}

// Resume goes on reading. What was left unconsumed is offered again; within Data,
// that is what Data is about to leave.
func (c *Conn) Resume() {
	if c.flags&handshaking != 0 {
		c.extra.handshake.paused = false
		return
	}
	wasPaused := c.flags&paused != 0
	c.flags &^= paused
	c.flags |= replay // seen by read, if this is within Data
	if c.unread != nil || wasPaused && (c.flags&(readable|peerEnded) != 0 || c.hasTransport()) {
		c.markReady()
	}
}

// DeliverAll has a reset by the peer told only when everything that came before it
// was handed over, however long the owner pauses. Otherwise an owner that has paused
// is told at once, and what it did not read yet is lost: that is right where nobody
// needs the bytes of a peer that is gone.
func (c *Conn) DeliverAll() { c.flags |= deliverAll }

// CloseWrite ends this direction once everything is written.
func (c *Conn) CloseWrite() {
	c.flags |= ending
	c.markDirty()
}

// Detach takes the connection off its loop without closing it and gives it away:
// the descriptor, what was read and not consumed, and what was not written. The
// connection must be plain and connected; its handler gets no more calls. It must
// not be called from within the handler's Data: the bytes that it is still
// looking at would be nobody's. What it held is freed at the end of the turn.
func (c *Conn) Detach() (fd int, unread, unwritten []byte) {
	c.loop.poll.remove(int(c.fd))
	unread = append(unread, c.unreadBytes()...)
	unwritten = c.out.AppendTo(nil)
	fd = int(c.fd)
	c.fd, c.handler = -1, nil
	c.fail(nil)
	return fd, unread, unwritten
}

func (c *Conn) hasTransport() bool { return c.extra != nil && c.extra.transport != nil }

func (c *Conn) more() *extra {
	if c.extra == nil {
		c.extra = &extra{conn: c}
	}
	return c.extra
}

// markDirty has the connection flushed. For a dead one that drops what its owner,
// who may not know yet, has written.
func (c *Conn) markDirty() {
	if c.flags&inDirty == 0 {
		c.flags |= inDirty
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

func (c *Conn) markReady() {
	if c.flags&(inReady|dead) == 0 {
		c.flags |= inReady
		c.loop.ready = append(c.loop.ready, c)
	}
}

// event takes what epoll reported.
func (c *Conn) event(ev uint32) {
	if c.flags&dead != 0 {
		return
	}
	if c.flags&connecting != 0 {
		c.finishConnect(ev)
		return
	}
	if ev&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
		c.flags |= peerEnded
	}
	if ev&unix.EPOLLERR != 0 && c.flags&(paused|deliverAll) == paused { // otherwise reading comes to it, behind the last byte
		c.fail(cmp.Or(c.socketError(), error(syscall.ECONNRESET)))
		return
	}
	if ev&unix.EPOLLOUT != 0 && c.flags&blocked != 0 {
		c.flags &^= blocked
		c.markDirty()
	}
	if ev&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.flags |= readable
		c.read()
	}
}

// socketError takes the error that the socket met, nil if there is none.
func (c *Conn) socketError() error {
	n, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && n != 0 {
		return syscall.Errno(n)
	}
	return err
}

// finalize closes the descriptor, takes the connection out of its loop's tables, gives
// back what it held, and tells the handler: last, so that who counts connections
// makes another one only when this one is gone. A connection that was detached has
// neither a descriptor nor a handler.
func (c *Conn) finalize() {
	if c.fd >= 0 {
		unix.Close(int(c.fd))
		c.fd = -1
	}
	c.dropUnread()
	c.out.Clear()
	if c.extra != nil {
		c.extra.release()
	}
	c.loop.conns[c.slot] = nil
	c.loop.free = append(c.loop.free, c.slot)
	c.loop.count.Add(-1)
	if c.handler != nil {
		c.handler.Closed(c, c.err)
		c.handler = nil
	}
	c.out.Clear() // what the handler may have said on the way out
}

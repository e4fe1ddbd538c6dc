package eventloop

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
)

// Transport turns the bytes on the wire into the plain bytes that the handler sees,
// and back: TLS is one. It belongs to one connection, and its methods run on that
// connection's loop. It does no I/O and must not block: what takes long is computed on
// another goroutine, which calls [Conn.Wake] when it is done. A connection without
// one is plain.
//
// On the wire, bytes are never fewer than in plain. A transport with something to let
// go of, such as a goroutine that waits for more, is an [io.Closer]: Close is the last
// call, before the handler's Closed.
type Transport interface {
	// Handshake goes on with the handshake. It is called at its beginning, so that a
	// client may speak first, when more bytes came, and after Wake; wire may be empty. It
	// takes as many bytes from the front of wire as it can, and appends to out what the
	// peer is to be sent. Bytes that it did not take are given again with more behind
	// them, or, when it is done, to Open. After an error, what is in out (an alert) is
	// still sent if the socket takes it.
	Handshake(wire []byte, out *buffer.Chain) (took int, p Progress, err error)
	// Session returns what is known once the handshake is done. It does not change.
	Session() *Session
	// Open takes bytes from the front of wire and puts what they mean into plain. It
	// returns how many it took and how many it put; it is called again as long as it did
	// either. Bytes that it did not take are offered again with more. io.EOF says that
	// the peer has ended its direction: only then an end of the bytes is told to the
	// handler as one, and otherwise as [ErrTruncated].
	Open(wire, plain []byte) (took, put int, err error)
	// Seal moves everything from plain to the end of wire, in wire's form. It is called
	// without plain bytes, too, whenever the transport may have something to say itself.
	Seal(plain, wire *buffer.Chain) error
	// CloseWrite appends to wire what announces the end of this direction.
	CloseWrite(wire *buffer.Chain)
}

// Progress is how far a handshake has come.
type Progress uint8

const (
	// WantBytes: the peer is to send more.
	WantBytes Progress = iota
	// WantWake: something is computed elsewhere, and [Conn.Wake] will follow. Nothing is
	// read meanwhile.
	WantWake
	// Done: plain bytes may be opened and sealed.
	Done
)

// Session is what a transport knows of its connection.
type Session struct {
	Protocol   string // that was agreed on, by its name in ALPN (RFC 7301); "": none was
	ServerName string // that the client asked for; "": none
	Peer       Peer   // who the other side has proved to be; nil: nobody
}

// Peer is a proved identity. What else is known of it depends on the transport.
type Peer interface {
	// String returns the name that logs show.
	String() string
}

// What a connection with a transport can end with, beside its errors.
var (
	// ErrTruncated: the bytes ended although the transport had not said that they
	// would, so that nobody knows if they are all.
	ErrTruncated = errors.New("eventloop: the bytes ended, and the transport had not announced it")
	// ErrHandshakeTimeout: the handshake was not done in time.
	ErrHandshakeTimeout = errors.New("eventloop: it took too long")
)

// HandshakeError is what the handler is told when there was a connection, but its
// transport's handshake failed.
type HandshakeError struct {
	Err error // ErrHandshakeTimeout, io.ErrUnexpectedEOF, the transport's own, or the system's
}

// Error says that it was the handshake that failed, and why.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("eventloop: the handshake failed: %v", e.Err)
}

// Unwrap returns the reason.
func (e *HandshakeError) Unwrap() error { return e.Err }

// SetTransport puts t between the socket and the handler. On a connection that is
// being made its handshake follows the connect, within the same time, and within is
// ignored; on any other it begins now, and may last for within. Either way Connected
// tells that it is done, and Closed, with a [HandshakeError], that it failed.
// Meanwhile the handler is given no bytes, and what it writes waits.
//
// Bytes that were read and not consumed before are given to t: a handler may look at
// the first bytes in its Data, set the transport, and consume none. Bytes that were
// written before leave as they are. A connection has one transport at most.
func (c *Conn) SetTransport(t Transport, within time.Duration) {
	x := c.more()
	x.wire.Init(&c.loop.bufs)
	x.handshake = &handshake{transport: t, owner: c.handler, paused: c.flags&paused != 0}
	c.handler = x.handshake
	c.flags = c.flags&^paused | handshaking
	if c.flags&connecting == 0 {
		x.wire.Move(&c.out)
		if within > 0 {
			c.loop.Schedule(&x.timer, within, x)
		}
		c.callAgain()
	}
}

// callAgain has the handler, or the transport, called again soon.
func (c *Conn) callAgain() {
	c.flags |= replay
	c.markReady()
}

// Session returns what the transport knows of the connection, nil if it has none, or
// the handshake is not done.
func (c *Conn) Session() *Session {
	if !c.hasTransport() {
		return nil
	}
	return c.extra.transport.Session()
}

// Wake has the transport called again, on the loop: Handshake, or Open and Seal. Any
// goroutine may call it, at any time.
func (c *Conn) Wake() {
	c.loop.Post(func() {
		if c.flags&dead != 0 || c.extra == nil {
			return
		}
		if h := c.extra.handshake; h != nil && h.waits {
			h.waits = false
			c.flags &^= paused
		}
		c.callAgain()
	})
}

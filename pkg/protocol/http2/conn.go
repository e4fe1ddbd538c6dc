package http2

import (
	"github.com/weirproxy/weir/pkg/stream"
)

// conn is what both sides of HTTP/2 have in common. It hands frames to the parts
// that it is made of, each of which knows its own state only:
//
//	frames   writes frames behind what is to be sent
//	headers  collects header blocks and decodes them
//	streams  finds streams, and remembers how those ended that are over
//	recv     passes on the data that comes, and credits the connection's window
//	send     sends the data of streams, which take turns
//	budget   bounds what the peer can make us do for nothing
type conn struct {
	cfg      *Config
	side     side
	flags    connFlags
	peer     peerSettings
	received uint64 // frames that have come

	frames  frameWriter
	headers headerReader
	streams streams
	recv    receiver
	send    sender
	budget  budget
}

// side is what a server and a client do each in their own way.
type side interface {
	// block takes a header block that is whole.
	block(id uint32, flags uint8, block []byte) *Error
	// control takes a frame that concerns the connection and was dealt with as far as
	// both sides do the same: SETTINGS, an acknowledged PING, GOAWAY.
	control(t frameType, payload []byte) *Error
	// streamOver tells that there is one stream less.
	streamOver()
}

type connFlags uint8

const (
	client       connFlags = 1 << iota // this side is the client
	sawSettings                        // the peer's first SETTINGS came
	acknowledged                       // the peer has seen our SETTINGS
	linkPaused                         // the link was paused
	partialHead                        // a part of a frame waits that may begin a request
	draining                           // the connection is to end with its last stream
	refusing                           // no new streams
)

func (c *conn) init(cfg *Config, link stream.Link, heads *stream.Pool, side side, role connFlags) {
	c.cfg, c.side, c.flags = cfg, side, role
	c.peer = defaultPeerSettings()
	c.frames.init(link)
	c.headers.init(cfg, heads, link.Out().Pool())
	c.streams.free = stream.FreeListOf[h2stream](heads)
	c.recv.init(cfg, &c.frames, link.Out().Pool())
	c.send.init(cfg, &c.frames, &c.budget, role)
	if role == client {
		c.budget.peer = aHost
	}
}

func (c *conn) has(f connFlags) bool { return c.flags&f != 0 }

// closing reports whether the connection is over: nothing is read nor written any
// more.
func (c *conn) closing() bool { return c.frames.closed }

// now is the time of the turn, on the loop's clock.
func (c *conn) now() int64 { return c.frames.link.Now() }

// announce writes our SETTINGS, behind a front.
func (c *conn) announce(front string) {
	c.frames.settings(front, c.cfg, !c.has(client))
	c.recv.window.window = window(c.recv.size)
}

// newStream returns a stream that has no number yet.
func (c *conn) newStream() *h2stream {
	s := c.streams.take()
	s.conn, s.flags = c, 0
	s.in.announced = -1
	s.in.window.window = window(c.recv.streamSize)
	s.out.init(c.recv.data.Pool(), c.peer.window, c.now())
	return s
}

// useless counts n frames that are of no use to us. It returns false if there are too
// many of them.
func (c *conn) useless(n int64) bool { return c.budget.useless(n, c.now()) }

// countReset counts a stream that the peer made us reset. A server's peers cannot
// make a client reset more streams than it opens.
func (c *conn) countReset() *Error {
	if !c.has(client) && !c.budget.thrownAway(wholeReset, c.now()) {
		return ErrResets
	}
	return c.frames.countAnswer()
}

// refuse resets a stream that there is not (any more).
func (c *conn) refuse(id uint32, err *Error) *Error {
	c.frames.reset(id, err.Code)
	c.streams.closed.addReset(id, c.recv.firstWindow())
	return c.countReset()
}

// answer writes a response of the codec's own on a stream of which nothing was sent.
// end tells that the request is over, call that it is one of gRPC, whose answers have
// a status of their own.
func (c *conn) answer(id uint32, r *refusal, end, call bool) {
	c.frames.answer(id, r, call)
	if end {
		c.streams.closed.add(id, ordinary)
		return
	}
	c.frames.reset(id, NoError)
	c.streams.closed.addReset(id, c.recv.firstWindow())
}

// pressure follows the link: while the peer does not read, what is to be sent
// waits in its stream.
func (c *conn) pressure(high bool) {
	if high == c.frames.pressed || c.closing() {
		return
	}
	c.frames.pressed = high
	if high {
		return
	}
	c.frames.unread = 0
	c.send.pump()
	if c.has(linkPaused) {
		c.flags &^= linkPaused
		c.frames.link.Resume()
	}
}

// fail ends the connection for what the peer sent.
func (c *conn) fail(err *Error) {
	if c.closing() {
		return
	}
	last := c.streams.lastID
	if c.has(client) {
		last = 0 // the peer opens none
	}
	c.frames.goAway(last, err.Code, err.Reason)
	c.shut(stream.Reset{Reason: stream.ProtocolError, Err: err})
}

// shut ends the connection, and all streams with it.
func (c *conn) shut(r stream.Reset) {
	c.flags |= refusing
	c.frames.closed = true
	c.headers.drop()
	c.recv.left, c.recv.skip = 0, 0
	for s := c.streams.any(); s != nil; s = c.streams.any() {
		reset := r
		reset.Unprocessed = reset.Unprocessed || s.id == 0
		s.endWith(reset)
	}
}

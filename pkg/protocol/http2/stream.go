package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// h2stream is one stream of a connection. To its other end it is a responder or a
// requester.
//
// A stream is over, and forgotten, when its message in has ended (inOver), its
// message out was given by the other end (outOver) and written (sentEnd); or when it
// is reset. A stream whose other end finished writing may live on while what it
// wrote waits for the peer's window.
type h2stream struct {
	conn       *conn
	peer       stream.End // nil once it may not be called any more
	next, prev *h2stream  // in the connection's ring of ready or of unborn ones

	queue    buffer.Chain // data that waits for the peer
	trailers *stream.Head // what follows it
	opening  *opening     // what only a stream has that becomes a tunnel; nil mostly

	sentAt    int64 // when something last left, or began to wait; before, when the stream was opened
	got       int64 // bytes of the message in
	announced int64 // how many there will be, -1: not known
	toSend    int64 // bytes of the message out that are to come, -1: not known

	id                     uint32 // 0: none yet
	sendWindow, recvWindow int32
	owed                   int32 // of recvWindow: was taken, and is not returned yet
	kept                   int32 // of recvWindow: passed on to a sink that wants no more for now
	head                   int32 // bytes of the request's head, which its other end keeps
	flags                  streamFlags
	depth                  uint8   // calls to peer that are under way
	waiting                uint8   // informational responses that came while the other end wanted nothing
	interims               rate    // of all of them
	resetCode              ErrCode // what the stream is reset with once all is sent, if cutOff
}

type streamFlags uint32

const (
	recvEnd      streamFlags = 1 << iota // the peer has ended its message
	inOver                               // and the other end was told, or does not want it
	outOver                              // the other end has given all of its message
	sentHead                             // its head is written
	sentEnd                              // all of it is
	gotHead                              // a client: the response's head came
	sourcePaused                         // the other end was told to pause
	sinkPaused                           // the other end wants no data
	isReady                              // in the ring of those that wait for their turn
	isHead                               // the request's method is HEAD
	isConnect                            // the request's method is CONNECT, without :protocol
	isOpaque                             // the request asks for a tunnel
	tunnelled                            // and was granted it
	noBody                               // the message out has no body; data for it is dropped
	parked                               // a client's, whose head waits for the server's SETTINGS
	sentData                             // a part of its data is
	cutOff                               // the message out ends with a reset, behind what waits
	isGRPC                               // the request is one of gRPC
	dead                                 // the connection has forgotten it
)

func (s *h2stream) has(f streamFlags) bool { return s.flags&f != 0 }

// newStream returns a stream that is in no table yet.
func (c *conn) newStream() *h2stream {
	s := c.spare.Get()
	if s == nil {
		s = &h2stream{}
	}
	s.conn, s.flags, s.sentAt = c, 0, c.link.Now()
	s.queue.Init(c.data.Pool())
	s.announced, s.toSend = -1, -1
	s.sendWindow, s.recvWindow = c.peer.window, c.cfg.streamWindow()
	c.count++
	return s
}

// attach gives a stream its other end.
func (c *conn) attach(s *h2stream, peer stream.End) {
	s.peer = peer
	c.live++
}

// number gives a stream its number.
func (c *conn) number(s *h2stream, id uint32) {
	s.id = id
	c.lastID = id
	c.streams.put(s)
}

// end forgets a stream. It is used again once no call to its other end is under
// way, unless the other end may still call it: then it stays dead.
func (c *conn) end(s *h2stream) {
	c.drop(s)
	c.unready(s)
	if s.id != 0 {
		c.streams.take(s)
	} else {
		unlink(&c.unborn, s)
	}
	s.flags |= dead
	c.waiting -= s.queue.Len()
	s.queue.Clear()
	if s.trailers != nil {
		c.heads.Put(s.trailers)
		s.trailers = nil
	}
	if s.opening != nil {
		s.opening.drop(c)
		s.opening = nil
	}
	c.count--
	c.side.streamOver()
	s.recycle()
}

// drop makes the other end one that is not called any more; what comes for it is
// ignored.
func (c *conn) drop(s *h2stream) {
	if s.peer != nil {
		s.peer = nil
		c.live--
	}
	s.flags |= inOver
	c.heldHeads -= int(s.head)
	s.head = 0
	_, conn := s.taken()
	c.creditConn(conn)
	if o := s.opening; o != nil {
		c.creditConn(o.held.Len())
		o.held.Clear()
	}
	if c.current == s {
		c.ignoreRest(c.data.Len())
		c.data.Clear()
		c.current = nil
	}
}

// ignoreRest ignores what is to come of the DATA frame that is being read, and
// gives back its window, and some more.
func (c *conn) ignoreRest(more int) {
	c.creditConn(int(c.left) + more)
	c.skip += c.left
	c.left = 0
}

// recycle keeps a dead stream's memory for another one.
func (s *h2stream) recycle() {
	if s.depth == 0 && s.flags&(dead|outOver) == dead|outOver {
		spare := s.conn.spare
		*s = h2stream{flags: dead | outOver} // a call that comes too late does nothing
		spare.Put(s)
	}
}

// enter and leave bracket every call to a stream's other end.
func (s *h2stream) enter() { s.depth++ }

func (s *h2stream) leave() {
	s.depth--
	s.recycle()
}

// endWith forgets a stream, and tells its other end why.
func (c *conn) endWith(s *h2stream, r stream.Reset) {
	peer := s.peer
	s.flags |= outOver
	s.enter()
	c.end(s)
	if peer != nil {
		peer.Reset(r)
	}
	s.leave()
}

// resetByUs writes a reset of a stream, and notes what may be on its way to it: as
// much as its window allows. Who has overrun that may have sent what the connection's
// window allowed, and again as much for what of it was ignored.
func (c *conn) resetByUs(s *h2stream, code ErrCode) {
	left := int64(max(s.recvWindow, 0)) + c.slack()
	if code == FlowControlError {
		left = 2 * int64(c.cfg.connWindow())
	}
	c.writeRST(s.id, code)
	c.closed.addReset(s.id, left)
	c.budget.abandoned()
}

// abandon is endWith for a stream that is reset by us.
func (c *conn) abandon(s *h2stream, code ErrCode, r stream.Reset) {
	if s.id != 0 {
		c.resetByUs(s, code)
	}
	c.endWith(s, r)
}

// streamError resets a stream for what the peer sent.
func (c *conn) streamError(s *h2stream, err *Error) *Error {
	c.abandon(s, err.Code, stream.Reset{Reason: stream.ProtocolError, Err: err})
	return c.blame()
}

// settle looks at a stream after something of it was passed on. A client's stream
// whose response is over before its request is ended, as the rest of it is of no
// use: its other end does not know, and may go on calling. A server's stream goes on
// until all is sent, but without its other end.
func (c *conn) settle(s *h2stream) {
	switch {
	case !s.has(inOver) || s.has(dead):
	case !c.has(client):
		if s.has(outOver) {
			c.drop(s)
		}
	case !s.has(tunnelled):
		c.resetByUs(s, NoError)
		c.end(s)
	}
}

// refuse resets a stream that there is not (any more).
func (c *conn) refuse(id uint32, err *Error) *Error {
	c.writeRST(id, err.Code)
	c.closed.addReset(id, c.firstWindow())
	return c.blame()
}

// blame counts a stream that the peer made us reset. A server's peers cannot make
// a client reset more streams than it opens.
func (c *conn) blame() *Error {
	if !c.has(client) && !c.thrownAway(wholeReset) {
		return ErrResets
	}
	return c.wrote()
}

// thrownAway counts work that was begun for a client and is of no use any more.
func (c *conn) thrownAway(n int64) bool {
	return c.budget.resets.take(peerLimits[c.budget.peer].resets, n, c.link.Now())
}

// weight is what it costs a client to reset a server's stream: nothing once it was
// answered, little once it has waited for the answer.
func (s *h2stream) weight() int64 {
	switch {
	case s.has(sentHead):
		return 0
	case s.conn.link.Now()-s.sentAt >= int64(waitedFor):
		return 1
	}
	return wholeReset
}

// resetAll resets the streams that a condition chooses. A stream may end with
// another one's reset, and so the search begins anew after each.
func (c *conn) resetAll(r stream.Reset, chosen func(*h2stream) bool) {
	for !c.has(closing) {
		s := c.find(chosen)
		if s == nil {
			return
		}
		c.endWith(s, r)
	}
}

func (c *conn) find(chosen func(*h2stream) bool) *h2stream {
	for _, s := range c.streams.slots {
		if s != nil && chosen(s) {
			return s
		}
	}
	for s := c.unborn; s != nil; s = s.next {
		if chosen(s) {
			return s
		}
		if s.next == c.unborn {
			break
		}
	}
	return nil
}

// link appends s to a ring.
func link(ring **h2stream, s *h2stream) {
	if *ring == nil {
		*ring, s.next, s.prev = s, s, s
		return
	}
	s.next, s.prev = *ring, (*ring).prev
	s.prev.next, s.next.prev = s, s
}

// unlink takes s out of a ring.
func unlink(ring **h2stream, s *h2stream) {
	if s.next == s {
		*ring = nil
	} else {
		s.prev.next, s.next.prev = s.next, s.prev
		if *ring == s {
			*ring = s.next
		}
	}
	s.next, s.prev = nil, nil
}

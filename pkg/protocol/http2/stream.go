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
	next, prev *h2stream  // in the connection's ring of ready or of unassigned ones
	opening    *opening   // what only a stream has that becomes a tunnel; nil mostly
	id         uint32     // 0: none yet
	flags      streamFlags
	head       int32 // bytes of the request's head, which its other end keeps
	depth      uint8 // calls to peer that are under way
	in         incoming
	out        outgoing
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

// attach gives a stream its other end.
func (s *h2stream) attach(peer stream.End) {
	s.peer = peer
	s.conn.streams.live++
}

// end forgets a stream. It is used again once no call to its other end is under
// way, unless the other end may still call it: then it stays dead.
func (s *h2stream) end() {
	c := s.conn
	s.drop()
	c.send.forget(s)
	c.streams.remove(s)
	s.flags |= dead
	if s.out.trailers != nil {
		c.headers.heads.Put(s.out.trailers)
		s.out.trailers = nil
	}
	if s.opening != nil {
		s.opening.drop(c.headers.heads)
		s.opening = nil
	}
	c.side.streamOver()
	s.recycle()
}

// drop makes the other end one that is not called any more; what comes for it is
// ignored.
func (s *h2stream) drop() {
	c := s.conn
	if s.peer != nil {
		s.peer = nil
		c.streams.live--
	}
	s.flags |= inOver
	c.streams.heads -= int(s.head)
	s.head = 0
	_, conn := s.heldCredit()
	c.recv.credit(conn)
	if o := s.opening; o != nil {
		c.recv.credit(o.held.Len())
		o.held.Clear()
	}
	c.recv.forget(s)
}

// recycle keeps a dead stream's memory for another one.
func (s *h2stream) recycle() {
	if s.depth == 0 && s.flags&(dead|outOver) == dead|outOver {
		free := s.conn.streams.free
		*s = h2stream{flags: dead | outOver} // a call that comes too late does nothing
		free.Put(s)
	}
}

// enter and leave bracket every call to a stream's other end.
func (s *h2stream) enter() { s.depth++ }

func (s *h2stream) leave() {
	s.depth--
	s.recycle()
}

// endWith forgets a stream, and tells its other end why.
func (s *h2stream) endWith(r stream.Reset) {
	peer := s.peer
	s.flags |= outOver
	s.enter()
	s.end()
	if peer != nil {
		peer.Reset(r)
	}
	s.leave()
}

// resetByUs writes a reset of a stream, and notes what may be on its way to it: as
// much as its window allows. Who has overrun that may have sent what the connection's
// window allowed, and again as much for what of it was ignored.
func (s *h2stream) resetByUs(code ErrCode) {
	c := s.conn
	left := int64(max(s.in.window.window, 0)) + int64(c.recv.slack)
	if code == FlowControlError {
		left = 2 * int64(c.recv.size)
	}
	c.frames.reset(s.id, code)
	c.streams.closed.addReset(s.id, left)
	c.budget.abandoned()
}

// abandon is endWith for a stream that is reset by us.
func (s *h2stream) abandon(code ErrCode, r stream.Reset) {
	if s.id != 0 {
		s.resetByUs(code)
	}
	s.endWith(r)
}

// fail resets a stream for what the peer sent.
func (s *h2stream) fail(err *Error) *Error {
	c := s.conn // the stream may be another one behind this
	s.abandon(err.Code, stream.Reset{Reason: stream.ProtocolError, Err: err})
	return c.countReset()
}

// abort ends a stream that cannot go on: by an answer of weir's own, or a reset with
// the code if a response has begun.
func (s *h2stream) abort(why *refusal, code ErrCode) {
	r := stream.Reset{Reason: stream.ProtocolError, Err: why.cause}
	if s.has(sentHead) {
		s.abandon(code, r)
		return
	}
	s.enter()
	s.endWith(r)
	s.conn.answer(s.id, why, s.has(recvEnd), s.has(isGRPC))
	s.leave()
}

// settle looks at a stream after something of it was passed on. A client's stream
// whose response is over before its request is ended, as the rest of it is of no
// use: its other end does not know, and may go on calling. A server's stream goes on
// until all is sent, but without its other end.
func (s *h2stream) settle() {
	switch {
	case !s.has(inOver) || s.has(dead):
	case !s.conn.has(client):
		if s.has(outOver) {
			s.drop()
		}
	case !s.has(tunnelled):
		s.resetByUs(NoError)
		s.end()
	}
}

// endOrdinary forgets a stream both of whose messages are over.
func (s *h2stream) endOrdinary() {
	c := s.conn
	c.streams.closed.add(s.id, ordinary)
	c.budget.ended()
	s.end()
}

// weight is what it costs a client to reset a server's stream: nothing once it was
// answered, little once it has waited for the answer.
func (s *h2stream) weight() int64 {
	switch {
	case s.has(sentHead):
		return 0
	case s.conn.now()-s.out.sent.time() >= int64(waitedFor):
		return 1
	}
	return wholeReset
}

// outputOver looks what is left of a stream whose message out is sent.
func (s *h2stream) outputOver() {
	switch {
	case s.has(dead):
	case s.has(inOver) && s.has(recvEnd):
		s.endOrdinary()
	case s.conn.has(client), s.has(tunnelled) && !s.has(inOver):
	case s.has(inOver): // the other end knows, or does not want to
		s.drop()
		s.abandon(NoError, stream.Reset{})
	default:
		s.abandon(NoError, stream.Reset{Reason: stream.Cancelled})
	}
}

// fits reports whether data is as long as the head of the message out announced. Data
// of a message that has no body is dropped.
func (s *h2stream) fits(d *buffer.Chain, end bool) bool {
	switch {
	case !s.has(sentHead | parked):
		return false
	case s.has(noBody):
		d.Clear()
	case s.out.left >= 0:
		s.out.left -= int64(d.Len())
		return s.out.left >= 0 && (!end || s.out.left == 0)
	}
	return true
}

// bodiless reports whether a response to the stream's request has no body, whatever
// its head says.
func (s *h2stream) bodiless(status int) bool {
	return status == 204 || status == 304 || s.has(isHead)
}

package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// responder is a server's stream as the other end of a request: where the response
// goes. Calls that come after the stream is over change nothing.
type responder h2stream

var _ stream.End = (*responder)(nil)

// Head writes a response's head: an interim one, or the final one.
func (e *responder) Head(h *stream.Head, end bool) {
	s := (*h2stream)(e)
	c := s.conn
	switch {
	case s.has(dead | outOver):
	case h.Interim():
		if !s.has(sentHead) {
			c.writeResponse(s, h, h.Status, false)
		}
	case s.has(sentHead) || !s.sendable(h, end):
		c.abort(s)
	default:
		c.respond(s, h, end)
	}
}

// sendable tells whether a head can be sent without misleading the client about
// what the message is.
func (s *h2stream) sendable(h *stream.Head, end bool) bool {
	switch {
	case h.Status < 100 || h.Status > 999:
		return false
	case h.Opaque:
		return s.has(isOpaque) && (h.Status == 101) != s.has(isConnect) &&
			(h.Status == 101 || h.Status/100 == 2)
	case h.Status == 101, h.Status/100 == 2 && s.has(isOpaque):
		return false
	}
	return !end || h.ContentLength <= 0 || s.bodiless(h.Status)
}

func (c *conn) respond(s *h2stream, h *stream.Head, end bool) {
	s.flags |= sentHead
	status := h.Status
	switch {
	case h.Opaque:
		status = max(status, 200)
	case s.bodiless(status):
		s.flags |= noBody
	default:
		s.toSend = h.ContentLength
	}
	c.writeResponse(s, h, status, end)
	s.enter()
	switch {
	case !s.has(isOpaque):
	case h.Opaque:
		c.grant(s)
	default:
		c.decline(s)
	}
	if end && !s.has(dead) {
		s.flags |= outOver | sentEnd
		c.outputOver(s)
	}
	s.leave()
}

// Data writes a part of the response's body.
func (e *responder) Data(d *buffer.Chain, end bool) {
	s := (*h2stream)(e)
	c := s.conn
	if s.has(dead | outOver) {
		d.Clear()
		return
	}
	if !s.fits(d, end) {
		d.Clear()
		c.abort(s)
		return
	}
	s.enter()
	c.send(s, d, end)
	c.answered(s)
	s.leave()
}

// fits tells whether data is as long as the head announced. Data of a message that
// has no body is dropped.
func (s *h2stream) fits(d *buffer.Chain, end bool) bool {
	switch {
	case !s.has(sentHead | parked):
		return false
	case s.has(noBody):
		d.Clear()
	case s.toSend >= 0:
		s.toSend -= int64(d.Len())
		return s.toSend >= 0 && (!end || s.toSend == 0)
	}
	return true
}

// Trailers ends the response.
func (e *responder) Trailers(t *stream.Header) {
	s := (*h2stream)(e)
	c := s.conn
	switch {
	case s.has(dead | outOver):
	case !s.has(sentHead) || s.has(tunnelled) || s.toSend > 0:
		c.abort(s)
	default:
		s.enter()
		c.sendTrailers(s, t)
		c.answered(s)
		s.leave()
	}
}

// sendTrailers writes trailers, or keeps them until what is in front of them is
// sent.
func (c *conn) sendTrailers(s *h2stream, t *stream.Header) {
	s.flags |= outOver
	if s.queue.Len() == 0 && !s.has(parked) {
		c.writeTrailers(s, t)
		c.outputOver(s)
		return
	}
	s.trailers = c.heads.Get()
	s.trailers.Header.CopyFrom(t)
}

// answered looks after a request that goes on when its response is given: the
// client is told once the response is sent, the other end at once.
func (c *conn) answered(s *h2stream) {
	if s.has(outOver) && s.flags&(dead|inOver|tunnelled) == 0 {
		peer := s.peer
		c.drop(s)
		peer.Reset(stream.Reset{Reason: stream.Cancelled})
	}
	c.settle(s)
}

// Reset ends the stream. What came of a response that a host has cut off still goes
// to the client, if it has been taking it.
func (e *responder) Reset(r stream.Reset) {
	s := (*h2stream)(e)
	if s.has(dead) {
		return
	}
	c := s.conn
	waits := s.queue.Len() > 0 && !s.has(outOver) && brokenOff(r)
	taken := s.has(sentData) && c.link.Now()-s.sentAt < int64(stalled)
	s.flags |= outOver
	c.drop(s)
	if waits && taken {
		s.flags |= cutOff
		s.resetCode = codeOf(r)
		return
	}
	c.abandon(s, codeOf(r), stream.Reset{})
}

// brokenOff reports whether a reset is that of a response whose host, or the way to it,
// failed, as opposed to one that nobody waits for.
func brokenOff(r stream.Reset) bool {
	switch r.Reason {
	case stream.RemoteReset, stream.ConnectionLost, stream.ProtocolError:
		return true
	}
	return false
}

// Pause stops the request's data.
func (e *responder) Pause() { (*h2stream)(e).holdData() }

// Resume lets the request's data come again.
func (e *responder) Resume() { (*h2stream)(e).releaseData() }

// abort ends a stream whose response is not fit to be sent.
func (c *conn) abort(s *h2stream) {
	r := stream.Reset{Reason: stream.ProtocolError, Err: ErrBadMessage}
	if s.has(sentHead) {
		c.abandon(s, InternalError, r)
		return
	}
	id, whole, call := s.id, s.has(recvEnd), s.has(isGRPC)
	s.enter()
	c.endWith(s, r)
	c.answer(id, errBadAnswer, whole, call)
	s.leave()
}

// outputOver looks what is left of a stream whose message out is sent.
func (c *conn) outputOver(s *h2stream) {
	switch {
	case s.has(dead):
	case s.has(inOver) && s.has(recvEnd):
		c.endOrdinary(s)
	case c.has(client), s.has(tunnelled) && !s.has(inOver):
	case s.has(inOver): // the other end knows, or does not want to
		c.drop(s)
		c.abandon(s, NoError, stream.Reset{})
	default:
		c.abandon(s, NoError, stream.Reset{Reason: stream.Cancelled})
	}
}

// tooLarge answers a request whose body is over the limit.
func (c *conn) tooLarge(s *h2stream) {
	r := stream.Reset{Reason: stream.ProtocolError, Err: ErrBodyTooLarge}
	if c.has(client) || s.has(sentHead) {
		c.abandon(s, Cancel, r)
		return
	}
	id, whole, call := s.id, s.has(recvEnd), s.has(isGRPC)
	c.endWith(s, r)
	c.answer(id, errLongBody, whole, call)
}

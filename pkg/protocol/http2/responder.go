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
	switch {
	case s.has(dead | outOver):
	case h.Interim():
		if !s.has(sentHead) {
			s.conn.frames.response(s.id, h, h.Status, false)
		}
	case s.has(sentHead) || !e.sendable(h, end):
		s.abort(errBadAnswer, InternalError)
	default:
		e.respond(h, end)
	}
}

// sendable reports whether a head can be sent without misleading the client about
// what the message is.
func (e *responder) sendable(h *stream.Head, end bool) bool {
	s := (*h2stream)(e)
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

// respond writes the head of the response.
func (e *responder) respond(h *stream.Head, end bool) {
	s := (*h2stream)(e)
	s.flags |= sentHead
	status := h.Status
	switch {
	case h.Opaque:
		status = max(status, 200)
	case s.bodiless(status):
		s.flags |= noBody
	default:
		s.out.left = h.ContentLength
	}
	s.conn.frames.response(s.id, h, status, end)
	s.enter()
	switch {
	case !s.has(isOpaque):
	case h.Opaque:
		e.grant()
	default:
		e.decline()
	}
	if end && !s.has(dead) {
		s.flags |= outOver | sentEnd
		s.outputOver()
	}
	s.leave()
}

// Data writes a part of the response's body.
func (e *responder) Data(d *buffer.Chain, end bool) {
	s := (*h2stream)(e)
	if s.has(dead | outOver) {
		d.Clear()
		return
	}
	if !s.fits(d, end) {
		d.Clear()
		s.abort(errBadAnswer, InternalError)
		return
	}
	s.enter()
	s.conn.send.data(s, d, end)
	e.answered()
	s.leave()
}

// Trailers ends the response.
func (e *responder) Trailers(t *stream.Header) {
	s := (*h2stream)(e)
	switch {
	case s.has(dead | outOver):
	case !s.has(sentHead) || s.has(tunnelled) || s.out.left > 0:
		s.abort(errBadAnswer, InternalError)
	default:
		s.enter()
		s.conn.send.trailers(s, t)
		e.answered()
		s.leave()
	}
}

// answered looks after a request that goes on when its response is given: the
// client is told once the response is sent, the other end at once.
func (e *responder) answered() {
	s := (*h2stream)(e)
	if s.has(outOver) && s.flags&(dead|inOver|tunnelled) == 0 {
		peer := s.peer
		s.drop()
		peer.Reset(stream.Reset{Reason: stream.Cancelled})
	}
	s.settle()
}

// Reset ends the stream. What came of a response that a host has cut off still goes
// to the client, if it has been taking it.
func (e *responder) Reset(r stream.Reset) {
	s := (*h2stream)(e)
	if s.has(dead) {
		return
	}
	waits := s.out.queue.Len() > 0 && !s.has(outOver) && brokenOff(r)
	taken := s.has(sentData) && s.conn.now()-s.out.sent.time() < int64(stalled)
	s.flags |= outOver
	s.drop()
	if waits && taken {
		s.flags |= cutOff
		s.out.resetCode = codeOf(r)
		return
	}
	s.abandon(codeOf(r), stream.Reset{})
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

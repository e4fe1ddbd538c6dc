package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// requester is a client's stream as the other end of a response: where the request
// goes. What comes after the stream is over is dropped.
type requester h2stream

var _ stream.End = (*requester)(nil)

// Head writes the request's head.
func (e *requester) Head(h *stream.Head, end bool) {
	s := (*h2stream)(e)
	c := s.conn
	switch {
	case s.has(dead | sentHead | parked):
	case c.has(refusing):
		s.endWith(refusedByPeer())
	case !requestable(h, end):
		s.endWith(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrBadMessage})
	case h.Opaque:
		e.requestTunnel(h, end)
	default:
		e.request(h, end)
	}
}

// requestable reports whether a head can be sent without misleading the server about
// what the message is.
func requestable(h *stream.Head, end bool) bool {
	if !validToken(h.Method()) || len(h.Authority()) == 0 || !validValue(h.Authority()) {
		return false
	}
	if string(h.Method()) == "CONNECT" {
		return h.Opaque
	}
	return validTarget(h.Path()) && (!end || h.ContentLength <= 0)
}

// request sends the head of a request.
func (e *requester) request(h *stream.Head, end bool) {
	s := (*h2stream)(e)
	c := s.conn
	unlink(&c.streams.unassigned, s)
	id := uint32(1)
	if c.streams.lastID > 0 {
		id = c.streams.lastID + 2
	}
	c.streams.assign(s, id)
	c.budget.opened()
	s.out.window = window(c.peer.window) // it may have changed since the stream was opened
	s.flags |= sentHead
	s.flags &^= parked
	if !s.has(isOpaque) {
		s.out.left = h.ContentLength
	}
	if string(h.Method()) == "HEAD" {
		s.flags |= isHead
	}
	var protocol []byte
	if s.opening != nil {
		protocol = s.opening.protocol
	}
	c.frames.request(id, h, protocol, end)
	if end {
		s.flags |= outOver | sentEnd
	}
}

// requestTunnel sends the head of a request for a tunnel. For one that HTTP/1 knows
// as an upgrade the server must have said that it takes them.
func (e *requester) requestTunnel(h *stream.Head, end bool) {
	s := (*h2stream)(e)
	c := s.conn
	s.flags |= isOpaque
	if string(h.Method()) == "CONNECT" {
		s.flags |= isConnect
		e.request(h, end)
		return
	}
	protocol, ok := h.GetID(stream.Upgrade)
	switch {
	case !ok || !validToken(protocol) || string(h.Method()) != "GET" || h.ContentLength > 0:
		s.endWith(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrBadMessage})
		return
	case c.has(sawSettings) && !c.peer.connect:
		s.endWith(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrNoUpgrade})
		return
	}
	s.opening = &opening{protocol: append([]byte(nil), protocol...)}
	if key, ok := h.Get(fieldWebSocketKey); ok {
		s.opening.key = append([]byte(nil), key...)
	}
	if c.has(sawSettings) {
		e.request(h, end)
		return
	}
	s.flags |= parked
	s.opening.head = c.headers.heads.Get()
	s.opening.head.CopyFrom(h)
	if end {
		s.flags |= outOver
	}
}

// unpark sends, or refuses, the requests for upgrades that waited for the server to
// say whether it takes them.
func (c *ClientConn) unpark() {
	waits := func(s *h2stream) bool { return s.has(parked) }
	if !c.peer.connect {
		c.resetAll(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrNoUpgrade}, waits)
		return
	}
	for s := c.streams.find(waits); s != nil && !c.closing(); s = c.streams.find(waits) {
		h := s.opening.head
		s.opening.head = nil
		end := s.has(outOver) && s.out.queue.Len() == 0
		(*requester)(s).request(h, end)
		c.headers.heads.Put(h)
		c.send.schedule(s)
	}
}

// Data writes a part of the request's body.
func (e *requester) Data(d *buffer.Chain, end bool) {
	s := (*h2stream)(e)
	switch {
	case s.has(outOver):
		d.Clear()
	case s.has(dead):
		d.Clear()
		e.giveUp(end)
	case !s.fits(d, end):
		d.Clear()
		e.abandon()
	default:
		s.enter()
		s.conn.send.data(s, d, end)
		s.leave()
	}
}

// giveUp notes, on a dead stream, that it will not be called any more.
func (e *requester) giveUp(end bool) {
	if s := (*h2stream)(e); end {
		s.flags |= outOver
		s.recycle()
	}
}

// abandon ends a stream whose request is not what its head announced.
func (e *requester) abandon() {
	s := (*h2stream)(e)
	s.abandon(Cancel, stream.Reset{Reason: stream.Unsendable, Unprocessed: !s.has(sentHead), Err: ErrLength})
}

// Trailers ends the request.
func (e *requester) Trailers(t *stream.Header) {
	s := (*h2stream)(e)
	switch {
	case s.has(outOver):
	case s.has(dead):
		e.giveUp(true)
	case !s.has(sentHead) || s.has(isOpaque) || s.out.left > 0:
		e.abandon()
	default:
		s.enter()
		s.conn.send.trailers(s, t)
		s.leave()
	}
}

// Reset ends the stream.
func (e *requester) Reset(r stream.Reset) {
	s := (*h2stream)(e)
	if s.has(dead) {
		e.giveUp(!s.has(outOver))
		return
	}
	s.flags |= outOver
	s.drop()
	s.abandon(codeOf(r), stream.Reset{})
}

// Pause stops the response's data.
func (e *requester) Pause() { (*h2stream)(e).holdData() }

// Resume lets the response's data come again.
func (e *requester) Resume() { (*h2stream)(e).releaseData() }

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
	case c.has(refusing | closing):
		c.endWith(s, refusedByPeer())
	case !requestable(h, end):
		c.endWith(s, stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrBadMessage})
	case h.Opaque:
		c.requestTunnel(s, h, end)
	default:
		c.request(s, h, end)
	}
}

// requestable tells whether a head can be sent without misleading the server about
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
func (c *conn) request(s *h2stream, h *stream.Head, end bool) {
	unlink(&c.unborn, s)
	id := uint32(1)
	if c.lastID > 0 {
		id = c.lastID + 2
	}
	c.number(s, id)
	c.budget.opened()
	s.sendWindow = c.peer.window // it may have changed since the stream was opened
	s.flags |= sentHead
	s.flags &^= parked
	if !s.has(isOpaque) {
		s.toSend = h.ContentLength
	}
	if string(h.Method()) == "HEAD" {
		s.flags |= isHead
	}
	c.writeRequest(s, h, end)
	if end {
		s.flags |= outOver | sentEnd
	}
}

// requestTunnel sends the head of a request for a tunnel. For one that HTTP/1 knows
// as an upgrade the server must have said that it takes them.
func (c *conn) requestTunnel(s *h2stream, h *stream.Head, end bool) {
	s.flags |= isOpaque
	if string(h.Method()) == "CONNECT" {
		s.flags |= isConnect
		c.request(s, h, end)
		return
	}
	protocol, ok := h.GetID(stream.Upgrade)
	switch {
	case !ok || !validToken(protocol) || string(h.Method()) != "GET" || h.ContentLength > 0:
		c.endWith(s, stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrBadMessage})
		return
	case c.has(sawSettings) && !c.peer.connect:
		c.endWith(s, stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrNoUpgrade})
		return
	}
	s.opening = &opening{protocol: append([]byte(nil), protocol...)}
	if key, ok := h.Get(fieldWebSocketKey); ok {
		s.opening.key = append([]byte(nil), key...)
	}
	if c.has(sawSettings) {
		c.request(s, h, end)
		return
	}
	s.flags |= parked
	s.opening.head = c.heads.Get()
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
	for s := c.find(waits); s != nil && !c.has(closing); s = c.find(waits) {
		h := s.opening.head
		s.opening.head = nil
		end := s.has(outOver) && s.queue.Len() == 0
		c.request(s, h, end)
		c.heads.Put(h)
		c.schedule(s)
	}
}

// Data writes a part of the request's body.
func (e *requester) Data(d *buffer.Chain, end bool) {
	s := (*h2stream)(e)
	c := s.conn
	switch {
	case s.has(outOver):
		d.Clear()
	case s.has(dead):
		d.Clear()
		e.giveUp(end)
	case !s.fits(d, end):
		d.Clear()
		c.abandonRequest(s)
	default:
		s.enter()
		c.send(s, d, end)
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

// abandonRequest ends a stream whose request is not what its head announced.
func (c *conn) abandonRequest(s *h2stream) {
	c.abandon(s, Cancel, stream.Reset{Reason: stream.Unsendable, Unprocessed: !s.has(sentHead), Err: ErrLength})
}

// Trailers ends the request.
func (e *requester) Trailers(t *stream.Header) {
	s := (*h2stream)(e)
	c := s.conn
	switch {
	case s.has(outOver):
	case s.has(dead):
		e.giveUp(true)
	case !s.has(sentHead) || s.has(isOpaque) || s.toSend > 0:
		c.abandonRequest(s)
	default:
		s.enter()
		c.sendTrailers(s, t)
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
	s.conn.drop(s)
	s.conn.abandon(s, codeOf(r), stream.Reset{})
}

// Pause stops the response's data.
func (e *requester) Pause() { (*h2stream)(e).holdData() }

// Resume lets the response's data come again.
func (e *requester) Resume() { (*h2stream)(e).releaseData() }

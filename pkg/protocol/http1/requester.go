package http1

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// requester is a ClientConn as the other end of its stream: where the request
// goes. What comes after the response is over is dropped.
type requester ClientConn

var _ stream.End = (*requester)(nil)

// Head writes the request's head.
func (s *requester) Head(h *stream.Head, end bool) {
	c := (*ClientConn)(s)
	if c.sink == nil || c.state != idle {
		return
	}
	if !requestable(h, end) {
		sink := c.sink
		c.flags |= oneWayOver
		c.release()
		sink.Reset(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrBadRequest})
		return
	}
	switch string(h.Method()) {
	case "HEAD":
		c.flags |= isHead
	case "CONNECT":
		c.flags |= isConnect
	}
	switch {
	case h.Opaque:
		protocol, _ := h.GetID(stream.Upgrade)
		c.upgrade = string(protocol)
		c.flags |= isOpaque
		c.out.framing = byLength
		c.out.left = h.ContentLength
		c.heldEnd = end
	case end:
		c.out.framing = noBody
		c.flags |= oneWayOver
	default:
		if c.out.framing = framingOf(h); c.out.framing == byLength {
			c.out.left = h.ContentLength
		}
	}
	c.flags |= headSent
	c.flags &^= replied
	c.state = inStatus
	c.writeRequest(h)
	if !end && (c.opening() || c.has(pressed)) {
		c.sink.Pause()
	}
}

// requestable tells whether a head can be sent without misleading the server
// about where the request line or the message ends.
func requestable(h *stream.Head, end bool) bool {
	if !validToken(h.Method()) || !validValue(h.Authority()) {
		return false
	}
	target := h.Path()
	if string(h.Method()) == "CONNECT" {
		target = h.Authority()
	}
	if len(target) == 0 || span(target, inTarget) != len(target) {
		return false
	}
	if h.Opaque && h.ContentLength < 0 { // nobody could tell the body from what follows it
		return false
	}
	return !end || h.ContentLength <= 0
}

// writeRequest writes the head of a request for HTTP/1.1.
func (c *ClientConn) writeRequest(h *stream.Head) {
	p := fieldPlan{length: -1, chunked: c.out.framing == chunked, open: c.out.framing == openHead, request: true, host: h.Authority()}
	switch {
	case c.has(isOpaque):
		if p.upgrade = !c.has(isConnect); p.upgrade {
			p.connection = connectionUpgrade
			if c.out.left > 0 || announcesNone(h) {
				p.length = c.out.left
			}
		}
	case c.out.framing == byLength:
		p.length = c.out.left
	case c.out.framing == noBody && announcesNone(h):
		p.length = 0
	}
	target := h.Path()
	if c.has(isConnect) {
		target = p.host
	}
	out := c.link.Out()
	room := reserve(out, h, c.out.left)
	b := append(room, h.Method()...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\n"...)
	if _, ok := h.GetID(stream.Host); !ok {
		b = appendField(b, []byte("Host"), p.host)
		p.host = nil
	}
	commit(out, room, appendFields(b, h, &p))
}

// announcesNone tells whether a request without a body says so: if it did when it
// came, or if its method lets a server expect one.
func announcesNone(h *stream.Head) bool {
	switch string(h.Method()) {
	case "POST", "PUT", "PATCH":
		return true
	}
	_, ok := h.GetID(stream.ContentLength)
	return ok
}

// Data writes a part of the request's body.
func (s *requester) Data(d *buffer.Chain, end bool) {
	c := (*ClientConn)(s)
	switch {
	case c.sink == nil || c.has(oneWayOver) || !c.has(headSent):
		d.Clear()
	case c.state == closing:
		d.Clear()
		if end {
			c.sink = nil
		}
	case c.has(isOpaque) && !c.has(tunnelled):
		c.hold(d, end)
	case !c.out.write(c.link.Out(), d, end):
		c.reset(stream.Reset{Reason: stream.Unsendable, Err: ErrLength})
	case end && c.has(tunnelled):
		c.link.CloseWrite()
		c.requestOver()
	case end:
		c.requestOver()
	}
}

// hold sends what is the request's body, keeps what follows until the tunnel is
// granted, and drops it if it was not.
func (c *ClientConn) hold(d *buffer.Chain, end bool) {
	waits := c.state == inStatus || c.state == inFields
	if left := c.out.left; left > 0 {
		n := min(left, int64(d.Len()))
		c.link.Out().MoveN(d, int(n))
		c.out.left -= n
		switch {
		case c.out.left > 0 && end:
			c.reset(stream.Reset{Reason: stream.ProtocolError, Err: ErrLength})
			return
		case c.out.left > 0:
			return
		case waits && !end:
			c.sink.Pause()
		}
	}
	c.heldEnd = end
	if waits {
		c.held.Move(d)
		return
	}
	d.Clear()
	if end {
		c.requestOver()
	}
}

// Trailers ends the request.
func (s *requester) Trailers(t *stream.Header) {
	c := (*ClientConn)(s)
	switch {
	case c.sink == nil || c.has(oneWayOver) || !c.has(headSent):
	case c.state == closing:
		c.sink = nil
	case c.has(isOpaque) || !c.out.writeTrailers(c.link.Out(), t):
		c.reset(stream.Reset{Reason: stream.Unsendable, Err: ErrLength})
	default:
		c.requestOver()
	}
}

// Reset ends the stream, and the connection unless nothing was sent on it.
func (s *requester) Reset(stream.Reset) {
	c := (*ClientConn)(s)
	if c.sink == nil {
		return
	}
	c.sink = nil
	if c.has(headSent) {
		c.shut()
		return
	}
	c.release()
}

// Pause stops the response's data.
func (s *requester) Pause() {
	if c := (*ClientConn)(s); c.sink != nil {
		c.holdData()
	}
}

// Resume lets the response's data come again.
func (s *requester) Resume() {
	if c := (*ClientConn)(s); c.sink != nil {
		c.releaseData()
	}
}

// requestOver ends the request; the stream ends when the response has.
func (c *ClientConn) requestOver() {
	c.flags |= oneWayOver
	if c.state == awaiting {
		c.release()
	}
}

package http1

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// responder is a ServerConn as the other end of its stream: where the response
// goes. Calls that come after the stream is over change nothing.
type responder ServerConn

var _ stream.End = (*responder)(nil)

// Head writes a response's head: an interim one, or the final one.
func (s *responder) Head(h *stream.Head, end bool) {
	c := (*ServerConn)(s)
	switch {
	case c.closed():
	case h.Interim():
		if c.out.framing == unsent && !c.has(isOld) {
			c.writeInterim(h)
			if h.Status == 100 {
				c.flags &^= expects // the client sends the body, whatever comes
			}
		}
	case c.out.framing != unsent || !c.sendable(h, end):
		c.abort()
	case h.Opaque:
		c.accept(h, end)
	default:
		c.respond(h, end)
	}
}

// closed tells whether no response is to be sent (any more).
func (c *ServerConn) closed() bool { return c.state == closing || c.state == idle || c.has(oneWayOver) }

// sendable tells whether a head can be sent without misleading the client about
// where the message ends.
func (c *ServerConn) sendable(h *stream.Head, end bool) bool {
	switch {
	case h.Status < 100 || h.Status > 999:
		return false
	case h.Opaque:
		return c.state == upgrading && (h.Status == 101) != c.has(isConnect) &&
			(h.Status == 101 || h.Status/100 == 2)
	case h.Status == 101, h.Status/100 == 2 && c.has(isConnect):
		return false
	}
	return !end || h.ContentLength <= 0 || c.bodiless(h.Status)
}

// bodiless tells whether the response has no body, whatever its head says.
func (c *ServerConn) bodiless(status int) bool {
	return status == 204 || status == 304 || c.has(isHead)
}

// accept turns the connection into a tunnel.
func (c *ServerConn) accept(h *stream.Head, end bool) {
	c.flags |= tunnelled | mustClose
	c.out.framing = raw
	c.state = tunnel
	c.writeAccept(h)
	if end {
		c.endTunnel()
	}
	if c.state == tunnel && !c.has(sinkPaused) {
		c.resumeLink()
	}
}

func (c *ServerConn) respond(h *stream.Head, end bool) {
	switch {
	case c.bodiless(h.Status):
		c.out.framing = noBody
	case end || h.ContentLength >= 0 && c.has(isOld):
		c.out.framing = byLength
	case c.has(isOld):
		c.out.framing = raw
		c.flags |= mustClose
	default:
		c.out.framing = framingOf(h)
	}
	if c.out.framing == byLength {
		c.out.left = max(h.ContentLength, 0)
	}
	if c.has(draining) || inBody(c.state) && !c.keepsRest(h, end) {
		c.flags |= mustClose
	}
	c.writeResponse(h)
	if end {
		c.responseOver()
	} else if c.state == upgrading {
		c.decline()
	}
}

// decline ends a request that asked for an upgrade and does not get it.
func (c *ServerConn) decline() {
	c.state = awaiting
	c.sink.Data(&c.data, true)
}

// Data writes a part of the response's body.
func (s *responder) Data(d *buffer.Chain, end bool) {
	c := (*ServerConn)(s)
	if c.closed() {
		d.Clear()
		return
	}
	if !c.out.write(c.link.Out(), d, end) {
		c.abort()
		return
	}
	switch {
	case !end:
	case c.has(tunnelled):
		c.endTunnel()
	default:
		c.responseOver()
	}
}

// Trailers ends the response.
func (s *responder) Trailers(t *stream.Header) {
	c := (*ServerConn)(s)
	switch {
	case c.closed():
	case c.has(tunnelled) || !c.out.writeTrailers(c.link.Out(), t):
		c.abort()
	default:
		c.responseOver()
	}
}

// Reset ends the stream, and the connection with it, by which the client sees that
// what it got of the response is not whole.
func (s *responder) Reset(stream.Reset) {
	c := (*ServerConn)(s)
	if c.sink == nil {
		return
	}
	c.sink = nil
	c.shut(stream.Reset{})
}

// Pause stops the request's data.
func (s *responder) Pause() {
	if c := (*ServerConn)(s); c.state != idle && !c.has(discards) {
		c.holdData()
	}
}

// Resume lets the request's data come again.
func (s *responder) Resume() {
	if c := (*ServerConn)(s); c.state != idle && !c.has(discards) {
		c.releaseData()
	}
}

// endTunnel ends the direction to the client.
func (c *ServerConn) endTunnel() {
	c.link.CloseWrite()
	c.flags |= oneWayOver
	if c.state == awaiting {
		c.finish()
	}
}

// responseOver looks whether the request is over too.
func (c *ServerConn) responseOver() {
	c.flags |= oneWayOver
	switch c.state {
	case awaiting:
		c.finish()
	case upgrading:
		c.decline()
		if c.state == awaiting && c.sink != nil {
			c.finish()
		}
	default:
		c.discardRest()
	}
}

// finish ends the stream and makes the connection ready for the next request.
func (c *ServerConn) finish() {
	c.sink = nil
	c.out = writer{}
	if c.has(mustClose | draining) {
		c.state = closing
		c.drop()
		return
	}
	c.next()
	c.resumeLink()
}

// abort ends a stream whose response is not fit to be sent.
func (c *ServerConn) abort() {
	cause := ErrLength
	if c.out.framing == unsent {
		cause = ErrBadMessage
		c.answer(ErrBadMessage)
	}
	c.shut(stream.Reset{Reason: stream.ProtocolError, Err: cause})
}

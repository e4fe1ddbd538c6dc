package http2

import "github.com/weirproxy/weir/pkg/stream"

// Upgraded begins a connection whose client asked for HTTP/2 in a request of HTTP/1
// that is complete (RFC 7540, section 3.2): our SETTINGS are written, the client's
// apply as if they had come in a frame, and the request is answered on stream 1. The
// client's preface is still to come. It is called once, before anything is fed.
//
// Settings that make no sense end the connection.
func (c *ServerConn) Upgraded(h *stream.Head, settings []byte) {
	c.announce("")
	c.greeted = true
	if err := c.peer.take(settings, true, c.frames.encoder); err != nil {
		c.fail(err)
		return
	}
	s := c.newStream()
	s.in.announced = 0
	if string(h.Method()) == "HEAD" {
		s.flags |= isHead
	}
	h.ContentLength = 0
	c.streams.assign(s, 1)
	s.flags |= recvEnd | inOver
	s.enter()
	if peer := c.acceptor.NewStream((*responder)(s)); !s.has(dead) {
		s.attach(peer)
		s.peer.Head(h, true)
	}
	s.leave()
}

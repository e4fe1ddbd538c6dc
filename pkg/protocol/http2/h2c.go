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
	c.flags |= greeted
	var table tableChange
	if err := c.peer.take(settings, true, &table); err != nil {
		c.fail(err)
		return
	}
	if table.changed {
		c.encoder.SetMaxTable(table.lowest)
		c.encoder.SetMaxTable(table.last)
	}
	s := c.newStream()
	s.announced = 0
	if string(h.Method()) == "HEAD" {
		s.flags |= isHead
	}
	h.ContentLength = 0
	c.number(s, 1)
	s.flags |= recvEnd | inOver
	s.enter()
	if peer := c.acceptor.NewStream((*responder)(s)); !s.has(dead) {
		c.attach(s, peer)
		s.peer.Head(h, true)
	}
	s.leave()
}

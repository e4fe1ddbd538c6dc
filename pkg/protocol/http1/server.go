package http1

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ServerConn is the codec of one downstream connection. It has one stream at a
// time: a request that comes before the response to the last one is over stays
// unread.
//
//	idle -> inFields -> (body) -> awaiting -> idle
//	                          \-> upgrading -> tunnel | awaiting
//	any -> closing
//
// If the response is over within the body, the states stay the same up to its end,
// but what is read is discarded; behind it comes idle.
type ServerConn struct {
	reader
	out writer

	acceptor stream.Acceptor
	sink     stream.End // of the request that is being read or answered
}

var _ stream.ServerCodec = (*ServerConn)(nil)

// NewServerConn returns the codec of a new connection. Heads are borrowed from
// the worker's pool for as long as one is being read.
func NewServerConn(cfg *Config, link stream.Link, acceptor stream.Acceptor, heads *stream.Pool) *ServerConn {
	c := &ServerConn{acceptor: acceptor}
	c.init(cfg, link, heads)
	return c
}

// Feed reads requests. The error is an [*Error]; its answer is in Out.
func (c *ServerConn) Feed(in buffer.View) (int, error) {
	n, err := c.feed(in)
	if err != nil {
		c.fail(err)
		return n, err
	}
	return n, nil
}

func (c *ServerConn) feed(in buffer.View) (pos int, err *Error) {
	for more := true; more; {
		switch c.state {
		case idle:
			if c.has(pressed) {
				c.pauseLink()
				return pos, nil
			}
			fallthrough
		case inFields:
			if pos, more, err = c.readRequest(in.Bytes(), pos); more && err == nil {
				c.begin()
			}
		case awaiting, upgrading:
			if pos < in.Len() {
				c.pauseLink()
			}
			return pos, nil
		case closing:
			return in.Len(), nil
		default:
			if c.has(sinkPaused) {
				c.pauseLink()
				return pos, nil
			}
			if c.state == tunnel {
				c.data.AppendView(in.From(pos))
				c.pass()
				return in.Len(), nil
			}
			from := pos
			pos, more, err = c.readBody(in, pos)
			switch {
			case err != nil:
			case c.has(discards):
				c.discard(pos-from, more)
			case more:
				c.end()
			default:
				c.pass()
			}
		}
		if err != nil {
			return pos, err
		}
	}
	return pos, nil
}

// begin opens a stream for the head that is complete.
func (c *ServerConn) begin() {
	h := c.head
	c.head = nil
	over := false
	switch {
	case h.Opaque && h.ContentLength == 0:
		c.state = upgrading
	case h.ContentLength < 0:
		c.state = inChunkSize
		c.size = 0
	case h.ContentLength > 0:
		c.state = inLength
		c.left = h.ContentLength
	default:
		c.state = awaiting
		over = true
	}
	c.sink = c.acceptor.NewStream((*responder)(c))
	if c.has(pressed) {
		c.sink.Pause()
	}
	if c.sink != nil {
		c.sink.Head(h, over)
	}
	c.heads.Put(h)
}

// pass hands on the data that this Feed brought.
func (c *ServerConn) pass() {
	if c.data.Len() > 0 && c.sink != nil {
		c.sink.Data(&c.data, false)
	}
	c.data.Clear()
}

// end hands on the last part of the request.
func (c *ServerConn) end() {
	trailers := c.head
	c.head = nil
	if c.has(isOpaque) {
		c.endOpening()
		return
	}
	if trailers == nil {
		c.state = awaiting
		c.sink.Data(&c.data, true)
		c.data.Clear()
		return
	}
	c.pass()
	switch {
	case c.has(discards): // since now: this was the rest
		c.finish()
	case c.sink != nil:
		c.state = awaiting
		c.sink.Trailers(&trailers.Header)
	}
	c.heads.Put(trailers)
}

// endOpening hands on the last part of the body of a request that asks for an
// upgrade, which is not over with that unless the upgrade was declined already.
func (c *ServerConn) endOpening() {
	c.pass()
	switch {
	case c.has(discards): // the response is over
		c.finish()
	case c.state != inLength: // and the connection with it
	case c.out.framing == unsent:
		c.state = upgrading
	default:
		c.decline()
	}
}

// fail ends the connection for what the peer sent; it is answered unless a
// response has begun.
func (c *ServerConn) fail(err *Error) {
	c.data.Clear()
	if c.out.framing == unsent {
		c.answer(err)
	}
	c.shut(stream.Reset{Reason: stream.ProtocolError, Err: err})
}

// shut ends the connection, and the stream with it if there is one. That a response
// is not whole shows by its length or its chunks; one that has neither ends with the
// connection.
func (c *ServerConn) shut(r stream.Reset) {
	if c.out.framing == raw && !c.has(oneWayOver) {
		c.flags |= cutShort
	}
	c.state = closing
	c.drop()
	if sink := c.sink; sink != nil {
		c.sink = nil
		sink.Reset(r)
	}
}

// EOF tells that the client sends nothing more.
func (c *ServerConn) EOF() (busy bool) {
	switch c.state {
	case awaiting:
		c.flags |= mustClose
	case tunnel:
		c.flags |= mustClose
		c.state = awaiting
		c.sink.Data(&c.data, true)
		if c.state == awaiting && c.has(oneWayOver) {
			c.finish()
		}
	default:
		c.shut(stream.Reset{Reason: stream.Cancelled})
	}
	return c.state != closing
}

// Pressure slows down where the response comes from.
func (c *ServerConn) Pressure(high bool) {
	if high == c.has(pressed) {
		return
	}
	c.flags ^= pressed
	switch {
	case c.sink != nil && high:
		c.sink.Pause()
	case c.sink != nil:
		c.sink.Resume()
	case !high:
		c.resumeLink()
	}
}

// Drain makes the request that has begun, if there is one, the last.
func (c *ServerConn) Drain() {
	c.flags |= draining
	if c.Phase() == stream.Idle {
		c.shut(stream.Reset{})
	}
}

// TimedOut answers a request that did not arrive in time.
func (c *ServerConn) TimedOut() {
	reading := c.state != awaiting && c.state != upgrading && c.Phase() != stream.Idle && c.state != closing
	if reading && c.out.framing == unsent {
		c.answer(ErrTimeout)
	}
	c.shut(stream.Reset{Reason: stream.TimedOut})
}

// Close resets the stream.
func (c *ServerConn) Close(r stream.Reset) { c.shut(r) }

// Phase tells what the connection is in the middle of.
func (c *ServerConn) Phase() stream.Phase {
	switch {
	case c.state == closing && c.has(cutShort):
		return stream.Breaking
	case c.state == closing:
		return stream.Closing
	case c.has(tunnelled):
		return stream.Tunnel
	case c.state == inFields, c.state == idle && (c.scanned > 0 || c.long != nil || c.has(sawEmptyLine)):
		return stream.ReadingHead
	case c.state == idle:
		return stream.Idle
	case c.has(discards):
		return stream.Discarding
	}
	return stream.Busy
}

// Features returns none: HTTP/1 has nothing that not all have.
func (c *ServerConn) Features() stream.ServerFeatures { return stream.ServerFeatures{} }

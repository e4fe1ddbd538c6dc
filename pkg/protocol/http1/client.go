package http1

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ClientConn is the codec of one upstream connection. It has one stream at a
// time.
//
//	idle -> inStatus -> inFields -> (body) -> idle
//	                            \-> tunnel
//	any -> closing
//
// While it waits for an upgrade, what is to be sent behind the request waits too:
// a server that does not accept would read it as another request. A body that the
// request announces is a part of it, and goes before.
type ClientConn struct {
	reader
	out writer

	sink     stream.End   // of the response
	upgrade  string       // what the request asks to be upgraded to
	held     buffer.Chain // data for a tunnel that is not granted yet
	interims int64        // when the informational responses so far will be as few as if none had come; 0: none has
	heldEnd  bool
}

var _ stream.ClientCodec = (*ClientConn)(nil)

// NewClientConn returns the codec of a new connection. Heads are borrowed from
// the worker's pool for as long as one is being read.
func NewClientConn(cfg *Config, link stream.Link, heads *stream.Pool) *ClientConn {
	c := &ClientConn{}
	c.init(cfg, link, heads)
	c.flags |= ofServer
	c.held.Init(link.Out().Pool())
	return c
}

// NewStream opens a stream whose response goes to receiver.
func (c *ClientConn) NewStream(receiver stream.End) stream.End {
	if c.Available() == 0 {
		panic("http1: a stream was opened on a connection that has one, or is of no more use")
	}
	c.sink = receiver
	return (*requester)(c)
}

// Available is 1 on a connection that is ready for a request.
func (c *ClientConn) Available() int {
	if c.state == idle && c.sink == nil && !c.has(draining) {
		return 1
	}
	return 0
}

// Feed reads responses. The error is an [*Error], or [ErrUnsolicited].
func (c *ClientConn) Feed(in buffer.View) (int, error) {
	n, err := c.feed(in)
	if err != nil {
		c.fail(err)
	}
	return n, err
}

func (c *ClientConn) feed(in buffer.View) (pos int, _ error) {
	var err *Error
	if in.Len() > 0 {
		c.flags |= replied
	}
	for more := true; more && pos < in.Len(); {
		switch c.state {
		case idle, awaiting:
			return pos, ErrUnsolicited
		case inStatus, inFields:
			if c.interims != 0 && c.has(sinkPaused) { // those before have not left yet
				c.pauseLink()
				return pos, nil
			}
			if pos, more, err = c.readResponse(in.Bytes(), pos); more && err == nil {
				c.begin(in.Len() - pos)
			}
		case closing:
			return in.Len(), nil
		default:
			if c.has(sinkPaused) {
				c.pauseLink()
				return pos, nil
			}
			if c.state == tunnel || c.state == untilEOF {
				return in.Len(), c.opaque(in.From(pos))
			}
			if pos, more, err = c.readBody(in, pos); more && err == nil {
				c.end(in.Len() - pos)
			} else if err == nil {
				c.pass()
			}
		}
		if err != nil {
			return pos, err
		}
	}
	return pos, nil
}

// opaque passes on bytes whose end is that of the connection.
func (c *ClientConn) opaque(in buffer.View) error {
	c.body += int64(in.Len())
	if c.state == untilEOF && c.tooLarge(c.body) {
		return ErrBodyTooLarge
	}
	c.data.AppendView(in)
	c.pass()
	return nil
}

// interim counts an informational response. It returns false if there are too many.
func (c *ClientConn) interim() bool {
	now := c.link.Now()
	next := max(c.interims, now) + interimEvery
	if next-now > interimBurst*interimEvery {
		return false
	}
	c.interims = next
	return true
}

// begin passes on the head that is complete; rest is how many bytes follow it.
func (c *ClientConn) begin(rest int) {
	h := c.head
	c.head = nil
	if h.Interim() {
		c.flags &^= sawHost | sawLength | sawCoding | sawUpgrade | badUpgrade |
			connClose | connKeepAlive | connUpgrade | nominates | isOld
		c.state = inStatus
		c.sink.Head(h, false)
		c.heads.Put(h)
		return
	}
	if !c.keepsAlive() {
		c.flags |= mustClose
	}
	c.state = c.bodyState(h)
	switch c.state {
	case inLength:
		c.left = h.ContentLength
	case inChunkSize:
		c.size = 0
	case untilEOF, tunnel:
		c.flags |= mustClose
	}
	c.settleUpgrade(h.Opaque)
	switch {
	case c.sink == nil: // it was reset meanwhile
	case c.state == awaiting:
		c.over(rest).Head(h, true)
	default:
		c.sink.Head(h, false)
	}
	c.heads.Put(h)
}

// opening reports whether the request is sent but for what is to go through a tunnel
// that is not granted.
func (c *ClientConn) opening() bool {
	return c.has(isOpaque) && !c.has(tunnelled) && c.out.left == 0
}

// settleUpgrade lets go what was held for a tunnel: into it, or into nothing.
func (c *ClientConn) settleUpgrade(granted bool) {
	if !c.has(isOpaque) {
		return
	}
	if granted {
		c.flags |= tunnelled
		c.out.framing = raw
		c.link.Out().Move(&c.held)
	}
	c.held.Clear()
	if c.heldEnd {
		c.flags |= oneWayOver
		if granted {
			c.link.CloseWrite()
		}
		return
	}
	if !c.has(pressed) {
		c.sink.Resume()
	}
}

// pass hands on the data that this Feed brought.
func (c *ClientConn) pass() {
	if c.data.Len() > 0 && c.sink != nil {
		c.sink.Data(&c.data, false)
	}
	c.data.Clear()
}

// end hands on the last part of the response; rest is how many bytes follow it.
func (c *ClientConn) end(rest int) {
	trailers := c.head
	c.head = nil
	if trailers == nil {
		c.over(rest).Data(&c.data, true)
		c.data.Clear()
		return
	}
	c.pass()
	if c.sink != nil {
		c.over(rest).Trailers(&trailers.Header)
	}
	c.heads.Put(trailers)
}

// over ends the response before its sink is told, because the connection may be
// given the next request inside that call. Bytes that follow the response answer
// no request, and so the connection must not be used again.
func (c *ClientConn) over(rest int) stream.End {
	sink := c.sink
	if rest > 0 {
		c.flags |= mustClose
	}
	switch {
	case c.has(oneWayOver):
		c.release()
	case c.opening():
		// Nothing of the request is missing but the word that it is over.
		c.state = awaiting
	default:
		// The rest of the request is dropped, and with it the connection.
		c.state = closing
	}
	return sink
}

// release ends the stream. The connection is ready for the next one, or done.
func (c *ClientConn) release() {
	c.sink = nil
	c.out = writer{}
	c.interims, c.heldEnd, c.upgrade = 0, false, ""
	if c.has(mustClose | draining) {
		c.shut()
		return
	}
	c.next()
	c.resumeLink()
}

func (c *ClientConn) shut() {
	c.state = closing
	c.drop()
	c.held.Clear()
}

// fail ends the connection for what the peer sent.
func (c *ClientConn) fail(err error) {
	c.data.Clear()
	r := stream.Reset{Reason: stream.ProtocolError, Err: err}
	if errors.Is(err, ErrUnsolicited) {
		r = stream.Reset{Reason: stream.ConnectionLost, Unprocessed: true, Err: err}
	}
	c.reset(r)
}

// reset ends the connection, and the stream with it if there is one.
func (c *ClientConn) reset(r stream.Reset) {
	waiting := c.state != closing && (c.state != awaiting || c.has(tunnelled))
	c.shut()
	if sink := c.sink; sink != nil {
		c.sink = nil
		if waiting {
			sink.Reset(r)
		}
	}
}

// EOF tells that the server sends nothing more, which ends a body that has no
// other end.
func (c *ClientConn) EOF() (busy bool) {
	switch c.state {
	case untilEOF:
		c.over(0).Data(&c.data, true)
	case tunnel:
		sink := c.sink
		if c.has(oneWayOver) {
			c.release()
		} else {
			c.state = awaiting
		}
		sink.Data(&c.data, true)
	case awaiting:
		c.flags |= mustClose
	default:
		c.reset(c.lost())
	}
	return c.state != closing
}

// lost is what a stream is told when its connection ended.
func (c *ClientConn) lost() stream.Reset {
	r := stream.Reset{Reason: stream.ConnectionLost, Err: ErrTruncated}
	if !c.has(replied) {
		r.Err = ErrNoResponse
		r.Unprocessed = !c.has(headSent)
	}
	return r
}

// Pressure slows down where the request comes from.
func (c *ClientConn) Pressure(high bool) {
	if high == c.has(pressed) {
		return
	}
	c.flags ^= pressed
	switch {
	case c.sink == nil || c.has(oneWayOver) || c.opening():
	case high:
		c.sink.Pause()
	default:
		c.sink.Resume()
	}
}

// Drain makes the stream that is open, if there is one, the last.
func (c *ClientConn) Drain() {
	c.flags |= draining
	if c.sink == nil {
		c.shut()
	}
}

// Close resets the stream.
func (c *ClientConn) Close(r stream.Reset) {
	if r.Err == nil && r.Reason == stream.ConnectionLost {
		r = c.lost()
	}
	r.Unprocessed = r.Unprocessed || !c.has(headSent)
	c.reset(r)
}

// Features returns none: HTTP/1 has nothing that not all have.
func (c *ClientConn) Features() stream.ClientFeatures { return stream.ClientFeatures{} }

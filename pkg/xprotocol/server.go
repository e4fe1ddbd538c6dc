package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ServerConn runs a protocol over one downstream connection: requests come, their
// answers go back by the ids that the client gave, in whatever order.
type ServerConn struct {
	conn
	callee
	back    *caller // asks the client, for the host of a bound connection; nil before it has
	partial bool    // a frame has begun
	told    bool    // that a drain has begun
	eof     bool
	closing bool
}

var (
	_ stream.ServerCodec = (*ServerConn)(nil)
)

var errUnexpected = errors.New("xprotocol: a response came that nothing was asked for")

func newServerConn(e *engine, link stream.Link, a stream.Acceptor, heads *stream.Pool) *ServerConn {
	c := &ServerConn{conn: conn{engine: e, link: link, heads: heads}}
	c.callee.init(&c.conn, a)
	c.ended = c
	return c
}

// NewStream opens a stream to the client, for a request of the host's on a
// connection that is bound to this one.
func (c *ServerConn) NewStream(receiver stream.End) stream.End {
	if c.back == nil {
		c.back = new(caller)
		c.back.init(&c.conn)
	}
	return c.back.begin(receiver)
}

// streamEnded goes on reading if that was waited for.
func (c *ServerConn) streamEnded() {
	c.pauseIf(c.paused && c.full())
	if c.eof && c.count() == 0 {
		c.closing = true
	}
}

// Feed takes whole frames off in.
func (c *ServerConn) Feed(in buffer.View) (int, error) {
	pos := 0
	for pos < in.Len() && !c.closing {
		if c.full() {
			c.pauseIf(true)
			break
		}
		if c.skip > 0 {
			pos += c.skipped(in.Len() - pos)
			continue
		}
		n, err := c.step(in.From(pos))
		pos += n
		if err != nil {
			c.closing = true
			return pos, err
		}
		if n == 0 && c.skip == 0 {
			break
		}
	}
	c.partial = !c.paused && (pos < in.Len() || c.big != nil || c.skip > 0)
	return pos, nil
}

// step takes the first frame off in, if it is whole or too long.
func (c *ServerConn) step(in buffer.View) (n int, err error) {
	f, n, err := c.next(in)
	switch {
	case err != nil:
		err = c.pass(in, err)
	case f.b != nil:
		err = c.take(&f)
	}
	return n, err
}

// pass begins to step over the frame that in begins with, if err says that it is too
// long.
func (c *ServerConn) pass(in buffer.View, err error) error {
	var call stream.Call
	if c.skipTooLong(err, in, &call) {
		return c.fail(&call, err)
	}
	if r, ok := failureOf(err); ok { // nobody knows whose request it is
		c.tell(r)
	}
	return err
}

// full tells whether no more requests are taken for now: too many are under way,
// or the client does not take its answers.
func (c *ServerConn) full() bool { return c.count() >= c.maxStreams || c.pressed }

// fail ends the call whose message is refused; it returns the error that ends the
// connection instead.
func (c *ServerConn) fail(call *stream.Call, err error) error {
	r, ok := failureOf(err)
	if !ok {
		return err
	}
	switch call.Kind {
	case stream.KindRequest:
		r.Unprocessed = true
		c.send(func(dst []byte) []byte { return c.codec.Answer(dst, call, answerTo(r)) })
		c.tell(r)
	case stream.KindOneWay:
		r.Unprocessed = true
		c.tell(r)
	case stream.KindResponse:
		if c.back == nil {
			return errUnexpected
		}
		c.back.fail(call, r)
	}
	return nil
}

// tell tells of a request that has no stream.
func (c *ServerConn) tell(r stream.Reset) {
	if a, ok := c.acceptor.(stream.Refuser); ok {
		a.Refused(r)
	}
}

// take does what a frame asks for.
func (c *ServerConn) take(f *frame) error {
	h := c.heads.Get()
	content, err := c.parse(f, h)
	if err == nil {
		err = c.obey(f, h, content)
	} else {
		err = c.fail(&h.RPC.Call, err)
	}
	c.heads.Put(h)
	f.drop()
	return err
}

// obey does what the message says.
func (c *ServerConn) obey(f *frame, h *stream.Head, content stream.Span) (err error) {
	switch h.RPC.Kind {
	case stream.KindRequest, stream.KindOneWay:
		err = c.request(h, f, content)
	case stream.KindHeartbeat:
		if c.heartbeats || h.RPC.Forward {
			err = c.request(h, f, content)
		} else {
			c.answerHeartbeat(&h.RPC.Call, f.b[content.Off:content.End()], true)
		}
	case stream.KindResponse:
		if c.back == nil {
			err = errUnexpected
		} else {
			c.back.response(h, f, content)
		}
	default: // what a client says of the connection changes nothing
	}
	return err
}

// EOF tells that the client sends nothing more. What it asked for is answered.
func (c *ServerConn) EOF() (busy bool) {
	c.eof = true
	c.dropBig()
	return c.count() > 0
}

// Pressure stops the reading while answers do not leave.
func (c *ServerConn) Pressure(high bool) {
	c.pressed = high
	c.pauseIf(c.paused && c.full())
	if !high && c.back != nil {
		c.back.relieve()
	}
}

// Drain ends the connection if nothing is under way on it. Requests that come
// while others are under way are served: most of these protocols cannot tell a
// client to stop, and it would lose them.
func (c *ServerConn) Drain() {
	if c.count() == 0 {
		c.closing = true
	}
}

// NotifyDrain tells the client to send no more requests, if the protocol can.
func (c *ServerConn) NotifyDrain() {
	if c.goAways != nil && !c.told {
		c.told = true
		c.send(func(dst []byte) []byte { return c.goAways.GoAway(dst, 0, like(&c.first)) })
	}
}

// Phase tells what the connection is in the middle of.
func (c *ServerConn) Phase() stream.Phase {
	switch {
	case c.closing:
		return stream.Closing
	case c.count() > 0:
		return stream.Busy
	case c.partial:
		return stream.ReadingHead
	}
	return stream.Idle
}

// TimedOut ends a connection whose frame does not become whole.
func (c *ServerConn) TimedOut() { c.closing = true }

// Close resets every stream.
func (c *ServerConn) Close(r stream.Reset) {
	c.closing = true
	c.dropBig()
	c.callee.reset(r)
	if c.back != nil {
		c.back.reset(r)
	}
}

// Features returns what all RPC protocols add.
func (c *ServerConn) Features() stream.ServerFeatures {
	return stream.ServerFeatures{DrainNotifier: c, Acceptor: c}
}

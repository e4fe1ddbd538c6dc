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
	answerer
	back    *asker // asks the client, for the host of a bound connection; nil before it has
	partial bool   // a frame has begun
	paused  bool   // the link was paused
	pressed bool   // answers do not leave fast enough
	told    bool   // that a drain has begun
	eof     bool
	closing bool
}

var (
	_ stream.ServerCodec = (*ServerConn)(nil)
	_ stream.Announcer   = (*ServerConn)(nil)
	_ stream.Acceptor    = (*ServerConn)(nil)
)

var errUnexpected = errors.New("xprotocol: a response came that nothing was asked for")

func newServerConn(e *engine, link stream.Link, a stream.Acceptor, heads *stream.Pool) *ServerConn {
	c := &ServerConn{conn: conn{engine: e, link: link, heads: heads}}
	c.answerer.init(&c.conn, a)
	c.ended = c
	return c
}

// NewStream opens a stream to the client, for a request of the host's on a
// connection that is bound to this one.
func (c *ServerConn) NewStream(receiver stream.End) stream.End {
	if c.back == nil {
		c.back = new(asker)
		c.back.init(&c.conn)
	}
	return c.back.begin(receiver)
}

// streamEnded goes on reading if that was waited for.
func (c *ServerConn) streamEnded() {
	c.resume()
	if c.eof && c.count() == 0 {
		c.closing = true
	}
}

// Feed takes whole frames off in.
func (c *ServerConn) Feed(in buffer.View) (int, error) {
	pos := 0
	for pos < in.Len() && !c.closing {
		if c.full() {
			c.pause()
			break
		}
		f, n, err := c.next(in.From(pos))
		if errors.Is(err, errTooLong) {
			c.refuse(in.From(pos).Bytes())
			return pos, &FrameError{c.name, errTooLong.Error()}
		}
		pos += n
		if err == nil && f.b == nil {
			break
		}
		if err == nil {
			err = c.take(&f)
		}
		if err != nil {
			c.closing = true
			return pos, err
		}
	}
	c.partial = !c.paused && (pos < in.Len() || c.big != nil)
	return pos, nil
}

// full tells whether no more requests are taken for now: too many are under way,
// or the client does not take its answers.
func (c *ServerConn) full() bool { return c.count() >= c.maxStreams || c.pressed }

func (c *ServerConn) pause() {
	if !c.paused {
		c.paused = true
		c.link.Pause()
	}
}

func (c *ServerConn) resume() {
	if c.paused && !c.full() {
		c.paused = false
		c.link.Resume()
	}
}

// refuse answers a request that is too long, as far as its front tells whose it
// is. The connection ends behind the answer.
func (c *ServerConn) refuse(front []byte) {
	c.closing = true
	if c.preview == nil {
		return
	}
	var call stream.Call
	c.preview.Preview(front, &call)
	if call.Kind == stream.KindRequest {
		c.send(func(dst []byte) []byte {
			return c.codec.Answer(dst, &call, Answer{Status: 413, Text: []byte(errTooLong.Error())})
		})
	}
}

// take does what a frame asks for.
func (c *ServerConn) take(f *frame) error {
	h, content, err := c.parse(f)
	if err != nil {
		f.drop()
		return err
	}
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
	c.heads.Put(h)
	f.drop()
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
	if !high {
		c.resume()
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

// Announce tells the client to send no more requests, if the protocol can.
func (c *ServerConn) Announce() {
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
	c.answerer.reset(r)
	if c.back != nil {
		c.back.reset(r)
	}
}

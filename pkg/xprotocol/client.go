package xprotocol

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ClientConn runs a protocol over one upstream connection: requests go to the host,
// and their answers come back, in whatever order.
type ClientConn struct {
	conn
	caller
	back     *callee // serves the host's own requests; nil unless the connection is bound
	received uint64  // frames
	ending   bool    // it takes no new streams
	leaving  bool    // because the host has said that it is about to go
	form     uint8   // of the requests, before the first of them
}

var (
	_ stream.ClientCodec = (*ClientConn)(nil)
)

func newClientConn(e *engine, link stream.Link, heads *stream.Pool) *ClientConn {
	c := &ClientConn{conn: conn{engine: e, link: link, heads: heads}}
	c.caller.init(&c.conn)
	return c
}

// Bind makes requests of the host go to a.
func (c *ClientConn) Bind(a stream.Acceptor) {
	c.back = new(callee)
	c.back.init(&c.conn, a)
	c.back.ended = c
}

// maxBack is how many requests of the host's may be under way on a bound connection.
const maxBack = DefaultMaxStreams

// full reports whether no more of the host's own requests are taken for now: too many
// are under way, or the host does not take their answers.
func (c *ClientConn) full() bool {
	return c.back != nil && c.back.first.Kind != stream.KindHTTP && (c.pressed || c.back.count() >= maxBack)
}

// streamEnded goes on reading if that was waited for.
func (c *ClientConn) streamEnded() { c.pauseIf(c.paused && c.full()) }

// NewStream opens a stream. Nothing is sent before its request is complete.
func (c *ClientConn) NewStream(receiver stream.End) stream.End { return c.begin(receiver) }

// Available tells how many more streams may be opened.
func (c *ClientConn) Available() int {
	switch {
	case c.ending || c.broken || c.pressed && c.pending.n > 0:
		return 0
	case c.pingPong:
		return max(1-int(c.pending.n), 0)
	}
	return max(c.maxStreams-int(c.pending.n), 0)
}

// Feed takes whole frames off in.
func (c *ClientConn) Feed(in buffer.View) (int, error) {
	pos := 0
	for pos < in.Len() {
		if c.full() {
			c.pauseIf(true)
			break
		}
		if c.skip > 0 {
			pos += c.skipped(in.Len() - pos)
			continue
		}
		f, n, err := c.next(in.From(pos))
		pos += n
		switch {
		case err == nil && f.b == nil:
			return pos, nil
		case err == nil:
			err = c.take(&f)
		default:
			err = c.pass(in.From(pos), err)
		}
		if err != nil {
			c.ending = true
			return pos, err
		}
	}
	return pos, nil
}

// pass begins to step over the frame that in begins with, if err says that it is too
// long.
func (c *ClientConn) pass(in buffer.View, err error) error {
	var call stream.Call
	if !c.skipTooLong(err, in, &call) {
		return err
	}
	return c.fail(&call, err)
}

// take does what a frame asks for.
func (c *ClientConn) take(f *frame) error {
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

// fail ends the call whose message is refused; it returns the error that ends the
// connection instead.
func (c *ClientConn) fail(call *stream.Call, err error) error {
	r, ok := failureOf(err)
	if !ok {
		return err
	}
	c.received++
	switch call.Kind {
	case stream.KindResponse, stream.KindHeartbeatAnswer:
		if call.ID == c.beat && c.beat != 0 {
			c.beat = 0
		} else {
			c.caller.fail(call, r)
		}
	case stream.KindGoAway:
		c.ending, c.leaving = true, true
	case stream.KindRequest:
		r.Unprocessed = true
		c.decline(call, answerTo(r))
	case stream.KindOneWay:
		c.dropped++
	}
	return nil
}

// decline answers a request of the host's that is not passed on. A host that does not
// take its answers gets none.
func (c *ClientConn) decline(call *stream.Call, a Answer) {
	c.dropped++
	if call.Kind == stream.KindRequest && !c.pressed {
		c.send(func(dst []byte) []byte { return c.codec.Answer(dst, call, a) })
	}
}

// obey does what the message says.
func (c *ClientConn) obey(f *frame, h *stream.Head, content stream.Span) (err error) {
	c.received++
	switch h.RPC.Kind {
	case stream.KindResponse, stream.KindHeartbeatAnswer: // protocols may answer heartbeats as they answer requests
		if h.RPC.ID == c.beat && c.beat != 0 {
			c.beat = 0
		} else {
			c.response(h, f, content)
		}
	case stream.KindHeartbeat:
		if c.pressed { // a host that takes no answers gets none
			c.dropped++
		} else {
			c.answerHeartbeat(&h.RPC.Call, f.b[content.Off:content.End()], true)
		}
	case stream.KindGoAway:
		c.ending, c.leaving = true, true
	case stream.KindRequest, stream.KindOneWay:
		err = c.requestBack(h, f, content)
	}
	return err
}

// requestBack serves a request of the host's. On a connection that many clients
// share there is nobody whom it could be meant for.
func (c *ClientConn) requestBack(h *stream.Head, f *frame, content stream.Span) error {
	if c.back != nil {
		return c.back.request(h, f, content)
	}
	c.decline(&h.RPC.Call, Answer{
		Status: 404, Flags: stream.NoRouteFound,
		Text: []byte("this connection is shared: no client can be called on it"),
	})
	return nil
}

// EOF tells that the host sends nothing more: no answer can come.
func (c *ClientConn) EOF() (busy bool) {
	c.ending = true
	return false
}

// Pressure makes new streams go elsewhere, or wait, while requests do not leave.
func (c *ClientConn) Pressure(high bool) {
	c.pressed = high
	c.pauseIf(c.paused && c.full())
	c.relieve()
}

// Drain takes no new streams.
func (c *ClientConn) Drain() { c.ending = true }

// Ping sends a heartbeat, if the protocol has any.
func (c *ClientConn) Ping() bool {
	if c.beats == nil {
		return false
	}
	c.beat = c.nextID()
	c.send(func(dst []byte) []byte { return c.beats.Heartbeat(dst, c.beat, c.likeRequests()) })
	return true
}

// SetForm makes heartbeats have the form that requests will have: some servers answer
// all in the form of what came first on a connection.
func (c *ClientConn) SetForm(form uint8) { c.form = form }

// likeRequests returns what is sent beside requests is to be like.
func (c *ClientConn) likeRequests() *stream.Call {
	if first := like(&c.caller.first); first != nil || c.form == 0 {
		return first
	}
	return &stream.Call{Kind: stream.KindRequest, Form: c.form}
}

// Answered reports whether the last heartbeat was answered.
func (c *ClientConn) Answered() bool { return c.beat == 0 }

// Leaving reports whether the host has said that it takes no more requests.
func (c *ClientConn) Leaving() bool { return c.leaving }

// Received returns how many frames have come.
func (c *ClientConn) Received() uint64 { return c.received }

// Orphans returns how many frames came that nobody waited for.
func (c *ClientConn) Orphans() uint64 { return c.dropped }

// Close resets every stream.
func (c *ClientConn) Close(r stream.Reset) {
	c.ending = true
	c.dropBig()
	c.caller.reset(r)
	if c.back != nil {
		c.back.reset(r)
	}
}

// Features returns what all RPC protocols add.
func (c *ClientConn) Features() stream.ClientFeatures {
	return stream.ClientFeatures{Pinger: c, Leaver: c, OrphanCounter: c, Binder: c, Former: c}
}

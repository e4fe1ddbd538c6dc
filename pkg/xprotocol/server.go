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
	acceptor stream.Acceptor
	spare    *stream.FreeList[serverStream]
	inFlight table[serverStream] // by the client's ids; not one-way requests
	streams  *serverStream       // a ring's entry: all that are under way
	count    int
	first    stream.Call // of the first request, for what is announced
	partial  bool        // a frame has begun
	paused   bool        // the link was paused
	pressed  bool        // answers do not leave fast enough
	drained  bool        // no new request after this
	told     bool        // that a drain has begun
	eof      bool
	closing  bool
}

var (
	_ stream.ServerCodec = (*ServerConn)(nil)
	_ stream.Announcer   = (*ServerConn)(nil)
)

// Reasons to end a downstream connection.
var (
	errDuplicate  = errors.New("xprotocol: a request has the id of another one that is under way")
	errUnexpected = errors.New("xprotocol: a response came that nothing was asked for")
)

func newServerConn(e *engine, link stream.Link, a stream.Acceptor, heads *stream.Pool) *ServerConn {
	return &ServerConn{
		conn:     conn{engine: e, link: link, heads: heads},
		acceptor: a,
		spare:    stream.FreeListOf[serverStream](heads),
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
		if err == errTooLong {
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
func (c *ServerConn) full() bool { return c.count >= c.maxStreams || c.pressed }

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
		if c.heartbeats {
			err = c.request(h, f, content)
		} else {
			c.answerHeartbeat(&h.RPC.Call, f.b[content.Off:content.End()], true)
		}
	case stream.KindResponse:
		err = errUnexpected
	default: // what a client says of the connection changes nothing
	}
	c.heads.Put(h)
	f.drop()
	return err
}

// request begins a stream.
func (c *ServerConn) request(h *stream.Head, f *frame, content stream.Span) error {
	s := c.newStream(&h.RPC.Call)
	if c.first.Kind == stream.KindHTTP {
		c.first = s.call
	}
	if s.call.Kind != stream.KindOneWay && !c.inFlight.put(s.call.ID, s) {
		s.call.Kind = stream.KindOneWay // the id belongs to the other one
		c.end(s)
		return errDuplicate
	}
	if s.call.Kind == stream.KindHeartbeat {
		s.parts.bytes = append(s.parts.bytes[:0], f.b[content.Off:min(content.End(), int(content.Off)+maxBeat)]...)
	}
	s.peer = c.acceptor.NewStream(s)
	bare := content.Len == 0
	s.asked = bare
	s.entered = true
	s.peer.Head(h, bare)
	if !bare && s.peer != nil {
		s.request.Init(c.link.Out().Pool())
		f.content(&s.request, content)
		s.asked = true
		s.peer.Data(&s.request, true)
		s.request.Clear()
	}
	s.entered = false
	c.endIfOver(s)
	return nil
}

// maxBeat bounds the content of a heartbeat that is sent back.
const maxBeat = 64

func (c *ServerConn) answerHeartbeat(call *stream.Call, content []byte, ok bool) {
	if c.beats != nil {
		content = content[:min(len(content), maxBeat)]
		c.send(func(dst []byte) []byte { return c.beats.HeartbeatAnswer(dst, call, content, ok) })
	}
}

// newStream returns a stream for a request.
func (c *ServerConn) newStream(call *stream.Call) *serverStream {
	s := c.spare.Get()
	if s == nil {
		s = &serverStream{}
	}
	s.conn, s.call = c, *call
	s.content.Init(c.link.Out().Pool())
	c.count++
	if c.streams == nil {
		c.streams, s.next, s.prev = s, s, s
		return s
	}
	s.next, s.prev = c.streams, c.streams.prev
	s.prev.next, s.next.prev = s, s
	return s
}

// endIfOver ends a stream whose messages are both over, and in which no call is.
func (c *ServerConn) endIfOver(s *serverStream) {
	if s.asked && s.answered && !s.entered {
		c.end(s)
	}
}

// end forgets a stream.
func (c *ServerConn) end(s *serverStream) {
	if s.call.Kind != stream.KindOneWay {
		c.inFlight.take(s.call.ID)
	}
	c.count--
	switch {
	case s.next == s:
		c.streams = nil
	default:
		s.prev.next, s.next.prev = s.next, s.prev
		if c.streams == s {
			c.streams = s.next
		}
	}
	s.content.Clear()
	s.parts.reset()
	parts := s.parts
	*s = serverStream{parts: parts}
	c.spare.Put(s)
	c.resume()
	if c.eof && c.count == 0 {
		c.closing = true
	}
}

// EOF tells that the client sends nothing more. What it asked for is answered.
func (c *ServerConn) EOF() (busy bool) {
	c.eof = true
	c.dropBig()
	return c.count > 0
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
	if c.count == 0 {
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
	case c.count > 0:
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
	for s := c.open(); s != nil; s = c.open() {
		peer := s.peer
		s.asked, s.answered, s.peer = true, true, nil
		peer.Reset(r)
		c.endIfOver(s)
	}
}

// open returns a stream whose other end may still be called, or nil.
func (c *ServerConn) open() *serverStream {
	s := c.streams
	for range c.count {
		if s.peer != nil {
			return s
		}
		s = s.next
	}
	return nil
}

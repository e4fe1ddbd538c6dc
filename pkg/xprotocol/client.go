package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ClientConn runs a protocol over one upstream connection. The ids on it are its
// own: each of its requests has one that was not used for as long as the width of
// ids permits, so that an answer that comes late, twice or for nothing finds no
// stream, and is dropped.
type ClientConn struct {
	conn
	spare    *stream.FreeList[clientStream]
	pending  table[clientStream] // by the connection's ids: what waits for an answer
	streams  int
	lastID   uint64
	first    stream.Call  // of the first request, for heartbeats
	answer   buffer.Chain // content of an answer, while it is passed on
	received uint64       // frames
	dropped  uint64
	beat     uint64 // id of the last heartbeat; 0: none
	missed   int    // heartbeats since the peer last gave a sign of life
	pressed  bool   // requests do not leave fast enough
	ending   bool   // it takes no new streams
}

var (
	_ stream.ClientCodec = (*ClientConn)(nil)
	_ stream.Prober      = (*ClientConn)(nil)
	_ stream.Dropper     = (*ClientConn)(nil)
)

func newClientConn(e *engine, link stream.Link, heads *stream.Pool) *ClientConn {
	return &ClientConn{
		conn:  conn{engine: e, link: link, heads: heads},
		spare: stream.FreeListOf[clientStream](heads),
	}
}

// NewStream opens a stream. Nothing is sent before its request is complete.
func (c *ClientConn) NewStream(receiver stream.End) stream.End {
	s := c.spare.Get()
	if s == nil {
		s = &clientStream{}
	}
	s.conn, s.peer = c, receiver
	s.content.Init(c.link.Out().Pool())
	c.streams++
	return s
}

// Available tells how many more streams may be opened.
func (c *ClientConn) Available() int {
	switch {
	case c.ending, c.pressed && c.streams > 0:
		return 0
	case c.pingPong:
		return max(1-c.streams, 0)
	}
	return max(c.maxStreams-c.streams, 0)
}

// newID returns an id that no stream has.
func (c *ClientConn) newID(s *clientStream) uint64 {
	for {
		c.lastID = (c.lastID + 1) & c.idMask
		if c.lastID != 0 && c.lastID != c.beat && c.pending.put(c.lastID, s) {
			return c.lastID
		}
	}
}

// Feed takes whole frames off in.
func (c *ClientConn) Feed(in buffer.View) (int, error) {
	pos := 0
	for pos < in.Len() {
		f, n, err := c.next(in.From(pos))
		if err == errTooLong {
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
			c.ending = true
			return pos, err
		}
	}
	return pos, nil
}

// take does what a frame asks for.
func (c *ClientConn) take(f *frame) error {
	h, content, err := c.parse(f)
	if err != nil {
		f.drop()
		return err
	}
	c.received++
	c.missed = 0
	switch h.RPC.Kind {
	case stream.KindResponse:
		c.response(h, f, content)
	case stream.KindHeartbeatAnswer:
		if h.RPC.ID == c.beat {
			c.beat = 0
		} else {
			c.response(h, f, content) // a client's heartbeat that was passed through
		}
	case stream.KindHeartbeat:
		if c.beats != nil {
			beat := f.b[content.Off:min(content.End(), int(content.Off)+maxBeat)]
			c.send(func(dst []byte) []byte { return c.beats.HeartbeatAnswer(dst, &h.RPC.Call, beat, true) })
		}
	case stream.KindGoAway:
		c.ending = true
	case stream.KindRequest:
		c.declineRequest(&h.RPC.Call)
	case stream.KindOneWay:
		c.dropped++
	}
	c.heads.Put(h)
	f.drop()
	return nil
}

// declineRequest answers a request of the server's: on a connection that many
// clients share there is nobody whom it could be meant for.
func (c *ClientConn) declineRequest(call *stream.Call) {
	c.dropped++
	c.send(func(dst []byte) []byte {
		return c.codec.Answer(dst, call, Answer{
			Status: 404, Flags: stream.NoRouteFound,
			Text: []byte("this connection is shared: no client can be called on it"),
		})
	})
}

// response gives an answer to whoever waits for it.
func (c *ClientConn) response(h *stream.Head, f *frame, content stream.Span) {
	s := c.pending.take(h.RPC.ID)
	if s == nil {
		c.dropped++
		return
	}
	s.sent = false
	bare := content.Len == 0
	if bare {
		peer := s.peer
		c.end(s)
		peer.Head(h, true)
		return
	}
	s.entered = true
	s.peer.Head(h, false)
	s.entered = false
	peer := s.peer
	c.end(s)
	if peer == nil { // it was reset meanwhile
		return
	}
	c.answer.Init(c.link.Out().Pool())
	f.content(&c.answer, content)
	peer.Data(&c.answer, true)
	c.answer.Clear()
}

// end forgets a stream.
func (c *ClientConn) end(s *clientStream) {
	c.streams--
	s.content.Clear()
	s.parts.reset()
	parts := s.parts
	*s = clientStream{parts: parts}
	c.spare.Put(s)
}

// EOF tells that the host sends nothing more: no answer can come.
func (c *ClientConn) EOF() (busy bool) {
	c.ending = true
	return false
}

// Pressure makes new streams go elsewhere, or wait, while requests do not leave.
func (c *ClientConn) Pressure(high bool) { c.pressed = high }

// Drain takes no new streams.
func (c *ClientConn) Drain() { c.ending = true }

// Probe sends a heartbeat.
func (c *ClientConn) Probe() (unanswered int) {
	if c.beats == nil {
		return 0
	}
	for {
		c.lastID = (c.lastID + 1) & c.idMask
		if c.lastID != 0 && c.pending.get(c.lastID) == nil {
			break
		}
	}
	c.beat = c.lastID
	c.missed++
	c.send(func(dst []byte) []byte { return c.beats.Heartbeat(dst, c.beat, like(&c.first)) })
	return c.missed
}

// Received returns how many frames have come.
func (c *ClientConn) Received() uint64 { return c.received }

// Dropped returns how many frames came that nobody waited for.
func (c *ClientConn) Dropped() uint64 { return c.dropped }

// Close resets every stream that waits for an answer.
func (c *ClientConn) Close(r stream.Reset) {
	c.ending = true
	c.dropBig()
	for {
		id, s := c.pending.any()
		if s == nil {
			return
		}
		c.pending.take(id)
		peer := s.peer
		c.end(s)
		peer.Reset(r)
	}
}

// clientStream is one request to a host, and who waits for its answer.
type clientStream struct {
	conn    *ClientConn
	peer    stream.End // nil: it was reset
	call    stream.Call
	id      uint64
	parts   parts        // of the request
	content buffer.Chain // of the request, until it is complete
	begun   bool         // there is a head
	sent    bool         // the request is, and its answer is awaited
	entered bool         // a call to peer is under way, which ends the stream itself
}

var _ stream.End = (*clientStream)(nil)

// errForeign: the message cannot be expressed in the connection's protocol.
var errForeign = errors.New("xprotocol: the request is of another protocol than the host")

// Head begins the request.
func (s *clientStream) Head(h *stream.Head, end bool) {
	c := s.conn
	if s.begun {
		return
	}
	if h.RPC.Protocol != c.name {
		s.refuse(errForeign)
		return
	}
	if err := s.parts.set(c.codec, h); err != nil {
		s.refuse(err)
		return
	}
	s.begun = true
	s.call = h.RPC.Call
	if c.first.Kind == stream.KindHTTP {
		c.first = s.call
	}
	if c.timer != nil && s.call.Timeout > 0 {
		c.timer.SetTimeout(s.parts.head(), &s.call)
	}
	if end {
		s.send(&s.content)
	}
}

// refuse ends the stream because of its request.
func (s *clientStream) refuse(err error) {
	peer := s.peer
	s.conn.end(s)
	peer.Reset(stream.Reset{Reason: stream.ProtocolError, Unprocessed: true, Err: err})
}

// Data adds to the request's content.
func (s *clientStream) Data(d *buffer.Chain, end bool) {
	switch {
	case !s.begun || s.sent:
		d.Clear()
		return
	case !end:
		s.content.Move(d)
	case s.content.Len() > 0:
		s.content.Move(d)
		d = &s.content
	}
	if end {
		s.send(d)
	}
}

// Trailers end the request. There is no place for them in a frame.
func (s *clientStream) Trailers(*stream.Header) {
	if s.begun && !s.sent {
		s.send(&s.content)
	}
}

// send sends the request, which is complete. To a one-way request there is no
// answer but that it was sent.
func (s *clientStream) send(content *buffer.Chain) {
	c := s.conn
	if s.call.Kind == stream.KindOneWay {
		id := c.newID(s)
		c.pending.take(id)
		c.write(&s.parts, content, id)
		peer := s.peer
		c.end(s)
		h := c.heads.Get()
		h.Status = 202
		peer.Head(h, true)
		c.heads.Put(h)
		return
	}
	s.id = c.newID(s)
	s.sent = true
	c.write(&s.parts, content, s.id)
}

// Reset gives the request up. An answer that comes all the same is dropped.
func (s *clientStream) Reset(stream.Reset) {
	c := s.conn
	if s.peer == nil {
		return
	}
	s.peer = nil
	if s.entered {
		return
	}
	if s.sent {
		c.pending.take(s.id)
		// Without ids of its own, the answer would be taken for the next one's.
		c.ending = c.ending || c.pingPong
	}
	c.end(s)
}

// Pause does nothing: answers come whole.
func (s *clientStream) Pause() {}

// Resume does nothing.
func (s *clientStream) Resume() {}

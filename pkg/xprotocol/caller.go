package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// caller is the side of a connection that asks: it gives requests ids and finds who
// waits for their answers. The ids on a connection are its own: each request has
// one that was not used for as long as the width of ids permits, so that an answer
// that comes late, twice or for nothing finds no stream, and is dropped.
type caller struct {
	*conn
	spare   *stream.FreeList[clientStream]
	pending table[clientStream] // by the connection's ids: all that are under way
	lastID  uint64
	beat    uint64          // id of the last heartbeat; 0: none
	first   stream.Call     // of the first request, for what is sent beside requests
	answer  buffer.Chain    // content of an answer, while it is passed on
	held    []*clientStream // one-way requests that have not left
	dropped uint64
	broken  bool // an answer may come that would be taken for another's
}

func (c *caller) init(of *conn) {
	c.conn = of
	c.spare = stream.FreeListOf[clientStream](of.heads)
}

// begin opens a stream. Nothing is sent before its request is complete.
func (c *caller) begin(receiver stream.End) *clientStream {
	s := c.spare.Get()
	if s == nil {
		s = &clientStream{}
	}
	s.caller, s.peer, s.id = c, receiver, c.nextID()
	s.content.Init(c.link.Out().Pool())
	c.pending.put(s.id, s)
	return s
}

// end forgets a stream.
func (c *caller) end(s *clientStream) {
	c.pending.take(s.id)
	c.release(s)
	s.content.Clear()
	s.parts.reset()
	parts := s.parts
	*s = clientStream{parts: parts}
	c.spare.Put(s)
}

// nextID returns an id that no stream has, and no heartbeat.
func (c *caller) nextID() uint64 {
	for {
		c.lastID = max((c.lastID+1)&c.idMask, c.minID)
		if c.lastID != c.beat && c.pending.get(c.lastID) == nil {
			return c.lastID
		}
	}
}

// waiting returns the stream that waits for an answer, nil if none does.
func (c *caller) waiting(answer *stream.Call) *clientStream {
	s := c.pending.get(answer.ID)
	if c.pingPong { // hosts of such protocols need not keep to ids
		s = c.pending.any()
	}
	if s == nil || !s.sent || s.hold > 0 || answer.Kind == stream.KindHeartbeatAnswer && s.call.Kind != stream.KindHeartbeat {
		c.dropped++
		return nil
	}
	return s
}

// fail ends the stream that waits for an answer which is refused.
func (c *caller) fail(answer *stream.Call, r stream.Reset) {
	if s := c.waiting(answer); s != nil {
		s.fail(r)
	}
}

// errStatus: an answer's status is none that ends a request.
var errStatus = &MessageError{"xprotocol: the response has no status"}

// response gives an answer to whoever waits for it.
func (c *caller) response(h *stream.Head, f *frame, content stream.Span) {
	s := c.waiting(&h.RPC.Call)
	if s == nil {
		return
	}
	if h.Status < 200 { // it would be taken for one that another follows
		s.fail(stream.Reset{Reason: stream.ProtocolError, Err: errStatus})
		return
	}
	if content.Len == 0 {
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

// reset resets every stream.
func (c *caller) reset(r stream.Reset) {
	for s := c.pending.any(); s != nil; s = c.pending.any() {
		peer := s.peer
		c.end(s)
		peer.Reset(r)
	}
}

// clientStream is one request that is sent, and who waits for its answer.
type clientStream struct {
	caller  *caller
	peer    stream.End // nil: it was reset
	call    stream.Call
	id      uint64
	parts   parts        // of the request
	content buffer.Chain // of the request, until it is complete
	begun   bool         // there is a head
	sent    bool         // the request is, and its answer is awaited
	hold    int          // place among the caller's held, from 1; 0: it is not one of them
	entered bool         // a call to peer is under way, which ends the stream itself
}

var _ stream.End = (*clientStream)(nil)

// errForeign: the message cannot be expressed in the connection's protocol.
var errForeign = errors.New("xprotocol: the request is of another protocol than the host")

// Head begins the request.
func (s *clientStream) Head(h *stream.Head, end bool) {
	c := s.caller
	if s.begun {
		return
	}
	if h.RPC.Protocol != c.name {
		s.fail(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: errForeign})
		return
	}
	if err := s.parts.set(c.codec, h); err != nil {
		s.fail(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: err})
		return
	}
	if s.exceeds(max(int(h.ContentLength), 0)) {
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

// fail ends the stream.
func (s *clientStream) fail(r stream.Reset) {
	peer := s.peer
	s.caller.end(s)
	peer.Reset(r)
}

// exceeds ends the stream, and reports so, if its request is longer than what the host
// takes with a content of this length.
func (s *clientStream) exceeds(content int) bool {
	c := s.caller
	n := len(s.parts.bytes) + content
	if n > c.maxFrame {
		s.fail(stream.Reset{Reason: stream.TooLarge, Unprocessed: true, Err: c.tooLong(n)})
	}
	return n > c.maxFrame
}

// Data adds to the request's content.
func (s *clientStream) Data(d *buffer.Chain, end bool) {
	switch {
	case !s.begun || s.sent:
		d.Clear()
		return
	case s.exceeds(s.content.Len() + d.Len()):
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
// answer but that it was sent: at once, or, where the peer takes what is sent too
// slowly, once that has left, so that who sends them waits for who takes them.
func (s *clientStream) send(content *buffer.Chain) {
	c := s.caller
	s.sent = true
	c.write(&s.parts, content, s.id)
	switch {
	case s.call.Kind != stream.KindOneWay:
	case c.pressed:
		c.held = append(c.held, s)
		s.hold = len(c.held)
	default:
		s.answerSent()
	}
}

// release takes a stream out of those that are held.
func (c *caller) release(s *clientStream) {
	if s.hold == 0 {
		return
	}
	last := len(c.held) - 1
	c.held[s.hold-1] = c.held[last]
	c.held[s.hold-1].hold = s.hold
	c.held[last] = nil
	c.held, s.hold = c.held[:last], 0
}

// relieve answers the one-way requests that were held, once what is sent has left.
func (c *caller) relieve() {
	for len(c.held) > 0 && !c.pressed {
		c.held[len(c.held)-1].answerSent()
	}
	if len(c.held) == 0 {
		c.held = nil
	}
}

// answerSent ends a one-way request.
func (s *clientStream) answerSent() {
	c, peer := s.caller, s.peer
	c.end(s)
	h := c.heads.Get()
	h.Status = 202
	peer.Head(h, true)
	c.heads.Put(h)
}

// Reset gives the request up. An answer that comes all the same is dropped.
func (s *clientStream) Reset(stream.Reset) {
	c := s.caller
	if s.peer == nil {
		return
	}
	s.peer = nil
	if s.entered {
		return
	}
	c.broken = c.broken || s.sent && s.hold == 0 && c.pingPong
	c.end(s)
}

// Pause does nothing: answers come whole.
func (s *clientStream) Pause() {}

// Resume does nothing.
func (s *clientStream) Resume() {}

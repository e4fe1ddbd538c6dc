package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// asker is the side of a connection that asks: it gives requests ids and finds who
// waits for their answers. The ids on a connection are its own: each request has
// one that was not used for as long as the width of ids permits, so that an answer
// that comes late, twice or for nothing finds no stream, and is dropped.
type asker struct {
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

func (a *asker) init(c *conn) {
	a.conn = c
	a.spare = stream.FreeListOf[clientStream](c.heads)
}

// begin opens a stream. Nothing is sent before its request is complete.
func (a *asker) begin(receiver stream.End) *clientStream {
	s := a.spare.Get()
	if s == nil {
		s = &clientStream{}
	}
	s.asker, s.peer, s.id = a, receiver, a.nextID()
	s.content.Init(a.link.Out().Pool())
	a.pending.put(s.id, s)
	return s
}

// end forgets a stream.
func (a *asker) end(s *clientStream) {
	a.pending.take(s.id)
	a.release(s)
	s.content.Clear()
	s.parts.reset()
	parts := s.parts
	*s = clientStream{parts: parts}
	a.spare.Put(s)
}

// nextID returns an id that no stream has, and no heartbeat.
func (a *asker) nextID() uint64 {
	for {
		a.lastID = max((a.lastID+1)&a.idMask, a.minID)
		if a.lastID != a.beat && a.pending.get(a.lastID) == nil {
			return a.lastID
		}
	}
}

// waiting returns the stream that waits for an answer, nil if none does.
func (a *asker) waiting(answer *stream.Call) *clientStream {
	s := a.pending.get(answer.ID)
	if a.pingPong { // hosts of such protocols need not keep to ids
		s = a.pending.any()
	}
	if s == nil || !s.sent || s.hold > 0 || answer.Kind == stream.KindHeartbeatAnswer && s.call.Kind != stream.KindHeartbeat {
		a.dropped++
		return nil
	}
	return s
}

// fail ends the stream that waits for an answer which is refused.
func (a *asker) fail(answer *stream.Call, r stream.Reset) {
	if s := a.waiting(answer); s != nil {
		s.fail(r)
	}
}

// errStatus: an answer's status is none that ends a request.
var errStatus = &MessageError{"xprotocol: the response has no status"}

// response gives an answer to whoever waits for it.
func (a *asker) response(h *stream.Head, f *frame, content stream.Span) {
	s := a.waiting(&h.RPC.Call)
	if s == nil {
		return
	}
	if h.Status < 200 { // it would be taken for one that another follows
		s.fail(stream.Reset{Reason: stream.ProtocolError, Err: errStatus})
		return
	}
	if content.Len == 0 {
		peer := s.peer
		a.end(s)
		peer.Head(h, true)
		return
	}
	s.entered = true
	s.peer.Head(h, false)
	s.entered = false
	peer := s.peer
	a.end(s)
	if peer == nil { // it was reset meanwhile
		return
	}
	a.answer.Init(a.link.Out().Pool())
	f.content(&a.answer, content)
	peer.Data(&a.answer, true)
	a.answer.Clear()
}

// reset resets every stream.
func (a *asker) reset(r stream.Reset) {
	for s := a.pending.any(); s != nil; s = a.pending.any() {
		peer := s.peer
		a.end(s)
		peer.Reset(r)
	}
}

// clientStream is one request that is sent, and who waits for its answer.
type clientStream struct {
	asker   *asker
	peer    stream.End // nil: it was reset
	call    stream.Call
	id      uint64
	parts   parts        // of the request
	content buffer.Chain // of the request, until it is complete
	begun   bool         // there is a head
	sent    bool         // the request is, and its answer is awaited
	hold    int          // place among the asker's held, from 1; 0: it is not one of them
	entered bool         // a call to peer is under way, which ends the stream itself
}

var _ stream.End = (*clientStream)(nil)

// errForeign: the message cannot be expressed in the connection's protocol.
var errForeign = errors.New("xprotocol: the request is of another protocol than the host")

// Head begins the request.
func (s *clientStream) Head(h *stream.Head, end bool) {
	a := s.asker
	if s.begun {
		return
	}
	if h.RPC.Protocol != a.name {
		s.fail(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: errForeign})
		return
	}
	if err := s.parts.set(a.codec, h); err != nil {
		s.fail(stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: err})
		return
	}
	if s.exceeds(max(int(h.ContentLength), 0)) {
		return
	}
	s.begun = true
	s.call = h.RPC.Call
	if a.first.Kind == stream.KindHTTP {
		a.first = s.call
	}
	if a.timer != nil && s.call.Timeout > 0 {
		a.timer.SetTimeout(s.parts.head(), &s.call)
	}
	if end {
		s.send(&s.content)
	}
}

// fail ends the stream.
func (s *clientStream) fail(r stream.Reset) {
	peer := s.peer
	s.asker.end(s)
	peer.Reset(r)
}

// exceeds ends the stream, and reports so, if its request is longer than what the host
// takes with a content of this length.
func (s *clientStream) exceeds(content int) bool {
	a := s.asker
	n := len(s.parts.bytes) + content
	if n > a.maxFrame {
		s.fail(stream.Reset{Reason: stream.TooLarge, Unprocessed: true, Err: a.tooLong(n)})
	}
	return n > a.maxFrame
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
	a := s.asker
	s.sent = true
	a.write(&s.parts, content, s.id)
	switch {
	case s.call.Kind != stream.KindOneWay:
	case a.pressed:
		a.held = append(a.held, s)
		s.hold = len(a.held)
	default:
		s.answerSent()
	}
}

// release takes a stream out of those that are held.
func (a *asker) release(s *clientStream) {
	if s.hold == 0 {
		return
	}
	last := len(a.held) - 1
	a.held[s.hold-1] = a.held[last]
	a.held[s.hold-1].hold = s.hold
	a.held[last] = nil
	a.held, s.hold = a.held[:last], 0
}

// relieve answers the one-way requests that were held, once what is sent has left.
func (a *asker) relieve() {
	for len(a.held) > 0 && !a.pressed {
		a.held[len(a.held)-1].answerSent()
	}
	if len(a.held) == 0 {
		a.held = nil
	}
}

// answerSent ends a one-way request.
func (s *clientStream) answerSent() {
	a, peer := s.asker, s.peer
	a.end(s)
	h := a.heads.Get()
	h.Status = 202
	peer.Head(h, true)
	a.heads.Put(h)
}

// Reset gives the request up. An answer that comes all the same is dropped.
func (s *clientStream) Reset(stream.Reset) {
	a := s.asker
	if s.peer == nil {
		return
	}
	s.peer = nil
	if s.entered {
		return
	}
	a.broken = a.broken || s.sent && s.hold == 0 && a.pingPong
	a.end(s)
}

// Pause does nothing: answers come whole.
func (s *clientStream) Pause() {}

// Resume does nothing.
func (s *clientStream) Resume() {}

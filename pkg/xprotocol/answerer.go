package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/stream"
)

// answerer is the side of a connection that serves: requests come, and their
// answers go back by the ids that the peer gave, in whatever order.
type answerer struct {
	*conn
	acceptor stream.Acceptor
	spare    *stream.FreeList[serverStream]
	inFlight table[serverStream] // by the peer's ids; not one-way requests
	streams  *serverStream       // a ring's entry: all that are under way
	count    int
	first    stream.Call // of the first request, for what is announced
	ended    interface{ streamEnded() }
}

var errDuplicate = errors.New("xprotocol: a request has the id of another one that is under way")

func (a *answerer) init(c *conn, acceptor stream.Acceptor) {
	a.conn, a.acceptor = c, acceptor
	a.spare = stream.FreeListOf[serverStream](c.heads)
}

// request begins a stream.
func (a *answerer) request(h *stream.Head, f *frame, content stream.Span) error {
	s := a.newStream(&h.RPC.Call)
	if a.first.Kind == stream.KindHTTP {
		a.first = s.call
	}
	if s.call.Kind != stream.KindOneWay && !a.inFlight.put(s.call.ID, s) {
		s.call.Kind = stream.KindOneWay // the id belongs to the other one
		a.end(s)
		return errDuplicate
	}
	if s.call.Kind == stream.KindHeartbeat {
		s.parts.bytes = append(s.parts.bytes[:0], f.b[content.Off:min(content.End(), int(content.Off)+maxBeat)]...)
	}
	s.peer = a.acceptor.NewStream(s)
	bare := content.Len == 0
	s.asked = bare
	s.entered = true
	s.peer.Head(h, bare)
	if !bare && s.peer != nil {
		s.request.Init(a.link.Out().Pool())
		f.content(&s.request, content)
		s.asked = true
		s.peer.Data(&s.request, true)
		s.request.Clear()
	}
	s.entered = false
	a.endIfOver(s)
	return nil
}

// newStream returns a stream for a request.
func (a *answerer) newStream(call *stream.Call) *serverStream {
	s := a.spare.Get()
	if s == nil {
		s = &serverStream{}
	}
	s.answerer, s.call = a, *call
	s.content.Init(a.link.Out().Pool())
	a.count++
	if a.streams == nil {
		a.streams, s.next, s.prev = s, s, s
		return s
	}
	s.next, s.prev = a.streams, a.streams.prev
	s.prev.next, s.next.prev = s, s
	return s
}

// endIfOver ends a stream whose messages are both over, and in which no call is.
func (a *answerer) endIfOver(s *serverStream) {
	if s.asked && s.answered && !s.entered {
		a.end(s)
	}
}

// end forgets a stream.
func (a *answerer) end(s *serverStream) {
	if s.call.Kind != stream.KindOneWay {
		a.inFlight.take(s.call.ID)
	}
	a.count--
	if s.next == s {
		a.streams = nil
	} else {
		s.prev.next, s.next.prev = s.next, s.prev
		if a.streams == s {
			a.streams = s.next
		}
	}
	s.content.Clear()
	s.parts.reset()
	parts := s.parts
	*s = serverStream{parts: parts}
	a.spare.Put(s)
	if a.ended != nil {
		a.ended.streamEnded()
	}
}

// reset resets every stream.
func (a *answerer) reset(r stream.Reset) {
	for s := a.open(); s != nil; s = a.open() {
		peer := s.peer
		s.asked, s.answered, s.peer = true, true, nil
		peer.Reset(r)
		a.endIfOver(s)
	}
}

// open returns a stream whose other end may still be called, or nil.
func (a *answerer) open() *serverStream {
	s := a.streams
	for range a.count {
		if s.peer != nil {
			return s
		}
		s = s.next
	}
	return nil
}

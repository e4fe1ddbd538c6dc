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
	inFlight table[serverStream] // by the peer's ids
	oneWays  table[serverStream] // by numbers of their own
	oneWay   uint64              // the last of these
	first    stream.Call         // of the first request, for what is announced
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
	if s == nil {
		return errDuplicate
	}
	if a.first.Kind == stream.KindHTTP {
		a.first = s.call
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

// newStream returns a stream for a request; nil if its id is another one's.
func (a *answerer) newStream(call *stream.Call) *serverStream {
	s := a.spare.Get()
	if s == nil {
		s = &serverStream{}
	}
	s.answerer, s.call = a, *call
	s.content.Init(a.link.Out().Pool())
	if call.Kind == stream.KindOneWay {
		a.oneWay++
		s.call.ID = a.oneWay
		a.oneWays.put(a.oneWay, s)
	} else if !a.inFlight.put(call.ID, s) {
		a.spare.Put(s)
		return nil
	}
	return s
}

// count returns how many streams are under way.
func (a *answerer) count() int { return int(a.inFlight.n + a.oneWays.n) }

// endIfOver ends a stream whose messages are both over, and in which no call is.
func (a *answerer) endIfOver(s *serverStream) {
	if s.asked && s.answered && !s.entered {
		a.end(s)
	}
}

// end forgets a stream.
func (a *answerer) end(s *serverStream) {
	if s.call.Kind == stream.KindOneWay {
		a.oneWays.take(s.call.ID)
	} else {
		a.inFlight.take(s.call.ID)
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
	for _, t := range [...]*table[serverStream]{&a.inFlight, &a.oneWays} {
		for s := t.any(); s != nil && s.peer != nil; s = t.any() {
			peer := s.peer
			s.asked, s.answered, s.peer = true, true, nil
			peer.Reset(r)
			a.endIfOver(s)
		}
	}
}

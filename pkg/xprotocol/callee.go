package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/stream"
)

// callee is the side of a connection that serves: requests come, and their
// answers go back by the ids that the peer gave, in whatever order.
type callee struct {
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

func (c *callee) init(of *conn, acceptor stream.Acceptor) {
	c.conn, c.acceptor = of, acceptor
	c.spare = stream.FreeListOf[serverStream](of.heads)
}

// request begins a stream.
func (c *callee) request(h *stream.Head, f *frame, content stream.Span) error {
	s := c.newStream(&h.RPC.Call)
	if s == nil {
		return errDuplicate
	}
	if c.first.Kind == stream.KindHTTP {
		c.first = s.call
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

// newStream returns a stream for a request; nil if its id is another one's.
func (c *callee) newStream(call *stream.Call) *serverStream {
	s := c.spare.Get()
	if s == nil {
		s = &serverStream{}
	}
	s.callee, s.call = c, *call
	s.content.Init(c.link.Out().Pool())
	if call.Kind == stream.KindOneWay {
		c.oneWay++
		s.call.ID = c.oneWay
		c.oneWays.put(c.oneWay, s)
	} else if !c.inFlight.put(call.ID, s) {
		c.spare.Put(s)
		return nil
	}
	return s
}

// count returns how many streams are under way.
func (c *callee) count() int { return int(c.inFlight.n + c.oneWays.n) }

// endIfOver ends a stream whose messages are both over, and in which no call is.
func (c *callee) endIfOver(s *serverStream) {
	if s.asked && s.answered && !s.entered {
		c.end(s)
	}
}

// end forgets a stream.
func (c *callee) end(s *serverStream) {
	if s.call.Kind == stream.KindOneWay {
		c.oneWays.take(s.call.ID)
	} else {
		c.inFlight.take(s.call.ID)
	}
	s.content.Clear()
	s.parts.reset()
	parts := s.parts
	*s = serverStream{parts: parts}
	c.spare.Put(s)
	if c.ended != nil {
		c.ended.streamEnded()
	}
}

// reset resets every stream.
func (c *callee) reset(r stream.Reset) {
	for _, t := range [...]*table[serverStream]{&c.inFlight, &c.oneWays} {
		for s := t.any(); s != nil && s.peer != nil; s = t.any() {
			peer := s.peer
			s.asked, s.answered, s.peer = true, true, nil
			peer.Reset(r)
			c.endIfOver(s)
		}
	}
}

package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ServerConn is the codec of one downstream connection: requests come on streams
// that the client numbers, and are answered in whatever order.
type ServerConn struct {
	conn
	acceptor    stream.Acceptor
	moved       int64 // when anything last came, or the client was last seen to have taken something
	begun       uint8 // bytes of the preface that have come
	greeted     bool  // our SETTINGS are written ahead of the client's preface
	announced   bool  // the client was told that a drain has begun
	ponged      bool  // and has seen it
	announcedAt int64 // when it was told
}

var (
	_ stream.ServerCodec = (*ServerConn)(nil)
)

// NewServerConn returns the codec of a new connection. Heads are borrowed from the
// worker's pool for as long as one is being read. Nothing is written before the
// client's preface has come.
func NewServerConn(cfg *Config, link stream.Link, acceptor stream.Acceptor, heads *stream.Pool) *ServerConn {
	c := &ServerConn{acceptor: acceptor}
	c.init(cfg, link, heads, c, 0)
	return c
}

// Feed reads frames. The error is an [*Error], of which the client is told.
func (c *ServerConn) Feed(in buffer.View) (int, error) {
	c.moved = c.now()
	n, err := c.feed(in)
	if err != nil {
		c.fail(err)
		return n, err
	}
	return n, nil
}

func (c *ServerConn) feed(in buffer.View) (pos int, err *Error) {
	if c.begun < uint8(len(preface)) && !c.closing() {
		b := in.Bytes()
		for pos < len(b) && c.begun < uint8(len(preface)) {
			if b[pos] != preface[c.begun] {
				c.shut(stream.Reset{}) // this is no client of HTTP/2 that could be told
				return pos, ErrPreface
			}
			pos++
			c.begun++
		}
		if c.begun < uint8(len(preface)) {
			return pos, nil
		}
		if !c.greeted {
			c.announce("")
		}
	}
	return c.read(in, pos)
}

// block begins a stream, or ends a request with trailers.
func (c *ServerConn) block(id uint32, flags uint8, b []byte) *Error {
	end := flags&flagEndStream != 0
	if s := c.streams.get(id); s != nil {
		return c.trailers(s, end, b)
	}
	switch {
	case id&1 == 0:
		return ErrStreamID
	case id <= c.streams.lastID:
		return c.headersForNobody(id, b)
	}
	if c.has(refusing) || c.streams.count >= int32(min(c.cfg.maxStreams(), maxStreamID)) {
		return c.tooMany(id, b)
	}
	c.budget.opened()
	r, err := c.headers.readFields(requestBlock, b)
	if err != nil {
		return err
	}
	refused, err := r.request(end)
	switch {
	case err != nil:
		c.streams.lastID = id
		err = c.refuse(id, err)
	case refused != nil:
		c.streams.lastID = id
		c.answer(id, refused, end, r.has(seenGRPC))
	case c.full(r.head):
		c.streams.lastID = id
		err = c.refuseForNow(id)
	default:
		c.begin(id, r, end)
	}
	c.headers.releaseFields(r)
	return err
}

// tooMany refuses a stream. The client may not have seen yet how many it may open.
func (c *ServerConn) tooMany(id uint32, b []byte) *Error {
	if err := c.headers.ignore(b); err != nil {
		return err
	}
	c.streams.lastID = id
	c.frames.reset(id, RefusedStream)
	c.streams.closed.addReset(id, c.recv.firstWindow())
	switch {
	case c.has(refusing):
	case !c.has(acknowledged):
		return flood(c.useless(1))
	default:
		return c.countReset()
	}
	return c.frames.countAnswer()
}

// full reports whether a connection holds so much for its client that it takes no
// request with another head. A single one is always taken.
func (c *ServerConn) full(h *stream.Head) bool {
	return c.streams.count > 0 && c.streams.heads+c.send.waiting+headCost(h) > c.cfg.maxBuffered()
}

// headCost is the memory that a head takes.
func headCost(h *stream.Head) int { return h.Size() + 32*h.Len() }

// refuseForNow refuses a request before anything is done for it, so that it may be
// sent again. The client cannot know that there is no room.
func (c *ServerConn) refuseForNow(id uint32) *Error {
	c.frames.reset(id, RefusedStream)
	c.streams.closed.addReset(id, c.recv.firstWindow())
	if !c.budget.thrownAway(1, c.now()) {
		return ErrResets
	}
	return c.frames.countAnswer()
}

// begin opens a stream for a request.
func (c *ServerConn) begin(id uint32, r *fieldReader, end bool) {
	s := c.newStream()
	h := r.head
	switch {
	case h.Opaque:
		s.flags |= isOpaque
		s.opening = &opening{waits: true}
		s.opening.held.Init(c.recv.data.Pool())
		if r.has(seenProtocol) {
			s.opening.protocol = append([]byte(nil), r.protocol...)
		} else {
			s.flags |= isConnect
		}
	case end:
		s.in.announced = 0
	default:
		s.in.announced = h.ContentLength
	}
	if string(h.Method()) == "HEAD" {
		s.flags |= isHead
	}
	if r.has(seenGRPC) {
		s.flags |= isGRPC
	}
	s.head = int32(headCost(h))
	c.streams.heads += headCost(h)
	c.streams.assign(s, id)
	s.enter()
	peer := c.acceptor.NewStream((*responder)(s))
	if !s.has(dead) {
		s.attach(peer)
	}
	switch {
	case s.has(dead):
	case end && h.Opaque: // told when the tunnel is there
		s.flags |= recvEnd
		s.peer.Head(h, false)
	default:
		if end {
			s.flags |= recvEnd | inOver
		}
		s.peer.Head(h, end)
	}
	s.leave()
}

// trailers ends a request.
func (c *ServerConn) trailers(s *h2stream, end bool, b []byte) *Error {
	r, err := c.headers.readFields(trailerBlock, b)
	if err != nil {
		return err
	}
	err = s.endByTrailers(end, r)
	c.headers.releaseFields(r)
	return err
}

// EOF ends the connection: a client that sends neither windows nor acknowledgements
// any more is gone.
func (c *ServerConn) EOF() (busy bool) {
	if !c.closing() {
		c.shut(stream.Reset{Reason: stream.Cancelled})
	}
	return false
}

// Pressure makes what is to be sent wait in its streams.
func (c *ServerConn) Pressure(high bool) { c.pressure(high) }

// Close resets every stream.
func (c *ServerConn) Close(r stream.Reset) { c.shut(r) }

// Phase tells what the connection is in the middle of. A connection on which only
// responses wait, for a client that does not take them, counts as idle.
func (c *ServerConn) Phase() stream.Phase {
	switch {
	case c.closing():
		return stream.Closing
	case c.begun > 0 && !c.has(sawSettings), c.headers.collecting(), c.has(partialHead):
		return stream.ReadingHead
	case c.streams.live > 0:
		return stream.Busy
	}
	return stream.Idle
}

// Features returns what HTTP/2 adds.
func (c *ServerConn) Features() stream.ServerFeatures {
	return stream.ServerFeatures{DrainNotifier: c, StallResetter: c}
}

package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// ServerConn is the codec of one downstream connection: requests come on streams
// that the client numbers, and are answered in whatever order.
type ServerConn struct {
	conn
	acceptor    stream.Acceptor
	announcedAt int64 // when the client was told that a drain has begun
	moved       int64 // when anything last came
}

var (
	_ stream.ServerCodec = (*ServerConn)(nil)
)

// NewServerConn returns the codec of a new connection. Heads are borrowed from the
// worker's pool for as long as one is being read. Nothing is written before the
// client's preface has come.
func NewServerConn(cfg *Config, link stream.Link, acceptor stream.Acceptor, heads *stream.Pool) *ServerConn {
	c := &ServerConn{acceptor: acceptor}
	c.init(cfg, link, heads, c)
	return c
}

// Feed reads frames. The error is an [*Error], of which the client is told.
func (c *ServerConn) Feed(in buffer.View) (int, error) {
	c.moved = c.link.Now()
	n, err := c.feed(in)
	if err != nil {
		c.fail(err)
		return n, err
	}
	return n, nil
}

func (c *ServerConn) feed(in buffer.View) (pos int, err *Error) {
	if c.begun < uint8(len(preface)) && !c.has(closing) {
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
		if !c.has(greeted) {
			c.announce("")
		}
	}
	return c.read(in, pos)
}

// headers begins a stream, or ends a request with trailers.
func (c *ServerConn) headers(id uint32, flags uint8, b []byte) *Error {
	end := flags&flagEndStream != 0
	if s := c.streams.get(id); s != nil {
		return c.trailers(s, end, b)
	}
	switch {
	case id&1 == 0:
		return ErrStreamID
	case id <= c.lastID:
		return c.headersForNobody(id, b)
	}
	if c.has(refusing) || c.count >= int32(min(c.cfg.maxStreams(), maxStreamID)) {
		return c.tooMany(id, b)
	}
	c.budget.opened()
	r, err := c.readFields(requestBlock, b)
	if err != nil {
		return err
	}
	refused, err := r.request(end)
	switch {
	case err != nil:
		c.lastID = id
		err = c.refuse(id, err)
	case refused != nil:
		c.lastID = id
		c.answer(id, refused, end, r.has(seenGRPC))
	case c.full(r.head):
		c.lastID = id
		err = c.refuseForNow(id)
	default:
		c.begin(id, r, end)
	}
	c.releaseFields(r)
	return err
}

// tooMany refuses a stream. The client may not have seen yet how many it may open.
func (c *ServerConn) tooMany(id uint32, b []byte) *Error {
	if err := c.ignoreBlock(b); err != nil {
		return err
	}
	c.lastID = id
	c.writeRST(id, RefusedStream)
	c.closed.addReset(id, c.firstWindow())
	switch {
	case c.has(refusing):
	case !c.has(acknowledged):
		return flood(c.useless(1))
	default:
		return c.blame()
	}
	return c.wrote()
}

// full reports whether a connection holds so much for its client that it takes no
// request with another head. A single one is always taken.
func (c *ServerConn) full(h *stream.Head) bool {
	return c.count > 0 && c.heldHeads+c.waiting+headCost(h) > c.cfg.maxBuffered()
}

// headCost is the memory that a head takes.
func headCost(h *stream.Head) int { return h.Size() + 32*h.Len() }

// refuseForNow refuses a request before anything is done for it, so that it may be
// sent again. The client cannot know that there is no room.
func (c *ServerConn) refuseForNow(id uint32) *Error {
	c.writeRST(id, RefusedStream)
	c.closed.addReset(id, c.firstWindow())
	if !c.thrownAway(1) {
		return ErrResets
	}
	return c.wrote()
}

// begin opens a stream for a request.
func (c *ServerConn) begin(id uint32, r *fieldReader, end bool) {
	s := c.newStream()
	h := r.head
	switch {
	case h.Opaque:
		s.flags |= isOpaque
		s.opening = &opening{waits: true}
		s.opening.held.Init(c.data.Pool())
		if r.has(seenProtocol) {
			s.opening.protocol = append([]byte(nil), r.protocol...)
		} else {
			s.flags |= isConnect
		}
	case end:
		s.announced = 0
	default:
		s.announced = h.ContentLength
	}
	if string(h.Method()) == "HEAD" {
		s.flags |= isHead
	}
	if r.has(seenGRPC) {
		s.flags |= isGRPC
	}
	s.head = int32(headCost(h))
	c.heldHeads += headCost(h)
	c.number(s, id)
	s.enter()
	peer := c.acceptor.NewStream((*responder)(s))
	if !s.has(dead) {
		c.attach(s, peer)
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
	r, err := c.readFields(trailerBlock, b)
	if err != nil {
		return err
	}
	err = c.endByTrailers(s, end, r)
	c.releaseFields(r)
	return err
}

// answer writes a response of the codec's own to a request that is not passed on.
// call tells that it is one of gRPC, whose answers have a status of their own.
func (c *conn) answer(id uint32, r *refusal, end, call bool) {
	var none stream.Header
	w := c.beginBlock(&none, 0)
	switch {
	case call:
		w.addCallStatus(grpc.FromAnswer(r.status, 0), r.cause.Reason)
	case r.status == 405:
		w.addStatus(405)
		w.add([]byte("allow"), nil, 0) // for this target, which is no resource, there is no other method
		w.addLength(0)
	default:
		w.addStatus(r.status)
		w.addLength(0)
	}
	w.commit(id, true)
	if end {
		c.closed.add(id, ordinary)
		return
	}
	c.writeRST(id, NoError)
	c.closed.addReset(id, c.firstWindow())
}

// EOF ends the connection: a client that sends neither windows nor acknowledgements
// any more is gone.
func (c *ServerConn) EOF() (busy bool) {
	if !c.has(closing) {
		c.shut(stream.Reset{Reason: stream.Cancelled})
	}
	return false
}

// Stalled tells whether responses wait for the client that are over for who gave them.
func (c *ServerConn) Stalled() bool { return c.count > c.live }

// ResetStalled resets the streams of such responses of which nothing has left since a time.
func (c *ServerConn) ResetStalled(since int64) {
	stuck := func(s *h2stream) bool { return s.peer == nil && s.queue.Len() > 0 && s.sentAt <= since }
	for s := c.find(stuck); s != nil && !c.has(closing); s = c.find(stuck) {
		c.abandon(s, Cancel, stream.Reset{Reason: stream.TimedOut})
	}
}

// Pressure makes what is to be sent wait in its streams.
func (c *ServerConn) Pressure(high bool) { c.pressure(high) }

// Close resets every stream.
func (c *ServerConn) Close(r stream.Reset) { c.shut(r) }

// Phase tells what the connection is in the middle of. A connection on which only
// responses wait, for a client that does not take them, counts as idle.
func (c *ServerConn) Phase() stream.Phase {
	switch {
	case c.has(closing):
		return stream.Closing
	case c.begun > 0 && !c.has(sawSettings), c.block.id != 0, c.has(partialHead):
		return stream.ReadingHead
	case c.live > 0:
		return stream.Busy
	}
	return stream.Idle
}

// Features returns what HTTP/2 adds.
func (c *ServerConn) Features() stream.ServerFeatures {
	return stream.ServerFeatures{DrainNotifier: c, StallResetter: c}
}

package http2

import (
	"encoding/binary"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// ClientConn is the codec of one upstream connection: requests go to the host on
// streams, and are answered in whatever order.
type ClientConn struct {
	conn
	dropped uint64 // header blocks that came for nobody
	pinged  uint64 // PINGs sent, which number them
	ponged  uint64 // the number of the last one that was answered
	leaving bool   // the server has said that it takes no more requests
}

var (
	_ stream.ClientCodec = (*ClientConn)(nil)
)

// NewClientConn returns the codec of a new connection. Heads are borrowed from the
// worker's pool for as long as one is being read. The preface, and what the client
// announces, is written at once, as one piece.
func NewClientConn(cfg *Config, link stream.Link, heads *stream.Pool) *ClientConn {
	c := &ClientConn{}
	c.init(cfg, link, heads, c, client)
	c.announce(preface)
	return c
}

// NewStream opens a stream whose response goes to receiver. It gets its number with
// its head.
func (c *ClientConn) NewStream(receiver stream.End) stream.End {
	s := c.newStream()
	s.attach(receiver)
	link(&c.streams.unassigned, s)
	return (*requester)(s)
}

// Available tells how many more streams may be opened: as many as the server allows
// and the configuration, 100 before the server has said so.
func (c *ClientConn) Available() int {
	if c.has(refusing|draining) || c.frames.pressed && c.streams.count > 0 {
		return 0
	}
	numbers := (maxStreamID - int64(c.streams.lastID)) / 2
	most := min(int64(c.peer.maxStreams), int64(c.cfg.clientStreams()), numbers)
	return int(max(most-int64(c.streams.count), 0))
}

// Limit returns how many streams the server takes, 0 before it has said so.
func (c *ClientConn) Limit() int {
	if !c.has(sawSettings) {
		return 0
	}
	return int(min(c.peer.maxStreams, c.cfg.clientStreams()))
}

// SetMaxStreams sets how many streams are opened before the server has said how many it
// takes: what it said on another connection.
func (c *ClientConn) SetMaxStreams(n int) {
	if !c.has(sawSettings) && n > 0 {
		c.peer.maxStreams = min(uint32(n), assumedMaxStreams)
	}
}

// refused takes note that the server refuses one of its streams: the others are as
// many as it takes for now, whatever it said. If there are none, the connection is
// of no use.
func (c *ClientConn) refused() {
	others := uint32(c.streams.count - 1)
	if others == 0 {
		c.flags |= refusing
	}
	c.peer.maxStreams = min(c.peer.maxStreams, others)
}

// Feed reads frames. The error is an [*Error], of which the server is told.
func (c *ClientConn) Feed(in buffer.View) (int, error) {
	n, err := c.read(in, 0)
	if err != nil {
		c.fail(err)
		return n, err
	}
	return n, nil
}

// block takes the head of a response, or its trailers.
func (c *ClientConn) block(id uint32, flags uint8, b []byte) *Error {
	end := flags&flagEndStream != 0
	s := c.streams.get(id)
	switch {
	case s == nil && c.streams.idle(id):
		return ErrIdleStream
	case s == nil:
		c.dropped++
		return c.headersForNobody(id, b)
	}
	kind := responseBlock
	if s.has(gotHead) {
		kind = trailerBlock
	}
	r, err := c.headers.readFields(kind, b)
	if err != nil {
		return err
	}
	if kind == trailerBlock {
		err = s.endByTrailers(end, r)
	} else {
		err = c.response(s, end, r)
	}
	c.headers.releaseFields(r)
	return err
}

// response passes on the head of a response.
func (c *ClientConn) response(s *h2stream, end bool, r *fieldReader) *Error {
	if err := r.response(s, end); err != nil {
		return s.fail(err)
	}
	h, peer := r.head, s.peer
	s.enter()
	defer s.leave()
	if h.Interim() {
		if s.waits() {
			peer.Head(h, false)
		}
		return nil
	}
	s.flags |= gotHead
	if h.Opaque {
		s.flags |= tunnelled
		if s.opening != nil {
			s.opening.asGrant(h)
		}
	}
	if end {
		s.flags |= recvEnd
		s.inputOver()
	}
	peer.Head(h, end)
	s.settle()
	return nil
}

// control takes what the server says of the connection.
func (c *ClientConn) control(t frameType, payload []byte) *Error {
	switch t {
	case frameSettings:
		c.unpark()
	case frameGoAway:
		c.goAway(payload)
	case framePing:
		if n := binary.LittleEndian.Uint64(payload); n <= c.pinged { // otherwise it is no answer
			c.ponged = max(c.ponged, n)
		}
	}
	return nil
}

// goAway gives up the streams that the server will not process. The others go on.
func (c *ClientConn) goAway(payload []byte) {
	c.flags |= refusing
	last := dependency(payload)
	c.leaving = c.leaving || ErrCode(binary.BigEndian.Uint32(payload[4:])) == NoError
	c.resetAll(refusedByPeer(), func(s *h2stream) bool { return s.id > last || s.id == 0 && s.has(parked) })
}

// resetAll resets the streams that a condition chooses. A stream may end with
// another one's reset, and so the search begins anew after each.
func (c *ClientConn) resetAll(r stream.Reset, chosen func(*h2stream) bool) {
	for !c.closing() {
		s := c.streams.find(chosen)
		if s == nil {
			return
		}
		s.endWith(r)
	}
}

func refusedByPeer() stream.Reset {
	return stream.Reset{Reason: stream.Refused, Unprocessed: true, Err: ErrGoAway}
}

// EOF tells that the server sends nothing more: no response can come.
func (c *ClientConn) EOF() (busy bool) {
	c.flags |= refusing
	return false
}

// Pressure makes new streams go elsewhere, or wait, while requests do not leave.
func (c *ClientConn) Pressure(high bool) { c.pressure(high) }

// Drain takes no new streams.
func (c *ClientConn) Drain() { c.flags |= draining }

// Ping sends a PING.
func (c *ClientConn) Ping() bool {
	if c.closing() {
		return false
	}
	c.pinged++
	var payload [8]byte
	binary.LittleEndian.PutUint64(payload[:], c.pinged)
	c.frames.ping(0, payload[:])
	return true
}

// Answered reports whether the last PING was answered.
func (c *ClientConn) Answered() bool { return c.ponged == c.pinged }

// Leaving reports whether the server has said that it takes no more requests: by a
// GOAWAY without an error, which may mean this connection alone.
func (c *ClientConn) Leaving() bool { return c.leaving }

// Received returns how many frames have come.
func (c *ClientConn) Received() uint64 { return c.received }

// Orphans returns how many header blocks came that nobody waited for.
func (c *ClientConn) Orphans() uint64 { return c.dropped }

// Close resets every stream.
func (c *ClientConn) Close(r stream.Reset) { c.shut(r) }

// streamOver has nothing to do: whoever owns the connection closes it.
func (c *ClientConn) streamOver() {}

// Features returns what HTTP/2 adds.
func (c *ClientConn) Features() stream.ClientFeatures {
	return stream.ClientFeatures{Pinger: c, Leaver: c, StreamLimiter: c, OrphanCounter: c}
}

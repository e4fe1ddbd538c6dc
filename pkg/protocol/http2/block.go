package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
)

// block is a header block that comes in several frames. It is put together, within
// limits, before anything of it is decoded.
type block struct {
	slab   *buffer.Slab
	n      int    // bytes of it
	id     uint32 // the stream; 0: there is no block
	flags  uint8  // of the first frame
	frames uint8
	broken bool // the stream depends on itself
}

func (b *block) drop() {
	if b.slab != nil {
		b.slab.Release()
	}
	*b = block{}
}

// append adds a fragment.
func (b *block) append(pool *buffer.Pool, fragment []byte) {
	if b.slab == nil || b.n+len(fragment) > b.slab.Cap() {
		s := pool.Get(b.n + len(fragment))
		if b.slab != nil {
			copy(s.Bytes(), b.slab.Bytes()[:b.n])
			b.slab.Release()
		}
		b.slab = s
	}
	b.n += copy(b.slab.Bytes()[b.n:], fragment)
}

// maxBlock is how many bytes a header block may have: as many as its fields may,
// and what a slab holds.
func (c *conn) maxBlock() int { return min(c.cfg.maxHeaderBytes(), buffer.MaxSlab) }

// admitBlock checks what can be told of a frame of a header block by its front.
func (c *conn) admitBlock(h *frameHeader) *Error {
	if h.typ == frameContinuation {
		if c.block.id == 0 {
			return ErrContinuation
		}
		if c.block.frames >= maxBlockFrames {
			return ErrBlockFrames
		}
	}
	const around = 256 + 5 // padding and priority
	switch {
	case h.stream == 0:
		return ErrStreamID
	case c.block.n+int(h.length) > c.maxBlock()+around:
		return ErrBlockTooLarge
	}
	return nil
}

// headersFrame begins a header block.
func (c *conn) headersFrame(h *frameHeader, b []byte) *Error {
	if h.has(flagPadded) {
		var ok bool
		if b, ok = unpad(b); !ok {
			return ErrPadding
		}
	}
	broken := false
	if h.has(flagPriority) {
		if len(b) < 5 {
			return ErrFrameSize
		}
		broken = dependency(b) == h.stream
		b = b[5:]
	}
	if len(b) > c.maxBlock() {
		return ErrBlockTooLarge
	}
	c.block = block{id: h.stream, flags: h.flags, frames: 1, broken: broken}
	if h.has(flagEndHeaders) {
		return c.endBlock(b)
	}
	if len(b) == 0 && !c.budget.empty.take(limitEmpty, 1, c.link.Now()) {
		return ErrFlood
	}
	c.block.append(c.data.Pool(), b)
	return nil
}

// continuationFrame goes on with a header block.
func (c *conn) continuationFrame(h *frameHeader, b []byte) *Error {
	if c.block.n+len(b) > c.maxBlock() {
		return ErrBlockTooLarge
	}
	if len(b) == 0 && !h.has(flagEndHeaders) && !c.budget.empty.take(limitEmpty, 1, c.link.Now()) {
		return ErrFlood
	}
	c.block.frames++
	c.block.append(c.data.Pool(), b)
	if !h.has(flagEndHeaders) {
		return nil
	}
	return c.endBlock(c.block.slab.Bytes()[:c.block.n])
}

// endBlock hands on a header block that is whole.
func (c *conn) endBlock(b []byte) *Error {
	id, flags := c.block.id, c.block.flags
	slab := c.block.slab
	broken := c.block.broken
	c.block = block{}
	var err *Error
	if broken {
		err = c.brokenBlock(id, b)
	} else {
		err = c.side.headers(id, flags, b)
	}
	if slab != nil {
		slab.Release()
	}
	return err
}

// brokenBlock refuses the head of a stream that depends on itself.
func (c *conn) brokenBlock(id uint32, b []byte) *Error {
	if err := c.ignoreBlock(b); err != nil {
		return err
	}
	if s := c.streams.get(id); s != nil {
		return c.streamError(s, ErrDependency)
	}
	if id&1 == 0 || c.has(client) {
		return ErrStreamID
	}
	c.lastID = max(c.lastID, id)
	return c.refuse(id, ErrDependency)
}

// ignoreBlock decodes a block for the sake of the compression's state alone.
func (c *conn) ignoreBlock(b []byte) *Error { return c.decode(b, nil) }

func (c *conn) decode(b []byte, e hpack.Emitter) *Error {
	if c.decoder.Decode(b, e) != nil {
		return ErrCompression
	}
	return nil
}

// endByTrailers ends a message with its trailers.
func (c *conn) endByTrailers(s *h2stream, end bool, r *fieldReader) *Error {
	err := r.err
	switch {
	case s.has(recvEnd):
		err = ErrHalfClosed
	case err != nil:
	case !end || s.has(isOpaque) && !c.has(client) || s.has(tunnelled):
		err = ErrTrailers
	case r.tooLarge:
		err = r.overLimit()
	case s.announced >= 0 && s.got < s.announced:
		err = ErrLength
	}
	if err != nil {
		return c.streamError(s, err)
	}
	s.flags |= recvEnd
	if s.has(inOver) {
		c.inputEnded(s)
		return nil
	}
	peer := s.peer
	s.enter()
	c.inputOver(s)
	peer.Trailers(&r.head.Header)
	c.settle(s)
	s.leave()
	return nil
}

// headersForNobody deals with a header block on a stream that is over, or was
// passed over.
func (c *conn) headersForNobody(id uint32, b []byte) *Error {
	if err := c.ignoreBlock(b); err != nil {
		return err
	}
	switch how := c.closed.fate(id); {
	case how == ordinary:
		return ErrStreamOver
	case c.has(client) && how != resetByPeer: // what was cancelled arrives all the same
		return nil
	case how == resetByPeer:
		return c.refuse(id, ErrClosed)
	case how == resetByUs:
		return flood(c.useless(1))
	}
	return ErrStreamID
}

package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
)

// block is a header block that comes in several frames. It is put together, within
// limits, before anything of it is decoded. One that is over them is decoded as it
// comes, and not kept: both sides must go on with the same table.
type block struct {
	slab   *buffer.Slab
	big    []byte // instead, of what no slab holds
	n      int    // bytes that are kept
	total  int    // bytes that came
	id     uint32 // the stream; 0: there is no block
	flags  uint8  // of the first frame
	frames int
	broken bool // the stream depends on itself

	long *fieldReader // of a block that is over the limit
	part hpack.Part
}

// bytes returns what is kept.
func (b *block) bytes() []byte {
	switch {
	case b.big != nil:
		return b.big[:b.n]
	case b.slab != nil:
		return b.slab.Bytes()[:b.n]
	}
	return nil
}

// keep makes rest, which is in what is kept or elsewhere, all that is kept.
func (b *block) keep(pool *buffer.Pool, rest []byte) {
	if b.n == 0 {
		b.append(pool, rest)
		return
	}
	b.n = copy(b.bytes(), rest)
}

// append adds a fragment.
func (b *block) append(pool *buffer.Pool, fragment []byte) {
	need := b.n + len(fragment)
	switch {
	case need == 0:
		return
	case b.big != nil || need > buffer.MaxSlab:
		b.big = append(b.bytes(), fragment...)
		b.release()
	case b.slab == nil:
		b.slab = pool.Get(need)
		copy(b.slab.Bytes(), fragment)
	case need > b.slab.Cap():
		s := pool.Get(need)
		copy(s.Bytes()[copy(s.Bytes(), b.bytes()):], fragment)
		b.slab.Release()
		b.slab = s
	default:
		copy(b.slab.Bytes()[b.n:], fragment)
	}
	b.n = need
}

func (b *block) release() {
	if b.slab != nil {
		b.slab.Release()
		b.slab = nil
	}
}

// dropBlock forgets the block that is being collected.
func (c *conn) dropBlock() {
	c.block.release()
	if c.block.long != nil {
		c.releaseFields(c.block.long)
	}
	c.block = block{}
}

// maxBlock is how many bytes a header block may have: as many as its fields may.
func (c *conn) maxBlock() int { return c.cfg.maxHeaderBytes() }

// mostBlock is up to which length a block that is too long ends its message alone.
func (c *conn) mostBlock() int { return max(4*c.maxBlock(), 128<<10) }

const (
	// usefulFragment is how long frames of a block are, on average, that has many.
	usefulFragment = 8 << 10
	// mostRest is how much of a field may wait for the rest of it in a block that is
	// too long.
	mostRest = 64 << 10
)

// admitBlock checks what can be told of a frame of a header block by its front.
func (c *conn) admitBlock(h *frameHeader) *Error {
	if h.typ == frameContinuation {
		if c.block.id == 0 {
			return ErrContinuation
		}
		if c.block.frames >= maxBlockFrames+c.block.total/usefulFragment {
			return ErrBlockFrames
		}
	}
	const around = 256 + 5 // padding and priority
	switch {
	case h.stream == 0:
		return ErrStreamID
	case c.block.total+int(h.length) > c.mostBlock()+around:
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
	c.block = block{id: h.stream, flags: h.flags, broken: broken}
	return c.fragment(b, h.has(flagEndHeaders))
}

// continuationFrame goes on with a header block.
func (c *conn) continuationFrame(h *frameHeader, b []byte) *Error {
	return c.fragment(b, h.has(flagEndHeaders))
}

// fragment takes the next part of a header block.
func (c *conn) fragment(b []byte, last bool) *Error {
	k := &c.block
	k.frames++
	k.total += len(b)
	switch {
	case len(b) == 0 && !last:
		return flood(c.budget.empty.take(peerLimits[c.budget.peer].empty, 1, c.link.Now()))
	case k.total > c.maxBlock():
		return c.longFragment(b, last)
	case !last:
		k.append(c.data.Pool(), b)
		return nil
	case k.n > 0:
		k.append(c.data.Pool(), b)
		b = k.bytes()
	}
	return c.endBlock(b)
}

// longFragment decodes the next part of a block that is too long.
func (c *conn) longFragment(b []byte, last bool) *Error {
	k, pool := &c.block, c.data.Pool()
	if k.long == nil {
		k.long = c.newReader(requestBlock)
		k.long.tooLarge = true
	}
	if k.n > 0 {
		k.append(pool, b)
		b = k.bytes()
	}
	n, err := c.decoder.DecodePart(&k.part, b, last, k.long)
	switch {
	case err != nil:
		return ErrCompression
	case len(b)-n > mostRest:
		return ErrBlockTooLarge
	case last:
		if !c.useless(1 + int64(k.total>>14)) {
			return ErrFlood
		}
		return c.endBlock(nil)
	}
	k.keep(pool, b[n:])
	return nil
}

// endBlock hands on a header block that is whole.
func (c *conn) endBlock(b []byte) *Error {
	k := c.block
	c.block = block{}
	c.long = k.long
	var err *Error
	if k.broken {
		err = c.brokenBlock(k.id, b)
	} else {
		err = c.side.headers(k.id, k.flags, b)
	}
	k.release()
	if c.long != nil { // nobody wanted it
		c.releaseFields(c.long)
		c.long = nil
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
func (c *conn) ignoreBlock(b []byte) *Error {
	if c.long != nil { // it has been decoded
		return nil
	}
	return c.decode(b, nil)
}

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
	case how == resetByPeer:
		return c.refuse(id, ErrClosed)
	case how == resetByUs || c.has(client): // what was cancelled arrives all the same
		return flood(c.useless(1 + int64(len(b))>>10))
	}
	return ErrStreamID
}

package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
	"github.com/weirproxy/weir/pkg/stream"
)

// headerReader collects the frames of a header block, and makes heads and trailers of
// what is whole. It knows nothing of streams.
type headerReader struct {
	cfg     *Config
	pool    *buffer.Pool
	heads   *stream.Pool
	readers *stream.FreeList[fieldReader]
	decoder *hpack.Decoder
	block   block        // that is being collected
	long    *fieldReader // of a block that was too long, and is being dealt with
}

func (r *headerReader) init(cfg *Config, heads *stream.Pool, pool *buffer.Pool) {
	r.cfg, r.heads, r.pool = cfg, heads, pool
	r.readers = stream.FreeListOf[fieldReader](heads)
	r.decoder = hpack.NewDecoder(cfg.headerTableSize())
}

// collecting reports whether a block has begun, and is not whole.
func (r *headerReader) collecting() bool { return r.block.id != 0 }

// interrupted reports whether a frame is not the one that must come next in the block.
func (r *headerReader) interrupted(h *frameHeader) bool {
	return r.collecting() && (h.typ != frameContinuation || h.stream != r.block.id)
}

// maxBlock is how many bytes a header block may have: as many as its fields may.
func (r *headerReader) maxBlock() int { return r.cfg.maxHeaderBytes() }

// mostBlock is up to which length a block that is too long ends its message alone.
func (r *headerReader) mostBlock() int { return max(4*r.maxBlock(), 128<<10) }

const (
	// usefulFragment is how long frames of a block are, on average, that has many.
	usefulFragment = 8 << 10
	// mostRest is how much of a field may wait for the rest of it in a block that is
	// too long.
	mostRest = 64 << 10
)

// admit checks what can be told of a frame of a header block by its front.
func (r *headerReader) admit(h *frameHeader) *Error {
	if h.typ == frameContinuation {
		if !r.collecting() {
			return ErrContinuation
		}
		if int(r.block.frames) >= maxBlockFrames+r.block.total/usefulFragment {
			return ErrBlockFrames
		}
	}
	const around = 256 + 5 // padding and priority
	switch {
	case h.stream == 0:
		return ErrStreamID
	case r.block.total+int(h.length) > r.mostBlock()+around:
		return ErrBlockTooLarge
	}
	return nil
}

// begin begins a block that is not to be dealt with in one go.
func (r *headerReader) begin(h *frameHeader, broken bool) {
	r.block = block{id: h.stream, flags: h.flags, broken: broken}
}

// add takes the next fragment of the block. With the last one it returns the block.
func (r *headerReader) add(b []byte, last bool) (whole []byte, err *Error) {
	k := &r.block
	k.frames++
	k.total += len(b)
	switch {
	case len(b) == 0 && !last:
		return nil, nil
	case k.total > r.maxBlock():
		return nil, r.addLong(b, last)
	case !last:
		k.append(r.pool, b)
		return nil, nil
	case k.n > 0:
		k.append(r.pool, b)
		b = k.bytes()
	}
	return b, nil
}

// addLong decodes the next fragment of a block that is too long.
func (r *headerReader) addLong(b []byte, last bool) *Error {
	k := &r.block
	if k.long == nil {
		k.long = r.newReader(requestBlock)
		k.long.tooLarge = true
	}
	if k.n > 0 {
		k.append(r.pool, b)
		b = k.bytes()
	}
	n, err := r.decoder.DecodePart(&k.part, b, last, k.long)
	switch {
	case err != nil:
		return ErrCompression
	case len(b)-n > mostRest:
		return ErrBlockTooLarge
	case !last:
		k.keep(r.pool, b[n:])
	}
	return nil
}

// end takes the block, which is whole, from the reader; it is to be released.
func (r *headerReader) end() block {
	k := r.block
	r.block = block{}
	r.long = k.long
	return k
}

// release gives back what a block holds that was dealt with.
func (r *headerReader) release(k *block) {
	k.release()
	if r.long != nil { // nobody wanted it
		r.releaseFields(r.long)
		r.long = nil
	}
}

// drop forgets the block that is being collected.
func (r *headerReader) drop() {
	r.block.release()
	if r.block.long != nil {
		r.releaseFields(r.block.long)
	}
	r.block = block{}
}

// readFields decodes a block into a head of the pool. It is the caller's to put
// back, and the reader to release, also when the reader has an error.
func (r *headerReader) readFields(kind blockKind, b []byte) (*fieldReader, *Error) {
	if f := r.long; f != nil {
		r.long = nil
		f.kind = kind
		return f, nil
	}
	f := r.newReader(kind)
	if err := r.decode(b, f); err != nil {
		r.releaseFields(f)
		return nil, err
	}
	if f.crumbs > 1 {
		f.head.SetBytes("cookie", f.cookie)
	}
	if f.has(hidden) {
		f.head.RPC.Bits |= hiddenFields
	}
	return f, nil
}

// ignore decodes a block for the sake of the compression's state alone.
func (r *headerReader) ignore(b []byte) *Error {
	if r.long != nil { // it has been decoded
		return nil
	}
	return r.decode(b, nil)
}

func (r *headerReader) decode(b []byte, e hpack.Emitter) *Error {
	if r.decoder.Decode(b, e) != nil {
		return ErrCompression
	}
	return nil
}

func (r *headerReader) newReader(kind blockKind) *fieldReader {
	f := r.readers.Get()
	if f == nil {
		f = &fieldReader{}
	}
	*f = fieldReader{cfg: r.cfg, head: r.heads.Get(), kind: kind, cookie: f.cookie[:0], protocol: f.protocol[:0]}
	return f
}

// releaseFields gives the reader of fields and its head back.
func (r *headerReader) releaseFields(f *fieldReader) {
	r.heads.Put(f.head)
	f.head = nil
	if cap(f.cookie) > keepCookie {
		f.cookie = nil
	}
	r.readers.Put(f)
}

const keepCookie = 8 << 10

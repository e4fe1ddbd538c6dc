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
	total  int    // bytes that came
	n      int32  // bytes that are kept
	id     uint32 // the stream; 0: there is no block
	frames int32
	flags  uint8 // of the first frame
	broken bool  // the stream depends on itself

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
	b.n = int32(copy(b.bytes(), rest))
}

// append adds a fragment.
func (b *block) append(pool *buffer.Pool, fragment []byte) {
	need := int(b.n) + len(fragment)
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
	b.n = int32(need)
}

func (b *block) release() {
	if b.slab != nil {
		b.slab.Release()
		b.slab = nil
	}
}

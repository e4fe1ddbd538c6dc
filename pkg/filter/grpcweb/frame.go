package grpcweb

import (
	encbinary "encoding/binary"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

const (
	// prefixLen is what stands before each message: flags and length.
	prefixLen = 5
	// trailersFlag marks the frame that holds the trailers.
	trailersFlag = 0x80
)

// frames follows a body to see where its messages end. It holds none of it, and
// no length is too large. The zero value stands before the first.
type frames struct {
	prefix int    // bytes of it seen
	left   uint32 // of the message
}

// next returns how many bytes of b belong to the message that is passing, and
// whether it ends with them.
func (f *frames) next(b []byte) (n int, whole bool) {
	for f.prefix < prefixLen {
		if n == len(b) {
			return n, false
		}
		f.left = f.left<<8 | uint32(b[n]) // the flags are shifted out
		f.prefix++
		n++
	}
	k := int(min(uint64(len(b)-n), uint64(f.left)))
	f.left -= uint32(k)
	n += k
	if f.left > 0 {
		return n, false
	}
	*f = frames{}
	return n, true
}

// writeTrailers appends trailers as a frame: a line for each, the name in lower
// case. A value of a name in -bin stays in base64, as all clients expect, although
// the specification would have it decoded inside of text.
func writeTrailers(out *buffer.Chain, t *stream.Header) {
	size := 0
	for i := range t.Len() {
		name, value := t.At(i)
		size += len(name) + len(": ") + len(value) + len("\r\n")
	}
	prefix := [prefixLen]byte{trailersFlag}
	encbinary.BigEndian.PutUint32(prefix[1:], uint32(size))
	out.Append(prefix[:])
	for i := range t.Len() {
		name, value := t.At(i)
		writeLower(out, name)
		out.AppendString(": ")
		out.Append(value)
		out.AppendString("\r\n")
	}
}

func writeLower(out *buffer.Chain, name []byte) {
	var memory [64]byte
	for len(name) > 0 {
		n := copy(memory[:], name)
		for i, c := range memory[:n] {
			if 'A' <= c && c <= 'Z' {
				memory[i] = c | 0x20
			}
		}
		out.Append(memory[:n])
		name = name[n:]
	}
}

package http1

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// readBody collects what in, from pos on, has of a body. over tells that the
// message ends there; its trailers, if it has any, are then in r.head.
//
// The data of all chunks in one Feed goes out in one call, so that a peer that
// sends chunks of one byte does not cost a call each.
func (r *reader) readBody(in buffer.View, pos int) (_ int, over bool, err *Error) {
	for {
		var n int
		switch r.state {
		case inLength:
			n = r.take(in, pos)
			if r.left == 0 {
				return pos + n, true, nil
			}
		case inChunk:
			if n = r.take(in, pos); r.left == 0 {
				r.state = inChunkEnd
			}
		case inChunkSize:
			n, err = r.chunkSize(in.Bytes()[pos:])
		case inChunkEnd:
			n, err = r.chunkEnd(in.Bytes()[pos:])
		case inTrailers:
			n, over, err = r.trailer(in.Bytes()[pos:])
		default:
			panic("http1: a body is read that has not begun")
		}
		pos += n
		if over || err != nil || n == 0 {
			return pos, over, err
		}
	}
}

// take adds to the data what in has of the bytes that are left.
func (r *reader) take(in buffer.View, pos int) int {
	n := int(min(int64(in.Len()-pos), r.left))
	if n > 0 {
		r.flags |= bodyBegun
		r.data.AppendView(in.Slice(pos, pos+n))
		r.left -= int64(n)
	}
	return n
}

// tooLarge tells whether a body of n bytes is over the limit.
func (r *reader) tooLarge(n int64) bool { return r.cfg.MaxBody > 0 && n > r.cfg.MaxBody }

func (r *reader) chunkSize(b []byte) (int, *Error) {
	line, n, err := r.cut(b, maxChunkLine, ErrChunkExtension)
	if err != nil || n == 0 {
		return 0, err
	}
	size, extension, ok := parseChunkSize(line)
	if !ok {
		return 0, ErrChunk
	}
	r.size += uint32(extension)
	if r.size > maxExtensions {
		return 0, ErrChunkExtension
	}
	r.flags |= bodyBegun
	if size == 0 {
		r.size, r.count = 0, 0
		r.state = inTrailers
		return n, nil
	}
	if size > 1<<62-r.body {
		return 0, ErrChunk
	}
	r.body += size
	if r.tooLarge(r.body) {
		return 0, ErrBodyTooLarge
	}
	r.size -= uint32(min(size, int64(r.size)))
	r.left = size
	r.state = inChunk
	return n, nil
}

// parseChunkSize takes apart chunk-size [chunk-ext] and returns the length of what
// follows the size: blanks, with which old servers fill the line up, or an
// extension, in front of which there may be some.
func parseChunkSize(line []byte) (size int64, extension int, ok bool) {
	n := span(line, isHex)
	if n == 0 || n > 16 {
		return 0, 0, false
	}
	for _, c := range line[:n] {
		if size >= 1<<59 {
			return 0, 0, false
		}
		size = size<<4 | int64(hexValue(c))
	}
	rest := trim(line[n:])
	if len(rest) > 0 && (rest[0] != ';' || !validValue(rest)) {
		return 0, 0, false
	}
	return size, len(line) - n, true
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func (r *reader) chunkEnd(b []byte) (int, *Error) {
	if len(b) > 0 && b[0] != '\r' || len(b) > 1 && b[1] != '\n' {
		return 0, ErrChunk
	}
	if len(b) < 2 {
		return 0, nil
	}
	r.state = inChunkSize
	return 2, nil
}

// trailer reads one line of the trailer section, by the rules of a head.
func (r *reader) trailer(b []byte) (n int, over bool, err *Error) {
	l, n, err := r.fieldLine(b)
	if err != nil || n == 0 || l.part {
		return n, false, err
	}
	if len(l.name) == 0 {
		return n, true, nil
	}
	if httprule.AllowedInTrailers(stream.IDOf(l.name), l.name) {
		if r.head == nil {
			r.head = r.heads.Get()
		}
		r.head.AddBytes(l.name, l.value)
	}
	return n, false, nil
}

package grpcweb

import (
	"encoding/base64"

	"github.com/weirproxy/weir/pkg/buffer"
)

// step is how many bytes are written into a chain at a time.
const step = 24 << 10

// decoder reads base64 in pieces. Padding may stand in the middle: a sender pads
// whenever it has nothing more to say for the moment. The zero decoder is ready.
type decoder struct {
	bits  uint32
	chars uint8 // of the group of four that is being read
	pads  uint8 // of them
}

// between tells whether the decoder stands between two groups, where a text may
// end.
func (d *decoder) between() bool { return d.chars == 0 }

// write appends what b stands for to out. It returns false if b is not base64.
func (d *decoder) write(out *buffer.Chain, b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), step)
		dst := out.Reserve((n/4 + 1) * 3)
		k, ok := d.decode(dst, b[:n])
		out.Commit(k)
		if !ok {
			return false
		}
		b = b[n:]
	}
	return true
}

// decode decodes b into dst and returns how many bytes it wrote.
func (d *decoder) decode(dst, b []byte) (n int, ok bool) {
	for _, c := range b {
		v := sextets[c]
		switch {
		case v < 64 && d.pads == 0:
		case c == '=' && d.chars >= 2:
			d.pads++
			v = 0
		default:
			return n, false
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.chars++; d.chars < 4 {
			continue
		}
		if d.bits&(1<<(8*d.pads)-1) != 0 { // bits that stand for nothing
			return n, false
		}
		dst[n], dst[n+1], dst[n+2] = byte(d.bits>>16), byte(d.bits>>8), byte(d.bits)
		n += 3 - int(d.pads)
		*d = decoder{}
	}
	return n, true
}

// sextets is what the characters of base64 stand for; 0xff for others.
var sextets = makeSextets()

func makeSextets() (t [256]uint8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	return t
}

// encoder writes base64 in pieces. The zero encoder is ready.
type encoder struct {
	kept [3]byte // what does not make up a group yet
	n    int
}

// write appends b in base64 to out. One or two bytes may be kept until more come,
// or flush.
func (e *encoder) write(out *buffer.Chain, b []byte) {
	if e.n > 0 {
		k := copy(e.kept[e.n:], b)
		e.n += k
		b = b[k:]
		if e.n < len(e.kept) {
			return
		}
		e.flush(out)
	}
	for len(b) >= 3 {
		n := min(len(b), step) / 3 * 3
		encode(out, b[:n])
		b = b[n:]
	}
	e.n = copy(e.kept[:], b)
}

// flush appends what is kept, padded.
func (e *encoder) flush(out *buffer.Chain) {
	if e.n > 0 {
		encode(out, e.kept[:e.n])
		e.n = 0
	}
}

func encode(out *buffer.Chain, b []byte) {
	base64.StdEncoding.Encode(out.Reserve(base64.StdEncoding.EncodedLen(len(b))), b)
	out.Commit(base64.StdEncoding.EncodedLen(len(b)))
}

package hpack

import "encoding/binary"

// eos is the symbol that only its first bits may be seen of, as padding.
const eos = 256

// codeBits is the length of each symbol's code (RFC 7541, appendix B). The code is
// canonical, so that the lengths are all there is to it: codes are given out in
// the order of their lengths and, among equal ones, of their symbols.
var codeBits = [eos + 1]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
	30,
}

const (
	minCode = 5  // the shortest code's bits
	maxCode = 30 // the longest one's
)

// canonical is the code in the order of its codes.
type canonical struct {
	symbols [eos + 1]uint16     // by rank
	first   [maxCode + 1]uint32 // the first code of each length
	rank    [maxCode + 1]uint32 // and its symbol's rank
	// end is what follows the last code of each length, or a shorter one, when both
	// are put to the left of 32 bits.
	end [maxCode + 1]uint64
}

var codes = buildCanonical()

func buildCanonical() canonical {
	var c canonical
	var next, rank uint32
	for bits := minCode; bits <= maxCode; bits++ {
		next <<= 1
		c.first[bits], c.rank[bits] = next, rank
		for s := range codeBits {
			if codeBits[s] == uint8(bits) {
				c.symbols[rank] = uint16(s)
				rank++
				next++
			}
		}
		c.end[bits] = uint64(next) << (32 - bits)
	}
	return c
}

// code is the code of one symbol.
type code struct {
	value uint32
	bits  uint32
}

var codeOf = buildCodes()

func buildCodes() (table [eos]code) {
	for rank, s := range codes.symbols {
		if bits := codeBits[s]; s != eos {
			table[s] = code{codes.first[bits] + uint32(rank) - codes.rank[bits], uint32(bits)}
		}
	}
	return table
}

// pairBits is how many bits of input are looked up at once: enough for two of the
// characters that are common in headers.
const pairBits = 12

// A pair is what the next bits of input say: one or two symbols. None (0) means
// that the first symbol has a longer code.
type pair uint32

func (p pair) bits() uint      { return uint(p) & 63 } // of all its symbols
func (p pair) symbols() uint16 { return uint16(p >> 8) }
func (p pair) count() int      { return int(p >> 24) }

var pairs = buildPairs()

func buildPairs() (table [1 << pairBits]pair) {
	for i := range table {
		window := uint64(i) << (64 - pairBits)
		s1, n1 := longCode(window)
		if n1 > pairBits {
			continue
		}
		s2, n2 := longCode(window << n1)
		if n1+n2 > pairBits {
			table[i] = pair(n1) | pair(s1)<<8 | 1<<24
			continue
		}
		table[i] = pair(n1+n2) | pair(s1)<<8 | pair(s2)<<16 | 2<<24
	}
	return table
}

// longCode finds the symbol that the topmost bits of window stand for, and how
// many bits that are.
func longCode(window uint64) (symbol uint16, bits uint) {
	top := window >> 32
	bits = minCode
	for top >= codes.end[bits] {
		bits++
	}
	rank := codes.rank[bits] + uint32(top>>(32-bits)) - codes.first[bits]
	return codes.symbols[rank], bits
}

// huffmanRoom is the room that decodeHuffman needs for n bytes: what the shortest
// codes make of them, and a byte to write two at a time.
func huffmanRoom(n int) int { return n*8/minCode + 1 }

// decodeHuffman appends what src stands for to dst, which must have the room.
func decodeHuffman(dst, src []byte) ([]byte, error) {
	out, n := dst[:cap(dst)], len(dst)
	var window uint64 // the bits to come, from the top on; what is below them may be
	var have uint     // set already
	for {
		switch {
		case len(src) >= 8:
			window |= binary.BigEndian.Uint64(src) >> (have & 63)
			src = src[(63-have)>>3:]
			have |= 56
		case len(src) > 0:
			k := min(uint(len(src)), (63-have)>>3)
			window |= lastBytes(src) >> (have & 63)
			src = src[k:]
			have += 8 * k
		}
		p := pairs[window>>(64-pairBits)]
		if have >= 4*pairBits && p != 0 {
			// Where one of the further ones is none, nothing happens.
			for range 4 {
				binary.LittleEndian.PutUint16(out[n:], p.symbols())
				n += p.count()
				window <<= p.bits()
				have -= p.bits()
				p = pairs[window>>(64-pairBits)]
			}
			continue
		}
		for p != 0 && p.bits() <= have {
			binary.LittleEndian.PutUint16(out[n:], p.symbols())
			n += p.count()
			window <<= p.bits()
			have -= p.bits()
			p = pairs[window>>(64-pairBits)]
		}
		if have < 8 && window>>(64-have) == 1<<have-1 {
			return out[:n], nil // what is left is padding: fewer than eight bits, all set
		}
		s, bits := longCode(window)
		if s == eos || bits > have {
			return nil, ErrHuffman
		}
		out[n] = byte(s)
		n++
		window <<= bits
		have -= bits
	}
}

// lastBytes returns fewer than eight bytes as the topmost ones of a word.
func lastBytes(src []byte) uint64 {
	n := len(src)
	switch {
	case n >= 4:
		return uint64(binary.BigEndian.Uint32(src))<<32 | uint64(binary.BigEndian.Uint32(src[n-4:]))<<(64-8*n)
	case n >= 2:
		return uint64(binary.BigEndian.Uint16(src))<<48 | uint64(src[n-1])<<(64-8*n)
	}
	return uint64(src[0]) << 56
}

// huffmanBits is the number of bits that s takes.
func huffmanBits(s []byte) int {
	n := 0
	for _, c := range s {
		n += int(codeBits[c])
	}
	return n
}

// huffmanSlack is how far encodeHuffman writes beyond the length of s.
const huffmanSlack = 8

// encodeHuffman writes the code of s to out, which is longer than s by
// huffmanSlack, and returns the code's length. It gives up as soon as that exceeds
// the length of s.
func encodeHuffman(out, s []byte) int {
	var bits uint64 // what is not written yet, in its lowest bits
	var have uint32 // these, fewer than eight
	n := 0
	for i := 0; i < len(s) && n <= len(s); {
		if len(s)-i >= 4 {
			a, b, c, d := codeOf[s[i]], codeOf[s[i+1]], codeOf[s[i+2]], codeOf[s[i+3]]
			if sum := a.bits + b.bits + c.bits + d.bits; sum <= 48 {
				ab := uint64(a.value)<<(b.bits&63) | uint64(b.value)
				cd := uint64(c.value)<<(d.bits&63) | uint64(d.value)
				bits = bits<<(sum&63) | ab<<((c.bits+d.bits)&63) | cd
				have += sum
				i += 4
				binary.BigEndian.PutUint64(out[n:], bits<<((64-have)&63))
				n += int(have / 8)
				have %= 8
				continue
			}
		}
		c := codeOf[s[i]]
		bits = bits<<(c.bits&63) | uint64(c.value)
		have += c.bits
		i++
		binary.BigEndian.PutUint64(out[n:], bits<<((64-have)&63))
		n += int(have / 8)
		have %= 8
	}
	if have > 0 {
		out[n] = byte(bits<<(8-have)) | 0xff>>have
		n++
	}
	return n
}

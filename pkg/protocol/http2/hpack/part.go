package hpack

import "errors"

// Part is what has been read of a block that is decoded as it comes, because it is
// longer than what anybody wants to keep: for the sake of the table alone, and of what
// an [Emitter] looks for in it. The zero Part is the front of a block.
type Part struct {
	begun bool
	skip  int // bytes of a value that are of no use
}

// DecodePart decodes what is whole of b, the next part of a block, and returns how many
// bytes that was; the rest is to be offered again in front of what follows. Of a value
// that is longer than the table nothing is kept, and nothing is passed on. With last,
// the block ends with b, and a rest is an error.
func (d *Decoder) DecodePart(p *Part, b []byte, last bool, emit Emitter) (n int, err error) {
	n = min(p.skip, len(b))
	p.skip -= n
	if !p.begun {
		if n, err = d.updates(b); err != nil && (!errors.Is(err, ErrTruncated) || last) {
			return 0, err
		}
		if errors.Is(err, ErrTruncated) {
			return 0, nil // what was done of the updates is done again
		}
		p.begun = n < len(b)
	}
	n, err = d.run(b, n, emit)
	if errors.Is(err, ErrTruncated) && !last {
		if skip := d.skipValue(b[n:]); skip > 0 {
			p.skip = skip
			return len(b), nil
		}
		return n, nil
	}
	if err == nil && last && p.skip > 0 {
		err = ErrTruncated
	}
	return n, err
}

// skipValue looks at the front of a literal field whose value is not there as a whole,
// and is too long for the table. It does to the table what the field does, and returns
// how many bytes of it are still to come; 0 if the field must be waited for.
func (d *Decoder) skipValue(b []byte) int {
	c, mask := b[0], byte(0x0f)
	switch {
	case c >= 0x80:
		return 0
	case c >= 0x40:
		mask = 0x3f
	}
	i, index := 1, uint32(c&mask)
	var err error
	if c&mask == mask {
		if index, i, err = readInteger(b, i, index); err != nil {
			return 0
		}
	}
	if index == 0 {
		if _, i, err = readText(b, i); err != nil {
			return 0
		}
	}
	if i >= len(b) {
		return 0
	}
	n := uint32(b[i] & 0x7f)
	i++
	if n == 0x7f {
		if n, i, err = readInteger(b, i, n); err != nil {
			return 0
		}
	}
	const longestCode = 30 // bits that Huffman's code has for a byte, at most
	if uint64(n)*8/longestCode <= uint64(d.dynamic.max) {
		return 0
	}
	if mask == 0x3f {
		d.dynamic.evict(0)
	}
	return int(n) - (len(b) - i)
}

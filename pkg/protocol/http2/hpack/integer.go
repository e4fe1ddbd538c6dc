package hpack

// maxInteger is the number of bytes that an integer may take behind its prefix:
// enough for 32 bits.
const maxInteger = 5

// readInteger reads the rest of an integer whose prefix, at block[i-1], is full:
// its value is prefix and what follows (RFC 7541, 5.1).
func readInteger(block []byte, i int, prefix uint32) (v uint32, next int, err error) {
	sum := uint64(prefix)
	for shift := 0; shift < 7*maxInteger; shift += 7 {
		if i >= len(block) {
			return 0, 0, ErrTruncated
		}
		c := block[i]
		i++
		sum += uint64(c&0x7f) << shift
		if c < 0x80 {
			if sum > 1<<32-1 {
				return 0, 0, ErrInteger
			}
			return uint32(sum), i, nil
		}
	}
	return 0, 0, ErrInteger
}

// appendInteger appends v behind the bits of kind, with a prefix whose bits are
// those of full.
func appendInteger(dst []byte, kind, full byte, v uint32) []byte {
	if v < uint32(full) {
		return append(dst, kind|byte(v))
	}
	dst = append(dst, kind|full)
	for v -= uint32(full); v >= 0x80; v >>= 7 {
		dst = append(dst, byte(v)|0x80)
	}
	return append(dst, byte(v))
}

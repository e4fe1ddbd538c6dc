package hpack

import "encoding/binary"

// sampled is the length from which a value is hashed in samples: who looks it up
// compares it anyhow, so that all bytes need not be read twice.
const sampled = 32

// mix adds eight bytes to a hash.
func mix(h, w uint64) uint64 {
	h = (h ^ w) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// short returns the bytes of a string of fewer than eight, in a form that differs
// for all strings of a length.
func short(s []byte) uint64 {
	n := len(s)
	switch {
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[n-4:]))<<32
	case n > 0:
		return uint64(s[0]) | uint64(s[n>>1])<<8 | uint64(s[n-1])<<16
	}
	return 0
}

// lower returns eight characters in lower case.
func lower(w uint64) uint64 {
	const each = 0x0101010101010101
	low := w & (0x7f * each)
	fromA := low + (0x80-'A')*each
	afterZ := low + (0x80-'Z'-1)*each
	upper := (fromA ^ afterZ) &^ w & (0x80 * each)
	return w | upper>>2
}

// hashName returns the hash of a name in lower case, and whether it was.
func hashName(name []byte) (h uint64, isLower bool) {
	n := len(name)
	h = uint64(n)
	if n < 8 {
		w := short(name)
		l := lower(w)
		return mix(h, l), l == w
	}
	var changed uint64
	for i := 0; i < n-8; i += 8 {
		w := binary.LittleEndian.Uint64(name[i:])
		l := lower(w)
		h, changed = mix(h, l), changed|(l^w)
	}
	w := binary.LittleEndian.Uint64(name[n-8:])
	l := lower(w)
	return mix(h, l), changed|(l^w) == 0
}

// hashField returns the hash of a field whose name has hash h.
func hashField(h uint64, value []byte) uint64 {
	n := len(value)
	h = mix(h, uint64(n))
	switch {
	case n < 8:
		return mix(h, short(value))
	case n >= sampled:
		h = mix(h, binary.LittleEndian.Uint64(value))
		h = mix(h, binary.LittleEndian.Uint64(value[8:]))
		h = mix(h, binary.LittleEndian.Uint64(value[n/2:]))
		h = mix(h, binary.LittleEndian.Uint64(value[n-16:]))
	default:
		for i := 0; i < n-8; i += 8 {
			h = mix(h, binary.LittleEndian.Uint64(value[i:]))
		}
	}
	return mix(h, binary.LittleEndian.Uint64(value[n-8:]))
}

// appendLower appends a name in lower case.
func appendLower(dst, name []byte) []byte {
	from := len(dst)
	dst = append(dst, name...)
	rest := dst[from:]
	for ; len(rest) >= 8; rest = rest[8:] {
		binary.LittleEndian.PutUint64(rest, lower(binary.LittleEndian.Uint64(rest)))
	}
	for i, c := range rest {
		rest[i] = byte(lower(uint64(c)))
	}
	return dst
}

// isLowerOf tells whether low, a name in lower case, is name but for its case.
func isLowerOf(low, name []byte) bool {
	return string(low) == string(name) || len(low) == len(name) && isFoldOf(low, name)
}

// isFoldOf is isLowerOf for names of one length; most names are in lower case, and
// need no second look.
func isFoldOf(low, name []byte) bool {
	n := len(name)
	if n < 8 {
		return short(low) == lower(short(name))
	}
	for i := 0; i < n-8; i += 8 {
		if binary.LittleEndian.Uint64(low[i:]) != lower(binary.LittleEndian.Uint64(name[i:])) {
			return false
		}
	}
	return binary.LittleEndian.Uint64(low[n-8:]) == lower(binary.LittleEndian.Uint64(name[n-8:]))
}

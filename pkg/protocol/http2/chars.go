package http2

import "encoding/binary"

// What a byte may be part of.
const (
	inToken  = 1 << iota // a method, or a field name in any case
	inName               // a field name as it is sent
	inTarget             // a path
	inValue              // a field value
)

var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		alpha := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		if alpha || digit {
			t[c] |= inToken | inName
		}
		if 'A' <= b && b <= 'Z' {
			t[c] &^= inName
		}
		if b > ' ' && b < 0x7f && b != '#' {
			t[c] |= inTarget
		}
		if b >= ' ' && b != 0x7f || b == '\t' {
			t[c] |= inValue
		}
	}
	for _, b := range []byte("!#$%&'*+-.^_`|~") {
		t[b] |= inToken | inName
	}
	return t
}

// span returns how many bytes at the front of b are of a class.
func span(b []byte, class uint8) int {
	for i, c := range b {
		if classes[c]&class == 0 {
			return i
		}
	}
	return len(b)
}

func validToken(b []byte) bool { return len(b) > 0 && span(b, inToken) == len(b) }

// validName tells whether b is a field name as HTTP/2 wants it, without capitals.
// Most are small letters and hyphens alone, which are looked at eight at a time.
func validName(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for ; len(b) >= 8; b = b[8:] {
		if oddInName(binary.LittleEndian.Uint64(b)) && span(b[:8], inName) < 8 {
			return false
		}
	}
	return span(b, inName) == len(b)
}

// oddInName tells whether a word has other bytes than small ASCII letters and
// hyphens.
func oddInName(w uint64) bool {
	low := w &^ highs
	letter := (low + (0x80-'a')*ones) &^ (low + (0x80-'z'-1)*ones)
	hyphen := ^(low ^ '-'*ones + 0x7f*ones)
	return (w|^(letter|hyphen))&highs != 0
}

// validTarget tells whether b can be a path, or the * of OPTIONS.
func validTarget(b []byte) bool { return len(b) > 0 && span(b, inTarget) == len(b) }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// validValue tells whether b has no control character but HTAB.
func validValue(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if controls(binary.LittleEndian.Uint64(b)) != 0 && span(b[:8], inValue) < 8 {
			return false
		}
	}
	return span(b, inValue) == len(b)
}

// controls marks the bytes of a word that are below 0x20, or 0x7f. It may
// mark others above the lowest of them.
func controls(w uint64) uint64 {
	del := w ^ 0x7f*ones
	return ((w-0x20*ones)&^w | (del-ones)&^del) & highs
}

// padded tells whether a value begins or ends with a blank.
func padded(b []byte) bool {
	return len(b) > 0 && (isBlank(b[0]) || isBlank(b[len(b)-1]))
}

// trim removes spaces and tabs at both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// nextItem cuts the first item off a comma-separated list.
func nextItem(list []byte) (item, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), nil
}

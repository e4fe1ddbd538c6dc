package http1

import (
	"encoding/binary"
	"math/bits"

	"github.com/weirproxy/weir/pkg/stream"
)

// What a byte may be part of.
const (
	inToken  = 1 << iota // a method or a field name
	inTarget             // a request target
	inValue              // a field value
	isHex                // a hexadecimal digit
)

var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		alpha := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		if alpha || digit {
			t[c] |= inToken
		}
		if digit || 'a' <= b|0x20 && b|0x20 <= 'f' {
			t[c] |= isHex
		}
		if b > ' ' && b < 0x7f && b != '#' {
			t[c] |= inTarget
		}
		if b >= ' ' && b != 0x7f || b == '\t' {
			t[c] |= inValue
		}
	}
	for _, b := range []byte("!#$%&'*+-.^_`|~") {
		t[b] |= inToken
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

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// validValue tells whether b has no control character but HTAB.
func validValue(b []byte) bool { return valueSpan(b) == len(b) }

// valueSpan is span for field values, eight bytes at a time.
func valueSpan(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		m := controls(binary.LittleEndian.Uint64(b[i:]))
		if m == 0 {
			continue
		}
		if at := i + bits.TrailingZeros64(m)>>3; b[at] != '\t' {
			return at
		}
		if n := span(b[i:i+8], inValue); n < 8 {
			return i + n
		}
	}
	return i + span(b[i:], inValue)
}

// controls marks the bytes of a word that are below 0x20, or 0x7f. The lowest
// mark is right; those above it need not be.
func controls(w uint64) uint64 {
	del := w ^ 0x7f*ones
	return ((w-0x20*ones)&^w | (del-ones)&^del) & highs
}

// tokenSpan is span for tokens that are mostly letters and hyphens, eight bytes at
// a time.
func tokenSpan(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if m := noLetters(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			break
		}
	}
	return i + span(b[i:], inToken)
}

// noLetters marks the bytes of a word that are neither ASCII letters nor hyphens.
func noLetters(w uint64) uint64 {
	low := w &^ highs
	small := low | 0x20*ones
	letter := (small + (0x80-'a')*ones) &^ (small + (0x80-'z'-1)*ones)
	hyphen := ^(low ^ '-'*ones + 0x7f*ones)
	return (w | ^(letter | hyphen)) & highs
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

func equalFold(b []byte, s string) bool { return stream.EqualFold(b, s) }

// nextItem cuts the first item off a comma-separated list.
func nextItem(list []byte) (item, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), nil
}

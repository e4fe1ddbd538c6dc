package serial

import (
	"encoding/binary"
	"unicode/utf8"
)

// The longest strings that Hessian 2 has short forms for, in units, and the
// longest piece that Java writes.
const (
	maxDirect = 31
	maxShort  = 1023
	maxPiece  = 0x8000
)

// AppendNull appends a value of a body that is null.
func (f Form) AppendNull(dst []byte) []byte {
	if f == FastJSON2 {
		return append(dst, 0, 0, 0, 1, jsonbNull)
	}
	return append(dst, hessianNull)
}

// AppendValue appends a value of a body that is a string. What is not UTF-8 in the
// text becomes U+FFFD; Hessian's text may be the one of another Hessian string.
func (f Form) AppendValue(dst, text []byte) []byte {
	if f != FastJSON2 {
		return appendHessian(dst, text)
	}
	from := len(dst)
	dst = appendJSONB(append(dst, 0, 0, 0, 0), text)
	binary.BigEndian.PutUint32(dst[from:], uint32(len(dst)-from-4))
	return dst
}

// AppendEntry appends a key or a value of a map, which is a string; see
// AppendValue.
func (f Form) AppendEntry(dst, text []byte) []byte {
	if f != FastJSON2 {
		return appendHessian(dst, text)
	}
	return appendJSONB(dst, text)
}

// AppendOpen appends the front of a map, without what may stand before a value of
// a body.
func (f Form) AppendOpen(dst []byte) []byte {
	if f == FastJSON2 {
		return append(dst, jsonbObject)
	}
	return append(dst, hessianMap)
}

// AppendClose appends the end of a map.
func (f Form) AppendClose(dst []byte) []byte {
	if f == FastJSON2 {
		return append(dst, jsonbEnd)
	}
	return append(dst, hessianEnd)
}

func appendHessian(dst, text []byte) []byte {
	left := 0
	for rest := text; len(rest) > 0; {
		_, n, units := character(rest)
		rest = rest[n:]
		left += units
	}
	for left > maxPiece {
		at := len(dst)
		dst = append(dst, hessianTextPart, 0, 0)
		var n int
		dst, text, n = appendUnits(dst, text, maxPiece)
		binary.BigEndian.PutUint16(dst[at+1:], uint16(n))
		left -= n
	}
	switch {
	case left <= maxDirect:
		dst = append(dst, byte(left))
	case left <= maxShort:
		dst = append(dst, byte(0x30+left>>8), byte(left))
	default:
		dst = append(dst, hessianText, byte(left>>8), byte(left))
	}
	dst, _, _ = appendUnits(dst, text, left)
	return dst
}

// appendUnits appends as many characters of a text as have at most so many UTF-16
// units, and returns what is left of it, and how many units there were.
func appendUnits(dst, text []byte, most int) (out, rest []byte, units int) {
	for len(text) > 0 {
		c, n, u := character(text)
		if units+u > most {
			break
		}
		if u == 2 {
			c -= 0x10000
			dst = appendUnit(appendUnit(dst, 0xd800+c>>10), 0xdc00+c&0x3ff)
		} else {
			dst = appendUnit(dst, c)
		}
		text, units = text[n:], units+u
	}
	return dst, text, units
}

func appendUnit(dst []byte, u rune) []byte {
	switch {
	case u < 0x80:
		return append(dst, byte(u))
	case u < 0x800:
		return append(dst, byte(0xc0|u>>6), byte(0x80|u&0x3f))
	}
	return append(dst, byte(0xe0|u>>12), byte(0x80|u>>6&0x3f), byte(0x80|u&0x3f))
}

// character reads the first character of a text: how many bytes it has, and how
// many UTF-16 units it takes. A half of a surrogate pair that is encoded by itself
// counts as a character.
func character(text []byte) (c rune, n, units int) {
	if text[0] < utf8.RuneSelf {
		return rune(text[0]), 1, 1
	}
	c, n = utf8.DecodeRune(text)
	switch {
	case c > 0xffff:
		return c, n, 2
	case n > 1:
		return c, n, 1
	case len(text) >= 3 && text[0] == 0xed && text[1]&0xe0 == 0xa0 && text[2]&0xc0 == 0x80:
		return 0xd000 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f), 3, 1
	}
	return utf8.RuneError, 1, 1
}

func appendJSONB(dst, text []byte) []byte {
	if ascii(text) {
		if len(text) < jsonbLatin-jsonbShort {
			return append(append(dst, byte(jsonbShort+len(text))), text...)
		}
		return append(appendCount(append(dst, jsonbLatin), len(text)), text...)
	}
	if utf8.Valid(text) {
		return append(appendCount(append(dst, jsonbUTF8), len(text)), text...)
	}
	valid := make([]byte, 0, len(text)+8)
	for rest := text; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		valid = utf8.AppendRune(valid, c)
		rest = rest[n:]
	}
	return append(appendCount(append(dst, jsonbUTF8), len(valid)), valid...)
}

// appendCount appends an integer of 32 bits that is not negative, in its shortest
// form.
func appendCount(dst []byte, n int) []byte {
	switch {
	case n < 0x30:
		return append(dst, byte(n))
	case n < 0x800:
		return append(dst, byte(0x38+n>>8), byte(n))
	case n < 0x40000:
		return append(dst, byte(0x44+n>>16), byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, jsonbInt), uint32(n))
}

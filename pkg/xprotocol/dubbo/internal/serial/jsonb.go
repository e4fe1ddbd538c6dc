package serial

// The marks of JSONB that stand for themselves. Numbers and short strings begin
// with a byte that is partly their value or length.
const (
	jsonbInt       = 0x48
	jsonbShort     = 0x49 // and up: a string of so many bytes
	jsonbLatin     = 0x79
	jsonbUTF8      = 0x7a
	jsonbGB18030   = 0x7e // the last of the strings in other encodings
	jsonbSymbol    = 0x7f
	jsonbChar      = 0x90
	jsonbBinary    = 0x91
	jsonbTyped     = 0x92
	jsonbReference = 0x93
	jsonbArrays    = 0x94 // and up: an array of so many values
	jsonbArray     = 0xa4
	jsonbEnd       = 0xa5
	jsonbObject    = 0xa6
	jsonbNull      = 0xaf
	jsonbBigInt    = 0xbb
	jsonbInt16     = 0xbc
	jsonbInt8      = 0xbd
	jsonbInt64     = 0xbe
	jsonbInt64Int  = 0xbf
)

// isInt tells whether a value that begins with c is an integer of 32 bits in one
// of the forms that lengths have as well.
func isInt(c byte) bool { return c <= jsonbInt || c >= 0xf0 }

// nextJSONB reads a value.
func (r *Reader) nextJSONB(v *Value) bool {
	if r.at >= len(r.b) {
		return false
	}
	switch c := r.b[r.at]; {
	case c >= jsonbShort && c <= jsonbUTF8:
		n, ok := r.jsonbLength()
		if !ok || !r.advance(n) {
			return false
		}
		v.Kind, v.From, v.To = Text, r.at-n, r.at
		if c != jsonbUTF8 && !ascii(r.b[v.From:v.To]) {
			v.Kind = Scalar // Latin-1
		}
		return true
	case c == jsonbNull:
		v.Kind = Null
	case isInt(c), c >= jsonbInt16 && c < 0xf0:
		v.Kind = Int
		return r.jsonbInteger(&v.Int)
	case c <= jsonbGB18030, c == jsonbChar, c == jsonbBinary, c > jsonbObject:
		v.Kind = Scalar
	}
	return r.skip()
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// jsonbValue steps over a value's own bytes.
func (r *Reader) jsonbValue() (inner int, ok bool) {
	if r.at >= len(r.b) {
		return 0, false
	}
	switch c := r.b[r.at]; {
	case isInt(c), c >= jsonbInt16:
		var v int64
		return 0, r.jsonbInteger(&v)
	case c <= jsonbGB18030:
		n, ok := r.jsonbLength()
		return 0, ok && r.advance(n)
	case c >= jsonbArrays && c < jsonbArray:
		r.at++
		return r.items(int(c-jsonbArrays), true)
	default:
		return r.jsonbMarked(c)
	}
}

// jsonbMarked steps over the own bytes of a value whose mark has no part in it.
// What such a value is made of are often values themselves.
func (r *Reader) jsonbMarked(c byte) (inner int, ok bool) {
	r.at++
	switch c {
	case jsonbNull, 0xb0, 0xb1, 0xb2, 0xb3: // false, true, 0.0, 1.0
		return 0, true
	case 0xa9, 0xac, 0xad, 0xb7: // a date, seconds, minutes, float
		return 0, r.advance(4)
	case 0xab, 0xb5: // milliseconds, double
		return 0, r.advance(8)
	case jsonbChar, 0xb4, 0xb6, 0xb8, 0xba, jsonbReference: // numbers written as integers; a path
		return 1, true
	case 0xae, 0xb9: // seconds and nanoseconds; scale and digits
		return 2, true
	case 0xa7: // a time of day and nanoseconds
		return 1, r.advance(3)
	case 0xa8: // a date with a time
		return 1, r.advance(7)
	case 0xaa: // and with a zone
		return 2, r.advance(7)
	case jsonbBinary, jsonbBigInt:
		n, ok := r.jsonbCount()
		return 0, ok && r.advance(n)
	case jsonbArray:
		return r.items(r.jsonbCount())
	case jsonbObject:
		return keyOrEnd, true
	case jsonbSymbol: // the number of a name, or the name and its number
		return r.named(), true
	case jsonbTyped: // likewise, and what has that type
		return r.named() + 1, true
	}
	return 0, false
}

// named tells of how many values a name with a number consists.
func (r *Reader) named() int {
	if r.at < len(r.b) && isInt(r.b[r.at]) {
		return 1
	}
	return 2
}

// jsonbLength reads what stands before the bytes of a string.
func (r *Reader) jsonbLength() (n int, ok bool) {
	c := r.b[r.at]
	r.at++
	if c < jsonbLatin {
		return int(c - jsonbShort), true
	}
	return r.jsonbCount()
}

// jsonbCount reads a number of bytes or values.
func (r *Reader) jsonbCount() (n int, ok bool) {
	if r.at >= len(r.b) || !isInt(r.b[r.at]) {
		return 0, false
	}
	var v int64
	ok = r.jsonbInteger(&v)
	return int(v), ok && v >= 0
}

// jsonbInteger reads an integer.
func (r *Reader) jsonbInteger(v *int64) (ok bool) {
	c := int64(r.b[r.at])
	r.at++
	var more int   // the bytes that follow
	var high int64 // what the first one is worth
	switch {
	case c < 0x30:
		high = c
	case c < 0x40:
		more, high = 1, c-0x38
	case c < jsonbInt:
		more, high = 2, c-0x44
	case c == jsonbInt, c == jsonbInt64Int:
		*v, ok = r.int64(4)
		return ok
	case c == jsonbInt16:
		*v, ok = r.int64(2)
		return ok
	case c == jsonbInt8:
		*v, ok = r.int64(1)
		return ok
	case c == jsonbInt64:
		*v, ok = r.int64(8)
		return ok
	case c < 0xc8:
		more, high = 2, c-0xc4
	case c < 0xd8:
		more, high = 1, c-0xd0
	case c < 0xf0:
		high = c - 0xe0
	default:
		high = c - 0x100
	}
	low, ok := r.uint(more)
	*v = high<<(8*more) + int64(low)
	return ok
}

// openJSONB steps over the front of an object.
func (r *Reader) openJSONB() (null, ok bool) {
	switch r.b[r.at] {
	case jsonbNull:
		r.at++
		return true, true
	case jsonbTyped:
		r.at++
		for n := r.named(); n > 0; n-- {
			if !r.skip() {
				return false, false
			}
		}
	}
	if r.at >= len(r.b) || r.b[r.at] != jsonbObject {
		return false, false
	}
	r.at++
	return false, true
}

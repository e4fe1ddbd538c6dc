package serial

import "encoding/binary"

// The marks of Hessian 2 that stand for themselves. Most values begin with a byte
// that is partly their length or even all of them; see hessianValue.
const (
	hessianBinaryPart = 'A'
	hessianBinary     = 'B'
	hessianClass      = 'C'
	hessianDouble     = 'D'
	hessianFalse      = 'F'
	hessianMap        = 'H'
	hessianInt        = 'I'
	hessianDate       = 'J'
	hessianMinutes    = 'K'
	hessianLong       = 'L'
	hessianTypedMap   = 'M'
	hessianNull       = 'N'
	hessianObject     = 'O'
	hessianRef        = 'Q'
	hessianTextPart   = 'R'
	hessianText       = 'S'
	hessianTrue       = 'T'
	hessianLongInt    = 'Y'
	hessianEnd        = 'Z'
)

// nextHessian reads a value.
func (r *Reader) nextHessian(v *Value) bool {
	if r.at >= len(r.b) {
		return false
	}
	switch c := r.b[r.at]; {
	case c < 0x20, c >= 0x30 && c < 0x34, c == hessianText:
		v.Kind = Text
		n, _ := r.textHead()
		v.From = r.at
		ok := n >= 0 && r.units(n)
		v.To = r.at
		return ok
	case c == hessianNull:
		v.Kind = Null
	case c == hessianTextPart, c == hessianBinaryPart, c == hessianBinary, c >= 0x20 && c < 0x38,
		c == hessianDouble, c == hessianFalse, c == hessianTrue, c == hessianDate, c == hessianMinutes, c >= 0x5b && c < 0x60:
		v.Kind = Scalar
	case c >= 0x80, c >= 0x38 && c < 0x40, c == hessianInt, c == hessianLong, c == hessianLongInt:
		v.Kind = Int
		return r.hessianInteger(&v.Int)
	}
	return r.skip()
}

// hessianValue steps over a value's own bytes.
func (r *Reader) hessianValue() (inner int, ok bool) {
	if r.at >= len(r.b) {
		return 0, false
	}
	switch c := r.b[r.at]; {
	case c < 0x20, c >= 0x30 && c < 0x34, c == hessianText, c == hessianTextPart:
		return 0, r.hessianString()
	case c < 0x38, c == hessianBinary, c == hessianBinaryPart:
		return 0, r.hessianBytes()
	case c < 0x40:
		return 0, r.advance(3)
	case c < 0x60:
		return r.hessianMarked(c)
	case c < 0x70:
		r.at++
		return r.object(int(c - 0x60))
	case c < 0x78:
		r.at++
		ok = r.hessianType()
		return r.items(int(c-0x70), ok)
	case c < 0x80:
		r.at++
		return r.items(int(c-0x78), true)
	case c < 0xc0, c >= 0xd8 && c < 0xf0:
		return 0, r.advance(1)
	case c < 0xd0, c >= 0xf0:
		return 0, r.advance(2)
	default:
		return 0, r.advance(3)
	}
}

// hessianMarked steps over the own bytes of a value whose mark has no part in it.
func (r *Reader) hessianMarked(c byte) (inner int, ok bool) {
	r.at++
	switch c {
	case hessianNull, hessianTrue, hessianFalse, 0x5b, 0x5c:
		return 0, true
	case 0x5d:
		return 0, r.advance(1)
	case 0x5e:
		return 0, r.advance(2)
	case hessianInt, hessianLongInt, hessianMinutes, 0x5f:
		return 0, r.advance(4)
	case hessianLong, hessianDouble, hessianDate:
		return 0, r.advance(8)
	case hessianRef:
		_, ok = r.hessianCount()
		return 0, ok
	case hessianMap:
		return keyOrEnd, true
	case hessianTypedMap:
		return keyOrEnd, r.hessianType()
	case 'U':
		return untilEnd, r.hessianType()
	case 'W':
		return untilEnd, true
	case 'V':
		if !r.hessianType() {
			return 0, false
		}
		return r.items(r.hessianCount())
	case 'X':
		return r.items(r.hessianCount())
	case hessianObject:
		n, ok := r.hessianCount()
		if !ok {
			return 0, false
		}
		return r.object(n)
	case hessianClass:
		return 1, r.class() // the value whose class was just defined
	}
	return 0, false
}

// class steps over the definition of a class, and notes how many fields it has.
func (r *Reader) class() bool {
	if !r.hessianString() {
		return false
	}
	n, ok := r.hessianCount()
	if !ok || n < 0 || n > maxFields || r.classes == maxClasses {
		return false
	}
	r.fields[r.classes] = uint16(n)
	r.classes++
	r.steps -= n
	for ; n > 0; n-- {
		if !r.hessianString() {
			return false
		}
	}
	return true
}

// object tells how many fields an object of a class has.
func (r *Reader) object(class int) (fields int, ok bool) {
	if class < 0 || class >= r.classes {
		return 0, false
	}
	r.bound = r.bound || r.inMap && r.before > 0
	return r.items(int(r.fields[class]), true)
}

// hessianType steps over the type of a list or a map: its name, or the number of
// one that was named before.
func (r *Reader) hessianType() bool {
	if r.at < len(r.b) {
		switch c := r.b[r.at]; {
		case c < 0x20, c >= 0x30 && c < 0x34, c == hessianText, c == hessianTextPart:
			return r.hessianString()
		}
	}
	_, ok := r.hessianCount()
	return ok
}

// hessianCount reads a number of things: an integer that is not a long one.
func (r *Reader) hessianCount() (n int, ok bool) {
	if r.at >= len(r.b) {
		return 0, false
	}
	if c := r.b[r.at]; c != hessianInt && (c < 0x80 || c >= 0xd8) {
		return 0, false
	}
	var v int64
	ok = r.hessianInteger(&v)
	return int(v), ok
}

// hessianInteger reads an int or a long.
func (r *Reader) hessianInteger(v *int64) (ok bool) {
	c := int64(r.b[r.at])
	r.at++
	var more int   // the bytes that follow
	var high int64 // what the first one is worth
	switch {
	case c == hessianInt, c == hessianLongInt:
		*v, ok = r.int64(4)
		return ok
	case c == hessianLong:
		*v, ok = r.int64(8)
		return ok
	case c < 0x40:
		more, high = 2, c-0x3c
	case c < 0xc0:
		high = c - 0x90
	case c < 0xd0:
		more, high = 1, c-0xc8
	case c < 0xd8:
		more, high = 2, c-0xd4
	case c < 0xf0:
		high = c - 0xe0
	default:
		more, high = 1, c-0xf8
	}
	low, ok := r.uint(more)
	*v = high<<(8*more) + int64(low)
	return ok
}

// hessianString steps over a string, in one piece or several.
func (r *Reader) hessianString() bool {
	for {
		n, last := r.textHead()
		if n < 0 || !r.units(n) {
			return false
		}
		if last {
			return true
		}
	}
}

// textHead reads what stands before a piece of a string: how many units it has,
// negative if it is none, and whether it is the last.
func (r *Reader) textHead() (units int, last bool) {
	if r.at >= len(r.b) {
		return -1, true
	}
	c := r.b[r.at]
	r.at++
	var high, more int
	switch {
	case c < 0x20:
		return int(c), true
	case c >= 0x30 && c < 0x34:
		high, more = int(c-0x30)<<8, 1
	case c == hessianText, c == hessianTextPart:
		more = 2
	default:
		return -1, true
	}
	low, ok := r.uint(more)
	if !ok {
		return -1, true
	}
	return high + low, c != hessianTextPart
}

// units steps over n UTF-16 units of text.
func (r *Reader) units(n int) bool {
	if r.steps -= n >> 5; r.steps < 0 {
		return false
	}
	b, at := r.b, r.at
	for n > 0 {
		if n >= 8 && len(b)-at >= 8 && binary.LittleEndian.Uint64(b[at:])&0x8080808080808080 == 0 {
			at, n = at+8, n-8
			continue
		}
		if at >= len(b) {
			return false
		}
		n--
		switch c := b[at]; {
		case c < 0x80:
			at++
		case c < 0xc0:
			return false
		case c < 0xe0:
			at += 2
		case c < 0xf0:
			at += 3
		case c < 0xf8:
			at += 4
			r.four = true
			if !r.narrow {
				n--
			}
		default:
			return false
		}
	}
	r.at = at
	return n == 0 && at <= len(b)
}

// hessianBytes steps over binary data, in one piece or several.
func (r *Reader) hessianBytes() bool {
	for {
		if r.at >= len(r.b) {
			return false
		}
		c := r.b[r.at]
		r.at++
		var n int
		ok := true
		switch {
		case c >= 0x20 && c < 0x30:
			n = int(c - 0x20)
		case c >= 0x34 && c < 0x38:
			n, ok = r.uint(1)
			n += int(c-0x34) << 8
		case c == hessianBinary, c == hessianBinaryPart:
			n, ok = r.uint(2)
		default:
			return false
		}
		if !ok || !r.advance(n) {
			return false
		}
		if c != hessianBinaryPart {
			return true
		}
	}
}

// openHessian steps over the front of a map.
func (r *Reader) openHessian() (null, ok bool) {
	c := r.b[r.at]
	r.at++
	switch c {
	case hessianNull:
		return true, true
	case hessianMap:
		return false, true
	case hessianTypedMap:
		return false, r.hessianType()
	}
	return false, false
}

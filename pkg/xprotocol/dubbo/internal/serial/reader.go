package serial

// The limits of what a Reader steps over. What exceeds them is as good as broken.
const (
	maxDepth   = 64   // of values in values
	maxFields  = 4096 // of a class
	maxClasses = 256  // in a body
)

// Reader reads the values of a body one after another. It makes no copies and
// allocates nothing. After a method has told that the body is broken, the Reader
// is of no more use.
type Reader struct {
	form   Form
	narrow bool // a sequence of four bytes counts as one unit
	inMap  bool
	four   bool // there was a sequence of four bytes

	b     []byte // ends where the value that is read must end
	all   []byte
	at    int
	steps int

	classes int
	fields  [maxClasses]uint16
	before  int  // classes defined before the map
	bound   bool // the map has objects, and those numbers depend on classes before it
}

// Reset makes r read b, from at on. steps is about how many values it may step
// over; 32 units of a string count as one.
func (r *Reader) Reset(f Form, b []byte, at, steps int) {
	r.form, r.narrow, r.inMap, r.four = f, false, false, false
	r.b, r.all, r.at, r.steps = b, b, at, steps
	r.classes, r.before, r.bound = 0, 0, false
}

// Narrow makes r, that was just reset, take a UTF-8 sequence of four bytes for one
// unit of a string's length, and not for two: some peers that are not Java count
// characters. Which of them wrote a body shows only in where it ends.
func (r *Reader) Narrow() { r.narrow = true }

// Ambiguous tells whether there was something that [Reader.Narrow] makes different.
func (r *Reader) Ambiguous() bool { return r.four }

// Bound tells whether the map that was read cannot be read without the values
// before it: in Hessian 2, where an object tells its class by a number, and only
// the first of a class says what that is.
func (r *Reader) Bound() bool { return r.bound }

// Pos returns where the next value begins.
func (r *Reader) Pos() int { return r.at }

// Next reads a value into v, whatever that was; false says that the body is
// broken, or exceeds a limit.
func (r *Reader) Next(v *Value) (ok bool) {
	*v = Value{Off: r.at}
	if r.form == Hessian2 {
		ok = r.nextHessian(v)
		v.End = r.at
		return ok
	}
	ok = r.begin() && r.nextJSONB(v)
	v.End = r.at
	return ok && r.end()
}

// Skip steps over a value; false is as in Next.
func (r *Reader) Skip() bool {
	if r.form == FastJSON2 && !r.inMap {
		if !r.begin() {
			return false
		}
		r.at = len(r.b)
		return r.end()
	}
	return r.skip()
}

// begin reads what stands before a value that is not in another one.
func (r *Reader) begin() bool {
	if r.form != FastJSON2 || r.inMap {
		return true
	}
	n, ok := r.uint(4)
	if !ok || n > len(r.all)-r.at {
		return false
	}
	r.b = r.all[:r.at+n]
	return true
}

// end checks that a value has the length that stood before it.
func (r *Reader) end() bool {
	if r.form != FastJSON2 || r.inMap {
		return true
	}
	ok := r.at == len(r.b)
	r.b = r.all
	return ok
}

// Open begins to read a map; null tells that there is none in its place. Keys and
// values follow, in turns, until Close says that there are no more.
func (r *Reader) Open() (null, ok bool) {
	if !r.begin() || r.at >= len(r.b) {
		return false, false
	}
	if r.form == FastJSON2 {
		null, ok = r.openJSONB()
	} else {
		null, ok = r.openHessian()
	}
	if null {
		return true, r.end()
	}
	r.inMap, r.before = true, r.classes
	return false, ok
}

// Close tells whether the map that was opened ends here, and steps over its end.
func (r *Reader) Close() bool {
	if !r.atEnd() {
		return false
	}
	r.inMap = false
	return true
}

// Done tells whether the body ends here.
func (r *Reader) Done() bool { return r.at == len(r.b) && len(r.b) == len(r.all) }

// What skip still expects of a value that it is in, other than a number of values.
const (
	untilEnd = -1 - iota // values, then the end mark
	keyOrEnd             // keys and values, then the end mark
	mapValue             // the value of a key
)

// skip steps over a value with all that is in it.
func (r *Reader) skip() bool {
	var open [maxDepth]int32 // how much is still to come, of each value that r is in
	depth := 0
	open[0] = 1
	for {
		switch rest := &open[depth]; {
		case *rest == 0 || *rest < 0 && *rest != mapValue && r.atEnd():
			if depth--; depth < 0 {
				return true
			}
			continue
		case *rest > 0:
			*rest--
		case *rest == keyOrEnd:
			*rest = mapValue
		case *rest == mapValue:
			*rest = keyOrEnd
		}
		inner, ok := r.value()
		if !ok {
			return false
		}
		if inner != 0 {
			if depth++; depth == maxDepth {
				return false
			}
			open[depth] = int32(inner)
		}
	}
}

// value steps over the bytes of a value that are its own, and tells how many
// others follow that are in it.
func (r *Reader) value() (inner int, ok bool) {
	if r.steps--; r.steps < 0 {
		return 0, false
	}
	if r.form == Hessian2 {
		return r.hessianValue()
	}
	return r.jsonbValue()
}

// atEnd steps over an end mark, if there is one.
func (r *Reader) atEnd() bool {
	mark := byte(hessianEnd)
	if r.form == FastJSON2 {
		mark = jsonbEnd
	}
	if r.at < len(r.b) && r.b[r.at] == mark {
		r.at++
		return true
	}
	return false
}

// advance steps over n bytes.
func (r *Reader) advance(n int) bool {
	if n < 0 || n > len(r.b)-r.at {
		return false
	}
	r.at += n
	return true
}

// uint reads a number of up to four bytes.
func (r *Reader) uint(n int) (v int, ok bool) {
	if n > len(r.b)-r.at {
		return 0, false
	}
	var u uint32
	for _, c := range r.b[r.at : r.at+n] {
		u = u<<8 | uint32(c)
	}
	r.at += n
	return int(u), int(u) >= 0
}

// int64 reads a signed number of up to eight bytes.
func (r *Reader) int64(n int) (v int64, ok bool) {
	if n > len(r.b)-r.at {
		return 0, false
	}
	v = int64(int8(r.b[r.at]))
	for _, c := range r.b[r.at+1 : r.at+n] {
		v = v<<8 | int64(c)
	}
	r.at += n
	return v, true
}

// items checks a number of values to come: each takes at least a byte.
func (r *Reader) items(n int, ok bool) (int, bool) {
	return n, ok && n >= 0 && n <= len(r.b)-r.at
}

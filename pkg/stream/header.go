package stream

// Span is a place in a header's arena, or in the frame that it is being parsed
// from. Spans, and not slices, so that a header holds no pointers for the garbage
// collector to follow and may grow its arena at will.
type Span struct{ Off, Len uint32 }

// SpanOf returns the span from one offset to another.
func SpanOf(from, to int) Span { return Span{uint32(from), uint32(to - from)} }

// End returns the offset behind the span.
func (s Span) End() int { return int(s.Off + s.Len) }

// end is End of a span that may be nonsense.
func (s Span) end() uint64 { return uint64(s.Off) + uint64(s.Len) }

type field struct {
	name, value Span
	id          ID
	// line tells that name and value lie in the arena as the line they came in:
	// ": " between them and CR LF behind.
	line bool
	// null tells that the value is absent, which some RPC protocols can express.
	null bool
}

// Header is an ordered list of names and values, as they came: order, case and
// duplicates are kept. Names are compared without regard to ASCII case.
//
// The slices that its methods return stay readable, but show the value of that
// moment; they must not be written to.
//
// The zero Header is empty and ready.
type Header struct {
	arena   []byte
	fields  []field
	changed bool // since the last Clear, other than by what a frame holds
	// unnamed tells that no field's name was looked up yet: those of a frame are only
	// when somebody asks for one that has an ID.
	unnamed bool
}

// identify looks up the names of the fields.
func (h *Header) identify() {
	if !h.unnamed {
		return
	}
	h.unnamed = false
	for i := range h.fields {
		f := &h.fields[i]
		f.id = IDOf(h.bytes(f.name))
	}
}

// Len returns the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// HasEither reports whether there is a field of one of two names: a cheap way to see
// that names which are rare, and have no ID, are not there.
func (h *Header) HasEither(a, b string) bool {
	for i := range h.fields {
		name := h.fields[i].name
		if int(name.Len) == len(a) && EqualFold(h.bytes(name), a) || int(name.Len) == len(b) && EqualFold(h.bytes(name), b) {
			return true
		}
	}
	return false
}

// Size returns the bytes that the fields take, those of removed fields included
// until the next Clear: what a limit on a header counts.
func (h *Header) Size() int { return len(h.arena) }

// At returns field i.
func (h *Header) At(i int) (name, value []byte) {
	f := &h.fields[i]
	return h.bytes(f.name), h.bytes(f.value)
}

// LineAt returns field i as AddLine got it; nil if it was made or changed by other
// means.
func (h *Header) LineAt(i int) []byte {
	f := &h.fields[i]
	if !f.line {
		return nil
	}
	from, to := f.name.Off, f.value.Off+f.value.Len+2
	return h.arena[from:to:to]
}

// IDAt returns the well-known name of field i, or Other.
func (h *Header) IDAt(i int) ID {
	h.identify()
	return h.fields[i].id
}

// Get returns the first value of a name, and whether there is one.
func (h *Header) Get(name string) (value []byte, ok bool) {
	if id := IDOf(name); id != Other {
		return h.GetID(id)
	}
	for i := range h.fields {
		f := &h.fields[i]
		if f.id == Other && EqualFold(h.bytes(f.name), name) {
			return h.bytes(f.value), true
		}
	}
	return nil, false
}

// GetID returns the first value of a well-known name, and whether there is one.
func (h *Header) GetID(id ID) (value []byte, ok bool) {
	h.identify()
	for i := range h.fields {
		if h.fields[i].id == id {
			return h.bytes(h.fields[i].value), true
		}
	}
	return nil, false
}

// Add appends a field.
func (h *Header) Add(name, value string) { addField(h, IDOf(name), name, value) }

// AddBytes appends a field.
func (h *Header) AddBytes(name, value []byte) { addField(h, IDOf(name), name, value) }

// AddLine appends a field in the form that HTTP/1 sends it in: a name of n bytes
// whose ID is id, ": ", a value without blanks around it, CR LF. The caller has
// checked every byte of it, so that it can be forwarded as one piece.
func (h *Header) AddLine(id ID, line []byte, n int) {
	h.identify()
	s := put(h, line)
	h.fields = append(h.fields, field{
		name:  Span{s.Off, uint32(n)},
		value: Span{s.Off + uint32(n) + 2, s.Len - uint32(n) - 4},
		id:    id,
		line:  true,
	})
}

// AddID appends a field with a well-known name, spelled the usual way.
func (h *Header) AddID(id ID, value []byte) { addField(h, id, id.String(), value) }

// Set replaces the first field of a name and removes its others; it appends the
// field if there is none.
func (h *Header) Set(name, value string) { setField(h, IDOf(name), name, value) }

// SetBytes is Set with the value as bytes.
func (h *Header) SetBytes(name string, value []byte) { setField(h, IDOf(name), name, value) }

// SetID is Set for a well-known name.
func (h *Header) SetID(id ID, value []byte) { setField(h, id, id.String(), value) }

// Join appends to the value of the last field of a name, behind a separator; it
// appends the field if there is none.
func (h *Header) Join(name, separator string, value []byte) {
	id := IDOf(name)
	h.identify()
	for i := len(h.fields) - 1; i >= 0; i-- {
		f := &h.fields[i]
		if f.id == id && (id != Other || EqualFold(h.bytes(f.name), name)) {
			joined := put(h, h.bytes(f.value))
			joined.Len += put(h, separator).Len + put(h, value).Len
			f.value, f.line, f.null = joined, false, false
			h.changed = true
			return
		}
	}
	addField(h, id, name, value)
}

// Del removes all fields of a name and tells whether there was one.
func (h *Header) Del(name string) bool { return h.delFrom(0, IDOf(name), name) }

// DelID removes all fields of a well-known name and tells whether there was one.
func (h *Header) DelID(id ID) bool { return h.delFrom(0, id, "") }

// DelAt removes field i; the ones behind it move up.
func (h *Header) DelAt(i int) {
	h.changed = true
	h.fields = append(h.fields[:i], h.fields[i+1:]...)
}

// Clear removes everything and keeps the memory, if it is of an ordinary size.
func (h *Header) Clear() {
	if cap(h.arena) > keepArena {
		h.arena = nil
	}
	if cap(h.fields) > keepFields {
		h.fields = nil
	}
	h.arena, h.fields, h.changed, h.unnamed = h.arena[:0], h.fields[:0], false, false
}

// What Clear keeps at most: more than an ordinary request has, and little enough
// that one large request does not stay resident in every pooled stream.
const (
	keepArena  = 4 << 10
	keepFields = 64
)

// Take moves the content of src into h, whose own is dropped. src is empty
// afterwards, with h's memory to use again.
func (h *Header) Take(src *Header) {
	h.Clear()
	*h, *src = *src, *h
}

// CopyFrom makes h a copy of src.
func (h *Header) CopyFrom(src *Header) {
	h.arena = append(h.arena[:0], src.arena...)
	h.fields = append(h.fields[:0], src.fields...)
	h.changed, h.unnamed = src.changed, src.unnamed
}

// AddAll appends all fields of src to h.
func (h *Header) AddAll(src *Header) {
	src.identify()
	for i := range src.fields {
		f := &src.fields[i]
		addField(h, f.id, src.bytes(f.name), src.bytes(f.value))
	}
}

type text interface{ ~string | ~[]byte }

func addField[N, V text](h *Header, id ID, name N, value V) {
	h.identify()
	n := put(h, name)
	h.fields = append(h.fields, field{name: n, value: put(h, value), id: id})
	h.changed = true
}

func setField[N, V text](h *Header, id ID, name N, value V) {
	h.identify()
	for i := range h.fields {
		f := &h.fields[i]
		if f.id == id && (id != Other || EqualFold(h.bytes(f.name), string(name))) {
			f.value, f.line, f.null = put(h, value), false, false
			h.changed = true
			h.delFrom(i+1, id, string(name))
			return
		}
	}
	addField(h, id, name, value)
}

func (h *Header) delFrom(i int, id ID, name string) bool {
	h.identify()
	k := i
	for ; i < len(h.fields); i++ {
		f := &h.fields[i]
		if f.id == id && (id != Other || EqualFold(h.bytes(f.name), name)) {
			continue
		}
		h.fields[k] = *f
		k++
	}
	found := k < len(h.fields)
	h.fields = h.fields[:k]
	h.changed = h.changed || found
	return found
}

func (h *Header) bytes(s Span) []byte { return h.arena[s.Off : s.Off+s.Len : s.Off+s.Len] }

func put[T text](h *Header, b T) Span {
	s := Span{uint32(len(h.arena)), uint32(len(b))}
	h.arena = append(h.arena, b...)
	return s
}

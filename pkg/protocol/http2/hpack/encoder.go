package hpack

import "slices"

// MaxEncoderTable is how much of its table an encoder uses at most, whatever the
// peer allows.
const MaxEncoderTable = 4096

// keepLower is how much memory an encoder keeps for names that come in upper case.
const keepLower = 128

// Encoder compresses the headers of one direction of one connection. It takes
// memory as fields enter its table. It must not be used from several goroutines at
// once.
//
// A block is what Begin appends, followed by what Append appends for each of its
// fields. It must reach the peer, and in the order of the calls: every one of them
// may change what the next ones rely on.
type Encoder struct {
	dynamic table
	lowest  uint32 // the smallest limit since the last block
	changed bool   // whether the limit was set since the last block
	field   int    // number of fields in this block so far
	index   *index // of the table
	lower   []byte // memory for a name in lower case
}

// NewEncoder returns the encoder of a connection whose peer has not sent its
// SETTINGS yet.
func NewEncoder() *Encoder {
	e := &Encoder{}
	e.dynamic.max = min(initialTable, MaxEncoderTable)
	return e
}

// SetMaxTable takes the peer's SETTINGS_HEADER_TABLE_SIZE.
func (e *Encoder) SetMaxTable(n uint32) {
	n = min(n, MaxEncoderTable)
	if !e.changed {
		if n == e.dynamic.max {
			return
		}
		e.changed, e.lowest = true, n
	}
	e.lowest = min(e.lowest, n)
	e.dynamic.setMax(n)
}

// Begin appends what must stand at the start of a block: the table size updates
// that are owed to the peer (RFC 7541, 4.2).
func (e *Encoder) Begin(dst []byte) []byte {
	e.field = 0
	if e.index == nil {
		e.index = &index{}
	}
	if !e.changed {
		return dst
	}
	e.changed = false
	limit := e.dynamic.max
	if e.lowest < limit {
		// The lowest limit must be told as well. Going down to nothing does that, and
		// suits those that take a second update for an empty table only.
		e.dynamic.setMax(0)
		e.dynamic.setMax(limit)
		dst = append(dst, 0x20)
	}
	return appendInteger(dst, 0x20, 0x1f, limit)
}

// Append appends one field. The name is sent in lower case.
func (e *Encoder) Append(dst, name, value []byte, how Indexing) []byte {
	at := e.field
	e.field++
	if how == Index && at < len(e.index.last) {
		if i := e.index.guess(&e.dynamic, at, name, value); i != 0 {
			return appendIndexed(dst, i)
		}
	}
	hash, isLower := hashName(name)
	if !isLower {
		name = e.lowerCase(name)
	}
	static := staticName(name, hash)
	if how == Never {
		return e.literal(dst, 0x10, 0x0f, static, uint32(hash), name, value)
	}
	if i := staticField(static, value); i != 0 {
		e.index.remember(at, place(i))
		return append(dst, 0x80|i)
	}
	if how == NoIndex || e.dynamic.max == 0 {
		return e.literal(dst, 0x00, 0x0f, static, uint32(hash), name, value)
	}
	return e.indexed(dst, at, static, hash, name, value)
}

// indexed appends a field that is in the table, or enters it.
func (e *Encoder) indexed(dst []byte, at int, static uint8, name64 uint64, name, value []byte) []byte {
	hash, field := uint32(name64), uint32(hashField(name64, value))
	if i, ok := e.index.findField(&e.dynamic, field, name, value); ok {
		e.index.found(hash)
		e.index.remember(at, inDynamic|place(uint8(e.dynamic.seq-1-i)))
		return appendIndexed(dst, firstDynamic+i)
	}
	size := uint64(len(name)) + uint64(len(value)) + overhead
	if size > uint64(e.dynamic.max)/2 || !e.index.missed(hash) {
		return e.literal(dst, 0x00, 0x0f, static, hash, name, value)
	}
	// Before it is in the table, as its index counts without it.
	dst = e.literal(dst, 0x40, 0x3f, static, hash, name, value)
	e.dynamic.add(name, value, static)
	e.index.added(&e.dynamic, field, hash)
	e.index.remember(at, inDynamic|place(uint8(e.dynamic.seq-1)))
	return dst
}

// appendIndexed appends a field that is in one of the tables.
func appendIndexed(dst []byte, index uint32) []byte {
	if index < 0x7f {
		return append(dst, 0x80|byte(index))
	}
	return appendInteger(dst, 0x80, 0x7f, index)
}

// literal appends a literal field of a kind, with an index for its name if there
// is one.
func (e *Encoder) literal(dst []byte, kind, mask, static uint8, hash uint32, name, value []byte) []byte {
	if static != 0 {
		return appendText(appendInteger(dst, kind, mask, uint32(static)), value)
	}
	if i, ok := e.index.findName(&e.dynamic, hash, name); ok {
		return appendText(appendInteger(dst, kind, mask, firstDynamic+i), value)
	}
	return appendText(appendText(append(dst, kind), name), value)
}

// lowerCase returns a name in lower case, valid until the next call.
func (e *Encoder) lowerCase(name []byte) []byte {
	lower := appendLower(e.lower[:0], name)
	if cap(lower) <= keepLower {
		e.lower = lower
	}
	return lower
}

// appendText appends a string, by Huffman's code if that is shorter.
func appendText(dst, s []byte) []byte {
	if len(s) >= 0x7f {
		return appendLong(dst, s)
	}
	// The code's length is known when it is there; it takes one byte.
	from := len(dst) + 1
	dst = slices.Grow(dst, 1+len(s)+huffmanSlack)
	n := encodeHuffman(dst[from:from+len(s)+huffmanSlack], s)
	if n >= len(s) {
		return append(append(dst, byte(len(s))), s...)
	}
	return append(dst, 0x80|byte(n))[:from+n]
}

// appendLong is appendText for strings whose length may take several bytes.
func appendLong(dst, s []byte) []byte {
	n := (huffmanBits(s) + 7) / 8
	if n >= len(s) {
		return append(appendInteger(dst, 0, 0x7f, uint32(len(s))), s...)
	}
	dst = appendInteger(dst, 0x80, 0x7f, uint32(n))
	from := len(dst)
	dst = slices.Grow(dst, len(s)+huffmanSlack)
	encodeHuffman(dst[from:from+len(s)+huffmanSlack], s)
	return dst[:from+n]
}

package hpack

// initialTable is the size that either side's table has before any SETTINGS.
const initialTable = 4096

// keepSpill is how much memory beside the table a decoder keeps from one block to
// the next: enough for the values that browsers and servers take, cookies mostly.
const keepSpill = 8 << 10

// Decoder undoes the header compression of one direction of one connection. It
// takes memory as the peer fills its table. It must not be used from several
// goroutines at once.
type Decoder struct {
	dynamic table
	// limit is what the peer may raise its table to.
	limit uint32
	// announced is what the limit is once the peer has seen our settings.
	announced uint32
	// emit takes the fields of the block that is being decoded; nil once it has
	// enough.
	emit Emitter
	// spill is where fields are put together that the table has no room for.
	spill []byte
}

// NewDecoder returns the decoder of a connection that announces maxTable as its
// SETTINGS_HEADER_TABLE_SIZE. The peer may use the initial 4096 bytes until it has
// seen that; see [Decoder.Acknowledged].
func NewDecoder(maxTable uint32) *Decoder {
	d := &Decoder{announced: maxTable, limit: max(maxTable, initialTable)}
	d.dynamic.max = initialTable
	return d
}

// Acknowledged tells that the peer has acknowledged our SETTINGS: from the next
// block on it keeps to the size announced. That makes a difference if it is less
// than 4096 bytes.
func (d *Decoder) Acknowledged() {
	d.limit = d.announced
	if d.dynamic.max > d.limit {
		// The peer owes an update that says so; some that use no table do not send it.
		d.dynamic.setMax(d.limit)
	}
}

// Decode decodes one whole header block. Each field goes to emit, in order; after
// emit has returned false the rest is decoded and not passed on, as is the whole
// block if emit is nil. An error says that the connection cannot go on: it is an
// [Error], and means COMPRESSION_ERROR. Fields may have been passed on before.
func (d *Decoder) Decode(block []byte, emit Emitter) error {
	i, err := d.updates(block)
	if err != nil {
		return err
	}
	_, err = d.run(block, i, emit)
	return err
}

func (d *Decoder) run(block []byte, i int, emit Emitter) (at int, err error) {
	d.emit = emit
	at, err = d.fields(block, i)
	d.emit = nil
	if cap(d.spill) > keepSpill {
		d.spill = nil
	}
	return at, err
}

// pass passes a field on, if there is somebody who wants it.
func (d *Decoder) pass(f Field) {
	if d.emit != nil && !d.emit.Field(f) {
		d.emit = nil
	}
}

// updates reads the table size updates at the start of a block.
func (d *Decoder) updates(block []byte) (i int, err error) {
	for i < len(block) && block[i]&0xe0 == 0x20 {
		size := uint32(block[i] & 0x1f)
		i++
		if size == 0x1f {
			if size, i, err = readInteger(block, i, size); err != nil {
				return 0, err
			}
		}
		if size > d.limit {
			return 0, ErrUpdateSize
		}
		d.dynamic.setMax(size)
	}
	return i, nil
}

// fields reads the fields of a block, from i on. It returns where the field stands
// that an error is about, of which nothing was done.
func (d *Decoder) fields(block []byte, i int) (at int, err error) {
	for i < len(block) {
		at = i
		c := block[i]
		i++
		switch {
		case c >= 0x80:
			index := uint32(c & 0x7f)
			if index == 0x7f {
				if index, i, err = readInteger(block, i, index); err != nil {
					return at, err
				}
			}
			switch place := index - firstDynamic; {
			case place < d.dynamic.n:
				e := d.dynamic.at(place)
				name, value := d.dynamic.field(e)
				d.pass(Field{Name: name, Value: value, Static: e.static})
			case index-1 < staticSize:
				d.pass(Field{Name: staticTable[index].name, Value: staticTable[index].value, Static: uint8(index)})
			default:
				return at, ErrIndex
			}
		case c >= 0x40:
			i, err = d.literal(block, i, c&0x3f, 0x3f, Index)
		case c >= 0x20:
			return at, ErrUpdatePlace
		case c >= 0x10:
			i, err = d.literal(block, i, c&0x0f, 0x0f, Never)
		default:
			i, err = d.literal(block, i, c, 0x0f, NoIndex)
		}
		if err != nil {
			return at, err
		}
	}
	return i, nil
}

// text is a string as it stands in a block.
type text struct {
	b    []byte
	huff bool
}

// readText reads a string (RFC 7541, 5.2).
func readText(block []byte, i int) (t text, next int, err error) {
	if i >= len(block) {
		return text{}, 0, ErrTruncated
	}
	c := block[i]
	i++
	n := uint32(c & 0x7f)
	if n == 0x7f {
		if n, i, err = readInteger(block, i, n); err != nil {
			return text{}, 0, err
		}
	}
	if uint64(n) > uint64(len(block)-i) {
		return text{}, 0, ErrTruncated
	}
	end := i + int(n)
	return text{block[i:end:end], c >= 0x80}, end, nil
}

// room is the room that appendTo needs at most.
func (t text) room() int {
	if t.huff {
		return huffmanRoom(len(t.b))
	}
	return len(t.b)
}

// appendTo appends the string itself to dst, which has the room.
func (t text) appendTo(dst []byte) ([]byte, error) {
	if t.huff {
		return decodeHuffman(dst, t.b)
	}
	return append(dst, t.b...), nil
}

// literal reads a literal field whose first byte, at block[i-1], holds prefix,
// full if it equals mask.
func (d *Decoder) literal(block []byte, i int, prefix, mask byte, how Indexing) (next int, err error) {
	index := uint32(prefix)
	if prefix == mask {
		if index, i, err = readInteger(block, i, index); err != nil {
			return 0, err
		}
	}
	var name, value text
	if index == 0 {
		if name, i, err = readText(block, i); err != nil {
			return 0, err
		}
	} else if index >= firstDynamic+d.dynamic.n {
		return 0, ErrIndex
	}
	if value, i, err = readText(block, i); err != nil {
		return 0, err
	}
	if how != Index && !name.huff && !value.huff {
		if index != 0 {
			name.b = d.nameAt(index)
		}
		d.pass(Field{Name: name.b, Value: value.b, Static: d.staticAt(index), Sensitive: how == Never})
		return i, nil
	}
	return i, d.build(index, name, value, how)
}

// build puts a literal field together behind the entries of the table, where it
// becomes one if it is to be indexed.
func (d *Decoder) build(index uint32, name, value text, how Indexing) (err error) {
	size := name.room() + value.room()
	if index != 0 {
		size += len(d.nameAt(index))
	}
	to, inTable := d.dynamic.room(size), true
	if to == nil {
		to, inTable = d.spillRoom(size), false
	}
	if index != 0 {
		// Not before: making room may move the table.
		to = append(to, d.nameAt(index)...)
	} else if to, err = name.appendTo(to); err != nil {
		return err
	}
	n := len(to)
	if to, err = value.appendTo(to); err != nil {
		return err
	}
	f := Field{Name: to[:n:n], Value: to[n:len(to):len(to)], Static: d.staticAt(index), Sensitive: how == Never}
	if how == Index {
		if inTable {
			d.dynamic.commit(n, len(to)-n, f.Static)
		} else {
			d.dynamic.add(f.Name, f.Value, f.Static)
		}
	}
	d.pass(f)
	return nil
}

// nameAt returns the name of an entry that is in one of the tables.
func (d *Decoder) nameAt(index uint32) []byte {
	if index < firstDynamic {
		return staticTable[index].name
	}
	return d.dynamic.name(d.dynamic.at(index - firstDynamic))
}

// staticAt returns the index in the static table that the name of an entry was
// taken from, if it was.
func (d *Decoder) staticAt(index uint32) uint8 {
	if index < firstDynamic {
		return uint8(index)
	}
	return d.dynamic.at(index - firstDynamic).static
}

// spillRoom returns memory for n bytes beside the table.
func (d *Decoder) spillRoom(n int) []byte {
	if cap(d.spill) < n {
		d.spill = make([]byte, 0, max(n, 2*cap(d.spill)))
	}
	return d.spill[:0]
}

package hpack

// overhead is what an entry counts beyond its name and value (RFC 7541, 4.1).
const overhead = 32

// Sizes that memory is first taken in: little, as many connections see few fields.
const (
	firstBytes = 128
	firstRing  = 4
)

// entry is an entry of a dynamic table: its value follows its name.
type entry struct {
	off         uint32 // of the name, in all that was ever put into the table
	name, value uint32 // lengths
	static      uint8  // the name's index in the static table, or 0
}

// table is a dynamic table: names and values in one piece of memory, which is
// moved to its start when its end is reached, and a ring of entries. It takes its
// memory when needed, and never more than twice its limit.
type table struct {
	bytes []byte  // from some point on, those of the entries, oldest first
	base  uint32  // the off of bytes[0]
	ring  []entry // as many as a power of two
	seq   uint32  // number of entries so far, that went in and out
	n     uint32  // number of entries now
	size  uint32  // of the entries, overhead included
	max   uint32  // the limit of size
}

// at returns an entry; 0 is the newest. There must be that many.
func (t *table) at(i uint32) entry {
	return t.ring[(t.seq-1-i)&uint32(len(t.ring)-1)]
}

// field returns an entry's name and value.
func (t *table) field(e entry) (name, value []byte) {
	from := e.off - t.base
	both := t.bytes[from : from+e.name+e.value]
	return both[:e.name:e.name], both[e.name:len(both):len(both)]
}

func (t *table) name(e entry) []byte {
	from := e.off - t.base
	return t.bytes[from : from+e.name : from+e.name]
}

func (t *table) value(e entry) []byte {
	from := e.off - t.base + e.name
	return t.bytes[from : from+e.value : from+e.value]
}

// setMax changes the limit, and drops what exceeds it.
func (t *table) setMax(size uint32) {
	t.max = size
	t.evict(size)
	if size == 0 {
		t.bytes, t.ring, t.base = nil, nil, 0
	}
}

// evict drops the oldest entries until the rest takes at most size.
func (t *table) evict(size uint32) {
	for t.size > size {
		e := t.at(t.n - 1)
		t.size -= e.name + e.value + overhead
		t.n--
	}
}

// room returns the free memory behind the entries, if at least n bytes of it can
// be had; else nil. It may move the entries. What is written there becomes an
// entry by commit, and is overwritten otherwise.
func (t *table) room(n int) []byte {
	if n > cap(t.bytes)-len(t.bytes) && !t.makeRoom(n) {
		return nil
	}
	return t.bytes[len(t.bytes):len(t.bytes):cap(t.bytes)]
}

func (t *table) makeRoom(n int) bool {
	live := t.bytes[len(t.bytes):]
	if t.n > 0 {
		live = t.bytes[t.at(t.n-1).off-t.base:]
	}
	t.base += uint32(len(t.bytes) - len(live))
	need, limit := len(live)+n, max(int(t.max), cap(t.bytes))
	switch {
	case need > limit:
		// Moved all the same, so that base is right.
		t.bytes = append(t.bytes[:0], live...)
		return false
	case need > cap(t.bytes) || len(live) > cap(t.bytes)/2 && cap(t.bytes) < limit:
		size := max(firstBytes, cap(t.bytes))
		for size < need {
			size *= 2
		}
		t.bytes = append(make([]byte, 0, min(size, limit)), live...)
	default:
		t.bytes = append(t.bytes[:0], live...)
	}
	return true
}

// commit makes the first bytes behind the entries the newest entry, and drops as
// many of the oldest as that takes. An entry that is larger than the table drops
// all and is not added, which commit tells by false. No bytes move.
func (t *table) commit(name, value int, static uint8) bool {
	size := uint32(name + value + overhead)
	if size > t.max {
		t.evict(0)
		return false
	}
	t.evict(t.max - size)
	if t.n == uint32(len(t.ring)) {
		t.ring = widen(t.ring, t.seq)
	}
	t.ring[t.seq&uint32(len(t.ring)-1)] = entry{
		off:    t.base + uint32(len(t.bytes)),
		name:   uint32(name),
		value:  uint32(value),
		static: static,
	}
	t.seq++
	t.n++
	t.size += size
	t.bytes = t.bytes[:len(t.bytes)+name+value]
	return true
}

// add puts a copy of name and value into the table, as commit does. They must not
// be part of it.
func (t *table) add(name, value []byte, static uint8) bool {
	size := len(name) + len(value)
	if size > int(t.max)-overhead {
		t.evict(0)
		return false
	}
	t.evict(t.max - uint32(size) - overhead)
	to := t.room(size)
	copy(to[:size], name)
	copy(to[len(name):size], value)
	return t.commit(len(name), len(value), static)
}

// widen doubles a full ring that is at seq.
func widen[E any](ring []E, seq uint32) []E {
	wide := make([]E, max(firstRing, 2*len(ring)))
	for i := range uint32(len(ring)) {
		s := seq - 1 - i
		wide[s&uint32(len(wide)-1)] = ring[s&uint32(len(ring)-1)]
	}
	return wide
}

package http2

import "math/bits"

// table finds streams by their numbers. It is open addressing with linear probing:
// numbers mostly follow one another, and are looked up once per frame. The zero
// table is empty and holds no memory.
type table struct {
	slots []*h2stream // a power of two of them, or none
	n     int32
	most  int32 // that n was since the table was last empty
}

const (
	minTable  = 8
	keepTable = 64 // slots that an empty table keeps in any case
)

// place returns where the search for a stream begins.
func (t *table) place(id uint32) int {
	const golden = 0x9e3779b1
	return int(id * golden >> (32 - bits.Len(uint(len(t.slots)-1))))
}

// get returns the stream of a number, or nil.
func (t *table) get(id uint32) *h2stream {
	if t.n == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	for i := t.place(id); ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == nil || s.id == id {
			return s
		}
	}
}

// put adds a stream, whose number no other one in the table has.
func (t *table) put(s *h2stream) {
	if 4*int(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	i := t.place(s.id)
	for t.slots[i] != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = s
	t.n++
	t.most = max(t.most, t.n)
}

// take removes a stream that is in the table.
func (t *table) take(s *h2stream) {
	mask := len(t.slots) - 1
	i := t.place(s.id)
	for t.slots[i] != s {
		if t.slots[i] == nil {
			panic("http2: a stream is taken out of a table that it is not in")
		}
		i = (i + 1) & mask
	}
	t.n--
	t.close(i)
	if t.n == 0 {
		t.shrink()
	}
}

// shrink gives the memory of an empty table back, if much less than that has been
// in use of late.
func (t *table) shrink() {
	if len(t.slots) > keepTable && int(t.most) < len(t.slots)/8 {
		t.slots = nil
	}
	t.most = 0
}

// close frees a slot, and moves into it what is only behind it because it was
// taken.
func (t *table) close(free int) {
	mask := len(t.slots) - 1
	for i := (free + 1) & mask; t.slots[i] != nil; i = (i + 1) & mask {
		if home := t.place(t.slots[i].id); (i-home)&mask >= (i-free)&mask {
			t.slots[free] = t.slots[i]
			free = i
		}
	}
	t.slots[free] = nil
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]*h2stream, max(2*len(old), minTable))
	t.n = 0
	for _, s := range old {
		if s != nil {
			t.put(s)
		}
	}
}

// any returns a stream that is in the table, or nil.
func (t *table) any() *h2stream {
	if t.n > 0 {
		for _, s := range t.slots {
			if s != nil {
				return s
			}
		}
	}
	return nil
}

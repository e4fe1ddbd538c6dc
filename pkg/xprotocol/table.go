package xprotocol

import "math/bits"

// table finds streams by the ids of their messages. It is open addressing with
// linear probing: ids mostly follow one another, and are looked up once per
// message. The zero table is empty and holds no memory.
type table[T any] struct {
	slots []slot[T] // a power of two of them, or none
	n     int32
	most  int32 // that n was since the table was last empty
	at    int32 // where any looks next
}

type slot[T any] struct {
	id uint64
	v  *T // nil: the slot is free
}

const (
	minTable  = 8
	keepTable = 64 // slots that an empty table keeps in any case
)

// place returns where the search for an id begins.
func (t *table[T]) place(id uint64) int {
	const golden = 0x9e3779b97f4a7c15
	return int(id * golden >> (64 - bits.Len(uint(len(t.slots)-1))))
}

// get returns what an id stands for, or nil.
func (t *table[T]) get(id uint64) *T {
	if t.n == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	for i := t.place(id); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.v == nil || s.id == id {
			return s.v
		}
	}
}

// put makes an id stand for v. It returns false if it stands for something.
func (t *table[T]) put(id uint64, v *T) bool {
	if 4*int(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	for i := t.place(id); ; i = (i + 1) & mask {
		s := &t.slots[i]
		switch {
		case s.v == nil:
			s.id, s.v = id, v
			t.n++
			t.most = max(t.most, t.n)
			return true
		case s.id == id:
			return false
		}
	}
}

// take removes an id and returns what it stood for, or nil.
func (t *table[T]) take(id uint64) *T {
	if t.n == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	i := t.place(id)
	for t.slots[i].v != nil && t.slots[i].id != id {
		i = (i + 1) & mask
	}
	v := t.slots[i].v
	if v == nil {
		return nil
	}
	t.n--
	t.close(i)
	if t.n == 0 {
		t.shrink()
	}
	return v
}

// shrink gives the memory of an empty table back, if much less than that has been
// in use of late.
func (t *table[T]) shrink() {
	if len(t.slots) > keepTable && int(t.most) < len(t.slots)/8 {
		t.slots = nil
	}
	t.most = 0
}

// close frees a slot, and moves into it what is only behind it because it was
// taken.
func (t *table[T]) close(free int) {
	mask := len(t.slots) - 1
	for i := (free + 1) & mask; t.slots[i].v != nil; i = (i + 1) & mask {
		if home := t.place(t.slots[i].id); (i-home)&mask >= (i-free)&mask {
			t.slots[free] = t.slots[i]
			free = i
		}
	}
	t.slots[free] = slot[T]{}
}

func (t *table[T]) grow() {
	old := t.slots
	t.slots = make([]slot[T], max(2*len(old), minTable))
	t.n = 0
	for _, s := range old {
		if s.v != nil {
			t.put(s.id, s.v)
		}
	}
}

// any returns something that is in the table, or nil. Each call goes on where the
// last one stopped, so that emptying a table this way passes over it once.
func (t *table[T]) any() *T {
	if t.n == 0 {
		return nil
	}
	mask := int32(len(t.slots) - 1)
	for t.slots[t.at&mask].v == nil {
		t.at++
	}
	return t.slots[t.at&mask].v
}

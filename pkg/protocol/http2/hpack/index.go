package hpack

import "bytes"

// buckets is the number of chains in each of the two parts of an index.
const buckets = 32

// link is what an index knows of an entry: for each part of the index the hash,
// and how many entries before this one the next older one of its chain came, or 0.
type link struct {
	hash  [2]uint32
	older [2]uint8
}

// The parts of an index.
const (
	byField = iota // by name and value
	byName
)

// index finds the entries of an encoder's table by their hashes. Chains lead from
// newer entries to older ones and end at the first that has left the table, so
// that nothing needs to be done when one leaves. Heads are the last eight bits of
// an entry's number, which is enough as there are at most 128 entries: where one is
// so old that it means another entry by now, its chain leads through that one's,
// and ends as well.
type index struct {
	links []link // as the table's ring
	heads [2][buckets]uint8
	// misses counts, by the name's hash, the fields that were looked for and not
	// found since one was.
	misses [32]uint8
	// last are the places of the fields in the last block: the blocks of a connection
	// resemble each other.
	last [32]place
}

// place says where a field was found: its index in the static table, or the last
// eight bits of its entry's number and inDynamic.
type place uint16

const inDynamic place = 1 << 8

// guess returns the index of a field whose name may be in any case, if it is where
// field i of the last block was; else 0.
func (x *index) guess(t *table, i int, name, value []byte) uint32 {
	p := x.last[i]
	if p&inDynamic == 0 {
		s := p % (staticSize + 1)
		if string(staticTable[s].value) == string(value) && isLowerOf(staticTable[s].name, name) {
			return uint32(s)
		}
		return 0
	}
	age := uint32(uint8(t.seq) - uint8(p))
	if age-1 >= t.n {
		return 0
	}
	e := t.at(age - 1)
	if !bytes.Equal(t.value(e), value) || !isLowerOf(t.name(e), name) {
		return 0
	}
	x.found(x.links[(t.seq-age)&uint32(len(x.links)-1)].hash[byName])
	return firstDynamic + age - 1
}

// remember notes where the field at place i of the block is.
func (x *index) remember(i int, p place) {
	if i < len(x.last) {
		x.last[i] = p
	}
}

// findField returns the place of a field in the table, 0 for its newest entry.
func (x *index) findField(t *table, hash uint32, name, value []byte) (at uint32, ok bool) {
	mask := uint32(len(x.links) - 1)
	age := uint32(uint8(t.seq) - x.heads[byField][hash%buckets])
	for age-1 < t.n {
		l := &x.links[(t.seq-age)&mask]
		if l.hash[byField] == hash {
			e := t.at(age - 1)
			if bytes.Equal(t.value(e), value) && bytes.Equal(t.name(e), name) {
				return age - 1, true
			}
		}
		if l.older[byField] == 0 {
			break
		}
		age += uint32(l.older[byField])
	}
	return 0, false
}

// findName returns the place of a field with the name.
func (x *index) findName(t *table, hash uint32, name []byte) (at uint32, ok bool) {
	mask := uint32(len(x.links) - 1)
	age := uint32(uint8(t.seq) - x.heads[byName][hash%buckets])
	for age-1 < t.n {
		l := &x.links[(t.seq-age)&mask]
		if l.hash[byName] == hash && bytes.Equal(t.name(t.at(age-1)), name) {
			return age - 1, true
		}
		if l.older[byName] == 0 {
			break
		}
		age += uint32(l.older[byName])
	}
	return 0, false
}

// added takes the newest entry of the table in.
func (x *index) added(t *table, field, name uint32) {
	seq := t.seq - 1
	if len(x.links) < len(t.ring) {
		x.links = widen(x.links, seq)
	}
	l := link{hash: [2]uint32{field, name}}
	for part, hash := range l.hash {
		head := &x.heads[part][hash%buckets]
		if back := uint8(seq) - *head; uint32(back) < t.n {
			l.older[part] = back
		}
		*head = uint8(seq)
	}
	x.links[seq&uint32(len(x.links)-1)] = l
}

// Fields of a name enter the table until as many of them in a row as tries came
// with new values; then only each that is a multiple of every does.
const (
	tries = 4
	every = 8
)

// missed counts a field that was not found, and tells whether it is worth an
// entry.
func (x *index) missed(name uint32) bool {
	m := &x.misses[name%uint32(len(x.misses))]
	n := *m
	*m++
	if *m == 0 {
		*m = 256 - every
	}
	return n < tries || n%every == 0
}

// found forgets the misses of a name.
func (x *index) found(name uint32) { x.misses[name%uint32(len(x.misses))] = 0 }

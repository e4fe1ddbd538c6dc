package balance

import (
	"math/bits"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// ring is a circle of hashes (LB_RING_HASH): each member has entries at the hashes of
// KEY_0, KEY_1 and so on, as Ketama and Envoy have them, and a hash belongs to the
// first entry that is not less.
//
// How many entries a member has only depends on the heaviest one as long as the ring
// is small: the heaviest has half of MinRing, the others as many as their weight says
// beside it. So two members are enough for MinRing entries, and a member that comes or
// goes moves no hash between others. Where weights differ so much that there would
// not be MinRing entries, all have more in proportion; and where there would be more
// than roomy (or MinRing), or than MaxRing, all have fewer, but at least one. Then
// every change moves about twice as many hashes as it must.
type ring struct {
	// starts is an index by the first 64-shift bits of a hash: the first entry that
	// has these bits, or comes after. There are four to eight entries for each, a
	// cache line or little more.
	starts  []uint32
	entries []entry
	shift   uint
}

type entry struct {
	rest  uint32 // the next 32 bits of the hash
	owner int32
}

// roomy is the number of entries up to which a ring grows with the number of members:
// about 2.5 MiB, which are made anew in some 15 ms whenever a member comes or goes.
const roomy = 1 << 18

func newRing(members []Member, least, most uint32) *ring {
	hashes, owners := ringEntries(members, entriesOfHeaviest(members, uint64(least), uint64(most)))
	prefix := uint(max(1, bits.Len(uint(len(hashes)))-3))
	r := &ring{
		shift: 64 - prefix, starts: make([]uint32, 1<<prefix+1), entries: make([]entry, len(hashes)),
	}
	for _, h := range hashes {
		r.starts[h>>r.shift]++
	}
	end := uint32(0)
	for i, n := range r.starts {
		end += n
		r.starts[i] = end // of the entries with these bits; it becomes their start
	}
	// From the last to the first, so that of entries that are equal the one of the
	// member with the lesser key comes first.
	for i := len(hashes) - 1; i >= 0; i-- {
		at := &r.starts[hashes[i]>>r.shift]
		*at--
		r.entries[*at] = entry{uint32(hashes[i] << prefix >> 32), owners[i]}
	}
	for i := range len(r.starts) - 1 {
		sortFew(r.entries[r.starts[i]:r.starts[i+1]])
	}
	return r
}

// entriesOfHeaviest returns how many entries the heaviest member has.
func entriesOfHeaviest(members []Member, least, most uint64) uint64 {
	total, weight := uint64(0), heaviest(members)
	for i := range members {
		total += uint64(members[i].Weight)
	}
	n := max(least/2+least%2, mulDiv(least, weight, total, true))
	n = min(n, mulDiv(max(least, roomy), weight, total, true))
	return max(1, min(n, mulDiv(most, weight, total, false)))
}

// mulDiv returns a*b/c, for b not greater than c.
func mulDiv(a, b, c uint64, roundUp bool) uint64 {
	high, low := bits.Mul64(a, b)
	q, rest := bits.Div64(high, low, c)
	if roundUp && rest > 0 {
		q++
	}
	return q
}

// ringEntries returns the hashes of all entries and whose they are. The heaviest
// member has n, the others as many as their weight says, rounded to the nearest.
func ringEntries(members []Member, n uint64) (hashes []uint64, owners []int32) {
	most := heaviest(members)
	of := func(m *Member) uint64 { return max(1, (n*uint64(m.Weight)+most/2)/most) }
	total := uint64(0)
	for i := range members {
		total += of(&members[i])
	}
	hashes, owners = make([]uint64, 0, total), make([]int32, 0, total)
	var text []byte
	for i := range members {
		text = append(append(text[:0], members[i].Key...), '_')
		stem := len(text)
		for j := range of(&members[i]) {
			text = strconv.AppendUint(text[:stem], j, 10)
			hashes = append(hashes, xxhash.Sum64(text))
			owners = append(owners, int32(i))
		}
	}
	return hashes, owners
}

// sortFew sorts by insertion, and leaves the order of those that are equal.
func sortFew(entries []entry) {
	for i := 1; i < len(entries); i++ {
		for j := i; j > 0 && entries[j].rest < entries[j-1].rest; j-- {
			entries[j], entries[j-1] = entries[j-1], entries[j]
		}
	}
}

func (r *ring) find(hash uint64) int {
	step := hash >> r.shift
	rest := uint32(hash << (64 - r.shift) >> 32)
	at, end := r.starts[step], r.starts[step+1]
	for at < end && r.entries[at].rest < rest {
		at++
	}
	if int(at) == len(r.entries) {
		return 0
	}
	return int(at) // end begins with the next entry of all
}

func (r *ring) owner(at int) int32 { return r.entries[at].owner }
func (r *ring) positions() int     { return len(r.entries) }

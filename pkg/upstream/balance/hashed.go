package balance

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// hashed chooses by the request's hash (LB_RING_HASH, LB_MAGLEV): requests of the same
// hash have the same member, and when members come and go, or change their weight,
// few hashes change their member. The circle only depends on the keys and weights of
// the members, not on their order, so that all processes agree on it. Only for members
// with the same key, the order of their slots is what tells them apart.
//
// With a HashFactor, no member has more than so much of its share of the load of the
// worker: a request for one that has goes to the next on the circle that has not
// (consistent hashing with bounded loads, by Mirrokni, Thorup and Zadimoghaddam). Of
// n members of equal weight with m requests under way in all, one more included, each
// has at most ceil(factor/100 * m/n).
type hashed struct {
	circle
	slots []int32
	// A member may have a load of total*shares[member]/whole. They are whole numbers,
	// so that the limit is exact.
	shares []uint64 // factor times the weight; nil without limit
	whole  uint64   // 100 times all weights
}

// circle leads from hashes to members. Positions go from 0 up to where they end; the
// first one follows on the last.
type circle interface {
	// find returns the position of a hash.
	find(hash uint64) int
	// owner returns the index of the member that a position belongs to.
	owner(at int) int32
	// positions returns how many there are.
	positions() int
}

func newHashed(members []Member, factor uint32, form func([]Member) circle) *hashed {
	members = byKey(members)
	h := &hashed{circle: form(members), slots: slotsOf(members)}
	if factor == 0 {
		return h
	}
	for i := range members {
		h.shares = append(h.shares, uint64(max(factor, 100))*uint64(members[i].Weight))
		h.whole += 100 * uint64(members[i].Weight)
	}
	return h
}

// byKey returns the members in the order of their keys, and gives those with the same
// key a key of their own: on top of each other, all but one of them would have no
// place on a circle.
func byKey(members []Member) []Member {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Slot, b.Slot))
	})
	first := 0
	for i := 1; i < len(members); i++ {
		if members[i].Key != members[first].Key {
			first = i
		} else {
			members[i].Key += "#" + strconv.Itoa(i-first)
		}
	}
	return members
}

func heaviest(members []Member) uint64 {
	var most uint32
	for i := range members {
		most = max(most, members[i].Weight)
	}
	return uint64(most)
}

func (h *hashed) picker(w *Worker) Picker {
	if h.shares == nil {
		return &hashPicker{h, w.Rand}
	}
	return &boundedPicker{h, w.Rand, w.Load, w.Total}
}

type hashPicker struct {
	*hashed
	random func() uint64
}

func (p *hashPicker) Pick(hash uint64, hashed bool) int32 {
	if !hashed {
		hash = p.random()
	}
	return p.slots[p.owner(p.find(hash))]
}

// boundedPicker is a hashPicker that passes over members with too much load.
type boundedPicker struct {
	*hashed
	random func() uint64
	load   func(slot int32) int
	total  func() int
}

// farthest is how many positions are looked at for a member with little enough load.
// Of a factor of 125, at least a fifth of the places for requests are free, so that in
// a million requests less than one goes that far. With a factor near 100 that may
// happen; then it is the member with the least load, relative to its weight, of those
// that were looked at.
const farthest = 64

func (p *boundedPicker) Pick(hash uint64, hashed bool) int32 {
	if !hashed {
		hash = p.random()
	}
	total := p.total() + 1
	at, end := p.find(hash), p.positions()
	best, least := int32(0), math.Inf(1)
	previous := int32(-1)
	for range min(farthest, end) {
		if owner := p.owner(at); owner != previous {
			load := p.load(p.slots[owner])
			if p.mayHaveMore(owner, load, total) {
				return p.slots[owner]
			}
			if relative := float64(load) / float64(p.shares[owner]); relative < least {
				best, least = owner, relative
			}
			previous = owner
		}
		if at++; at == end {
			at = 0
		}
	}
	return p.slots[best]
}

// mayHaveMore tells whether a member's load is less than its limit.
func (h *hashed) mayHaveMore(member int32, load, total int) bool {
	high, low := bits.Mul64(uint64(load), h.whole)
	most, mostLow := bits.Mul64(uint64(total), h.shares[member])
	return high < most || high == most && low < mostLow
}

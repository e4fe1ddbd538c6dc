// Package balance chooses among the members of a set of hosts: at random, in turn,
// by load, by latency, or by a hash of the request.
//
// Start at [New], which makes a [Table] of some members, once, off the workers; then
// [Table.Picker], which gives one worker its way to choose from it. What a table
// costs in proportion to the number of members, New pays; a [Picker] has little or
// nothing of its own.
//
// One file has one way to choose: turns.go at random and in turn, schedule.go in
// turn by weight, least.go by load and latency, hashed.go by hash, over the tables
// of ring.go and maglev.go. runs.go is how members with weights are kept and drawn.
//
// Members of weight 0 are not chosen, unless the weights of all are 0; then all are
// equal.
package balance

import (
	"math/bits"

	"github.com/weirproxy/weir/pkg/config"
)

// Member is a host as balancers see it.
type Member struct {
	// Slot is the number it is known by, not negative. No two members have the same.
	Slot int32
	// Weight is its share relative to the others, in whatever unit.
	Weight uint32
	// Key is what it is hashed by: its address or hostname. Only balancers that hash
	// look at it.
	Key string
}

// Options say how it is chosen. What is of no use for a type is not looked at.
type Options struct {
	// Type is the balancer. LB_ORIGINAL_DST has nothing to choose; like any type that
	// is not known here it counts as LB_ROUNDROBIN.
	Type config.LBType
	// ChoiceCount is how many members are compared per choice, at least 1
	// (LB_LEAST_REQUEST, LB_LEAST_CONNECTION, LB_PEAK_EWMA).
	ChoiceCount int
	// ActiveBias is the exponent of the load when it is compared with the weight; 0
	// ignores the load (LB_LEAST_REQUEST).
	ActiveBias float64
	// TableSize is the number of entries of LB_MAGLEV's table. If it is not prime, or
	// there are more members, the table is as much larger as it must be.
	TableSize uint32
	// MinRing and MaxRing bound the number of entries of LB_RING_HASH's ring. Every
	// member has an entry, whatever MaxRing says.
	MinRing, MaxRing uint32
	// HashFactor is how much of its share of the requests under way a member has at
	// most, in percent; 0: without limit. Less than 100 could not be kept by all, and
	// counts as 100 (LB_MAGLEV, LB_RING_HASH).
	HashFactor uint32
}

// Table is some members, made ready to choose from. It is immutable, and all workers
// share it.
type Table struct {
	n   int
	way way
}

// way is the part of a table that differs by type.
type way interface {
	picker(w *Worker) Picker
}

// Worker is what the pickers of one worker know of it. Its functions are called by
// [Picker.Pick], on the worker, and must not allocate or block.
type Worker struct {
	// Rand returns 64 random bits.
	Rand func() uint64
	// Load is how many requests are under way at a member on this worker, for
	// LB_LEAST_CONNECTION connections. It is needed by that, LB_LEAST_REQUEST,
	// LB_PEAK_EWMA, and if there is a HashFactor.
	Load func(slot int32) int
	// Cost is what a request costs at a member that has nothing else to do: its
	// latency in nanoseconds, made worse by whatever else speaks against it. It is
	// needed by LB_PEAK_EWMA.
	Cost func(slot int32) float64
	// Total is the sum of the loads of all members. It is needed if there is a
	// HashFactor.
	Total func() int
}

// Picker is one worker's way to choose from a table.
type Picker interface {
	// Pick chooses a member and returns its slot, -1 if there are no members. hash is
	// the request's hash if hashed is true, well mixed in all of its 64 bits; balancers
	// that hash draw one at random otherwise. It allocates nothing, and takes no time
	// in proportion to the number of members.
	Pick(hash uint64, hashed bool) int32
}

// Follower is what the pickers of LB_REQUEST_ROUNDROBIN are besides.
type Follower interface {
	// After returns the slot of the member after another in configured order, for a
	// retry; after the last one comes the first. After one that is not chosen from
	// (any more) comes the first, too.
	After(slot int32) int32
}

// New makes a table of members. They may be in any order, and so may their slots; in
// turn means in the order of this slice. Neither members nor options are kept. It
// takes time in proportion to the number of members, and to the sizes of hash
// tables: 10,000 members take a few milliseconds, or some 15 on a ring.
func New(members []Member, o *Options) *Table {
	members = eligible(members)
	t := &Table{n: len(members)}
	switch {
	case t.n == 0:
		t.way = only(-1)
	case o.Type == config.LBRequestRoundRobin:
		t.way = newOrdered(members)
	case t.n == 1:
		t.way = only(members[0].Slot)
	default:
		t.way = newWay(members, o)
	}
	return t
}

// eligible returns those of the members that are chosen from.
func eligible(members []Member) []Member {
	some := make([]Member, 0, len(members))
	for _, m := range members {
		if m.Weight > 0 {
			some = append(some, m)
		}
	}
	if len(some) > 0 {
		return some
	}
	for _, m := range members {
		m.Weight = 1
		some = append(some, m)
	}
	return some
}

func newWay(members []Member, o *Options) way {
	switch o.Type {
	case config.LBRandom:
		return atRandom(slotsOf(members))
	case config.LBWeightedRoundRobin:
		return newWeighted(members)
	case config.LBLeastRequest:
		return newLeast(members, o.ChoiceCount, o.ActiveBias)
	case config.LBLeastConnection:
		return newLeast(members, o.ChoiceCount, 1)
	case config.LBPeakEWMA:
		return newEWMA(members, o.ChoiceCount)
	case config.LBRingHash:
		return newHashed(members, o.HashFactor, func(m []Member) circle { return newRing(m, o.MinRing, o.MaxRing) })
	case config.LBMaglev:
		return newHashed(members, o.HashFactor, func(m []Member) circle { return newMaglev(m, o.TableSize) })
	}
	return inTurn(slotsOf(members))
}

func slotsOf(members []Member) []int32 {
	slots := make([]int32, len(members))
	for i := range members {
		slots[i] = members[i].Slot
	}
	return slots
}

// Len returns how many members are chosen from.
func (t *Table) Len() int { return t.n }

// Empty tells whether there is no member at all.
func (t *Table) Empty() bool { return t.n == 0 }

// Picker makes one worker's way to choose from the table. It belongs to the worker,
// is used by one goroutine at a time, and takes time and memory in proportion to the
// number of distinct weights for LB_WEIGHTED_ROUNDROBIN, and little otherwise. w is
// not changed, and is kept.
func (t *Table) Picker(w *Worker) Picker { return t.way.picker(w) }

// only is the slot of the only member there is.
type only int32

func (o only) picker(*Worker) Picker   { return o }
func (o only) Pick(uint64, bool) int32 { return int32(o) }

// below turns 64 random bits into a number from 0 to n-1. No number is likelier than
// another by more than n in 2^64.
func below(random, n uint64) uint64 {
	high, _ := bits.Mul64(random, n)
	return high
}

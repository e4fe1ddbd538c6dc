package balance

import (
	"cmp"
	"math/bits"
	"slices"
)

// runs are members ordered by weight, so that those of equal weight stand together
// and their weight is kept once. Weights are divided by what they have in common.
type runs struct {
	slots []int32
	runs  []run
	total uint64 // sum of all weights; the places that are drawn from

	// guide leads from a place to its run: the run of the first place of every
	// 1<<shift places, and the last run. There are one to four of these steps per run,
	// so that on average few runs begin within one.
	guide []int32
	shift uint
}

// run is members of equal weight.
type run struct {
	upTo   uint64 // sum of the weights of all members up to its last one
	weight uint32 // of each
	first  int32  // index of its first member
	n      int32
}

func newRuns(members []Member) *runs {
	members = slices.Clone(members)
	byWeight := func(a, b Member) int { return cmp.Compare(a.Weight, b.Weight) }
	if !slices.IsSortedFunc(members, byWeight) {
		slices.SortStableFunc(members, byWeight)
	}
	r := &runs{slots: slotsOf(members)}
	divisor := commonDivisor(members)
	for i, m := range members {
		weight := m.Weight / divisor
		if len(r.runs) == 0 || r.runs[len(r.runs)-1].weight != weight {
			r.runs = append(r.runs, run{weight: weight, first: int32(i)})
		}
		r.total += uint64(weight)
		last := &r.runs[len(r.runs)-1]
		last.n++
		last.upTo = r.total
	}
	r.runs = slices.Clip(r.runs)
	r.fillGuide()
	return r
}

// commonDivisor returns the greatest number that divides all weights.
func commonDivisor(members []Member) uint32 {
	var d uint32
	for _, m := range members {
		for w := m.Weight; w != 0; {
			d, w = w, d%w
		}
		if d == 1 {
			break
		}
	}
	return d
}

func (r *runs) fillGuide() {
	if len(r.runs) == 1 {
		return // see at
	}
	r.shift = uint(max(0, bits.Len64(r.total)-bits.Len(uint(len(r.runs)))-1))
	steps := (r.total-1)>>r.shift + 1
	r.guide = make([]int32, 0, steps+1)
	at := 0
	for step := range steps {
		for r.runs[at].upTo <= step<<r.shift {
			at++
		}
		r.guide = append(r.guide, int32(at))
	}
	r.guide = append(r.guide, int32(len(r.runs)-1))
}

// at returns whose a place is: the index of the member, and that of its run.
func (r *runs) at(place uint64) (member int, of int) {
	if len(r.runs) == 1 {
		return int(place), 0 // all weights are 1, after division
	}
	step := place >> r.shift
	from, to := int(r.guide[step]), int(r.guide[step+1])
	for from < to {
		middle := int(uint(from+to) / 2)
		if place < r.runs[middle].upTo {
			to = middle
		} else {
			from = middle + 1
		}
	}
	run := &r.runs[from]
	return int(run.first) + int((place-run.begin())/uint64(run.weight)), from
}

// begin is the first place of a run.
func (r *run) begin() uint64 { return r.upTo - uint64(r.weight)*uint64(r.n) }

// draw draws a member by weight.
func (r *runs) draw(random uint64) (member int, of int) { return r.at(below(random, r.total)) }

// drawBesides draws a member other than the one given, by weight. There must be
// others.
func (r *runs) drawBesides(random uint64, member, of int) (other int, ofOther int) {
	run := &r.runs[of]
	width := uint64(run.weight)
	from := run.begin() + uint64(member-int(run.first))*width
	place := below(random, r.total-width)
	if place >= from {
		place += width
	}
	return r.at(place)
}

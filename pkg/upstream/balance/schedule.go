package balance

import "math/bits"

// weighted chooses members in turn by weight (LB_WEIGHTED_ROUNDROBIN). It is exact:
// after division of the weights by what they have in common, as many choices in a row
// as the weights add up to choose each member exactly as often as its weight says,
// wherever they begin. And it is even: the turns of a member are as far apart as its
// weight says, give or take as many choices as there are distinct weights.
//
// Members of the same weight are in turn among themselves, as one run; the runs have
// turns by earliest deadline first. So a choice takes time in proportion to the
// logarithm of the number of distinct weights.
type weighted struct{ *runs }

func newWeighted(members []Member) way {
	r := newRuns(members)
	if len(r.runs) == 1 {
		return inTurn(r.slots)
	}
	return weighted{r}
}

// schedule is the turns of the runs: the one whose turn is earliest is next.
type schedule struct {
	slots []int32
	heap  []turn
}

// turn is the next turn of a run. Turns of a run are 1/weight apart, and are counted
// in whole numbers, so that nothing is ever rounded.
type turn struct {
	at     uint64 // when it is, times the weight, in units of 1/phases
	weight uint64 // of all members of the run together
	first  int32  // index of the run's first member; orders those at the same time
	n      int32  // members of the run
	next   int32  // which of them has the turn
}

// phases is how many points of its first turn a run may begin at. They are drawn, so
// that workers do not all send their first requests to the heaviest hosts. In 64 bits
// of turn.at there is room for 2^56 turns.
const phases = 256

func (w weighted) picker(worker *Worker) Picker {
	s := &schedule{slots: w.slots, heap: make([]turn, len(w.runs.runs))}
	for i := range w.runs.runs {
		r := &w.runs.runs[i]
		s.heap[i] = turn{
			at: below(worker.Rand(), phases), weight: uint64(r.weight) * uint64(r.n),
			first: r.first, n: r.n, next: int32(below(worker.Rand(), uint64(r.n))),
		}
	}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		s.sink(i)
	}
	return s
}

func (s *schedule) Pick(uint64, bool) int32 {
	t := &s.heap[0]
	slot := s.slots[t.first+t.next]
	if t.next++; t.next == t.n {
		t.next = 0
	}
	t.at += phases
	s.sink(0)
	return slot
}

// sink restores the order of the heap when the turn at i may be too early.
func (s *schedule) sink(i int) {
	heap := s.heap
	t := heap[i]
	for {
		child := 2*i + 1
		if child >= len(heap) {
			break
		}
		if right := child + 1; right < len(heap) && heap[right].before(&heap[child]) {
			child = right
		}
		if !heap[child].before(&t) {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	heap[i] = t
}

// before compares at/weight, in 128 bits.
func (t *turn) before(u *turn) bool {
	high, low := bits.Mul64(t.at, u.weight)
	uHigh, uLow := bits.Mul64(u.at, t.weight)
	if high != uHigh {
		return high < uHigh
	}
	return low < uLow || low == uLow && t.first < u.first
}

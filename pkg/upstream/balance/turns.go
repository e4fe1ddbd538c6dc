package balance

import (
	"cmp"
	"slices"
)

// atRandom chooses any member, each as likely as the others (LB_RANDOM). Weights are
// ignored, but for 0.
type atRandom []int32

type randomPicker struct {
	slots  []int32
	random func() uint64
}

func (slots atRandom) picker(w *Worker) Picker { return &randomPicker{slots, w.Rand} }

func (p *randomPicker) Pick(uint64, bool) int32 {
	return p.slots[below(p.random(), uint64(len(p.slots)))]
}

// inTurn chooses one member after the other (LB_ROUNDROBIN): as many choices in a row
// as there are members choose each of them once. Weights are ignored, but for 0. A
// picker begins with any member, so that workers do not all begin with the same.
type inTurn []int32

type turnPicker struct {
	slots []int32
	next  int
}

func (slots inTurn) picker(w *Worker) Picker {
	return &turnPicker{slots, int(below(w.Rand(), uint64(len(slots))))}
}

func (p *turnPicker) Pick(uint64, bool) int32 {
	slot := p.slots[p.next]
	if p.next++; p.next == len(p.slots) {
		p.next = 0
	}
	return slot
}

// ordered begins every request with the first member, and goes on to the next one in
// configured order for each retry (LB_REQUEST_ROUNDROBIN). It has no state, and so is
// its own picker.
type ordered struct {
	slots  []int32
	bySlot []int32 // indexes of slots, ordered by slot
}

func newOrdered(members []Member) *ordered {
	o := &ordered{slots: slotsOf(members), bySlot: make([]int32, len(members))}
	for i := range o.bySlot {
		o.bySlot[i] = int32(i)
	}
	slices.SortFunc(o.bySlot, func(a, b int32) int { return cmp.Compare(o.slots[a], o.slots[b]) })
	return o
}

var _ Follower = (*ordered)(nil)

func (o *ordered) picker(*Worker) Picker { return o }

func (o *ordered) Pick(uint64, bool) int32 { return o.slots[0] }

func (o *ordered) After(slot int32) int32 {
	at, ok := slices.BinarySearchFunc(o.bySlot, slot, func(i, slot int32) int { return cmp.Compare(o.slots[i], slot) })
	if !ok {
		return o.slots[0]
	}
	if next := int(o.bySlot[at]) + 1; next < len(o.slots) {
		return o.slots[next]
	}
	return o.slots[0]
}

package balance

import "math"

// least chooses the least loaded of a few random members (LB_LEAST_REQUEST,
// LB_LEAST_CONNECTION): nearly as good as the least loaded of all, without making
// every worker choose the same.
//
// Members are drawn by weight. The first is passed over for another that would be no
// more loaded with the request, relative to its weight, than the first is without. So
// idle members are chosen by weight, and loaded ones tend to a load in proportion to
// it. Each one that is drawn is another than the one it is compared with: with two
// choices among two members, both are always compared.
type least struct {
	*runs
	// share of a run is what the load of its members is relative to.
	share  []float64
	others int // drawn besides the first
}

func newLeast(members []Member, choices int, bias float64) *least {
	l := &least{runs: newRuns(members), others: choices - 1}
	if bias == 0 {
		l.others = 0
	}
	heaviest := l.runs.runs[len(l.runs.runs)-1].weight
	for i := range l.runs.runs {
		l.share = append(l.share, share(l.runs.runs[i].weight, heaviest, bias))
	}
	return l
}

// share returns what loads are divided by: (x+1)^bias/weight is compared, and that is
// in the same order as (x+1)/weight^(1/bias), which takes no power per request.
func share(weight, heaviest uint32, bias float64) float64 {
	if bias == 1 {
		return float64(weight) // whole numbers are compared without rounding
	}
	return max(math.Pow(float64(weight)/float64(heaviest), 1/bias), math.SmallestNonzeroFloat32)
}

type leastPicker struct {
	*least
	random func() uint64
	load   func(slot int32) int
}

func (l *least) picker(w *Worker) Picker { return &leastPicker{l, w.Rand, w.Load} }

func (p *leastPicker) Pick(uint64, bool) int32 {
	best, of := p.draw(p.random())
	slot := p.slots[best]
	if p.others <= 0 {
		return slot
	}
	load := p.load(slot)
	for i := 0; i < p.others && load > 0; i++ { // nobody is better than one that is idle
		other, ofOther := p.drawBesides(p.random(), best, of)
		slotOther := p.slots[other]
		loadOther := p.load(slotOther)
		if float64(loadOther+1)*p.share[of] <= float64(load)*p.share[ofOther] {
			best, of, slot, load = other, ofOther, slotOther, loadOther
		}
	}
	return slot
}

// ewma chooses the one of a few random members that is expected to answer first
// (LB_PEAK_EWMA). Members are drawn by weight, each another than the best so far. The
// best is the one with the least
//
//	cost * (1 + load*mean/weight)
//
// where mean is the mean weight of all members: a request waits for those before it,
// and a member of twice the weight does two at a time. So idle members that are
// equally fast are chosen by weight, of idle members that are not the faster one wins,
// and loaded ones tend to a load in proportion to weight/cost. A cost of less than
// 1 ns counts as 1 ns.
type ewma struct {
	*runs
	perLoad []float64 // of a run: mean/weight
	others  int
}

func newEWMA(members []Member, choices int) *ewma {
	e := &ewma{runs: newRuns(members), others: choices - 1}
	mean := float64(e.total) / float64(len(e.slots))
	for i := range e.runs.runs {
		e.perLoad = append(e.perLoad, mean/float64(e.runs.runs[i].weight))
	}
	return e
}

type ewmaPicker struct {
	*ewma
	random func() uint64
	load   func(slot int32) int
	cost   func(slot int32) float64
}

func (e *ewma) picker(w *Worker) Picker { return &ewmaPicker{e, w.Rand, w.Load, w.Cost} }

func (p *ewmaPicker) Pick(uint64, bool) int32 {
	best, of := p.draw(p.random())
	slot := p.slots[best]
	if p.others <= 0 {
		return slot
	}
	least := p.expect(slot, of)
	for range p.others {
		other, ofOther := p.drawBesides(p.random(), best, of)
		slotOther := p.slots[other]
		if expected := p.expect(slotOther, ofOther); expected < least {
			best, of, slot, least = other, ofOther, slotOther, expected
		}
	}
	return slot
}

// expect returns how long an answer is expected to take.
func (p *ewmaPicker) expect(slot int32, of int) float64 {
	return max(p.cost(slot), 1) * (1 + float64(p.load(slot))*p.perLoad[of])
}

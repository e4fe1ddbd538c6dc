package consul

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// When watches take turns, each is asked about once in rotation. Those whose service
// has changed in the last hotFor are asked hotTimes as often, if the others leave room.
const (
	rotation = 2500 * time.Millisecond
	hotFor   = 10 * time.Second
	hotTimes = 8
)

// turns shares places, which are connections that a question may occupy, out among
// watches. As long as there is a place for each, a question is held for the whole of
// wait. If there are more watches, a question is held for a part of rotation, such that
// all have their turn within it, and who is due first has the next place. A place is
// never empty while a watch wants it; a watch that is new takes the place of one whose
// question is held for longer than its share.
type turns struct {
	wait time.Duration

	mu      sync.Mutex
	places  int
	watches int
	waiting byDue
	running map[*seat]struct{}
	ending  int // of those running, how many have been told to make room
}

// seat is a watch's part in the turns. A watch has its turns one after the other.
type seat struct {
	due     time.Time
	changed time.Time
	ready   chan struct{}

	pos     int           // in waiting
	held    time.Duration // in running: how long its question is held
	began   time.Time
	ctx     context.Context // ends when it has to make room
	cancel  context.CancelFunc
	evicted bool
}

func newTurns(places int, wait time.Duration) *turns {
	return &turns{wait: wait, places: places, running: make(map[*seat]struct{})}
}

// join adds a watch, which is due at once. It leaves when it is over, between turns.
func (t *turns) join() *seat {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watches++
	return &seat{due: time.Now(), ready: make(chan struct{}, 1)}
}

func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watches--
}

// resize changes how many places there are.
func (t *turns) resize(places int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places = places
	t.assign()
}

// take waits for a place, and returns how long the question may be held. The question
// is to end when the context that comes with it does. It returns false if ctx was done
// before there was a place. Otherwise the turn lasts until done.
func (t *turns) take(ctx context.Context, s *seat) (context.Context, time.Duration, bool) {
	s.ctx, s.cancel = context.WithCancel(ctx)
	t.mu.Lock()
	heap.Push(&t.waiting, s)
	t.assign()
	t.mu.Unlock()
	select {
	case <-s.ready:
		return s.ctx, s.held, true
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.pos >= 0 {
		heap.Remove(&t.waiting, s.pos)
	} else {
		<-s.ready // it has just got a place
		t.free(s)
	}
	s.cancel()
	return nil, 0, false
}

// done ends a turn. It returns whether the question had to make room: then there was
// perhaps no answer.
func (t *turns) done(s *seat, changed bool) (evicted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	evicted = s.evicted
	now := time.Now()
	if changed {
		s.changed = now
	}
	s.due = now.Add(rotation)
	if now.Sub(s.changed) < hotFor {
		s.due = now.Add(rotation / hotTimes)
	}
	s.cancel()
	t.free(s)
	return evicted
}

// free takes a place from who has it.
func (t *turns) free(s *seat) {
	delete(t.running, s)
	if s.evicted {
		s.evicted = false
		t.ending--
	}
	t.assign()
}

// assign gives the places that are free to those who are due first, and makes room for
// who is left.
func (t *turns) assign() {
	held := t.share()
	for len(t.waiting) > 0 && len(t.running) < t.places {
		s := heap.Pop(&t.waiting).(*seat)
		s.held, s.began = held, time.Now()
		t.running[s] = struct{}{}
		s.ready <- struct{}{}
	}
	for t.ending < len(t.waiting) {
		s := t.longest(2 * held)
		if s == nil {
			return
		}
		s.evicted = true
		t.ending++
		s.cancel()
	}
}

// share returns how long a question may be held.
func (t *turns) share() time.Duration {
	if t.watches <= t.places {
		return t.wait
	}
	d := rotation * time.Duration(t.places) / time.Duration(t.watches)
	return min(max(d, time.Millisecond), t.wait)
}

// longest returns, of those whose question is held for longer than that, the one that
// began first.
func (t *turns) longest(than time.Duration) *seat {
	var first *seat
	for s := range t.running {
		if s.held > than && !s.evicted && (first == nil || s.began.Before(first.began)) {
			first = s
		}
	}
	return first
}

// byDue is a heap of those who want a place.
type byDue []*seat

func (q byDue) Len() int           { return len(q) }
func (q byDue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q byDue) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].pos, q[j].pos = i, j }

func (q *byDue) Push(x any) {
	s := x.(*seat)
	s.pos = len(*q)
	*q = append(*q, s)
}

func (q *byDue) Pop() any {
	last := len(*q) - 1
	s := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	s.pos = -1
	return s
}

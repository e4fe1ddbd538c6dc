package consul

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// asker is a watch whose questions are never answered before they have to.
type asker struct {
	*seat

	mu      sync.Mutex
	changes bool // each answer is one
	seen
}

// seen is what happened to an asker.
type seen struct {
	last     time.Time     // when its last question ended
	longest  time.Duration // without a question
	asked    int
	madeRoom int
}

// askers run watches until the test's context ends.
func askers(ctx context.Context, wg *sync.WaitGroup, t *turns, n int) []*asker {
	all := make([]*asker, n)
	for i := range all {
		a := &asker{seat: t.join(), seen: seen{last: time.Now()}}
		all[i] = a
		wg.Go(func() {
			defer t.leave()
			for a.ask(ctx, t) {
			}
		})
	}
	return all
}

// ask is one question: it takes a millisecond, and is held after that, but for the
// first and those whose answer is a change.
func (a *asker) ask(ctx context.Context, t *turns) bool {
	turn, held, ok := t.take(ctx, a.seat)
	if !ok {
		return false
	}
	a.mu.Lock()
	a.longest = max(a.longest, time.Since(a.last))
	a.asked++
	changes := a.changes
	if changes || a.asked == 1 {
		held = 0
	}
	a.mu.Unlock()
	sleep(turn, held+time.Millisecond)
	evicted := t.done(a.seat, changes)
	a.mu.Lock()
	a.last = time.Now()
	if evicted {
		a.madeRoom++
	}
	a.mu.Unlock()
	return sleep(ctx, askEvery)
}

// report returns what happened since it was called last, but for the first question.
func (a *asker) report() seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.seen
	a.seen = seen{last: s.last, asked: 1}
	s.asked--
	return s
}

// world runs a test in a bubble of its own time, with as many places and watches.
func world(t *testing.T, places, watches int, test func(t *testing.T, s *turns, all []*asker)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		s := newTurns(places, 5*time.Minute)
		all := askers(ctx, &wg, s, watches)
		test(t, s, all)
		cancel()
		wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.watches != 0 || len(s.running) != 0 || len(s.waiting) != 0 || s.ending != 0 {
			t.Errorf("left behind: %+v", s)
		}
	})
}

// after lets time pass.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestAPlaceForEach(t *testing.T) {
	world(t, 10, 10, func(t *testing.T, s *turns, all []*asker) {
		after(time.Minute)
		for i, a := range all {
			if got := a.report(); got.asked != 1 || got.madeRoom != 0 {
				t.Errorf("watch %d: %+v", i, got)
			}
		}
	})
}

func TestTakingTurns(t *testing.T) {
	for _, n := range []int{11, 15, 100, 2000} {
		world(t, 10, n, func(t *testing.T, s *turns, all []*asker) {
			after(30 * time.Second)
			most := 3*time.Second + time.Duration(n)*time.Millisecond/10 // the questions themselves take a millisecond each
			for i, a := range all {
				if got := a.report(); got.longest > most || got.asked == 0 {
					t.Fatalf("watch %d of %d: %+v", i, n, got)
				}
			}
		})
	}
}

func TestRoomIsMade(t *testing.T) {
	world(t, 10, 10, func(t *testing.T, s *turns, all []*asker) {
		after(time.Minute) // all are held for long
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		more := askers(ctx, &wg, s, 3)
		after(10 * time.Millisecond)
		for i, a := range more {
			if got := a.report(); got.asked < 0 || got.longest > 10*time.Millisecond {
				t.Errorf("new watch %d was not asked at once: %+v", i, got)
			}
		}
		after(10 * time.Second)
		for i, a := range append(all, more...) {
			if got := a.report(); got.longest > 3*time.Second || got.asked == 0 {
				t.Errorf("watch %d: %+v", i, got)
			}
		}
		cancel()
		wg.Wait()
		after(10 * time.Second) // those that were held for a short time come back
		for _, a := range all {
			a.report()
		}
		after(time.Minute)
		for i, a := range all {
			if got := a.report(); got.asked > 0 {
				t.Errorf("watch %d is asked, though there is room again: %+v", i, got)
			}
		}
	})
}

func TestWhatChangesIsAskedMoreOften(t *testing.T) {
	world(t, 10, 500, func(t *testing.T, s *turns, all []*asker) {
		const changing = 20
		for _, a := range all[:changing] {
			a.mu.Lock()
			a.changes = true
			a.mu.Unlock()
		}
		after(20 * time.Second)
		for _, a := range all {
			a.report()
		}
		after(20 * time.Second)
		other := all[changing].report().asked
		for i, a := range all {
			switch got := a.report(); {
			case i < changing && got.asked < 2*other:
				t.Errorf("watch %d, which changes, was asked %d times; another %d times", i, got.asked, other)
			case i >= changing && got.longest > 3500*time.Millisecond:
				t.Errorf("watch %d: %+v", i, got)
			}
		}
	})
}

func TestMorePlaces(t *testing.T) {
	world(t, 2, 50, func(t *testing.T, s *turns, all []*asker) {
		after(time.Second)
		s.resize(200)
		after(10 * time.Second)
		for _, a := range all {
			a.report()
		}
		after(time.Minute)
		for i, a := range all {
			if got := a.report(); got.asked > 0 {
				t.Errorf("watch %d is still asked in turn: %+v", i, got)
			}
		}
	})
}

func TestTurnsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(1, time.Minute)
		first, second := s.join(), s.join()
		if _, _, ok := s.take(t.Context(), first); !ok {
			t.Fatal("no place")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, ok := s.take(ctx, second); ok {
			t.Fatal("a place that is not there")
		}
		s.done(first, false)
		if _, _, ok := s.take(t.Context(), second); !ok {
			t.Fatal("no place, though one is free")
		}
		s.done(second, false)
	})
}

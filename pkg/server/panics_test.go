package server

import (
	"testing"
	"time"
)

// TestPanicsTooMany asks for the end when there were more panics within a minute than
// are put up with, and not for as many over a longer time.
func TestPanicsTooMany(t *testing.T) {
	start := time.Unix(1000, 0)
	told := func(p *panics) bool {
		select {
		case err := <-p.tooMany:
			return err != nil
		default:
			return false
		}
	}
	p := newPanics()
	for i := range 10 * maxPanics {
		p.note(start.Add(time.Duration(i)*panicWindow/maxPanics), "rare")
	}
	if told(p) {
		t.Errorf("%d panics a minute are too many", maxPanics)
	}
	if got := p.total.Load(); got != 10*maxPanics {
		t.Errorf("%d panics are counted", got)
	}
	p = newPanics()
	for range maxPanics {
		p.note(start, "at once")
	}
	if told(p) {
		t.Errorf("%d panics at once are too many", maxPanics)
	}
	p.note(start.Add(panicWindow-1), "one more")
	if !told(p) {
		t.Errorf("%d panics within a minute are not too many", maxPanics+1)
	}
	p.note(start.Add(panicWindow-1), "nobody listens")
	p.note(start.Add(panicWindow-1), "nobody listens")
}

package consul

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCursor(t *testing.T) {
	for _, step := range []struct {
		why         string
		before, got uint64
		after       uint64
		fresh       bool
	}{
		{"the first answer", 0, 7, 7, true},
		{"nothing new", 7, 7, 7, false},
		{"something new", 7, 9, 9, true},
		{"it goes backwards", 9, 3, 0, true},
		{"it is 0, at first", 0, 0, 1, true},
		{"it is 0, again", 1, 0, 1, true},
		{"it becomes 0", 9, 0, 0, true},
	} {
		c := cursor{index: step.before}
		if fresh := c.take(step.got); fresh != step.fresh || c.index != step.after {
			t.Errorf("%s: index %d, fresh %v; want %d, %v", step.why, c.index, fresh, step.after, step.fresh)
		}
	}
	c := cursor{index: 7}
	if c.reset(); c.index != 0 {
		t.Errorf("after a failure the index is %d", c.index)
	}
}

func TestBackOff(t *testing.T) {
	b := backOff{shortest: 100 * time.Millisecond, longest: time.Second}
	for i, ms := range []int{100, 200, 400, 800, 1000, 1000} {
		most := time.Duration(ms) * time.Millisecond
		if d := b.next(); d < most/2 || d > most {
			t.Errorf("wait %d is %v, want between %v and %v", i, d, most/2, most)
		}
	}
	for range 100 {
		if d := b.next(); d <= 0 || d > time.Second {
			t.Fatalf("after %d failures: %v", b.failures, d)
		}
	}
	if b.reset(); b.next() > 100*time.Millisecond {
		t.Error("it does not begin anew")
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		start, asked := time.Now(), 0
		for time.Since(start) < 10*time.Second {
			if d := p.delay(time.Now()); asked < askBurst && d != 0 {
				t.Errorf("question %d waits %v", asked, d)
			} else {
				sleep(t.Context(), d)
			}
			asked++
		}
		if want := int(10*time.Second/askEvery) + askBurst; asked != want {
			t.Errorf("%d questions in 10 s, want %d", asked, want)
		}
		after(time.Second)
		if d := p.delay(time.Now()); d != 0 {
			t.Errorf("after a pause a question waits %v", d)
		}
	})
}

func TestThrottle(t *testing.T) {
	var th throttle
	now, logged, dropped := time.Unix(0, 0), 0, 0
	for range 1000 { // 10 s
		if n, ok := th.allow(now); ok {
			logged++
			dropped += n
		}
		now = now.Add(10 * time.Millisecond)
	}
	if logged < 10 || logged > 13 || logged+dropped+th.dropped != 1000 {
		t.Errorf("%d lines of 1000 in 10 s, %d counted as dropped", logged, dropped+th.dropped)
	}
}

package consul

import (
	"context"
	"math/rand/v2"
	"time"
)

// cursor is where a watch stands: the index of the last answer. The rules are Consul's:
// an index that went backwards begins anew, and none is less than 1. After a failure it
// begins anew too, because an agent may have come back with another history, and would
// hold a question about an index that it never reaches.
type cursor struct {
	index uint64 // 0: the next question is not held
}

// take notes an answer's index, and tells whether the answer may have something new.
func (c *cursor) take(index uint64) bool {
	before, now := c.index, max(index, 1)
	c.index = now
	if now < before {
		c.index = 0
	}
	return index == 0 || now != before
}

// reset makes the next question one that is not held.
func (c *cursor) reset() { c.index = 0 }

// backOff is the wait after failures: it doubles, and half of it is random.
type backOff struct {
	shortest, longest time.Duration
	failures          int
}

// next returns how long to wait after one more failure.
func (b *backOff) next() time.Duration {
	d := min(b.shortest<<min(b.failures, 20), b.longest)
	b.failures++
	return d/2 + rand.N(d/2+1)
}

func (b *backOff) reset() { b.failures = 0 }

// The questions of one watch: after a pause some follow each other at once, so that a
// change is seen without delay; then so many a second, so that what changes all the
// time is seen in larger steps.
const (
	askBurst = 4
	askEvery = 50 * time.Millisecond
)

// pace keeps a watch from asking too often.
type pace struct{ next time.Time }

// delay returns how long the next question has to wait.
func (p *pace) delay(now time.Time) time.Duration {
	if p.next.Before(now) {
		p.next = now
	}
	d := p.next.Sub(now) - (askBurst-1)*askEvery
	p.next = p.next.Add(askEvery)
	return max(d, 0)
}

// sleep waits, and returns false if ctx was done before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

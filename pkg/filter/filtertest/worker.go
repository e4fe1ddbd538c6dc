package filtertest

import (
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
)

// Worker is a worker whose time stands still until it is advanced, and which runs
// nothing but in the calls of its methods. It is a pool of goroutines as well,
// each of which it waits for. Only Post may be called from another goroutine.
// The zero Worker is ready.
type Worker struct {
	bufs   buffer.Pool
	now    time.Duration
	timers []timer // in the order in which they run out

	mu     sync.Mutex
	posted []func()
	hooks  sync.WaitGroup
}

type timer struct {
	t      *eventloop.Timer
	at     time.Duration
	target eventloop.Expirer
}

// Schedule sets a timer.
func (w *Worker) Schedule(t *eventloop.Timer, d time.Duration, target eventloop.Expirer) {
	w.Cancel(t)
	at := w.now + d
	i := len(w.timers)
	for i > 0 && w.timers[i-1].at > at {
		i--
	}
	w.timers = append(w.timers, timer{})
	copy(w.timers[i+1:], w.timers[i:])
	w.timers[i] = timer{t, at, target}
}

// Cancel stops a timer if it is set.
func (w *Worker) Cancel(t *eventloop.Timer) {
	for i := range w.timers {
		if w.timers[i].t == t {
			w.timers = append(w.timers[:i], w.timers[i+1:]...)
			return
		}
	}
}

// Post has fn run by the next Turn.
func (w *Worker) Post(fn func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posted = append(w.posted, fn)
	return true
}

// Submit runs fn on a goroutine of its own.
func (w *Worker) Submit(fn func()) error {
	w.hooks.Go(fn)
	return nil
}

// Buffers returns the worker's slab pool.
func (w *Worker) Buffers() *buffer.Pool { return &w.bufs }

// Now returns how far the worker's time was advanced.
func (w *Worker) Now() time.Duration { return w.now }

// Timers returns how many timers are set.
func (w *Worker) Timers() int { return len(w.timers) }

// Turn waits for what was submitted, then runs what was posted, until there is
// nothing of either.
func (w *Worker) Turn() {
	for {
		w.hooks.Wait()
		w.mu.Lock()
		posted := w.posted
		w.posted = nil
		w.mu.Unlock()
		if len(posted) == 0 {
			return
		}
		for _, fn := range posted {
			fn()
		}
	}
}

// Advance lets time pass: timers run out in their order, those included that are
// set meanwhile and run out within d.
func (w *Worker) Advance(d time.Duration) {
	w.Turn()
	until := w.now + d
	for len(w.timers) > 0 && w.timers[0].at <= until {
		next := w.timers[0]
		w.timers = append(w.timers[:0], w.timers[1:]...)
		w.now = max(w.now, next.at)
		next.target.Expired(next.t)
		w.Turn()
	}
	w.now = until
}

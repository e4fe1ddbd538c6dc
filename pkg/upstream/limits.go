package upstream

import (
	"sync/atomic"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// Limits is a cluster's circuit breaker: what is under way on all workers, and
// how much of it may be. It outlives snapshots.
//
// It is the only thing that workers share, and made of atomic words. The words
// that change with every request are a worker's own, in its seat.
type Limits struct {
	connections gauge
	pending     gauge
	requests    gauge
	retries     gauge

	share atomic.Int64 // of the requests, that a worker takes at a time
	// hungry is how many seats are; see slots.go.
	hungry atomic.Int64
	turn   atomic.Uint32
	seats  []seat
}

// seat is one worker's part of Limits, on cache lines of its own.
type seat struct {
	spare  atomic.Int64 // of the requests: taken, but not under way
	grants atomic.Int64 // slots for connections that the worker was given
	held   atomic.Int64 // connections that the worker has
	hungry atomic.Bool  // its requests wait for a connection that the limit denies
	idle   atomic.Bool  // it has idle connections
	wake   atomic.Pointer[func()]
	// hear tells the worker of a host that has said to another worker that it goes.
	hear atomic.Pointer[func(m *members.Host, key PoolKey)]
	_    [80]byte
}

// announce tells the other workers that a host has said that it goes.
func (l *Limits) announce(worker int, m *members.Host, key PoolKey) {
	key.Owner = nil
	for i := range l.seats {
		if hear := l.seats[i].hear.Load(); hear != nil && i != worker {
			(*hear)(m, key)
		}
	}
}

// gauge is a number under way and its maximum; 0 is unlimited.
type gauge struct {
	now, max atomic.Int64
	_        [48]byte
}

func newLimits(workers int) *Limits {
	l := &Limits{seats: make([]seat, workers)}
	l.share.Store(batch(0, workers))
	return l
}

// set puts the maxima in force, also for who waits already.
func (l *Limits) set(t config.Thresholds) {
	l.connections.max.Store(int64(t.MaxConnections))
	l.pending.max.Store(int64(t.MaxPendingRequests))
	l.requests.max.Store(int64(t.MaxRequests))
	l.share.Store(batch(int64(t.MaxRequests), len(l.seats)))
	l.retries.max.Store(int64(t.MaxRetries))
	for i := range l.seats {
		l.requests.give(l.seats[i].spare.Swap(0))
	}
	l.distribute()
}

// take adds n if that keeps to the maximum.
func (g *gauge) take(n int64) bool { return g.takeWithin(n, g.max.Load()) }

// takeWithin adds n if that keeps to a limit. It never adds for a moment what it
// takes back: another worker would be denied because of it.
func (g *gauge) takeWithin(n, limit int64) bool {
	for {
		now := g.now.Load()
		if limit > 0 && now+n > limit {
			return false
		}
		if g.now.CompareAndSwap(now, now+n) {
			return true
		}
	}
}

func (g *gauge) give(n int64) { g.now.Add(-n) }

// exceeded tells whether more is under way than a lowered maximum allows.
func (g *gauge) exceeded() bool {
	limit := g.max.Load()
	return limit > 0 && g.now.Load() > limit
}

// begin counts a request of a worker, if the maximum allows. Workers take and give
// back several at a time, so that they do not contend for one word of memory; what
// one has spare is taken by another before it is denied.
func (l *Limits) begin(worker int) bool {
	spare := &l.seats[worker].spare
	if takeSpare(spare) {
		return true
	}
	if b := l.share.Load(); b > 1 && l.requests.take(b) {
		spare.Add(b - 1)
		return true
	}
	if l.requests.take(1) {
		return true
	}
	for i := range l.seats {
		if takeSpare(&l.seats[i].spare) {
			return true
		}
	}
	return false
}

func takeSpare(spare *atomic.Int64) bool {
	for n := spare.Load(); n > 0; n = spare.Load() {
		if spare.CompareAndSwap(n, n-1) {
			return true
		}
	}
	return false
}

// end ends what begin began.
func (l *Limits) end(worker int) {
	b := l.share.Load()
	if b == 1 {
		l.requests.give(1)
		return
	}
	spare := &l.seats[worker].spare
	if n := spare.Add(1); n >= 2*b && spare.CompareAndSwap(n, n-b) {
		l.requests.give(b)
	}
}

// batch is how many requests a worker takes at a time, for a maximum. Altogether,
// the workers never have more than an eighth of it spare.
func batch(limit int64, workers int) int64 {
	const most = 16
	if limit == 0 {
		return most
	}
	return min(max(limit/int64(16*workers), 1), most)
}

package proxy

import (
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/upstream"
)

// history is what came of a request's earlier attempts. Few requests need one.
type history struct {
	hosts   [maxTried]*upstream.Host // of earlier attempts, the last of them last
	nhosts  int8
	moves   int8 // transparent retries, because the request had not been processed
	retries int  // attempts that counted as retries
	stale   bool // a move because the connection had been idle, and was gone
	refused bool // a move because the host took no connection
	waiting bool // a retry waits for its time, or has
	backOff backOff
}

// maxTried is how many hosts are remembered, to choose another one first.
const maxTried = 4

// past returns the history, to add to it.
func (a *attempts) past() *history {
	if a.history == nil {
		a.history = new(history)
	}
	return a.history
}

// reset forgets what came of another request.
func (h *history) reset() {
	h.nhosts, h.moves, h.retries = 0, 0, 0
	h.stale, h.refused, h.waiting = false, false, false
}

// forgetHosts lets go of hosts, which may be gone by the next request.
func (h *history) forgetHosts() {
	if h != nil {
		clear(h.hosts[:h.nhosts])
		h.nhosts = 0
	}
}

// remember notes the host of an attempt, so that others come first.
func (h *history) remember(host *upstream.Host) {
	if host == nil {
		return
	}
	at := slices.Index(h.hosts[:h.nhosts], host)
	switch {
	case at >= 0:
	case h.nhosts < maxTried:
		at = int(h.nhosts)
		h.nhosts++
	default: // the oldest is forgotten
		at = 0
	}
	copy(h.hosts[at:h.nhosts], h.hosts[at+1:h.nhosts])
	h.hosts[h.nhosts-1] = host // balancers go on from the last one
}

// has reports whether a host was tried.
func (h *history) has(host *upstream.Host) bool {
	return slices.Contains(h.hosts[:h.nhosts], host)
}

// hasStale reports whether a connection that had been idle turned out to be gone.
func (h *history) hasStale() bool { return h != nil && h.stale }

// wait begins the wait for a retry.
func (h *history) wait(a *attempts, d time.Duration) {
	h.waiting = true
	h.backOff.attempts = a
	a.x.w.Loop.Schedule(&h.backOff.timer, d, &h.backOff)
}

// stop ends it.
func (h *history) stop(loop *eventloop.Loop) {
	if h.waiting {
		loop.Cancel(&h.backOff.timer)
	}
}

// backOff is the wait before a retry.
type backOff struct {
	timer    eventloop.Timer
	attempts *attempts
}

// Expired begins the retry.
func (b *backOff) Expired(*eventloop.Timer) {
	a := b.attempts
	a.x.enter()
	if a.x.phase < responseChosen {
		a.body.rewind()
		a.start()
	}
	a.x.leave()
}

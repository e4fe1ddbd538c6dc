package proxy

import (
	"slices"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// EndStreams ends every stream, because the worker's time is over: a request that was
// not answered is told so in its protocol, a response that has begun ends where it
// is, and connections that pass bytes on are reset behind those that came. It returns
// how many streams there were.
func (w *Worker) EndStreams() (n int) {
	if !w.draining {
		w.Drain() // so that what is said now is the last of its connection
	}
	for _, x := range slices.Clone(w.all) { // those that end may leave it
		if x.conn != nil && !x.has(finished) {
			n++
			w.Loop.Protect(nil, x.expire)
		}
	}
	for _, l := range w.listeners {
		n += l.endTCP()
	}
	for l := range w.removed {
		n += l.endTCP()
	}
	return n
}

// expire ends a request whose worker is about to end.
func (x *exchange) expire() {
	x.enter()
	x.info.Flags |= stream.Draining
	if x.phase < responseOver {
		x.attempts.cancel(stream.Reset{Reason: stream.Cancelled})
		x.filters.Reply(filter.Reply{Status: 503, Body: "the proxy is shutting down\n", Flags: stream.Draining})
	}
	x.leave()
}

// endTCP ends the connections that are passed on as they are.
func (l *listener) endTCP() (n int) {
	c := l.conns
	for range l.count {
		next := c.next
		if t, ok := c.codec.(*tcp); ok {
			n++
			l.worker.Loop.Protect(c.io, t.end)
		}
		c = next
	}
	return n
}

// Untaken tells of how many downstream connections the clients have not taken
// everything, and for how many of them something waits in the worker itself.
func (w *Worker) Untaken() (all, here int) {
	count := func(l *listener) {
		c := l.conns
		for range l.count {
			r := c.codec.Features().StallResetter
			switch {
			case c.io.Buffered() > 0, r != nil && r.Stalled():
				all++
				here++
			case c.io.Untaken() > 0:
				all++
			}
			c = c.next
		}
	}
	for _, l := range w.listeners {
		count(l)
	}
	for l := range w.removed {
		count(l)
	}
	return all, here
}

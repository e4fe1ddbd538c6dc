package server

import (
	"context"
	"time"

	"github.com/weirproxy/weir/pkg/proxy"
)

const (
	// drainTick is how often a drain looks whether it is over.
	drainTick = 10 * time.Millisecond
	// lastWords is how long clients have, when the time of a drain is over, to take what
	// they are told then.
	lastWords = time.Second
)

// Drain finishes what is in flight and takes nothing new: it withdraws what was
// announced, stops listening, ends connections after the response that they wait
// for, and returns when there are none left, or when ctx is done: then requests that
// wait are answered that there is no time left, and what is under way is broken off.
// It returns how many requests were cut off, those included of which a client did not
// take the end of the response.
func (s *Server) Drain(ctx context.Context) (cut int) {
	s.end(errEnding)
	s.registrations.Withdraw(ctx)
	w := s.stopListening()
	if w == nil {
		return 0
	}
	before := w.cuts()
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		if w.load() == (proxy.Load{}) {
			return w.cuts() - before
		}
		select {
		case <-ctx.Done():
			return w.endStreams() + w.lastWords(tick.C) + w.cuts() - before
		case <-tick.C:
		}
	}
}

// stopListening begins a drain. It returns nil if there is nothing to drain. The
// workers know of it before anybody can: a client that finds that nobody listens
// gets no response any more that does not say that the connection ends.
func (s *Server) stopListening() *workers {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() != Running {
		return nil
	}
	s.stage.Store(int32(Draining))
	p := s.parts.Load()
	p.workers.each((*proxy.Worker).Drain)
	p.listeners.sockets.close()
	return p.workers
}

// lastWords waits until clients have taken everything, for a moment. It returns of how
// many connections something is still here, and will be lost.
func (w *workers) lastWords(tick <-chan time.Time) int {
	late := time.After(lastWords)
	for w.sum(func(of *proxy.Worker) int { all, _ := of.Untaken(); return all }) > 0 {
		select {
		case <-late:
			return w.sum(func(of *proxy.Worker) int { _, here := of.Untaken(); return here })
		case <-tick:
		}
	}
	return 0
}

package server

import (
	"context"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
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
	s.end()
	s.registrations.withdraw(ctx)
	if !s.stopListening() {
		return 0
	}
	before := s.cuts()
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		load := s.Load()
		if load.Connections == 0 && load.Streams == 0 {
			return s.cuts() - before
		}
		select {
		case <-ctx.Done():
			return s.endStreams() + s.lastWords(tick.C) + s.cuts() - before
		case <-tick.C:
		}
	}
}

// stopListening begins a drain. It returns false if there is nothing to drain. The
// workers know of it before anybody can: a client that finds that nobody listens
// gets no response any more that does not say that the connection ends.
func (s *Server) stopListening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() != Running {
		return false
	}
	s.stage.Store(int32(Draining))
	s.group.Each(func(i int, _ *eventloop.Loop) { s.workers[i].Drain() })
	for _, l := range s.listening {
		l.Close()
	}
	return true
}

// endStreams ends every stream and returns how many there were.
func (s *Server) endStreams() (n int) {
	return s.sum(func(i int) int { return s.workers[i].EndStreams() })
}

// lastWords waits until clients have taken everything, for a moment. It returns of how
// many connections something is still here, and will be lost.
func (s *Server) lastWords(tick <-chan time.Time) int {
	late := time.After(lastWords)
	for s.sum(func(i int) int { all, _ := s.workers[i].Untaken(); return all }) > 0 {
		select {
		case <-late:
			return s.sum(func(i int) int { _, here := s.workers[i].Untaken(); return here })
		case <-tick:
		}
	}
	return 0
}

// cuts returns how many connections were closed so far before their client had taken
// everything.
func (s *Server) cuts() int {
	return s.sum(func(i int) int { return s.workers[i].Cuts() })
}

// sum asks each worker for a number.
func (s *Server) sum(of func(i int) int) (sum int) {
	each := make([]int, len(s.workers))
	s.group.Each(func(i int, _ *eventloop.Loop) { each[i] = of(i) })
	for _, n := range each {
		sum += n
	}
	return sum
}

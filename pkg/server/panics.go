package server

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// maxPanics is how many panics the process recovers from within panicWindow. A bug that
// a rare request meets costs that request's connection, and ends nothing. When there
// are more, either most of what the process does fails, or somebody sends such requests
// on purpose, and each leaves a little behind that is never given back: a process that
// begins anew is better then.
const (
	maxPanics   = 20
	panicWindow = time.Minute
)

// panics counts what was recovered from.
type panics struct {
	total atomic.Int64
	// tooMany holds why the process is to end, once it is.
	tooMany chan error

	mu     sync.Mutex
	recent [maxPanics]time.Time // when the last ones were, as a ring
	next   int
}

func newPanics() *panics { return &panics{tooMany: make(chan error, 1)} }

// note counts a panic, of which there may have been too many.
func (p *panics) note(now time.Time, value any) {
	p.total.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	oldest := &p.recent[p.next]
	if !oldest.IsZero() && now.Sub(*oldest) < panicWindow {
		select {
		case p.tooMany <- fmt.Errorf("more than %d panics within %v, the last one: %v", maxPanics, panicWindow, value):
		default: // it was told
		}
	}
	*oldest = now
	p.next = (p.next + 1) % maxPanics
}

// ofWorker returns what is told of a worker's panics.
func (p *panics) ofWorker(worker int, log *slog.Logger) func(eventloop.Panic) {
	return func(of eventloop.Panic) {
		p.note(time.Now(), of.Value)
		attrs := []any{"worker", worker, "panic", fmt.Sprint(of.Value), "stack", string(of.Stack)}
		if of.Conn != nil {
			attrs = append(attrs, "peer", of.Conn.RemoteAddr())
		}
		log.Error("a worker recovered from a panic: the connections that it was working on are closed", attrs...)
	}
}

// Failed returns a channel that gives the reason, once, if the process is to be drained
// and ended because too much has gone wrong in it.
func (s *Server) Failed() <-chan error { return s.panics.tooMany }

package logging

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// every and burst are how often one message may be repeated: once a second, and a
	// few times at once after a pause.
	every = time.Second
	burst = 3
	// maxMessages bounds how many messages are told apart; further ones share a limit.
	maxMessages = 256
)

// limiter is a handler that passes on only so many records of one message, whatever
// their attributes. It may be used by any goroutine.
type limiter struct {
	slog.Handler
	state *limits
}

// limits is what a limiter has in common with those that WithAttrs and WithGroup
// make of it.
type limits struct {
	mu        sync.Mutex
	byMessage map[string]*allowance
}

// allowance is how much of its limit a message has used.
type allowance struct {
	next       time.Time // when what is used will have leaked away
	suppressed int       // records since the last that was passed on
}

// Limit returns a handler that passes on at most one record a second of each
// message, and three at once after a pause. The next one that passes says in the
// attribute "suppressed" how many did not. So a fault that each of ten thousand
// connections meets has a line in the log, and not ten thousand.
//
// The message is what is counted, so it must not contain what varies: that belongs
// in attributes.
func Limit(h slog.Handler) slog.Handler {
	return &limiter{Handler: h, state: &limits{byMessage: make(map[string]*allowance)}}
}

// Handle passes a record on, or counts it.
func (l *limiter) Handle(ctx context.Context, r slog.Record) error {
	suppressed, ok := l.state.allow(r.Message, r.Time)
	if !ok {
		return nil
	}
	if suppressed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("suppressed", suppressed))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs returns a limiter of the same limits.
func (l *limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &limiter{Handler: l.Handler.WithAttrs(attrs), state: l.state}
}

// WithGroup returns a limiter of the same limits.
func (l *limiter) WithGroup(name string) slog.Handler {
	return &limiter{Handler: l.Handler.WithGroup(name), state: l.state}
}

// allow reports whether a message may be passed on, and how many were not since the
// last one that was.
func (l *limits) allow(message string, now time.Time) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.byMessage[message]
	if a == nil {
		if len(l.byMessage) >= maxMessages {
			message = ""
		}
		if a = l.byMessage[message]; a == nil {
			a = &allowance{}
			l.byMessage[message] = a
		}
	}
	if a.next.Before(now) {
		a.next = now
	}
	if a.next.Sub(now) > (burst-1)*every {
		a.suppressed++
		return 0, false
	}
	a.next = a.next.Add(every)
	suppressed, a.suppressed = a.suppressed, 0
	return suppressed, true
}

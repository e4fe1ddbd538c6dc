package events

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// defaultSize is how many events are kept.
	defaultSize = 1024
	// maxDetail is how many bytes of a detail are kept.
	maxDetail = 512
	// maxRecords is how many events of a period go to the process's log one by one.
	maxRecords = 100
	period     = time.Second
)

// Log is the event log. Its methods may be called from any goroutine; those of a nil
// log do nothing.
type Log struct {
	log *slog.Logger

	mu      sync.Mutex
	ring    []Event // the event with number n is at n % len, zero values before there are so many
	last    uint64  // number of the newest event, 0: there is none
	begun   time.Time
	written int         // records of the period that has begun
	more    int         // events of it without a record
	sum     *time.Timer // writes of them; nil: there are none
}

// New makes a log that keeps the last size events; 0 is 1,024. Each also goes to the
// process's log, at most 100 in a second; the others of that second are summed up in
// one line. A nil process's log gets nothing.
func New(size int, log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Log{log: log, ring: make([]Event, cmp.Or(size, defaultSize))}
}

// Add takes on events, oldest first. It waits for nothing but for the process's log
// to take their records.
func (l *Log) Add(events ...Event) {
	if l == nil || len(events) == 0 {
		return
	}
	now := time.Now()
	l.mu.Lock()
	for _, e := range events {
		l.keep(e, now)
	}
	records := l.admit(len(events), now)
	l.mu.Unlock()
	for i := range events[:records] {
		l.write(&events[i])
	}
}

func (l *Log) keep(e Event, now time.Time) {
	l.last++
	e.Seq = l.last
	if e.Time.IsZero() {
		e.Time = now
	}
	if len(e.Detail) > maxDetail {
		// A copy, so that the rest does not stay in memory.
		e.Detail = strings.ToValidUTF8(strings.Clone(e.Detail[:maxDetail]), "") + "..."
	}
	l.ring[e.Seq%uint64(len(l.ring))] = e
}

// admit returns how many of n events get a record of their own now. The others are
// counted, and a timer will write of them: events may not go on coming.
func (l *Log) admit(n int, now time.Time) int {
	if now.Sub(l.begun) >= period && l.sum == nil {
		l.begun, l.written = now, 0
	}
	records := min(n, maxRecords-l.written)
	l.written += records
	if l.more += n - records; l.more > 0 && l.sum == nil {
		l.sum = time.AfterFunc(l.begun.Add(period).Sub(now), l.sumUp)
	}
	return records
}

// sumUp writes of the events without a record, if there are any, and begins a new
// period.
func (l *Log) sumUp() {
	l.mu.Lock()
	more := l.more
	l.begun, l.written, l.more, l.sum = time.Now(), 0, 0, nil
	l.mu.Unlock()
	if more > 0 {
		l.log.Info(fmt.Sprintf("and %d more host changes", more))
	}
}

func (l *Log) write(e *Event) {
	about := e.Kind.about()
	attrs := [3]slog.Attr{slog.String("cluster", e.Cluster), slog.String("host", e.Host), slog.String(about.detail, e.Detail)}
	n := len(attrs)
	if e.Detail == "" {
		n--
	}
	l.log.LogAttrs(context.Background(), about.level, about.message, attrs[:n]...)
}

// Since returns the events after the one with that number, oldest first: of 0, all
// that are kept. If the first does not have the number that follows, those between
// are forgotten.
func (l *Log) Since(seq uint64) []Event {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq >= l.last {
		return nil
	}
	return l.newest(l.last - seq)
}

// Last returns the newest n events, oldest first; fewer if there are no more.
func (l *Log) Last(n int) []Event {
	if l == nil || n <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest(uint64(n))
}

func (l *Log) newest(n uint64) []Event {
	n = min(n, l.last, uint64(len(l.ring)))
	events := make([]Event, 0, n)
	for seq := l.last - n + 1; seq <= l.last; seq++ {
		events = append(events, l.ring[seq%uint64(len(l.ring))])
	}
	return events
}

// Close writes at once of events that the process's log has not got yet. Events may
// be added after it.
func (l *Log) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	waiting := l.sum != nil && l.sum.Stop()
	l.mu.Unlock()
	if waiting {
		l.sumUp()
	}
}

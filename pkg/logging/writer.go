package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// Writer passes whole lines on to another writer, from a goroutine of its own. Who
// writes to it never waits: while the other one blocks, as a pipe does that nobody
// reads, lines wait within a limit, and what does not fit is lost. How many lines
// were, is said in a line of its own as soon as there is one to be written again. It
// may be used by any goroutine.
type Writer struct {
	to    io.Writer
	limit int

	mu     sync.Mutex
	queue  []byte
	lost   int // lines, not told yet
	closed bool

	wake chan struct{} // holds one
	done chan struct{} // closed when everything is written, after Close
}

// NewWriter returns a Writer in which at most limit bytes wait. Close ends it.
func NewWriter(to io.Writer, limit int) *Writer {
	w := &Writer{to: to, limit: limit, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes lines. It never fails.
func (w *Writer) Write(lines []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.queue)+len(lines) > w.limit {
		w.lost += bytes.Count(lines, newline)
		return len(lines), nil
	}
	w.queue = append(w.queue, lines...)
	w.wakeUp()
	return len(lines), nil
}

var newline = []byte{'\n'}

// wakeUp makes run look what there is.
func (w *Writer) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Close writes what waits, and ends the Writer. An error says that it was not all
// written when ctx was done.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.wakeUp()
	w.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the log is not written completely: %w", ctx.Err())
	}
}

// run writes until the Writer is closed.
func (w *Writer) run() {
	defer close(w.done)
	for range w.wake {
		for {
			batch, lost, closed := w.take()
			w.pass(batch, lost)
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
		}
	}
}

// take returns what waits, and how many lines were lost behind it.
func (w *Writer) take() (batch []byte, lost int, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch, w.queue = w.queue, nil
	lost, w.lost = w.lost, 0
	return batch, lost, w.closed
}

// pass writes a batch, and behind it how many lines were lost since. What cannot be
// written is lost.
func (w *Writer) pass(batch []byte, lost int) {
	if len(batch) > 0 {
		if n, err := w.to.Write(batch); err != nil {
			lost += bytes.Count(batch[min(n, len(batch)):], newline)
			w.lose(lost)
			return
		}
	}
	if lost > 0 {
		if _, err := w.to.Write(tell(lost)); err != nil {
			w.lose(lost)
		}
	}
}

func (w *Writer) lose(lines int) {
	w.mu.Lock()
	w.lost += lines
	w.mu.Unlock()
}

// tell is the line that says how many were lost.
func tell(lost int) []byte {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Warn("lines of this log were lost: it could not be written, or not fast enough", "lines", lost)
	return b.Bytes()
}

package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a writer that blocks while it is shut, and fails while it is broken.
type pipe struct {
	mu     sync.Mutex
	got    bytes.Buffer
	shut   chan struct{} // closed to open it; nil: it is open
	broken bool
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	shut := p.shut
	p.mu.Unlock()
	if shut != nil {
		<-shut
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return 0, errors.New("broken")
	}
	return p.got.Write(b)
}

func (p *pipe) set(shut chan struct{}, broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut, p.broken = shut, broken
}

func (p *pipe) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.String()
}

func closeWithin(w *Writer, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return w.Close(ctx)
}

func TestWriterKeepsTheOrder(t *testing.T) {
	var p pipe
	w := NewWriter(&p, 1<<20)
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintln(w, "line", i)
		fmt.Fprintln(&want, "line", i)
	}
	if err := closeWithin(w, time.Minute); err != nil || p.text() != want.String() {
		t.Errorf("%v, %d bytes were written, want %d", err, len(p.text()), want.Len())
	}
	if n, err := w.Write([]byte("late\n")); n != 5 || err != nil {
		t.Errorf("a write after the end: %d, %v", n, err)
	}
}

// A reader that stops reading keeps nobody from logging; when it reads again, it
// gets what waited, and is told how much there was besides.
func TestWriterNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shut := make(chan struct{})
		p := &pipe{shut: shut}
		w := NewWriter(p, 100)
		fmt.Fprintln(w, "first") // on its way, and stuck
		synctest.Wait()
		for i := range 20 {
			fmt.Fprintf(w, "line %4d\n", i) // 10 bytes
		}
		if err := closeWithin(w, time.Second); err == nil {
			t.Error("everything is said to be written, to somebody who reads nothing")
		}
		p.set(nil, false)
		close(shut)
		<-w.done
		got := strings.Split(strings.TrimSpace(p.text()), "\n")
		if len(got) != 12 || got[0] != "first" || got[10] != "line    9" || !strings.HasSuffix(got[11], " lines=10") {
			t.Errorf("it got %q", got)
		}
	})
}

// What cannot be written is lost, and told when something can be again.
func TestWriterGoesOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{broken: true}
		w := NewWriter(p, 100)
		fmt.Fprint(w, "one\ntwo\n")
		synctest.Wait()
		fmt.Fprintln(w, "three")
		synctest.Wait()
		p.set(nil, false)
		fmt.Fprintln(w, "four")
		closeWithin(w, time.Second)
		got := strings.Split(strings.TrimSpace(p.text()), "\n")
		if len(got) != 2 || got[0] != "four" || !strings.HasSuffix(got[1], " lines=3") {
			t.Errorf("it got %q", got)
		}
	})
}

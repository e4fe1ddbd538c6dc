package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/logging"
)

const (
	// logQueue is how many bytes of the process's own log wait for whoever reads it.
	logQueue = 1 << 20
	// logFlush is how long the end of the process waits for them to be written.
	logFlush = time.Second
)

// flushLog has the log written, as far as somebody takes it. That nobody does cannot
// be said anywhere.
func flushLog(lines *logging.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), logFlush)
	defer cancel()
	_ = lines.Close(ctx)
}

// logFile is where the process's own log goes: standard error until the
// configuration says otherwise. A write may block, as on a pipe that nobody reads;
// opening another file does not wait for it.
type logFile struct {
	mu   sync.Mutex
	path string
	file *os.File
}

// Write appends to the log.
func (l *logFile) Write(b []byte) (int, error) {
	return l.current().Write(b)
}

func (l *logFile) current() *os.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return os.Stderr
	}
	return l.file
}

// open directs the log to a file, or to stdout or stderr.
func (l *logFile) open(path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch path {
	case "", "stdout":
		l.file = os.Stdout
		return nil
	case "stderr":
		l.file = os.Stderr
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if l.path != "" {
		l.file.Close()
	}
	l.path, l.file = path, f
	return nil
}

// reopen opens the file anew, after it was renamed.
func (l *logFile) reopen() error {
	l.mu.Lock()
	path := l.path
	l.mu.Unlock()
	if path == "" {
		return nil
	}
	return l.open(path)
}

package accesslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/weirproxy/weir/pkg/config"
)

// Files are the files of all access logs of the process. Its methods may be
// called from any goroutine.
type Files struct {
	log    *slog.Logger
	counts counts

	mu      sync.Mutex
	open    map[string]*file
	running sync.WaitGroup
}

// counts are totals over all files, those already closed included.
type counts struct{ written, dropped, errors atomic.Uint64 }

// NewFiles returns Files without any. What goes wrong with a file, and that it
// is over, is said once on log.
func NewFiles(log *slog.Logger) *Files {
	return &Files{log: log, open: make(map[string]*file)}
}

// Log is one configured access log: a file and a format.
type Log struct {
	files  *Files
	file   *file
	format *Format
}

// Open opens a configured log, whose log_path must not be empty. A file that is
// already open is shared, and rotated from now on as roller says. A file that
// cannot be opened is an error, except a pipe that nobody reads as yet.
func (fs *Files) Open(c *config.AccessLog, roller config.LogRoller) (*Log, error) {
	format, err := Compile(c)
	if err != nil {
		return nil, err
	}
	path := c.Path
	switch path {
	case "":
		return nil, errors.New("log_path is empty")
	case "stdout", "stderr":
	default:
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("log_path: %w", err)
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.open[path]
	if f == nil {
		if f, err = openFile(path, &fs.counts, fs.log); err != nil {
			return nil, fmt.Errorf("log_path: %w", err)
		}
		f.roller.Store(&roller)
		fs.running.Go(f.run)
		fs.running.Go(f.keep)
		fs.open[path] = f
	}
	f.roller.Store(&roller)
	f.users++
	return &Log{files: fs, file: f, format: format}, nil
}

// Close ends the use of the log. A file is closed, once what is queued is written,
// with the last of its Logs and Writers. It does not wait.
func (l *Log) Close() { l.files.leave(l.file) }

// use counts another user of an open file, until leave.
func (fs *Files) use(f *file) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.users++
}

func (fs *Files) leave(f *file) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.users--; f.users == 0 && fs.open[f.path] == f {
		delete(fs.open, f.path)
		close(f.stop)
	}
}

// Reopen closes and opens every file, so that what another program renamed is
// left alone. It does not wait.
func (fs *Files) Reopen() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.open {
		select {
		case f.reopen <- struct{}{}:
		default: // It is about to be.
		}
	}
}

// Written returns the number of records written.
func (fs *Files) Written() uint64 { return fs.counts.written.Load() }

// Dropped returns the number of records lost, because a file was too slow or
// could not be written.
func (fs *Files) Dropped() uint64 { return fs.counts.dropped.Load() }

// Errors returns the number of failures to open, write or rotate a file,
// repeated ones included.
func (fs *Files) Errors() uint64 { return fs.counts.errors.Load() }

// Close closes all files, and waits until all that was handed over is written,
// or given up because the file fails, or until ctx is done: then an error says
// so. Logs need not be closed before, but Workers must have been flushed.
func (fs *Files) Close(ctx context.Context) error {
	fs.mu.Lock()
	for path, f := range fs.open {
		delete(fs.open, path)
		close(f.stop)
	}
	fs.mu.Unlock()
	done := make(chan struct{})
	go func() {
		fs.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("access logs are not written completely: %w", ctx.Err())
	}
}

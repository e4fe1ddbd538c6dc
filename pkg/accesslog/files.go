package accesslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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

// Log is one configured access log: which file it is written to, and how. It is
// immutable, and opens nothing.
type Log struct {
	path   string
	format *Format
	roller config.LogRoller
}

// NewLog makes a log of a configured one, whose log_path must not be empty. A relative
// path starts at the folder that the process works in.
func NewLog(c *config.AccessLog, format *Format, roller config.LogRoller) (*Log, error) {
	path := c.Path
	switch path {
	case "":
		return nil, errors.New("log_path is empty")
	case "stdout", "stderr":
	default:
		var err error
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("log_path: %w", err)
		}
	}
	return &Log{path: path, format: format, roller: roller}, nil
}

// OpenLog is a log whose file is open: Writers can be made for it.
type OpenLog struct {
	*Log
	files *Files
	file  *file
	made  []string // a file and folders that were made for it, innermost first
}

// Open opens the file of a log, or shares one that is open already. A file that cannot
// be opened is an error, except a pipe that nobody reads as yet.
func (fs *Files) Open(l *Log) (*OpenLog, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	o := &OpenLog{Log: l, files: fs, file: fs.open[l.path]}
	if o.file == nil {
		o.made = missing(l.path)
		f, err := openFile(l.path, &fs.counts, fs.log)
		if err != nil {
			removeAll(o.made)
			return nil, fmt.Errorf("log_path: %w", err)
		}
		f.roller.Store(&l.roller)
		fs.running.Go(f.run)
		fs.running.Go(f.keep)
		fs.open[l.path] = f
		o.file = f
	}
	o.file.users++
	return o, nil
}

// Use makes the file rotate as the log says, from now on.
func (o *OpenLog) Use() { o.file.roller.Store(&o.roller) }

// Close ends the use of the log. A file is closed, once what is queued is written,
// with the last of its OpenLogs and Writers. It does not wait.
func (o *OpenLog) Close() { o.files.leave(o.file) }

// Discard closes a log that was not used, and removes what was made to open it.
func (o *OpenLog) Discard() {
	o.Close()
	removeAll(o.made)
}

// missing returns the file and those of its folders that there are not, innermost
// first.
func missing(path string) (names []string) {
	if path == "stdout" || path == "stderr" {
		return nil
	}
	for {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return names
		}
		names = append(names, path)
		path = filepath.Dir(path)
	}
}

// removeAll removes an empty file and empty folders. What has content by now is
// somebody's.
func removeAll(names []string) {
	for _, name := range names {
		if info, err := os.Lstat(name); err != nil || info.Mode().IsRegular() && info.Size() > 0 || os.Remove(name) != nil {
			return
		}
	}
}

// find returns the open file of a log.
func (fs *Files) find(l *Log) *file {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.open[l.path]
	if f == nil {
		panic("accesslog: the file of a log is not open: " + l.path)
	}
	return f
}

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

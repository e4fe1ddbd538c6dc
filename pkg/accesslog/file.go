package accesslog

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

const (
	// queueLen bounds the pages that wait to be written, of all workers.
	queueLen = 256
	// retryAfter is the time between two tries to write to a file that fails,
	// and how long a write to a pipe may take before other things are looked at.
	retryAfter = time.Second
	// checkEvery is how often, at most, it is checked that the open file is still
	// the one of that name.
	checkEvery = time.Second
)

// file is one open file and the goroutine that writes to it.
type file struct {
	path   string
	users  int // OpenLogs and sheets; guarded by Files.mu
	counts *counts
	log    *slog.Logger
	roller atomic.Pointer[config.LogRoller]

	full    chan batch
	reopen  chan struct{}
	rotated chan struct{} // wakes keep
	stop    chan struct{} // closed to end it

	// What follows belongs to run.
	out     *os.File // nil if it is not open
	regular bool     // not a device or a pipe
	size    int64
	since   time.Time // what the age of the file's content is counted from
	checked time.Time // when it was seen that the file has still its name
	last    time.Time // what the last rotated file was named after
	tried   time.Time // when a rotation failed
	torn    bool      // the last write ended inside a record
	lost    int       // records of the batch at hand
	failing bool      // the last write failed
	stuck   bool      // the last rotation failed
}

func openFile(path string, c *counts, log *slog.Logger) (*file, error) {
	f := &file{
		path: path, counts: c, log: log,
		full: make(chan batch, queueLen), reopen: make(chan struct{}, 1), rotated: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if err := f.open(); err != nil && !errors.Is(err, syscall.ENXIO) { // ENXIO: nobody reads the pipe.
		return nil, err
	}
	return f, nil
}

// run writes until the file is stopped, and then what is still queued.
func (f *file) run() {
	defer f.close()
	for {
		select {
		case b := <-f.full:
			f.save(b)
		case <-f.reopen:
			f.openAnew()
		case <-f.stop:
			for {
				select {
				case b := <-f.full:
					f.finish(b)
				default:
					return
				}
			}
		}
	}
}

// save writes a batch, however often it takes. Once the file is stopped, there
// is one more try.
func (f *file) save(b batch) {
	data := b.page
	for last := false; ; {
		n, err := f.write(data)
		data = data[n:]
		if err == nil {
			break
		}
		f.fails(err)
		if last {
			break
		}
		last = !f.pause()
	}
	f.account(b, data)
}

// finish writes a batch after the file was stopped, unless it is known to fail.
func (f *file) finish(b batch) {
	if f.failing {
		f.account(b, b.page)
		return
	}
	f.save(b)
}

// account counts a batch of which the end, left, was not written, and gives its
// page back.
func (f *file) account(b batch, left []byte) {
	lost := min(b.records, f.lost+bytes.Count(left, newline))
	f.lost = 0
	f.counts.dropped.Add(uint64(lost))
	f.counts.written.Add(uint64(b.records - lost))
	if f.failing && len(left) == 0 {
		f.failing = false
		f.log.Info("access log can be written again", "path", f.path)
	}
	b.release()
}

var newline = []byte{'\n'}

// fails counts a failure, and says the first in a row.
func (f *file) fails(err error) {
	f.counts.errors.Add(1)
	if !f.failing {
		f.failing = true
		f.log.Error("access log cannot be written", "path", f.path, "error", err)
	}
}

// pause waits for the next try; false means that the file was stopped.
func (f *file) pause() bool {
	t := time.NewTimer(retryAfter)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.reopen:
		f.openAnew()
	case <-f.stop:
		return false
	}
	return true
}

// write writes what it can, and returns how much is done with.
func (f *file) write(data []byte) (n int, err error) {
	if err := f.prepare(int64(len(data))); err != nil {
		return 0, err
	}
	if f.torn && f.size == 0 {
		// The beginning of the record is in a file that is gone.
		n = bytes.IndexByte(data, '\n') + 1
		f.torn = false
		f.lost++
	}
	if n == len(data) {
		return n, nil
	}
	if !f.regular {
		// So that a pipe that nobody empties does not keep the file from being
		// stopped. What has no deadlines says so, and blocks.
		_ = f.out.SetWriteDeadline(time.Now().Add(retryAfter))
	}
	k, err := f.out.Write(data[n:])
	n += k
	f.size += int64(k)
	if k > 0 {
		f.torn = data[n-1] != '\n'
	}
	if err != nil && k == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		f.close() // Perhaps it helps to open it anew.
	}
	return n, err
}

// prepare makes sure that the right file is open and has room for n more bytes.
func (f *file) prepare(n int64) error {
	now := time.Now()
	if f.out != nil && f.regular && !f.torn {
		if now.Sub(f.checked) >= checkEvery {
			f.checked = now
			f.closeIfMoved()
		}
		if f.out != nil && f.due(now, n) && now.Sub(f.tried) >= retryAfter {
			f.rotate(now)
		}
	}
	if f.out != nil {
		return nil
	}
	return f.open()
}

// closeIfMoved closes a file that has no longer the name it was opened by: bytes
// written to it would be lost, or go where nobody looks.
func (f *file) closeIfMoved() {
	there, err := os.Stat(f.path)
	if err == nil {
		if here, err := f.out.Stat(); err == nil && os.SameFile(here, there) {
			f.size = here.Size() // It may have been truncated.
			return
		}
	}
	f.close()
}

func (f *file) openAnew() {
	f.close()
	if err := f.open(); err != nil {
		f.fails(err)
	}
}

func (f *file) open() error {
	switch f.path {
	case "stdout":
		f.out = os.Stdout
		return nil
	case "stderr":
		f.out = os.Stderr
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	// Without O_NONBLOCK, opening a pipe waits for its reader.
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		return err
	}
	info, err := out.Stat()
	if err != nil {
		return errors.Join(err, out.Close())
	}
	f.out, f.regular, f.size, f.checked = out, info.Mode().IsRegular(), info.Size(), time.Now()
	f.since = f.checked
	if f.size > 0 {
		f.since = info.ModTime()
	}
	return nil
}

func (f *file) close() {
	if f.out != nil && f.out != os.Stdout && f.out != os.Stderr {
		if err := f.out.Close(); err != nil {
			f.fails(err)
		}
	}
	f.out = nil
}

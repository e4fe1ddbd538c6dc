package accesslog

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stamp is what the name of a rotated file has behind that of the log:
// access.log.2026-01-02_15-04-05.000, then .gz if it is compressed. In the order
// of their names, files are in the order of time.
const stamp = "2006-01-02_15-04-05.000"

const (
	gz          = ".gz"
	unfinished  = ".gz.tmp"
	rotatedMode = 0o640
)

// due tells whether the file must be rotated before n more bytes are written.
func (f *file) due(now time.Time, n int64) bool {
	r := f.roller.Load()
	if f.size == 0 {
		return false
	}
	return r.MaxSize > 0 && f.size+n > r.MaxSize || r.Interval > 0 && period(now, r.Interval) != period(f.since, r.Interval)
}

// period numbers the intervals of local time: with 24 hours a new one begins at
// midnight, whenever the process was started.
func period(t time.Time, interval time.Duration) int64 {
	_, offset := t.Zone()
	return (t.UnixNano() + int64(offset)*int64(time.Second)) / int64(interval)
}

// rotate gives the file its name among the rotated ones and closes it. If that
// fails, writing goes on in the same file, and the next try is a while later.
func (f *file) rotate(now time.Time) {
	// Two rotations within a millisecond get names of their own, in their order.
	at := now.Truncate(time.Millisecond)
	if !at.After(f.last) {
		at = f.last.Add(time.Millisecond)
	}
	for taken(f.path + "." + at.Format(stamp)) {
		at = at.Add(time.Millisecond)
	}
	to := f.path + "." + at.Format(stamp)
	if err := os.Rename(f.path, to); err != nil {
		f.counts.errors.Add(1)
		if !f.stuck {
			f.log.Error("access log cannot be rotated", "path", f.path, "error", err)
		}
		f.stuck, f.tried = true, now
		return
	}
	f.stuck, f.tried, f.last = false, time.Time{}, at
	f.close()
	select {
	case f.rotated <- struct{}{}:
	default:
	}
}

func taken(path string) bool {
	_, err := os.Lstat(path)
	_, errGz := os.Lstat(path + gz)
	return err == nil || errGz == nil
}

// keep compresses and removes rotated files, until the file is stopped. It is a
// goroutine of its own, because compressing takes long.
func (f *file) keep() {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		if err := f.tidy(time.Now()); err != nil && !errors.Is(err, errStopped) {
			f.counts.errors.Add(1)
			f.log.Error("rotated access logs cannot be tidied up", "path", f.path, "error", err)
		}
		select {
		case <-f.rotated:
		case <-hourly.C:
		case <-f.stop:
			return
		}
	}
}

var errStopped = errors.New("stopped")

// tidy brings the rotated files into the state that the roller asks for.
func (f *file) tidy(now time.Time) error {
	r := f.roller.Load()
	if r.Keep == 0 && r.MaxAge == 0 && !r.Compress || !filepath.IsAbs(f.path) {
		return nil
	}
	old, err := rotatedFiles(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // The folder was removed; what was in it is tidy.
	}
	if err != nil {
		return err
	}
	var errs []error
	for i, o := range old {
		switch {
		case r.Keep > 0 && i >= r.Keep, r.MaxAge > 0 && now.Sub(o.at) > r.MaxAge:
			errs = append(errs, os.Remove(o.path))
		case r.Compress && !strings.HasSuffix(o.path, gz):
			errs = append(errs, f.compress(o.path))
		}
	}
	return errors.Join(errs...)
}

type rotatedFile struct {
	path string
	at   time.Time
}

// rotatedFiles lists what path was rotated to, the newest first.
func rotatedFiles(path string) ([]rotatedFile, error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []rotatedFile
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), base+".")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		// Only what parses completely is a rotated file of this log.
		at, err := time.ParseInLocation(stamp, strings.TrimSuffix(suffix, gz), time.Local)
		if err != nil {
			continue
		}
		found = append(found, rotatedFile{filepath.Join(dir, e.Name()), at})
	}
	slices.SortFunc(found, func(a, b rotatedFile) int { return strings.Compare(b.path, a.path) })
	return found, nil
}

// compress replaces a file by its compressed form. What it is interrupted in
// begins again next time: the file is only removed when its successor is
// complete.
func (f *file) compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, rotatedMode)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, stoppable{in, f.stop})
	if err = errors.Join(err, z.Close(), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("compressing %s: %w", path, err), os.Remove(path+unfinished))
	}
	if err := os.Rename(path+unfinished, path+gz); err != nil {
		return err
	}
	return os.Remove(path)
}

// stoppable is a reader that ends with an error when stop is closed.
type stoppable struct {
	io.Reader
	stop <-chan struct{}
}

func (s stoppable) Read(b []byte) (int, error) {
	select {
	case <-s.stop:
		return 0, errStopped
	default:
		return s.Reader.Read(b)
	}
}

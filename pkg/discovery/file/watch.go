package file

import (
	"errors"
	"hash/maphash"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

const (
	// clockGrain is more than the step of any file system's clock: a file that was
	// changed less than this before it was read may be changed again without its
	// stamp telling.
	clockGrain = 2 * time.Second
	// restless is how many looks in a row find another file before that is told: as
	// long as somebody writes it, the file is not read.
	restless = 5
)

// errRestless is a file that is written in place all the time.
var errRestless = errors.New("the file is written in place, and has changed from each look to the next")

// stamp is what a look at a file sees. Files of the same stamp are taken for the
// same, unless they are as young as clockGrain.
type stamp struct {
	device, inode    uint64
	size             int64
	modified, change syscall.Timespec
}

// stampOf returns what a look saw.
func stampOf(info os.FileInfo) stamp {
	s := stamp{size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode = uint64(sys.Dev), sys.Ino //nolint:unconvert // its type is not the same on all architectures
		s.modified, s.change = sys.Mtim, sys.Ctim
	}
	return s
}

// sameFile reports whether both are of one file, if perhaps at different times.
func (s stamp) sameFile(other stamp) bool { return s.device == other.device && s.inode == other.inode }

// isYoung reports whether the file may change without its stamp telling.
func (s stamp) isYoung() bool { return time.Since(time.Unix(s.change.Unix())) < clockGrain }

// watch is what is known of one cluster's file.
type watch struct {
	path string
	to   discovery.Sink
	log  *slog.Logger

	seen    stamp // by the last look
	changes int   // looks in a row that found the file written in place

	read  stamp // of the file when it was read; zero: it must be read
	young bool  // it was young then, and is read again

	seed      maphash.Seed
	delivered bool
	content   uint64 // hash of what was delivered
	failure   string // what the sink was told last; empty: nothing since the file was good
}

// newWatch makes a watch that knows nothing yet.
func newWatch(path string, to discovery.Sink, log *slog.Logger) *watch {
	return &watch{path: path, to: to, log: log, seed: maphash.MakeSeed()}
}

// look looks at the file once, and reads it if it has changed.
func (w *watch) look() {
	info, err := os.Stat(w.path)
	if err != nil {
		w.read, w.seen, w.changes = stamp{}, stamp{}, 0
		w.fail(unreadable(w.path, err))
		return
	}
	now, before := stampOf(info), w.seen
	w.seen = now
	switch {
	case now == w.read && !w.young:
		w.changes = 0
		if w.failure == "" {
			w.to.Alive()
		}
	case now != before && now.sameFile(before):
		if w.changes++; w.changes >= restless {
			w.fail(&fileError{w.path, errRestless})
		}
	default:
		w.changes = 0
		w.load()
	}
}

// load reads the file, and delivers its hosts if they are not those that the sink
// has.
func (w *watch) load() {
	data, at, err := read(w.path)
	if err != nil {
		w.read = stamp{}
		w.fail(err)
		return
	}
	if at != w.seen {
		return // it changed between the look and this: the next look decides
	}
	w.read, w.young = at, at.isYoung()
	sum := maphash.Bytes(w.seed, data)
	if w.delivered && sum == w.content {
		w.failure = ""
		w.to.Alive()
		return
	}
	hosts, report, err := config.ParseHosts(w.path, data)
	if err != nil {
		w.fail(err)
		return
	}
	for _, p := range report.Problems() {
		w.log.Warn("file of hosts", "problem", p.String())
	}
	w.delivered, w.content, w.failure = true, sum, ""
	w.to.Hosts(merge(hosts))
}

// fail tells what is wrong, once.
func (w *watch) fail(err error) {
	if w.failure == err.Error() {
		return
	}
	w.failure = err.Error()
	w.to.Failed(err)
}

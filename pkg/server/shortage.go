package server

import (
	"errors"
	"log/slog"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// shortage returns what logs that a worker got no socket from the system: which limit
// was met, and what can be done.
func shortage(log *slog.Logger) func(eventloop.Purpose, error) {
	return func(to eventloop.Purpose, err error) {
		switch {
		case errors.Is(err, syscall.EMFILE):
			log.Error("no file descriptor is left for a connection", "to", string(to), "error", err,
				"limit", openFiles(), "hint", "raise the hard limit of open files (RLIMIT_NOFILE): LimitNOFILE in systemd, nofile in limits.conf, --ulimit in containers")
		case errors.Is(err, syscall.ENFILE):
			log.Error("no file descriptor is left for a connection", "to", string(to), "error", err,
				"hint", "the whole system has no more: raise fs.file-max")
		default:
			log.Error("the system gave no socket for a connection", "to", string(to), "error", err)
		}
	}
}

// openFiles is how many descriptors the process may have. The Go runtime has raised
// the limit to the hard one.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}

// Package pidfile is how one process finds another: by a file that has its number.
//
// The process holds a lock on the file as long as it lives. So a file that was left
// behind by one that has ended is known for that, and its number, which may be
// another's by now, is never used; and who waits for the lock waits for the end.
package pidfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process lives that wrote the file.
var ErrHeld = errors.New("another process that is alive has written it")

// ErrEnded says that there is no process of the file: it was never written, or its
// process has ended.
var ErrEnded = errors.New("no process that is alive has written it")

// File is a file that holds the number of this process.
type File struct{ file *os.File }

// Write writes the number of this process. The error is ErrHeld if another process's
// is there.
func Write(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrHeld
		}
		return nil, err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{f}, nil
}

// Remove removes the file, unless another one is in its place.
func (f *File) Remove() {
	mine, err := f.file.Stat()
	if now, e := os.Stat(f.file.Name()); err == nil && e == nil && os.SameFile(mine, now) {
		_ = os.Remove(f.file.Name()) // one that is left behind does no harm
	}
	f.file.Close()
}

// Process is a process that has written a file.
type Process struct {
	Number int
	file   *os.File
}

// Find returns the process that has written a file; the error is ErrEnded if none
// that is alive has. It must be closed.
func Find(path string) (*Process, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrEnded
	}
	if err != nil {
		return nil, err
	}
	p := &Process{file: f}
	if p.Ended() {
		p.Close()
		return nil, ErrEnded
	}
	text := make([]byte, 20)
	n, _ := f.ReadAt(text, 0)
	p.Number, err = strconv.Atoi(string(bytes.TrimSpace(text[:n])))
	if err == nil && p.Number <= 0 {
		err = errors.New("not the number of a process")
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("%q cannot be read: %w", text[:n], err)
	}
	return p, nil
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	fd := int(p.file.Fd())
	if err := unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return !errors.Is(err, unix.EWOULDBLOCK)
	}
	_ = unix.Flock(fd, unix.LOCK_UN) // for the next process, which may start at once
	return true
}

// Signal sends the process a signal.
func (p *Process) Signal(s os.Signal) error {
	process, err := os.FindProcess(p.Number)
	if err != nil {
		return err
	}
	return process.Signal(s)
}

// Close ends the interest in the process.
func (p *Process) Close() { p.file.Close() }

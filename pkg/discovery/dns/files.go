package dns

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// largestFile bounds what is read of a file of the system.
	largestFile = 16 << 20
	// clockGrain is more than the step of any file system's clock: a file that is
	// younger may change without its times telling.
	clockGrain = 2 * time.Second
)

// parsedFile is a file, read again when it has changed. Its methods may be called
// from any goroutine.
type parsedFile[T any] struct {
	path  string
	parse func([]byte) T

	mu    sync.Mutex
	info  os.FileInfo // of what was read; nil: nothing
	value T
}

func newParsedFile[T any](path string, parse func([]byte) T) *parsedFile[T] {
	return &parsedFile[T]{path: path, parse: parse}
}

// get returns what the file says. One that cannot be read says what it said before;
// it is an error if it has never been read.
func (f *parsedFile[T]) get() (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err == nil && f.unchanged(info) {
		return f.value, nil
	}
	var data []byte
	if err == nil {
		data, err = readRegular(f.path, info)
	}
	if err != nil {
		if f.info == nil {
			return f.value, err
		}
		return f.value, nil
	}
	f.info, f.value = info, f.parse(data)
	return f.value, nil
}

// unchanged reports whether the file is the one that was read.
func (f *parsedFile[T]) unchanged(now os.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, now) && f.info.Size() == now.Size() &&
		f.info.ModTime().Equal(now.ModTime()) && time.Since(now.ModTime()) >= clockGrain
}

// readRegular reads the beginning of a file that is no pipe and no device.
func readRegular(path string, info os.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: cannot be read: it is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, largestFile))
}

// resolverFiles are the files in the form of resolv.conf that clusters name, each
// read once for all of them. There are as many as the configuration names.
type resolverFiles struct {
	mu    sync.Mutex
	files map[string]*parsedFile[*resolvConf]
}

// get returns what one of them says.
func (r *resolverFiles) get(path string) (*resolvConf, error) {
	r.mu.Lock()
	f := r.files[path]
	if f == nil {
		if r.files == nil {
			r.files = make(map[string]*parsedFile[*resolvConf])
		}
		f = newParsedFile(path, parseResolvConf)
		r.files[path] = f
	}
	r.mu.Unlock()
	return f.get()
}

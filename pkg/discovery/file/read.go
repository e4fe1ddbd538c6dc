package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// largest is the size of the largest file that is read. One of YAML may have 8 MiB
// only, because its parser needs a hundred times as much.
const largest = 64 << 20

// errNotRegular is a folder, a pipe or a device.
var errNotRegular = errors.New("cannot be read: it is not a regular file")

// fileError is what is wrong with a file as a whole. Its text is like that of a
// problem inside a file.
type fileError struct {
	path  string
	cause error
}

// Error names the file and what is wrong.
func (e *fileError) Error() string { return e.path + ": " + e.cause.Error() }

// Unwrap returns what is wrong.
func (e *fileError) Unwrap() error { return e.cause }

// unreadable wraps an error that may name the path itself.
func unreadable(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &fileError{path, fmt.Errorf("cannot be read: %w", err)}
}

// read reads a file, and tells what it was before it was read.
func read(path string) ([]byte, stamp, error) {
	// The kind is asked before the file is opened: opening a pipe waits for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, stamp{}, unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, stamp{}, &fileError{path, errNotRegular}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, stamp{}, unreadable(path, err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, stamp{}, unreadable(path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, largest+1))
	switch {
	case err != nil:
		return nil, stamp{}, unreadable(path, err)
	case len(data) > largest:
		return nil, stamp{}, &fileError{path, fmt.Errorf("the file is too big: more than %d bytes", largest)}
	}
	return data, stampOf(info), nil
}

// merge makes hosts of what stands in a file. An address that stands there twice is
// one host with both shares.
func merge(list []config.Host) []discovery.Host {
	hosts := make([]discovery.Host, 0, len(list))
	at := make(map[string]int, len(list))
	for i := range list {
		h := discovery.FromConfig(&list[i])
		if first, twice := at[h.Address]; twice {
			hosts[first].Weight += h.Weight
			continue
		}
		at[h.Address] = len(hosts)
		hosts = append(hosts, h)
	}
	return hosts
}

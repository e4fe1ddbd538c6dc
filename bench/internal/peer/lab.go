package peer

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/process"
)

// Paths of requests. The backend answers any path but the second with 256 bytes.
const (
	SmallPath = "/"
	LargePath = "/64k" // 64 KiB
	// RoutedPath matches the last but one of the routes of [WithFilters].
	RoutedPath = "/service-0999/item"
)

// Workers is how many workers, threads or processes each proxy has.
const Workers = 2

// startup is how long a program has from its start to its first answer.
const startup = 10 * time.Second

// Proxy is a running proxy.
type Proxy struct {
	Name    string
	Address string
	port    int
	*process.Process
}

// Spec says how to run a proxy: it writes a configuration to a folder, for a port to listen on and the backend's, and returns the
// command.
type Spec struct {
	Name      string
	configure func(dir string, port, backend int) (argv []string, err error)
}

// Lab is a backend and the proxies started in front of it, in a folder that is theirs. It is not safe for concurrent use; see
// [process.Start] about threads.
type Lab struct {
	dir     string
	backend int
	started int
	running []*process.Process
}

// NewLab starts a backend. Close ends it, and all that is started later.
func NewLab(ctx context.Context) (*Lab, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir}
	backend, err := l.Start(ctx, Spec{"backend", backend})
	if err != nil {
		l.Close()
		return nil, err
	}
	l.backend = backend.port
	return l, nil
}

// Close ends all that runs and removes the folder.
func (l *Lab) Close() {
	for i := len(l.running) - 1; i >= 0; i-- {
		l.running[i].Stop()
	}
	if err := os.RemoveAll(l.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Start starts a proxy on a free port and waits until it has answered a request.
func (l *Lab) Start(ctx context.Context, s Spec) (*Proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.dir, fmt.Sprintf("%02d-%s", l.started, s.Name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	argv, err := s.configure(dir, port, l.backend)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", s.Name, err)
	}
	l.started++
	p, err := process.Start(s.Name, dir, argv...)
	if err != nil {
		return nil, err
	}
	l.running = append(l.running, p)
	proxy := &Proxy{Name: s.Name, Address: fmt.Sprintf("127.0.0.1:%d", port), port: port, Process: p}
	return proxy, proxy.waitReady(ctx)
}

// Stop ends a proxy. It is an error if it has ended already.
func (l *Lab) Stop(p *Proxy) error {
	err := p.Err()
	p.Stop()
	l.running = slices.DeleteFunc(l.running, func(r *process.Process) bool { return r == p.Process })
	return err
}

// Healthy says whether anything that should run has ended.
func (l *Lab) Healthy() error {
	for _, p := range l.running {
		if err := p.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Proxy) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	tries := time.NewTicker(50 * time.Millisecond)
	defer tries.Stop()
	for {
		err := load.Ready(ctx, p.Address, SmallPath)
		if err == nil {
			return nil
		}
		if ended := p.Err(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer on %s: %w", p.Name, p.Address, err)
		case <-tries.C:
		}
	}
}

// freePort is a port that nothing listens on. Another program may take it before a proxy does, which then says so and ends.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := ln.Addr().(*net.TCPAddr).Port
	return port, ln.Close()
}

// writeFile writes a configuration and returns its path.
func writeFile(dir, name, text string) (string, error) {
	p := filepath.Join(dir, name)
	return p, os.WriteFile(p, []byte(text), 0o644)
}

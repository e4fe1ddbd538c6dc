package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weirproxy/weir/bench/internal/process"
)

// Workers is how many workers, threads or processes each proxy has.
const Workers = 2

// startup is how long a program has from its start to its first answer.
const startup = 10 * time.Second

// Proxy is a running proxy, or a backend.
type Proxy struct {
	Name    string
	Address string
	*process.Process

	spec Spec
	at   site
	argv []string
}

// Lab is one or several backends and the proxies started in front of them, in a folder that is theirs. It is not safe for concurrent
// use; see [process.Start] about threads.
type Lab struct {
	dir      string
	backends []*Proxy
	started  int
	running  []*process.Process
}

// NewLab starts the backends. Close ends them, and all that is started later.
func NewLab(ctx context.Context, backends ...Spec) (*Lab, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir}
	for _, s := range backends {
		b, err := l.Start(ctx, s)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.backends = append(l.backends, b)
	}
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

// Backends are those that the lab was made with.
func (l *Lab) Backends() []*Proxy { return l.backends }

// Start starts a proxy on a free port and waits until it has answered a request.
func (l *Lab) Start(ctx context.Context, s Spec) (*Proxy, error) {
	address, err := freeAddress(s.ip)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.dir, fmt.Sprintf("%02d-%s", l.started, s.Name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	p := &Proxy{Name: s.Name, Address: address, spec: s, at: site{dir: dir, address: address}}
	for _, b := range l.backends {
		p.at.hosts = append(p.at.hosts, b.Address)
	}
	if err := p.configure(); err != nil {
		return nil, err
	}
	l.started++
	return p, l.Restart(ctx, p)
}

// configure writes the configuration.
func (p *Proxy) configure() (err error) {
	if p.argv, err = p.spec.configure(p.at); err != nil {
		return fmt.Errorf("configure %s: %w", p.Name, err)
	}
	return nil
}

// Reload has a proxy read a configuration of the next generation, which is another one if its Spec makes use of that. It does not wait
// until that is done.
func (p *Proxy) Reload() error {
	if p.spec.reload == 0 {
		return fmt.Errorf("%s is not known to reload", p.Name)
	}
	p.at.generation++
	if err := p.configure(); err != nil {
		return err
	}
	return p.Signal(p.spec.reload)
}

// Generation is how often the proxy was told to reload.
func (p *Proxy) Generation() int { return p.at.generation }

// Restart starts a proxy that was stopped or killed again, at its old address, and waits until it has answered a request.
func (l *Lab) Restart(ctx context.Context, p *Proxy) error {
	started, err := process.Start(p.Name, p.at.dir, p.argv...)
	if err != nil {
		return err
	}
	p.Process = started
	l.running = append(l.running, started)
	return p.WaitReady(ctx)
}

// Stop ends a proxy. It is an error if it has ended already.
func (l *Lab) Stop(p *Proxy) error { return l.end(p, p.Process.Stop) }

// Kill ends a proxy as a crash would. It is an error if it has ended already.
func (l *Lab) Kill(p *Proxy) error { return l.end(p, p.Process.Kill) }

func (l *Lab) end(p *Proxy, by func()) error {
	err := p.Err()
	by()
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

// WaitReady waits until the proxy answers a request well.
func (p *Proxy) WaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	tries := time.NewTicker(50 * time.Millisecond)
	defer tries.Stop()
	for {
		err := p.spec.ready(ctx, p.Address)
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

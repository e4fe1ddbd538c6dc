package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/weirproxy/weir/cmd/weir/internal/pidfile"
	"github.com/weirproxy/weir/pkg/config"
)

// running says which process is meant: the one that runs a configuration.
type running struct {
	Config string `short:"c" env:"MOSN_CONFIG" placeholder:"FILE" help:"Configuration that the process runs."`
}

// find returns the process. It has told what is wrong if there is an error.
func (r *running) find() (*pidfile.Process, error) {
	name, err := configOr(r.Config)
	if err != nil {
		return nil, err
	}
	path, err := config.PIDFile(name)
	if err != nil {
		return nil, configError(err)
	}
	if path == "" {
		return nil, fmt.Errorf(`%s: the configuration has no pid: add "pid": "weir.pid", and start weir anew`, name)
	}
	p, err := pidfile.Find(path)
	if errors.Is(err, pidfile.ErrEnded) {
		return nil, fmt.Errorf("weir is not running: %s: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

type stopCommand struct {
	running
	Now bool `help:"End at once, without finishing what is under way."`
}

// stopLook and stopWord are how often stop looks whether the process has ended, and
// says that it has not.
const (
	stopLook = 20 * time.Millisecond
	stopWord = 5 * time.Second
)

// Run ends a running weir, and waits for its end.
func (c *stopCommand) Run() error {
	p, err := c.find()
	if err != nil {
		return err
	}
	defer p.Close()
	told := os.Signal(syscall.SIGTERM)
	if c.Now {
		told = syscall.SIGINT
	}
	if err := p.Signal(told); err != nil {
		return fmt.Errorf("process %d: %w", p.Number, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return waitForEnd(ctx, p)
}

// waitForEnd waits until a process has ended, or ctx has.
func waitForEnd(ctx context.Context, p *pidfile.Process) error {
	look, word := time.NewTicker(stopLook), time.NewTicker(stopWord)
	defer look.Stop()
	defer word.Stop()
	for !p.Ended() {
		select {
		case <-look.C:
		case <-word.C:
			fmt.Printf("process %d is finishing what is under way\n", p.Number)
		case <-ctx.Done():
			return fmt.Errorf("process %d has been told to end, and has not yet", p.Number)
		}
	}
	fmt.Printf("process %d has ended\n", p.Number)
	return nil
}

type reloadCommand struct{ running }

// Run makes a running weir load its configuration again, if there is nothing wrong
// with it.
func (c *reloadCommand) Run() error {
	p, err := c.find()
	if err != nil {
		return err
	}
	defer p.Close()
	name, err := configOr(c.Config)
	if err != nil {
		return err
	}
	if err := (&checkCommand{Config: name}).Run(); err != nil {
		return err
	}
	if err := p.Signal(syscall.SIGUSR2); err != nil {
		return fmt.Errorf("process %d: %w", p.Number, err)
	}
	fmt.Printf("process %d loads it; its log, and /api/v1/states on its admin interface, say how that went\n", p.Number)
	return nil
}

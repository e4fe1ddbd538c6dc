package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/weirproxy/weir/cmd/weir/internal/demo"
	"github.com/weirproxy/weir/cmd/weir/internal/tty"
	"github.com/weirproxy/weir/configs"
	"github.com/weirproxy/weir/pkg/standard"
)

type demoCommand struct {
	For time.Duration `env:"DEMO_FOR" placeholder:"5s" help:"End after this time. Without it, Ctrl-C ends the demo."`
}

// The pace of the demo.
const (
	demoRequest = 5 * time.Millisecond // from one request to the next
	demoBusy    = 10 * time.Second     // until there are fewer
	demoFrame   = 200 * time.Millisecond
	demoLine    = time.Second
)

// demoOutage is when one of the demo's servers is gone: often enough to be seen by who looks in later, and early enough for who has
// only a few seconds.
func demoOutage() demo.Outage {
	return demo.Outage{Address: "127.0.0.1:8082", After: 2500 * time.Millisecond, For: 3 * time.Second, Every: 20 * time.Second}
}

// Run shows weir at work.
func (c *demoCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	quickstart, err := configs.Files.ReadFile("quickstart.json")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return err
	}
	screen, pace := tty.Terminal(os.Stdout, os.Getenv), demoFrame
	if screen == nil {
		pace = demoLine
	}
	requests, frames := time.NewTicker(demoRequest), time.NewTicker(pace)
	defer requests.Stop()
	defer frames.Stop()
	return configError(demo.Run(ctx, demo.Options{
		Registry: standard.Registry(), Version: buildVersion(),
		Quickstart: quickstart, Folder: folder,
		Out: os.Stdout, Screen: screen,
		Now: time.Now, Requests: requests.C, Busy: demoBusy, Frames: frames.C, Outage: demoOutage(),
	}))
}

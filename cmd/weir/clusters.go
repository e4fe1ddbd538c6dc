package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/weirproxy/weir/cmd/weir/internal/live"
	"github.com/weirproxy/weir/cmd/weir/internal/tty"
)

// lookInterval is the time between two looks at a running weir.
const lookInterval = time.Second

// adminFlag says where a running weir is asked.
type adminFlag struct {
	Admin string `env:"WEIR_ADMIN" default:"127.0.0.1:34901" placeholder:"HOST:PORT" help:"Where weir's admin interface is (${default})."`
}

// shown calls show with what the flags say, until a signal ends it.
func (f *adminFlag) shown(cluster string, asJSON, again bool, show func(context.Context, live.Options) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := live.Options{
		Client: live.NewClient(f.Admin), Out: os.Stdout, Screen: tty.Terminal(os.Stdout, os.Getenv),
		Cluster: cluster, JSON: asJSON,
	}
	defer o.Client.Close()
	if again {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		o.Ticks = ticker.C
	}
	return show(ctx, o)
}

type clustersCommand struct {
	adminFlag
	Name  string `arg:"" optional:"" help:"The only cluster to show."`
	JSON  bool   `name:"json" xor:"form" help:"For programs."`
	Watch bool   `short:"w" xor:"form" help:"Look again every second, until Ctrl-C."`
}

// Run shows the clusters of a running weir.
func (c *clustersCommand) Run() error {
	return c.shown(c.Name, c.JSON, c.Watch, live.Clusters)
}

type eventsCommand struct {
	adminFlag
	Cluster string `arg:"" optional:"" help:"The only cluster whose events are shown."`
	Number  int    `short:"n" default:"100" help:"At most so many of the newest events (${default})."`
	JSON    bool   `name:"json" help:"For programs: a line of JSON for each event."`
	Follow  bool   `short:"f" help:"Show what happens from now on, until Ctrl-C."`
}

// Run shows what happened to the hosts of a running weir.
func (c *eventsCommand) Run() error {
	return c.shown(c.Cluster, c.JSON, c.Follow, func(ctx context.Context, o live.Options) error {
		return live.Events(ctx, o, c.Number)
	})
}

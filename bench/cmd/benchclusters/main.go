// Command benchclusters measures what becomes of requests while the hosts of weir's clusters change and fail: instances that are
// deregistered from Consul, that are killed, that are restarted one after the other, a Consul that is away; and what 100,000 hosts cost.
// It prints the figures as a Markdown table. With -chaos it checks weir instead, over HTTP and bolt, with hosts that are killed, stalled,
// slowed and flapping. It needs a Consul agent (`make consul`); bench/README.md says how to read the table.
//
// Start reading at measure; figures.go has what is measured and what is asked of weir. stage.go starts processes, load.go sends requests
// and checks the answers, host.go is the backend. Each trial is a file of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/weirproxy/weir/bench/internal/race"
)

// options are the command's flags.
type options struct {
	race.Options
	consul string
	rate   int
	outage time.Duration
	chaos  time.Duration
	only   string
	heap   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if len(os.Args) == 5 && os.Args[1] == hostCommand {
		err := serveHost(ctx, os.Args[2], os.Args[3], os.Args[4])
		stop()
		exit(err)
	}
	// Children are told to end when the thread that started them does: this one lives as long as the process.
	runtime.LockOSThread()
	o := options{Options: race.Options{Rounds: 1, Seconds: 1, Idle: 4000}}
	flag.StringVar(&o.Weir, "weir", "bin/weir", "the `binary` to measure")
	flag.StringVar(&o.consul, "consul", "bin/consul", "the Consul `binary`")
	flag.IntVar(&o.rate, "rate", 5000, "requests per second")
	flag.DurationVar(&o.outage, "outage", 10*time.Second, "how long all Consul servers are down")
	flag.DurationVar(&o.chaos, "chaos", 0, "do not measure, but check for so long that no answer is lost or wrong while hosts fail in all ways")
	flag.StringVar(&o.only, "only", "", "measure only the figures whose names contain this")
	flag.StringVar(&o.heap, "heap", "", "`file` for a heap profile of the weir with 100,000 hosts")
	flag.BoolVar(&o.Enforce, "enforce", false, "fail if weir misses what it must reach")
	flag.Parse()
	if o.rate < 100 || o.outage <= 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	err := o.run(ctx)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchclusters:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run does what was asked for.
func (o options) run(ctx context.Context) error {
	if err := o.AllowFiles(); err != nil {
		return err
	}
	if err := o.PrintPlace(ctx, os.Stdout, []string{o.consul, "version"}); err != nil {
		return err
	}
	if o.chaos > 0 {
		return chaos(ctx, o)
	}
	return measure(ctx, o)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// patience is how long anything may take that has to happen.
const patience = 60 * time.Second

// await waits until something is so.
func await(ctx context.Context, what string, check func() error) error {
	for deadline := time.Now().Add(patience); ; {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %v: %w", what, patience, err)
		}
		if err := wait(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// Command benchrpc measures what a request of an RPC protocol costs weir, beside HAProxy that forwards the same bytes blindly, and what
// an idle connection does, and prints the figures as Markdown tables. With -soak or -pipeline it checks weir instead: that no answer is
// lost while backends crash, and that memory is bounded whatever a client does. It needs haproxy; bench/README.md says how to read the
// tables.
//
// Start reading at measure; figures.go has what is measured and what is asked of weir. The checks are soak.go and pipeline.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// options are the command's flags.
type options struct {
	race.Options
	protocol rpcload.Protocol // of the checks

	soak      time.Duration
	heartbeat time.Duration

	pipeline    int
	hold        time.Duration
	limit       int
	maxRequests int
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == peer.EchoCommand {
		exit(echo(os.Args[2]))
	}
	// Children are told to end when the thread that started them does: this one lives as long as the process.
	runtime.LockOSThread()
	o := options{protocol: rpcload.Bolt()}
	o.Define(flag.CommandLine)
	flag.Func("protocol", "what the checks speak: bolt, boltv2 or dubbo (default bolt)", func(name string) (err error) {
		o.protocol, err = rpcload.ByName(name)
		return err
	})
	flag.DurationVar(&o.soak, "soak", 0, "do not measure, but check for so long that no answer is lost while backends crash")
	flag.DurationVar(&o.heartbeat, "heartbeat", 0, "send heartbeats on every connection of -soak at this interval")
	flag.IntVar(&o.pipeline, "pipeline", 0, "do not measure, but check that so many requests of a client that reads late take little memory")
	flag.DurationVar(&o.hold, "hold", 3*time.Second, "how late the client of -pipeline reads")
	flag.IntVar(&o.limit, "limit", 64, "the MiB by which memory may grow in -pipeline")
	flag.IntVar(&o.maxRequests, "max-requests", 0, "max_requests of weir's cluster in the checks; 0: weir's default")
	flag.Parse()
	if !o.Valid() || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.run(ctx)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchrpc:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run does what was asked for.
func (o options) run(ctx context.Context) error {
	if err := o.AllowFiles(); err != nil {
		return err
	}
	if err := o.PrintPlace(ctx, os.Stdout, []string{"haproxy", "-v"}); err != nil {
		return err
	}
	switch {
	case o.soak > 0:
		return soak(ctx, o)
	case o.pipeline > 0:
		return pipeline(ctx, o)
	}
	return measure(ctx, o.Options)
}

// subject is what is checked.
func (o options) subject() peer.Spec {
	if o.StandIn {
		return peer.StandInTCP()
	}
	return peer.WeirRPC(o.Weir, o.protocol, peer.RPCOptions{MaxRequests: o.maxRequests})
}

// load is how the subject is driven.
func (o options) load(address string) rpcload.Options {
	return rpcload.Options{Address: address, Protocol: o.protocol, Service: peer.Service}
}

// echo is the backend, as a process of its own.
func echo(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return rpcload.Serve(l, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// Command benchh2 measures what HTTP/2 costs weir: a request, beside nghttpx and, to HTTP/1 backends, beside HAProxy; a gRPC call; the
// bytes of one large stream; and the memory of streams that wait. It prints the figures as Markdown tables. With -soak it checks weir
// instead: that no call fails without need while weir is reloaded and its hosts come and go. It needs nghttpx, nghttpd, h2load, haproxy
// and nginx; bench/README.md says how to read the tables.
//
// Start reading at measure; figures.go has what is measured and what is asked of weir. The check is soak.go.
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

	"github.com/weirproxy/weir/bench/internal/h2"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
)

// options are the command's flags.
type options struct {
	race.Options
	soak time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if len(os.Args) == 3 && os.Args[1] == peer.EchoCommand {
		err := echo(ctx, os.Args[2])
		stop()
		exit(err)
	}
	// Children are told to end when the thread that started them does: this one lives as long as the process.
	runtime.LockOSThread()
	var o options
	o.Define(flag.CommandLine)
	flag.DurationVar(&o.soak, "soak", 0, "do not measure, but check for so long that no call fails without need while weir is reloaded and hosts come and go")
	flag.Parse()
	if !o.Valid() || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	err := o.run(ctx)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchh2:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run does what was asked for.
func (o options) run(ctx context.Context) error {
	if err := o.AllowFiles(); err != nil {
		return err
	}
	if o.soak > 0 {
		if err := o.PrintPlace(ctx, os.Stdout, []string{"nghttpx", "-v"}); err != nil {
			return err
		}
		return soak(ctx, o)
	}
	err := o.PrintPlace(ctx, os.Stdout, []string{"nghttpx", "-v"}, []string{"haproxy", "-v"}, []string{"nginx", "-v"})
	if err != nil {
		return err
	}
	return measure(ctx, o.Options)
}

// echo is the backend, as a process of its own. It ends when ctx does, and finishes what it has begun.
func echo(ctx context.Context, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return h2.Serve(ctx, l, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

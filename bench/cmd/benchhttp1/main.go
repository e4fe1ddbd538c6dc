// Command benchhttp1 measures what an HTTP/1.1 request costs weir, nginx and HAProxy on the same work, and what an idle connection
// does, and prints the figures as a Markdown table. It needs nginx, haproxy and wrk; bench/README.md says how to read the table.
//
// Start reading at run; figures.go has what is measured and what is asked of weir.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/table"
)

func main() {
	// Children are told to end when the thread that started them does: this one lives as long as the process.
	runtime.LockOSThread()
	var o race.Options
	o.Define(flag.CommandLine)
	flag.Parse()
	if !o.Valid() || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchhttp1:", err)
		os.Exit(1)
	}
}

// run measures memory on proxies that have done nothing else, then time on others, and prints the tables. Wrong answers do not stop
// the measurement, but they fail it.
func run(ctx context.Context, o race.Options) error {
	if err := o.AllowFiles(); err != nil {
		return err
	}
	if err := o.PrintPlace(ctx, os.Stdout, []string{"nginx", "-v"}, []string{"haproxy", "-v"}, []string{"wrk", "-v"}); err != nil {
		return err
	}
	began := time.Now()
	held, err := measureMemory(ctx, o)
	if err != nil {
		return err
	}
	work, err := measureWork(ctx, o)
	if err != nil {
		return err
	}

	rows := append(work.costs(), held.rows()...)
	fmt.Println()
	if err := table.Costs(os.Stdout, o.Subject(), "nginx", "haproxy", rows); err != nil {
		return err
	}
	fmt.Println()
	if err := table.Markdown(os.Stdout, work.rates(o.Subject())); err != nil {
		return err
	}
	fmt.Printf("\n%d rounds of %d s, in %v.\n", o.Rounds, o.Seconds, time.Since(began).Round(time.Second))
	err = work.faults()
	if o.Enforce {
		err = errors.Join(err, table.Misses(rows))
	}
	return err
}

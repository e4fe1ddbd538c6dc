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

	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/table"
)

// options are the command's flags.
type options struct {
	weir    string
	standIn bool
	rounds  int
	seconds int
	idle    int
	enforce bool
}

func main() {
	// Children are told to end when the thread that started them does: this one lives as long as the process.
	runtime.LockOSThread()
	var o options
	flag.StringVar(&o.weir, "weir", "bin/weir", "the `binary` to measure")
	flag.BoolVar(&o.standIn, "stand-in", false, "measure a second HAProxy in weir's place: a check of the measurement itself")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds, in each of which every proxy has its turn")
	flag.IntVar(&o.seconds, "seconds", 4, "seconds of a turn, after a second of warm-up")
	flag.IntVar(&o.idle, "idle", 4000, "idle connections")
	flag.BoolVar(&o.enforce, "enforce", false, "fail if weir misses what it must reach")
	flag.Parse()
	if o.rounds < 1 || o.seconds < 1 || o.idle < 1 || flag.NArg() > 0 {
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
func run(ctx context.Context, o options) error {
	if err := allowFiles(2*o.idle + 1000); err != nil {
		return err
	}
	if err := printPlace(ctx, os.Stdout, o); err != nil {
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

	name := "weir"
	if o.standIn {
		name = "stand-in"
	}
	rows := append(work.costs(), held.rows()...)
	fmt.Println()
	if err := table.Costs(os.Stdout, name, "nginx", "haproxy", rows); err != nil {
		return err
	}
	fmt.Println()
	if err := table.Markdown(os.Stdout, work.rates(name)); err != nil {
		return err
	}
	fmt.Printf("\n%d rounds of %d s, in %v.\n", o.rounds, o.seconds, time.Since(began).Round(time.Second))
	return errors.Join(work.faults(), misses(rows, o.enforce))
}

// misses is an error if weir missed what it must reach, and that is to be one.
func misses(rows []table.Row, enforce bool) error {
	var err error
	for _, r := range rows {
		if enforce && r.Verdict() == table.Missed {
			err = errors.Join(err, fmt.Errorf("%s: %s", r.Figure, table.Missed))
		}
	}
	return err
}

// proxies are what is measured: the subject, first plain and then with filters, and its peers.
func (o options) proxies() (plain, filters, nginx, haproxy peer.Spec) {
	nginx, haproxy = peer.Nginx(), peer.HAProxy()
	if o.standIn {
		return peer.StandIn(), peer.StandIn(), nginx, haproxy
	}
	return peer.Plain(o.weir), peer.WithFilters(o.weir), nginx, haproxy
}

// allowFiles raises the limit of open files, of this process and of those it starts.
func allowFiles(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	want := max(uint64(n), 20000)
	if limit.Max < want {
		limit.Max = want // only root may
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed: %w", want, err)
	}
	return nil
}

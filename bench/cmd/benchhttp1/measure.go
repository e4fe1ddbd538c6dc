package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/process"
)

// settle is how long memory is left alone before it is counted.
const settle = 2 * time.Second

// measureMemory counts the memory of proxies that have just started: what an earlier load left in their pools would hide what a
// connection costs.
func measureMemory(ctx context.Context, o options) (memory, error) {
	lab, err := peer.NewLab(ctx)
	if err != nil {
		return memory{}, err
	}
	defer lab.Close()
	var m memory
	plain, _, nginx, haproxy := o.proxies()
	for i, spec := range []peer.Spec{plain, nginx, haproxy} {
		p, err := lab.Start(ctx, spec)
		if err != nil {
			return m, err
		}
		fmt.Fprintf(os.Stderr, "%s: memory, with %d idle connections\n", p.Name, o.idle)
		base, held, err := memoryOf(ctx, p, o.idle)
		if err != nil {
			return m, err
		}
		if err := lab.Stop(p); err != nil {
			return m, err
		}
		m.base[i], m.perConnection[i] = float64(base)/(1<<20), float64(held-base)/float64(o.idle)
	}
	return m, lab.Healthy()
}

// memoryOf counts a proxy's bytes without connections and with idle ones.
func memoryOf(ctx context.Context, p *peer.Proxy, connections int) (base, held int64, err error) {
	if base, err = settledPSS(ctx, p); err != nil {
		return 0, 0, err
	}
	idle, err := load.OpenIdle(ctx, p.Address, peer.SmallPath, connections)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", p.Name, err)
	}
	defer idle.Close()
	held, err = settledPSS(ctx, p)
	return base, held, err
}

func settledPSS(ctx context.Context, p *peer.Proxy) (int64, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(settle):
	}
	family, err := process.Family(p.PID())
	if err != nil {
		return 0, err
	}
	return process.PSS(family)
}

// racer is a proxy with the path it is asked for, and the place for the turns it takes.
type racer struct {
	spec  peer.Spec
	path  string
	turns *[]turn
}

// measureWork drives all proxies, figure by figure, round by round, one at a time.
func measureWork(ctx context.Context, o options) (work, error) {
	w := work{figures: figures()}
	w.turns = make([]line, len(w.figures))
	lab, err := peer.NewLab(ctx)
	if err != nil {
		return w, err
	}
	defer lab.Close()
	plain, filters, nginx, haproxy := o.proxies()
	for i, f := range w.figures {
		l := &w.turns[i]
		field := []racer{{plain, f.path, &l.subject}, {nginx, f.path, &l.nginx}, {haproxy, f.path, &l.haproxy}}
		if i == 0 {
			field = append(field, racer{filters, peer.RoutedPath, &l.filters})
		}
		if err := race(ctx, o, lab, f, field); err != nil {
			return w, errors.Join(err, lab.Healthy())
		}
	}
	return w, lab.Healthy()
}

// race lets every proxy do a figure's work once per round. Every other round goes backwards, so that no one is always first.
func race(ctx context.Context, o options, lab *peer.Lab, f figure, field []racer) error {
	for round := range o.rounds {
		for _, r := range field {
			t, err := takeTurn(ctx, o, lab, f, r)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", f.name, r.spec.Name, err)
			}
			*r.turns = append(*r.turns, t)
			fmt.Fprintf(os.Stderr, "%s: round %d: %s: %.0f/s, %.2f µs/req %s\n", f.name, round+1, r.spec.Name, t.rate, t.micros(), t.faults)
		}
		slices.Reverse(field)
	}
	return nil
}

// takeTurn drives a proxy that has just started: how its connections happen to be divided among its workers lasts as long as the
// process, and is worth a quarter of a request with some, so that each turn has to be an independent sample.
func takeTurn(ctx context.Context, o options, lab *peer.Lab, f figure, r racer) (turn, error) {
	p, err := lab.Start(ctx, r.spec)
	if err != nil {
		return turn{}, err
	}
	url := "http://" + p.Address + r.path
	t, err := drive(ctx, p, url, f.connections, time.Duration(o.seconds)*time.Second)
	if err != nil {
		return t, err
	}
	return t, lab.Stop(p)
}

// drive warms a proxy up and has it work, with the processor time of its processes before and after.
func drive(ctx context.Context, p *peer.Proxy, url string, connections int, d time.Duration) (turn, error) {
	if _, err := load.Wrk(ctx, url, connections, time.Second); err != nil {
		return turn{}, err
	}
	family, err := process.Family(p.PID())
	if err != nil {
		return turn{}, err
	}
	before, err := process.CPU(family)
	if err != nil {
		return turn{}, err
	}
	result, err := load.Wrk(ctx, url, connections, d)
	if err != nil {
		return turn{}, err
	}
	after, err := process.CPU(family)
	if err != nil {
		return turn{}, err
	}
	return turn{result.Requests, result.Rate, result.P99, max(after-before, 1), result.Faults}, nil
}

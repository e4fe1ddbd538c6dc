package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/rpcload"
	"github.com/weirproxy/weir/bench/internal/table"
)

// measure measures memory on proxies that have done nothing else, then time on others, and prints the tables. Wrong answers do not
// stop the measurement, but they fail it.
func measure(ctx context.Context, o race.Options) error {
	began := time.Now()
	held, err := measureMemory(ctx, o)
	if err != nil {
		return err
	}
	work, err := measureWork(ctx, o)
	if err != nil {
		return err
	}

	name, detecting := o.Subject(), o.Subject()+", Auto"
	costs, detection := append(work.costs(), held.row()), work.detection()
	fmt.Println()
	if err := table.Costs(os.Stdout, name, "haproxy", "", costs); err != nil {
		return err
	}
	fmt.Println()
	if err := table.Costs(os.Stdout, detecting, name, "", detection); err != nil {
		return err
	}
	fmt.Println()
	if err := table.Markdown(os.Stdout, work.rates(name)); err != nil {
		return err
	}
	fmt.Printf("\n%d rounds of %d s, in %v.\n", o.Rounds, o.Seconds, time.Since(began).Round(time.Second))
	err = work.faults()
	if o.Enforce {
		err = errors.Join(err, table.Misses(append(costs, detection...)))
	}
	return err
}

// weir is what is measured, or stands in for it.
func weir(o race.Options, p rpcload.Protocol, detect bool) peer.Spec {
	if o.StandIn {
		return peer.StandInTCP()
	}
	return peer.WeirRPC(o.Weir, p, peer.RPCOptions{Detect: detect})
}

// measureMemory counts the memory of proxies that have just started.
func measureMemory(ctx context.Context, o race.Options) (memory, error) {
	lab, err := peer.NewLab(ctx, peer.Echo())
	if err != nil {
		return memory{}, err
	}
	defer lab.Close()
	var m memory
	open := func(ctx context.Context, address string) (net.Conn, error) {
		return rpcload.Use(ctx, address, rpcload.Bolt(), peer.Service)
	}
	for i, spec := range []peer.Spec{weir(o, rpcload.Bolt(), false), peer.HAProxyTCP()} {
		if m[i], err = o.Memory(ctx, lab, spec, open); err != nil {
			return m, err
		}
	}
	return m, lab.Healthy()
}

// measureWork drives all proxies, figure by figure, round by round, one at a time.
func measureWork(ctx context.Context, o race.Options) (lines, error) {
	lab, err := peer.NewLab(ctx, peer.Echo())
	if err != nil {
		return nil, err
	}
	defer lab.Close()
	work := make(lines, len(figures()))
	for i, f := range figures() {
		l, drive := &work[i], f.drive()
		l.figure = f
		field := []race.Racer{
			{Spec: weir(o, f.protocol, false), Drive: drive, Turns: &l.subject},
			{Spec: peer.HAProxyTCP(), Drive: drive, Turns: &l.haproxy},
		}
		if i == 0 {
			field = append(field, race.Racer{Spec: weir(o, f.protocol, true), Drive: drive, Turns: &l.detecting})
		}
		if err := o.Run(ctx, lab, f.String(), field...); err != nil {
			return nil, errors.Join(err, lab.Healthy())
		}
	}
	return work, lab.Healthy()
}

// drive drives a proxy with a figure's work.
func (f figure) drive() race.Drive {
	return func(ctx context.Context, address string, d time.Duration) (load.Result, error) {
		r, err := rpcload.Run(ctx, rpcload.Options{
			Address: address, Protocol: f.protocol, Service: peer.Service,
			Connections: f.connections, InFlight: f.inFlight, For: d,
		})
		if err != nil {
			return load.Result{}, err
		}
		return load.Result{Requests: r.Requests, Rate: r.Rate(), P99: r.Latencies.Quantile(0.99), Faults: r.Faults()}, nil
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// What a soak is like.
const (
	soakConnections = 100
	soakInFlight    = 8
	soakBackends    = 4
	crashEvery      = 2 * time.Second
	downFor         = 500 * time.Millisecond
	calm            = 3 * time.Second // at the end, without crashes
)

// soak drives weir while its backends crash and come back. Every request must have one answer, its own: that of the backend, or one
// that tells of an error. In the end weir must answer well again.
func soak(ctx context.Context, o options) error {
	if least := 2*crashEvery + calm; o.soak < least {
		return fmt.Errorf("a soak takes at least %v, or nothing crashes", least)
	}
	backends := make([]peer.Spec, soakBackends)
	for i := range backends {
		backends[i] = peer.Echo()
	}
	lab, err := peer.NewLab(ctx, backends...)
	if err != nil {
		return err
	}
	defer lab.Close()
	subject, err := lab.Start(ctx, o.subject())
	if err != nil {
		return err
	}
	drive := o.load(subject.Address)
	drive.Connections, drive.InFlight, drive.For, drive.Heartbeat = soakConnections, soakInFlight, o.soak, o.heartbeat

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	result, ended := make(chan *rpcload.Result, 1), make(chan error, 1)
	go func() {
		r, err := rpcload.Run(ctx, drive)
		result <- r
		ended <- err
	}()
	crashes, err := crash(ctx, lab, time.Now().Add(o.soak-calm))
	if err != nil {
		return errors.Join(err, lab.Healthy())
	}
	r := <-result
	if err := <-ended; err != nil {
		return err
	}
	printSoak(o, r, crashes)
	return errors.Join(verdict(r), lab.Healthy(), subject.WaitReady(ctx))
}

// crash kills backends and starts them again until a time: one after the other, and then all at once. It runs on the thread that
// started them.
func crash(ctx context.Context, lab *peer.Lab, until time.Time) (crashes int, err error) {
	all := lab.Backends()
	for i := 0; time.Now().Add(crashEvery).Before(until); i++ {
		if err := wait(ctx, crashEvery-downFor); err != nil {
			return crashes, err
		}
		victims := all
		if n := i % (len(all) + 1); n < len(all) {
			victims = all[n : n+1]
		}
		for _, b := range victims {
			if err := lab.Kill(b); err != nil {
				return crashes, err
			}
			crashes++
		}
		if err := wait(ctx, downFor); err != nil {
			return crashes, err
		}
		for _, b := range victims {
			if err := lab.Restart(ctx, b); err != nil {
				return crashes, err
			}
		}
	}
	return crashes, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func printSoak(o options, r *rpcload.Result, crashes int) {
	fmt.Printf("- %s, %d connections x %d in flight, %v; %d crashes of %d backends\n",
		o.protocol.Name, soakConnections, soakInFlight, o.soak, crashes, soakBackends)
	fmt.Printf("- %d requests (%.0f per second), %d answered with an error; %d heartbeats\n", r.Requests, r.Rate(), r.Errors, r.Heartbeats)
	fmt.Printf("- %d answers that nobody waited for or that were another's, %d lost\n", r.Mismatches, r.Lost)
	fmt.Printf("- latency: median %v, 99th percentile %v, at most %v\n",
		r.Latencies.Quantile(0.5), r.Latencies.Quantile(0.99), r.Latencies.Quantile(1))
}

// verdict is an error if something happened that must not, or nothing did that should.
func verdict(r *rpcload.Result) error {
	if v := r.Violations(); v != "" {
		return errors.New(v)
	}
	if r.Errors >= r.Requests {
		return errors.New("no request was answered well")
	}
	return nil
}

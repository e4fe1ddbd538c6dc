package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/process"
	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// sampleEvery is how often memory is looked at.
const sampleEvery = 20 * time.Millisecond

const mib = 1 << 20

// pipeline has one client send requests without reading their answers for a while, and then read them all. Meanwhile weir's memory
// must not grow beyond a limit, and no answer may be missing; which of them tell of an error, a limit of weir's perhaps, is its own
// affair.
func pipeline(ctx context.Context, o options) error {
	lab, err := peer.NewLab(ctx, peer.Echo())
	if err != nil {
		return err
	}
	defer lab.Close()
	subject, err := lab.Start(ctx, o.subject())
	if err != nil {
		return err
	}
	family, err := process.Family(subject.PID())
	if err != nil {
		return err
	}
	start, err := process.RSS(family)
	if err != nil {
		return err
	}

	done := make(chan struct{})
	var r *rpcload.Piped
	var failed error
	go func() {
		defer close(done)
		r, failed = rpcload.Pipeline(ctx, o.load(subject.Address), o.pipeline, o.hold)
	}()
	peak, err := peakRSS(family, done)
	if err := errors.Join(failed, err); err != nil {
		return errors.Join(err, lab.Healthy())
	}
	growth := peak - start
	fmt.Printf("- %s, %d requests, of which %d were taken in %v without reading an answer; all were read after %v\n",
		o.protocol.Name, o.pipeline, r.Early, o.hold, r.Took.Round(time.Millisecond))
	fmt.Printf("- %d answers, of which %d tell of an error; %d mismatches, %d lost\n", r.Requests, r.Errors, r.Mismatches, r.Lost)
	fmt.Printf("- memory: %.1f MiB at the start, %.1f MiB more at most\n", float64(start)/mib, float64(growth)/mib)
	if v := r.Violations(); v != "" {
		err = errors.New(v)
	}
	if growth > int64(o.limit)*mib {
		err = errors.Join(err, fmt.Errorf("memory grew by more than %d MiB", o.limit))
	}
	return errors.Join(err, lab.Healthy())
}

// peakRSS is the most memory that the processes had until something was done.
func peakRSS(family []int, done <-chan struct{}) (peak int64, err error) {
	ticks := time.NewTicker(sampleEvery)
	defer ticks.Stop()
	for {
		rss, err := process.RSS(family)
		if err != nil {
			<-done
			return peak, err
		}
		peak = max(peak, rss)
		select {
		case <-done:
			return peak, nil
		case <-ticks.C:
		}
	}
}

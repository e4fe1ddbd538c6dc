package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/bench/internal/h2"
	"github.com/weirproxy/weir/bench/internal/peer"
)

// What a soak is like.
const (
	soakConnections = 100
	soakStreams     = 100
	soakLarge       = 16 // every 16th call carries 8 KiB
	soakHosts       = 4
	step            = 500 * time.Millisecond
	steps           = 4                      // to a round of reloading, ending a host and starting it again
	settle          = 100 * time.Millisecond // after which weir has seen that a host was killed
	calm            = 3 * time.Second        // at the end, when nothing is done
)

// soak drives weir while it is reloaded every second and its hosts are killed or told to end, and come back. No call may be lost or
// answered wrongly, and none may fail that weir could have had answered. In the end weir must have its last configuration.
func soak(ctx context.Context, o options) error {
	if least := steps*step + calm; o.soak < least {
		return fmt.Errorf("a soak takes at least %v, or nothing happens", least)
	}
	hosts := make([]peer.Spec, soakHosts)
	for i := range hosts {
		hosts[i] = peer.EchoH2()
	}
	lab, err := peer.NewLab(ctx, hosts...)
	if err != nil {
		return err
	}
	defer lab.Close()
	spec := peer.WeirH2(o.Weir, "Http2", enoughRequests)
	if o.StandIn {
		spec = peer.StandInNghttpx()
	}
	subject, err := lab.Start(ctx, spec)
	if err != nil {
		return err
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	t := trouble{lab: lab, subject: subject}
	result, ended := make(chan *h2.Result, 1), make(chan error, 1)
	go func() {
		r, err := h2.Run(ctx, h2.Options{
			Address: subject.Address, Connections: soakConnections, InFlight: soakStreams,
			For: o.soak, Large: soakLarge, Outages: &t.outages,
		})
		result <- r
		ended <- err
	}()
	if err := t.make(ctx, time.Now().Add(o.soak-calm)); err != nil {
		return errors.Join(err, lab.Healthy())
	}
	r := <-result
	if err := <-ended; err != nil {
		return err
	}
	printSoak(o, r, &t)
	err = errors.Join(verdict(r), lab.Healthy(), subject.WaitReady(ctx))
	if !o.StandIn {
		_, current := h2.Get(ctx, subject.Address, peer.GenerationPath(subject.Generation()))
		err = errors.Join(err, current)
	}
	return err
}

// trouble is what is done to weir and its hosts. It is made on the thread that started them.
type trouble struct {
	lab     *peer.Lab
	subject *peer.Proxy
	outages h2.Outages

	killed, ended int
}

// make makes trouble until a time: a reload with every other step, and in turn one host or all that go in the third and are back in the
// fourth.
func (t *trouble) make(ctx context.Context, until time.Time) error {
	for round := 0; time.Now().Add(steps * step).Before(until); round++ {
		for i := range steps {
			if err := wait(ctx, step); err != nil {
				return err
			}
			if i%2 == 0 {
				if err := t.subject.Reload(); err != nil {
					return err
				}
			}
			var err error
			switch i {
			case 2:
				err = t.down(ctx, round)
			case 3:
				err = t.up(ctx, round)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// victims are the hosts of a round: one after the other, and then all of them. They are killed, or every other time a single one is
// told to end.
func (t *trouble) victims(round int) (hosts []*peer.Proxy, kill bool) {
	all := t.lab.Backends()
	if n := round % (len(all) + 1); n < len(all) {
		return all[n : n+1], round%2 == 0
	}
	return all, true
}

func (t *trouble) down(ctx context.Context, round int) error {
	hosts, kill := t.victims(round)
	if !kill {
		t.ended++
		t.outages.Stop()
		return t.lab.Stop(hosts[0])
	}
	t.killed += len(hosts)
	t.outages.Kill(len(hosts))
	for _, h := range hosts {
		if err := t.lab.Kill(h); err != nil {
			return err
		}
	}
	err := wait(ctx, settle)
	t.outages.Settled()
	return err
}

func (t *trouble) up(ctx context.Context, round int) error {
	hosts, _ := t.victims(round)
	for _, h := range hosts {
		if err := t.lab.Restart(ctx, h); err != nil {
			return err
		}
	}
	t.outages.Back(len(hosts))
	return nil
}

func printSoak(o options, r *h2.Result, t *trouble) {
	fmt.Printf("- gRPC, %d connections x %d streams, %v; %d reloads; %d hosts, killed %d times, told to end %d times\n",
		soakConnections, soakStreams, o.soak, t.subject.Generation(), soakHosts, t.killed, t.ended)
	fmt.Printf("- %d calls (%.0f per second): %d lost, %d wrong, %d failed\n", r.Requests, r.Rate(), r.Lost, r.Wrong, r.FailedTotal())
	for _, f := range []struct {
		cause h2.Cause
		when  string
	}{
		{h2.Unforced, "without need"},
		{h2.Killed, "under way when a host was killed"},
		{h2.Down, "begun when several hosts were down"},
	} {
		if n := r.Failed[f.cause]; n.Total() > 0 {
			fmt.Printf("- failed %s: %d (%s)\n", f.when, n.Total(), n)
		}
	}
	fmt.Printf("- told not to be processed and sent again: %d by reset, %d by GOAWAY; %d connections made anew\n",
		r.Refused, r.Unprocessed, r.Reconnects)
	fmt.Printf("- latency: median %v, 99th percentile %v, at most %v\n",
		r.Latencies.Quantile(0.5), r.Latencies.Quantile(0.99), r.Latencies.Quantile(1))
}

// verdict is an error if something happened that must not, or nothing did that should.
func verdict(r *h2.Result) error {
	if v := r.Violations(); v != "" {
		return errors.New(v)
	}
	if r.FailedTotal() >= r.Requests {
		return errors.New("no call was answered well")
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/weirproxy/weir/bench/internal/h2"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/table"
)

// enoughRequests is a limit of weir's that no work here reaches.
const enoughRequests = 20000

// measure measures memory on proxies that have done nothing else, then time on others, and prints the tables. Wrong answers do not
// stop the measurement, but they fail it.
func measure(ctx context.Context, o race.Options) error {
	began := time.Now()
	held, err := measureWaiting(ctx, o)
	if err != nil {
		return err
	}
	work, err := measureWork(ctx, o)
	if err != nil {
		return err
	}

	var misses error
	for _, name := range []string{peer.Nghttpx().Name, peer.HAProxyH2().Name} {
		costs := work.costs(name)
		misses = errors.Join(misses, table.Misses(costs))
		fmt.Println()
		if err := table.Costs(os.Stdout, o.Subject(), name, "", costs); err != nil {
			return err
		}
	}
	fmt.Println()
	if err := table.Markdown(os.Stdout, work.rates(o.Subject(), held)); err != nil {
		return err
	}
	fmt.Printf("\n%d rounds of %d s, in %v.\n", o.Rounds, o.Seconds, time.Since(began).Round(time.Second))
	err = work.faults()
	if o.Enforce {
		err = errors.Join(err, misses)
	}
	return err
}

// weir is what is measured, or stands in for it.
func (f figure) weir(o race.Options) peer.Spec {
	if o.StandIn {
		return f.standIn()
	}
	return peer.WeirH2(o.Weir, f.upstream, 0)
}

// measureWork drives weir and its peers, figure by figure, round by round, one at a time.
func measureWork(ctx context.Context, o race.Options) (lines, error) {
	work := make(lines, len(figures()))
	for i, f := range figures() {
		work[i].figure = f
		if err := work[i].measure(ctx, o); err != nil {
			return nil, err
		}
	}
	return work, nil
}

func (l *line) measure(ctx context.Context, o race.Options) error {
	lab, err := peer.NewLab(ctx, l.backend())
	if err != nil {
		return err
	}
	defer lab.Close()
	drive := l.drive(o)
	err = o.Run(ctx, lab, l.name,
		race.Racer{Spec: l.weir(o), Drive: drive, Turns: &l.subject},
		race.Racer{Spec: l.peer(), Drive: drive, Turns: &l.reference},
	)
	return errors.Join(err, lab.Healthy())
}

// measureWaiting counts the memory that streams take which wait for an answer, of proxies that have just started.
func measureWaiting(ctx context.Context, o race.Options) (waiting, error) {
	lab, err := peer.NewLab(ctx, peer.EchoH2())
	if err != nil {
		return waiting{}, err
	}
	defer lab.Close()
	subject := peer.WeirH2(o.Weir, "Http2", enoughRequests)
	if o.StandIn {
		subject = peer.StandInNghttpx()
	}
	var w waiting
	if w.subject, err = perStream(ctx, lab, subject); err != nil {
		return w, err
	}
	if w.nghttpx, err = perStream(ctx, lab, peer.Nghttpx()); err != nil {
		return w, err
	}
	return w, lab.Healthy()
}

// perStream is the bytes by which the memory of a proxy grows for each stream, divided evenly, when it has had the connections before.
func perStream(ctx context.Context, lab *peer.Lab, s peer.Spec) (float64, error) {
	const all = idleConnections * idleStreams
	p, err := lab.Start(ctx, s)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "%s: memory, with %d waiting streams\n", p.Name, all)
	idle, err := h2.Open(ctx, p.Address, idleConnections, idleStreams)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.Name, err)
	}
	defer idle.Close()
	before, err := race.SettledPSS(ctx, p)
	if err != nil {
		return 0, err
	}
	if err := idle.Hold(idleStreams); err != nil {
		return 0, fmt.Errorf("%s: %w", p.Name, err)
	}
	if err := awaitHeld(ctx, lab.Backends()[0].Address, all); err != nil {
		return 0, fmt.Errorf("%s: %w", p.Name, err)
	}
	after, err := race.SettledPSS(ctx, p)
	if err != nil {
		return 0, err
	}
	if err := idle.Check(); err != nil {
		return 0, fmt.Errorf("%s: %w", p.Name, err)
	}
	return float64(after-before) / all, lab.Stop(p)
}

// awaitHeld waits until a backend has all the streams.
func awaitHeld(ctx context.Context, address string, want int) error {
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; {
		n, err := h2.Held(ctx, address)
		if err != nil || n == want {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d streams have reached the backend", n, want)
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

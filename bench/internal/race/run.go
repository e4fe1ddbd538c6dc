package race

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/process"
)

// warmUp is what comes before every turn.
const warmUp = time.Second

// Racer is a proxy, what drives it, and the place for the turns it takes.
type Racer struct {
	Spec  peer.Spec
	Drive Drive
	Turns *Turns
}

// Drive has the proxy at an address work for so long.
type Drive func(ctx context.Context, address string, d time.Duration) (load.Result, error)

// Run lets every proxy do the same work once per round. Every other round goes backwards, so that no one is always first.
func (o Options) Run(ctx context.Context, lab *peer.Lab, work string, field ...Racer) error {
	for round := range o.Rounds {
		for _, r := range field {
			t, err := o.takeTurn(ctx, lab, r)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", work, r.Spec.Name, err)
			}
			*r.Turns = append(*r.Turns, t)
			fmt.Fprintf(os.Stderr, "%s: round %d: %s: %.0f/s, %.2f µs/req %s\n",
				work, round+1, r.Spec.Name, t.Rate, t.Micros(), t.Faults)
		}
		slices.Reverse(field)
	}
	return nil
}

// takeTurn drives a proxy that has just started: how its connections happen to be divided among its workers lasts as long as the
// process, and is worth a quarter of a request with some, so that each turn has to be an independent sample.
func (o Options) takeTurn(ctx context.Context, lab *peer.Lab, r Racer) (Turn, error) {
	p, err := lab.Start(ctx, r.Spec)
	if err != nil {
		return Turn{}, err
	}
	t, err := drive(ctx, p, r.Drive, o.turn())
	if err != nil {
		return t, err
	}
	return t, lab.Stop(p)
}

// drive warms a proxy up and has it work, with the processor time of its processes before and after.
func drive(ctx context.Context, p *peer.Proxy, by Drive, d time.Duration) (Turn, error) {
	if _, err := by(ctx, p.Address, warmUp); err != nil {
		return Turn{}, err
	}
	family, err := process.Family(p.PID())
	if err != nil {
		return Turn{}, err
	}
	before, err := process.CPU(family)
	if err != nil {
		return Turn{}, err
	}
	result, err := by(ctx, p.Address, d)
	if err != nil {
		return Turn{}, err
	}
	after, err := process.CPU(family)
	if err != nil {
		return Turn{}, err
	}
	if result.Requests == 0 {
		return Turn{}, fmt.Errorf("no request was answered: %s", result.Faults)
	}
	peak, err := process.PeakRSS(family)
	return Turn{result, max(after-before, 1), peak}, err
}

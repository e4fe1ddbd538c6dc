package race

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/process"
)

// settle is how long memory is left alone before it is counted.
const settle = 2 * time.Second

// Memory is what a proxy holds, in bytes: after its start, and for each idle connection.
type Memory struct{ Base, PerConnection float64 }

// Open opens a connection to a proxy and has one request answered on it.
type Open func(ctx context.Context, address string) (net.Conn, error)

// Memory counts the memory of a proxy that has just started: what an earlier load left in its pools would hide what a connection
// costs.
func (o Options) Memory(ctx context.Context, lab *peer.Lab, s peer.Spec, open Open) (Memory, error) {
	p, err := lab.Start(ctx, s)
	if err != nil {
		return Memory{}, err
	}
	fmt.Fprintf(os.Stderr, "%s: memory, with %d idle connections\n", p.Name, o.Idle)
	base, err := SettledPSS(ctx, p)
	if err != nil {
		return Memory{}, err
	}
	idle, err := load.Hold(o.Idle, func() (net.Conn, error) { return open(ctx, p.Address) })
	if err != nil {
		return Memory{}, fmt.Errorf("%s: %w", p.Name, err)
	}
	defer idle.Close()
	held, err := SettledPSS(ctx, p)
	if err != nil {
		return Memory{}, err
	}
	return Memory{float64(base), float64(held-base) / float64(o.Idle)}, lab.Stop(p)
}

// SettledPSS is the memory that a proxy has after being left alone for a while.
func SettledPSS(ctx context.Context, p *peer.Proxy) (int64, error) {
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

package race

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/table"
)

// Turn is what one proxy did in one round.
type Turn struct {
	load.Result
	CPU  time.Duration
	Peak int64 // bytes that were resident at most, since the start of the proxy
}

// Micros is the processor time of a request.
func (t Turn) Micros() float64 { return float64(t.CPU.Nanoseconds()) / 1e3 / float64(t.Requests) }

// Turns are those of a proxy, one per round.
type Turns []Turn

// Each is a value of each turn.
func (turns Turns) Each(value func(Turn) float64) []float64 {
	values := make([]float64, len(turns))
	for i, t := range turns {
		values[i] = value(t)
	}
	return values
}

// Rate is a cell of a table of requests per second and of latency, if that is known. On a machine that is busy with the load generator and the backend
// too, they say as much about those.
func (turns Turns) Rate() string {
	rate := table.Median(turns.Each(func(t Turn) float64 { return t.Rate }))
	if !slices.ContainsFunc(turns, func(t Turn) bool { return t.P99 > 0 }) {
		return fmt.Sprintf("%.0f", rate)
	}
	p99 := table.Median(turns.Each(func(t Turn) float64 { return t.P99.Seconds() * 1e3 }))
	return fmt.Sprintf("%.0f (%.1f ms)", rate, p99)
}

// Faults is an error if any answer was wrong; of is the work and the proxy.
func (turns Turns) Faults(of string) error {
	var err error
	for i, t := range turns {
		if t.Faults != "" {
			err = errors.Join(err, fmt.Errorf("%s, round %d: %s", of, i+1, t.Faults))
		}
	}
	return err
}

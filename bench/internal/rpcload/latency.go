package rpcload

import (
	"math"
	"math/bits"
	"time"
)

// Latencies count how long requests took, in steps of at most 1/32.
type Latencies struct {
	counts [64 * steps]uint64
	total  uint64
}

// steps are how many steps there are from a power of two nanoseconds to the next.
const steps = 32

// Add counts one.
func (l *Latencies) Add(d time.Duration) {
	l.counts[step(uint64(max(d, 0)))]++
	l.total++
}

// step is the number of the step that a value falls into: small values are steps of their own.
func step(n uint64) int {
	if n < steps {
		return int(n)
	}
	power := bits.Len64(n) - bits.Len(steps)
	return power*steps + int(n>>power)
}

// least is the smallest value of a step.
func least(step int) uint64 {
	if step < steps {
		return uint64(step)
	}
	power := step/steps - 1
	return uint64(step-power*steps) << power
}

// Merge adds what others counted.
func (l *Latencies) Merge(others *Latencies) {
	for i, n := range others.counts {
		l.counts[i] += n
	}
	l.total += others.total
}

// Quantile is what a share q of all took at most, 0 if there are none.
func (l *Latencies) Quantile(q float64) time.Duration {
	seen, want := uint64(0), max(uint64(math.Ceil(q*float64(l.total))), 1)
	for i, n := range l.counts {
		if seen += n; seen >= want {
			return time.Duration(least(i+1) - 1)
		}
	}
	return 0
}

package router

import (
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// RetryPolicy says which failures of a route's requests are retried.
type RetryPolicy struct {
	// PerTry is the time for each try; 0: only the route's timeout counts.
	PerTry time.Duration
	// Retries is the number of tries after the first.
	Retries int
	// Idempotent says that a request may be executed more than once. Without it,
	// only one of which provably nothing was executed may be retried.
	Idempotent bool
	// BufferLimit is how many bytes of a request's body are kept for another try.
	BufferLimit int
	// AvoidZone and AvoidPriority ask a retry to go to a host of another zone, or of
	// another priority, than those tried, if there is one.
	AvoidZone, AvoidPriority bool

	statuses          [10]uint64 // a bit for each
	calls             uint32     // a bit for each status of gRPC
	backOff, maxDelay time.Duration
}

// HedgePolicy says when a request is sent a second time, while the first try has no
// response yet.
type HedgePolicy struct {
	// Delay is how long the first try has before the second; 0: there is none.
	Delay time.Duration
	// Idempotent says that a request may be executed more than once, whatever its
	// method.
	Idempotent bool
}

// Status tells whether a response with this status is to be retried.
func (p *RetryPolicy) Status(status int) bool {
	return status >= 0 && status < 64*len(p.statuses) && p.statuses[status/64]&(1<<(status%64)) != 0
}

// Call tells whether a gRPC response with this status is to be retried.
func (p *RetryPolicy) Call(status uint32) bool { return status < 32 && p.calls&(1<<status) != 0 }

// Delay returns how long to wait before retry n, which is 1 for the first: it
// doubles each time, up to a limit.
func (p *RetryPolicy) Delay(n int) time.Duration {
	d := p.backOff
	for ; n > 1 && d < p.maxDelay; n-- {
		d *= 2
	}
	return min(d, p.maxDelay)
}

// retryPolicy compiles a retry policy, to nil if nothing is to be retried.
func retryPolicy(conf *config.RetryPolicy) *RetryPolicy {
	if conf == nil || !conf.RetryOn || conf.NumRetries == 0 {
		return nil
	}
	p := &RetryPolicy{
		PerTry:     conf.RetryTimeout,
		Retries:    int(conf.NumRetries),
		Idempotent: conf.Idempotent,

		BufferLimit:   conf.PerRequestBufferLimit,
		AvoidZone:     slices.Contains(conf.Avoid, config.AvoidZone),
		AvoidPriority: slices.Contains(conf.Avoid, config.AvoidPriority),

		backOff: conf.BackOff,
		// Half of the longest time there is, so that doubling cannot overflow.
		maxDelay: min(conf.MaxBackOff, 1<<62),
	}
	if len(conf.StatusCodes) == 0 && len(conf.GRPCStatusCodes) == 0 {
		for status := 500; status < 600; status++ {
			p.statuses[status/64] |= 1 << (status % 64)
		}
	}
	for _, status := range conf.StatusCodes {
		if status >= 0 && status < 64*len(p.statuses) {
			p.statuses[status/64] |= 1 << (status % 64)
		}
	}
	for _, status := range conf.GRPCStatusCodes {
		p.calls |= 1 << (status & 31)
	}
	return p
}

// hedgePolicy compiles a hedge policy.
func hedgePolicy(conf *config.HedgePolicy) HedgePolicy {
	if conf == nil {
		return HedgePolicy{}
	}
	return HedgePolicy{Delay: conf.Delay, Idempotent: conf.Idempotent}
}

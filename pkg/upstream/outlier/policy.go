package outlier

import (
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// Policy is what makes a host of a cluster an outlier. It is shared by the cluster's
// workers and does not change, but for one mark: that the monitor has something to
// look at.
type Policy struct {
	// Exceptions makes an answer by which a method throws an exception a failure.
	Exceptions bool

	rows  [rows]rowRule
	split bool // failures without an answer are in a row of their own, and in no rate
	rates bool // somebody asks for them

	success rateRule
	factor  float64 // of the standard deviation
	failure rateRule
	most    float64 // percentage of failures

	interval, base, longest, jitter time.Duration
	percent                         float64 // of the hosts that may be ejected at a time

	// stirred: a row became too long since the monitor last looked at the hosts. It is
	// in memory of its own, because workers read the rest for each try.
	stirred *atomic.Bool
}

// rowRule is about failures in a row.
type rowRule struct {
	most    uint32  // that are; 0: it does not matter
	enforce float64 // percentage of the times
}

// rateRule is about the outcomes of an interval.
type rateRule struct {
	hosts   int     // with enough requests, at least
	volume  uint64  // requests that are enough
	enforce float64 // percentage of the times; 0: never
}

const (
	defaultInterval = 10 * time.Second
	minInterval     = time.Millisecond
)

// NewPolicy makes the policy of a configuration; of nil, none.
func NewPolicy(c *config.OutlierDetection) *Policy {
	if c == nil {
		return nil
	}
	p := &Policy{
		Exceptions: c.CountExceptions,

		split:   c.SplitLocalOrigin,
		success: rateRule{c.SuccessRateMinimumHosts, uint64(c.SuccessRateRequestVolume), c.EnforcingSuccessRate},
		factor:  float64(c.SuccessRateStdevFactor) / 1000,
		failure: rateRule{c.FailurePercentageMinimumHosts, uint64(c.FailurePercentageRequestVolume), c.EnforcingFailurePercentage},
		most:    c.FailurePercentageThreshold,

		interval: max(c.Interval, minInterval),
		base:     c.BaseEjectionTime,
		longest:  max(c.MaxEjectionTime, c.BaseEjectionTime),
		jitter:   c.MaxEjectionTimeJitter,
		percent:  c.MaxEjectionPercent,
		stirred:  new(atomic.Bool),
	}
	if c.Interval <= 0 {
		p.interval = defaultInterval
	}
	p.rates = p.success.enforce > 0 || p.failure.enforce > 0
	p.setRow(rowAny, c.Consecutive5xx, c.EnforcingConsecutive5xx)
	p.setRow(rowGateway, c.ConsecutiveGatewayFailure, c.EnforcingConsecutiveGatewayFailure)
	if p.split {
		p.setRow(rowLocal, c.ConsecutiveLocalOriginFailure, c.EnforcingConsecutiveLocalOriginFailure)
	}
	return p
}

func (p *Policy) setRow(r row, most uint32, enforce float64) {
	if enforce > 0 {
		p.rows[r] = rowRule{most, enforce}
	}
}

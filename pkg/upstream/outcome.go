package upstream

import (
	"math"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// ewmaOptions are how LB_PEAK_EWMA weighs what it measures.
type ewmaOptions struct {
	unknown    time.Duration // the most that is taken for the latency of a host that was not asked yet
	decay      time.Duration // in which what was measured loses most of its weight
	clientBias float64
	serverBias float64
}

// ewma is what a worker measures of a host for LB_PEAK_EWMA: means in which a
// measurement weighs the less the longer ago it was made. A latency above the mean
// counts at once, so that a host that has become slow is noticed by the first
// answer.
type ewma struct {
	latency      float64 // ns; 0: not measured yet
	clientErrors float64 // share of the answers
	serverErrors float64
	at           int64
}

func (e *ewma) record(now int64, decay, took time.Duration, o outlier.Outcome) {
	keep := math.Exp(-float64(now-e.at) / float64(decay))
	e.at = now
	mean := func(was, is float64) float64 { return was*keep + is*(1-keep) }
	if sample := float64(max(took, 1)); sample > e.latency {
		e.latency = sample
	} else {
		e.latency = mean(e.latency, sample)
	}
	client, server := 0.0, 0.0
	switch o {
	case outlier.Success:
	case outlier.ClientError:
		client = 1
	default:
		server = 1
	}
	// Answers that come in quick succession must count for something, too.
	keep = min(keep, 0.95)
	e.clientErrors, e.serverErrors = mean(e.clientErrors, client), mean(e.serverErrors, server)
}

// cost is what LB_PEAK_EWMA compares hosts by, before requests under way count. What
// speaks against a host counts the less the longer ago it was measured: otherwise one
// that loses every comparison would never be asked again.
func (c *Cluster) cost(slot int32) float64 {
	unknown := float64(c.ewma.unknown)
	if c.usual > 0 { // nor must a new host lose them all, whatever is thought of it
		unknown = min(unknown, 0.75*c.usual)
	}
	h := c.hosts[slot]
	if h == nil || h.ewma.latency == 0 {
		return unknown
	}
	e := &h.ewma
	latency, failing := e.latency, c.ewma.clientBias*e.clientErrors+c.ewma.serverBias*e.serverErrors
	if latency <= unknown && failing < 0.001 {
		return latency
	}
	keep := 1.0
	if age := time.Duration(c.env.Loop.Now() - e.at); age > c.ewma.decay/64 {
		keep = math.Exp(-float64(age) / float64(c.ewma.decay))
	}
	if latency > unknown {
		latency = unknown + (latency-unknown)*keep
	}
	return latency / max(0.01, 1-failing*keep)
}

// learn makes an answer part of what is usual, which one that is much slower changes no
// more than one that takes twice the time.
func (c *Cluster) learn(took time.Duration) {
	const answers = 64 // that count, more or less
	sample := float64(max(took, 1))
	if c.usual == 0 {
		c.usual = sample
	}
	c.usual += min(sample-c.usual, c.usual) / answers
}

// Done tells how a try went that was given to the host, if only to connect to it.
func (h *Host) Done(took time.Duration, o outlier.Outcome) {
	c := h.cluster
	if c.Balancer == config.LBPeakEWMA {
		h.ewma.record(c.env.Loop.Now(), c.ewma.decay, took, o)
		if o <= outlier.ClientError {
			c.learn(took)
		}
	}
	if h.Counters == nil || c.Outlier == nil {
		return
	}
	if h.outcomes.Note(h.Counters, c.Outlier, c.env.Loop.Now(), o) && c.env.Suspect != nil {
		c.env.Suspect()
	}
}

package fault

import (
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
)

// Config is the filter's configuration. A delay and an abort are drawn for each
// on its own; if both hit a request, it is delayed, then aborted.
type Config struct {
	config.Source
	// Delay of some requests.
	Delay *Delay `json:"delay"`
	// Answer of some requests, in place of the upstream's.
	Abort *Abort `json:"abort"`
	// Only requests routed to this cluster. Absent: all.
	UpstreamCluster string `json:"upstream_cluster"`
	// Only requests with these headers; the name method means the request's method.
	Headers []config.HeaderMatcher `json:"headers"`
	// true: a request may ask for its own faults, by the headers X-Weir-Fault-Delay (a duration) and X-Weir-Fault-Abort (a
	// status). They take the place of fixed_delay and status, and hit at the same percentages; without delay or abort, always.
	// They are not forwarded. Whoever can send requests can use them.
	HeaderControl bool `json:"header_control"`
	// Longest delay that a request may ask for; a longer one is cut to it.
	MaxDelay time.Duration `json:"max_delay"`
}

// Delay says how long, and how many, requests are delayed.
type Delay struct {
	config.Source
	// How long. May be absent with header_control.
	FixedDelay time.Duration `json:"fixed_delay"`
	// How many of 100.
	Percentage uint32 `json:"percentage" max:"100" clamp:""`
}

// Abort says how, and how many, requests are answered.
type Abort struct {
	config.Source
	// Status code. May be absent with header_control.
	Status int `json:"status" min:"200" max:"599"`
	// How many of 100.
	Percentage uint32 `json:"percentage" max:"100" clamp:""`
}

// SetDefaults sets what an absent key means.
func (c *Config) SetDefaults() { c.MaxDelay = 30 * time.Second }

// Make makes the filter. Without configuration it does nothing, until a route's
// own takes its place.
func Make(c *config.Node, r *config.Report) filter.Filter {
	var conf Config
	c.DecodeInto(&conf, r)
	f := &fault{
		cluster:    conf.UpstreamCluster,
		conditions: compile(conf.Headers, r),
		controlled: conf.HeaderControl,
		maxDelay:   conf.MaxDelay,
	}
	if f.controlled {
		f.delayShare, f.abortShare = 100, 100
	}
	if d := conf.Delay; d != nil {
		f.delay, f.delayShare = d.FixedDelay, d.Percentage
		check(d.Source, "fixed_delay", f.controlled, r)
	}
	if a := conf.Abort; a != nil {
		f.status, f.abortShare = a.Status, a.Percentage
		check(a.Source, "status", f.controlled, r)
	}
	return f
}

// check reports what a delay or an abort lacks.
func check(s config.Source, value string, controlled bool, r *config.Report) {
	switch {
	case s.Node() == nil: // it is not an object, which was reported
	case s.Node().Get(value) == nil && !controlled:
		r.Errorf(s.Node(), "%s is missing", value)
	case s.Node().Get("percentage") == nil:
		r.Warnf(s.Node(), "percentage is missing: it is 0, and nothing is hit")
	}
}

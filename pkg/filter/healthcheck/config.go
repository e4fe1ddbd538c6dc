package healthcheck

import (
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
)

// Config is the filter's configuration.
type Config struct {
	config.Source
	// true: health checks are requests like others, which a host answers; a heartbeat needs a route that asks nothing of its path or
	// service. false: weir answers them itself.
	PassThrough bool `json:"pass_through" also:"passthrough"`
	// Path, without a query, of the HTTP requests that are health checks. They need a route, any that takes them. Absent: only
	// heartbeats are health checks.
	Endpoint string `json:"endpoint"`
	// true: from the begin of a drain on, weir's own answers say that it is not well: RPC clients are told of an error, or nothing
	// where their protocol has no word for it; HTTP clients get a 503.
	FailOnDrain bool `json:"fail_on_drain"`

	_ struct{} `later:"cache_time: answers of hosts are not kept"`
	_ struct{} `later:"cluster_min_healthy_percentages: the health of clusters"`
}

// Make makes the filter. Without configuration weir answers all heartbeats itself.
func Make(c *config.Node, r *config.Report) filter.Filter {
	var conf Config
	c.DecodeInto(&conf, r)
	switch {
	case conf.Endpoint == "":
	case conf.Endpoint[0] != '/':
		r.Errorf(conf.At("endpoint"), "%q is not a path: it does not begin with a slash", conf.Endpoint)
	case strings.ContainsAny(conf.Endpoint, "?#"):
		r.Errorf(conf.At("endpoint"), "%q is more than a path: requests are compared without their query", conf.Endpoint)
	}
	if conf.PassThrough && conf.FailOnDrain {
		r.Warnf(conf.At("fail_on_drain"), "without effect: with pass_through weir answers nothing itself")
	}
	return &healthcheck{passThrough: conf.PassThrough, endpoint: conf.Endpoint, failOnDrain: conf.FailOnDrain}
}

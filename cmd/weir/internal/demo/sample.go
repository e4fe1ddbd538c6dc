package demo

import (
	"strings"
	"time"

	gometrics "github.com/rcrowley/go-metrics"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/server"
)

// counts are what the statistics say of a listener, a route or a host.
type counts struct {
	total, failed, retried int64
	open                   int64 // connections
	p50, p99               time.Duration
}

// sample is what the statistics say at one time.
type sample struct {
	at                time.Time
	listener          counts
	codes             [6]int64 // responses by class: codes[2] is 2xx; codes[0] without a status
	delayed, aborted  int64    // by the fault filter
	retries, upstream int64    // retries, and connections to hosts
	routes, hosts     []counts // in the order of reader.routes and reader.hosts
}

// failed is how many requests went wrong: they were answered with a 5xx, or not at
// all.
func (s *sample) failed() int64 { return s.codes[0] + s.codes[5] }

// label names a route or a host in the picture.
type label struct {
	name, target string
	set          string // of the statistics
	address      string // of a host
}

// reader reads samples of one server.
type reader struct {
	registry      gometrics.Registry
	listener      string // the name of its set
	routes, hosts []label
}

func newReader(s *server.Server) *reader {
	c := s.Config()
	r := &reader{registry: s.Metrics().GoMetrics(), listener: "downstream.listener." + c.Servers[0].Listeners[0].Name}
	for i := range c.Servers[0].Routers {
		for _, vh := range c.Servers[0].Routers[i].VirtualHosts {
			for j := range vh.Routes {
				route := &vh.Routes[j]
				r.routes = append(r.routes, label{name: route.Name, target: target(route), set: routeSet + vh.Name + ".route." + route.Name})
			}
		}
	}
	for i := range c.ClusterManager.Clusters {
		cluster := &c.ClusterManager.Clusters[i]
		for j := range cluster.Hosts {
			host := &cluster.Hosts[j]
			r.hosts = append(r.hosts, label{
				name: cluster.Name, target: hostTarget(cluster, host), address: host.Address,
				set: "upstream.cluster." + cluster.Name + ".host." + host.Address,
			})
		}
	}
	return r
}

// routeSet begins the name of a route's set, after the name of its router.
const routeSet = ".virtual_host."

func target(r *config.Route) string {
	if r.Route == nil {
		return "weir itself"
	}
	return "cluster " + r.Route.ClusterName
}

// read asks the server for its statistics.
func (r *reader) read(at time.Time) sample {
	sets := make(map[string]set)
	r.registry.Each(func(name string, metric any) {
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			return
		}
		of, key := name[:dot], name[dot+1:]
		if i := strings.Index(of, routeSet); i >= 0 {
			of = of[i:] // all routes are of one router
		}
		if sets[of] == nil {
			sets[of] = make(set)
		}
		sets[of][key] = metric
	})
	l := sets[r.listener]
	s := sample{at: at, listener: l.counts("connection_active", "request_failed", "request_time"),
		delayed: l.count("fault_delayed"), aborted: l.count("fault_aborted")}
	s.codes = [6]int64{l.count("request_reset"), l.count("request_1xx_total"), l.count("request_2xx_total"),
		l.count("request_3xx_total"), l.count("request_4xx_total"), l.count("request_5xx_total")}
	for _, label := range r.routes {
		c := sets[label.set].counts("connection_active", "request_5xx_total", "request_time")
		s.retries += c.retried
		s.routes = append(s.routes, c)
	}
	for _, label := range r.hosts {
		c := sets[label.set].counts("connection_active", "response_failed", "request_duration_time")
		s.upstream += c.open
		s.hosts = append(s.hosts, c)
	}
	return s
}

// set is the statistics of one listener, route or host, by their keys.
type set map[string]any

func (s set) count(key string) int64 {
	switch m := s[key].(type) {
	case gometrics.Counter:
		return m.Count()
	case gometrics.Gauge:
		return m.Value()
	}
	return 0
}

// counts returns what a picture shows of a set; open, failed and times are the
// keys that differ from kind to kind.
func (s set) counts(open, failed, times string) counts {
	c := counts{total: s.count("request_total"), failed: s.count(failed), retried: s.count("request_retry"), open: s.count(open)}
	if h, ok := s[times].(gometrics.Histogram); ok {
		c.p50, c.p99 = time.Duration(h.Percentile(0.5)), time.Duration(h.Percentile(0.99))
	}
	return c
}

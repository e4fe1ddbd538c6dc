package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/weirproxy/weir/pkg/config"
)

// Prometheus returns what a page of statistics gathers from: weir's own, and,
// unless the sink leaves them out, those of the process and of the Go runtime.
func (r *Registry) Prometheus(sink *config.PrometheusSink) (prometheus.Gatherer, error) {
	p := prometheus.NewRegistry()
	all := []prometheus.Collector{r.Collector()}
	if !sink.DisableCollectProcess {
		all = append(all, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	if !sink.DisableCollectGo {
		all = append(all, collectors.NewGoCollector())
	}
	for _, c := range all {
		if err := p.Register(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Collector returns weir's own statistics. Their names are weir_downstream_*
// (label listener), weir_route_* (router, virtual_host, route), weir_upstream_*
// (cluster), weir_upstream_host_* (cluster, host), and weir_* for the process.
// Counters end in _total; times are histograms in seconds.
func (r *Registry) Collector() prometheus.Collector {
	c := &collector{registry: r, descs: make(map[string]*prometheus.Desc)}
	for _, s := range []*schema{r.listeners, r.routes, r.clusters, r.hosts, r.calls} {
		for _, f := range s.zero.stats() {
			labels := s.labels
			if f.label != "" {
				labels = append(slices.Clip(labels), f.label)
			}
			c.describe(s.family(&f), f.help, labels)
		}
	}
	for _, v := range r.process {
		var labels []string
		if v.Label != "" {
			labels = []string{v.Label}
		}
		c.describe(v.family(), v.Help, labels)
	}
	return c
}

func (v *Value) family() string {
	if v.Counter {
		return "weir_" + strings.TrimSuffix(v.Key, "_total") + "_total"
	}
	return "weir_" + v.Key
}

// bounds are those of the published histograms.
var bounds = []time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute,
}

type collector struct {
	registry *Registry
	descs    map[string]*prometheus.Desc // by family
}

func (c *collector) describe(family, help string, labels []string) {
	if c.descs[family] == nil {
		c.descs[family] = prometheus.NewDesc(family, help, labels, nil)
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	m := c.registry.matcher.Load()
	for _, s := range c.registry.sets(m) {
		for _, f := range s.stats() {
			if !slices.Contains(m.ExclusionKeys, f.key) {
				c.send(to, s, &f)
			}
		}
	}
	for _, v := range c.registry.values(m) {
		kind, labels := prometheus.GaugeValue, []string(nil)
		if v.Counter {
			kind = prometheus.CounterValue
		}
		if v.Label != "" {
			labels = []string{strings.ToValidUTF8(v.LabelValue, "\ufffd")}
		}
		to <- prometheus.MustNewConstMetric(c.descs[v.family()], kind, float64(v.Read()), labels...)
	}
}

func (c *collector) send(to chan<- prometheus.Metric, s *set, f *stat) {
	desc, labels := c.descs[s.schema.family(f)], s.values
	switch v := f.at.(type) {
	case *uint64:
		if f.label != "" {
			if *v == 0 {
				return // Most statuses never occur.
			}
			labels = append(slices.Clip(labels), f.value)
		}
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(*v), labels...)
	case *int64:
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(*v), labels...)
	case *Histogram:
		buckets := make(map[float64]uint64, len(bounds))
		for i, n := range v.Below(bounds) {
			buckets[bounds[i].Seconds()] = n
		}
		to <- prometheus.MustNewConstHistogram(desc, v.Count(), float64(v.Sum())/1e9, buckets, labels...)
	}
}

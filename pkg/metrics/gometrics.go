package metrics

import (
	"math"

	gometrics "github.com/rcrowley/go-metrics"
)

// GoMetrics returns the statistics as go-metrics sinks take them, under names
// such as downstream.listener.X.request_total. They are read-only: each call
// that lists or gets them asks the workers and returns copies. Metrics that
// somebody else registers are kept beside.
func (r *Registry) GoMetrics() gometrics.Registry {
	return &goRegistry{Registry: gometrics.NewRegistry(), stats: r}
}

// goRegistry has the metrics of others in the embedded registry.
type goRegistry struct {
	gometrics.Registry
	stats *Registry
}

// Each visits all metrics.
func (g *goRegistry) Each(visit func(string, any)) {
	g.stats.each(func(set, key string, v any) {
		var metric any
		switch v := v.(type) {
		case uint64:
			metric = gometrics.CounterSnapshot(min(v, math.MaxInt64))
		case int64:
			metric = gometrics.GaugeSnapshot(v)
		case *Histogram:
			metric = goHistogram{v}
		}
		visit(set+"."+key, metric)
	})
	g.Registry.Each(visit)
}

// Get returns one metric, nil if there is none.
func (g *goRegistry) Get(name string) any {
	var found any
	g.Each(func(n string, metric any) {
		if n == name {
			found = metric
		}
	})
	return found
}

// GetAll returns the values of all metrics.
func (g *goRegistry) GetAll() map[string]map[string]any {
	all := gometrics.NewRegistry()
	// Of two with the same name the first is kept: weir's own.
	g.Each(func(name string, metric any) { _ = all.Register(name, metric) })
	return all.GetAll()
}

// GetOrRegister returns the metric of that name, made if there is none.
func (g *goRegistry) GetOrRegister(name string, metric any) any {
	if found := g.Get(name); found != nil {
		return found
	}
	return g.Registry.GetOrRegister(name, metric)
}

// Register adds a metric of somebody else.
func (g *goRegistry) Register(name string, metric any) error {
	if g.Get(name) != nil {
		return gometrics.DuplicateMetric(name)
	}
	return g.Registry.Register(name, metric)
}

// goHistogram shows a copy of a Histogram, in nanoseconds. As with the snapshots
// of go-metrics, changing it panics.
type goHistogram struct{ h *Histogram }

var _ gometrics.Histogram = goHistogram{}

func (g goHistogram) Clear()                        { panic("metrics: Clear called on a copy of a histogram") }
func (g goHistogram) Update(int64)                  { panic("metrics: Update called on a copy of a histogram") }
func (g goHistogram) Count() int64                  { return int64(min(g.h.Count(), math.MaxInt64)) }
func (g goHistogram) Max() int64                    { return g.h.Max().Nanoseconds() }
func (g goHistogram) Min() int64                    { return g.h.Min().Nanoseconds() }
func (g goHistogram) Sum() int64                    { return int64(min(g.h.Sum(), math.MaxInt64)) }
func (g goHistogram) Percentile(q float64) float64  { return float64(g.h.Quantile(q)) }
func (g goHistogram) Snapshot() gometrics.Histogram { return g }
func (g goHistogram) StdDev() float64               { return math.Sqrt(g.h.variance()) }
func (g goHistogram) Variance() float64             { return g.h.variance() }

// Sample returns an empty one: no values are kept, only their counts.
func (g goHistogram) Sample() gometrics.Sample { return gometrics.NilSample{} }

// Mean returns the mean; zero if there is nothing to take it of.
func (g goHistogram) Mean() float64 {
	return float64(g.h.Sum()) / max(1, float64(g.h.Count()))
}

// Percentiles returns several quantiles, each between 0 and 1.
func (g goHistogram) Percentiles(qs []float64) []float64 {
	values := make([]float64, len(qs))
	for i, q := range qs {
		values[i] = g.Percentile(q)
	}
	return values
}

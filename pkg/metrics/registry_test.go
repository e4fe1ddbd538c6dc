package metrics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	gometrics "github.com/rcrowley/go-metrics"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// twoWorkers is a Registry over two workers with something to add up.
func twoWorkers(matcher config.StatsMatcher) *Registry {
	a, b := NewWorker(), NewWorker()
	for i, w := range []*Worker{a, b} {
		n := uint64(i + 1)
		l := w.Listener("in")
		l.RequestTotal, l.RequestActive = n, int64(n)
		l.CountCode(200)
		l.CountCode(418)
		l.Latency.Record(time.Duration(n) * time.Millisecond)
		w.Route("r", "v", "root").RequestTotal = n
		w.Cluster("c").RequestRetry = n
		w.Host("c", "10.0.0.1:80").ConnectionTotal = n
		w.Call([]byte("a.B"), []byte("Get")).CountStatus(14)
	}
	b.Listener("only \"b\"\n").ConnectionRejected = 7
	return NewRegistry(Options{
		Collect: func() []*Snapshot { return []*Snapshot{a.Copy(), b.Copy()} },
		Process: []Value{
			{Key: "start_time_seconds", Help: "When.", Read: func() int64 { return 1234 }},
			{Key: "reload_total", Help: "Loads.", Label: "result", LabelValue: "ok", Counter: true, Read: func() int64 { return 5 }},
			{Key: "reload_total", Help: "Loads.", Label: "result", LabelValue: "failed", Counter: true, Read: func() int64 { return 1 }},
		},
		Matcher: matcher,
	})
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := twoWorkers(config.StatsMatcher{}).WriteJSON(&out, nil); err != nil {
		t.Fatal(err)
	}
	var page map[string]map[string]float64
	if err := json.Unmarshal(out.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"downstream.listener.in|request_total":                        3,
		"downstream.listener.in|request_active":                       3,
		"downstream.listener.in|request_200_total":                    2,
		"downstream.listener.in|request_2xx_total":                    2,
		"downstream.listener.in|request_4xx_total":                    2,
		"downstream.listener.in|request_other_code":                   2,
		"downstream.listener.in|request_time_total":                   3e6,
		"downstream.listener.in|request_time.min":                     1e6,
		"downstream.listener.in|request_time.max":                     2e6,
		"downstream.listener.in|request_time.99.00%":                  2e6,
		"downstream.listener.in|process_time.max":                     0,
		"downstream.listener.only \"b\"\n|connection_rejected":        7,
		"downstream.router.r.virtual_host.v.route.root|request_total": 3,
		"upstream.cluster.c|request_retry":                            3,
		"upstream.cluster.c.host.10.0.0.1:80|connection_total":        3,
		"upstream.cluster.c.host.10.0.0.1:80|connection_bytes_write":  0,
		"process|start_time_seconds":                                  1234,
		"process|reload_total.result.ok":                              5,
		"process|reload_total.result.failed":                          1,
	} {
		set, key, _ := strings.Cut(name, "|")
		if got, ok := page[set][key]; !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, want)
		}
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	keep := func(set, key string) bool {
		return strings.HasPrefix(key, "connection_re") && strings.HasPrefix(set, "downstream")
	}
	if err := twoWorkers(config.StatsMatcher{}).WriteText(&out, keep); err != nil {
		t.Fatal(err)
	}
	want := "downstream.listener.in.connection_rejected: 0\n" +
		`downstream.listener.only \"b\"\n.connection_rejected: 7` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPrometheus(t *testing.T) {
	families := exposition(t, twoWorkers(config.StatsMatcher{}))
	for name, want := range map[string]float64{
		`weir_downstream_request_total{listener="in"}`:                        3,
		`weir_downstream_request_active{listener="in"}`:                       3,
		`weir_downstream_connection_destroy_total{listener="in"}`:             0,
		`weir_downstream_connection_rejected_total{listener="only \"b\"\n"}`:  7,
		`weir_downstream_response_code_total{code="200",listener="in"}`:       2,
		`weir_downstream_response_code_total{code="other",listener="in"}`:     2,
		`weir_downstream_response_total{class="4xx",listener="in"}`:           2,
		`weir_route_request_total{route="root",router="r",virtual_host="v"}`:  3,
		`weir_upstream_request_retry_total{cluster="c"}`:                      3,
		`weir_upstream_host_connection_total{cluster="c",host="10.0.0.1:80"}`: 3,
		`weir_start_time_seconds{}`:                                           1234,
		`weir_reload_total{result="failed"}`:                                  1,
	} {
		if got, ok := families[name]; !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, want)
		}
	}
	if _, ok := families[`weir_downstream_response_code_total{code="404",listener="in"}`]; ok {
		t.Error("a status that never occurred is published")
	}
	for le, want := range map[string]float64{"0.0005": 0, "0.0025": 2, "60": 2, "+Inf": 2} {
		name := `weir_downstream_request_time_seconds{le="` + le + `",listener="in"}`
		if got, ok := families[name]; !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, want)
		}
	}
	if got := families[`weir_downstream_request_time_seconds_sum{listener="in"}`]; math.Abs(got-0.003) > 1e-12 {
		t.Errorf("a sum of %v seconds, want 0.003", got)
	}
}

// exposition gathers in the strictest way there is, writes the page, parses it
// again with Prometheus's own parser, and returns all values by name and labels.
func exposition(t *testing.T, r *Registry) map[string]float64 {
	t.Helper()
	p := prometheus.NewPedanticRegistry()
	if err := p.Register(r.Collector()); err != nil {
		t.Fatal(err)
	}
	gathered, err := p.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	for _, f := range gathered {
		if _, err := expfmt.MetricFamilyToText(&page, f); err != nil {
			t.Fatal(err)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&page)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for name, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			of := strings.Join(labels, ",")
			switch {
			case m.Counter != nil:
				all[name+"{"+of+"}"] = m.Counter.GetValue()
			case m.Gauge != nil:
				all[name+"{"+of+"}"] = m.Gauge.GetValue()
			case m.Histogram != nil:
				for _, b := range m.Histogram.Bucket {
					all[fmt.Sprintf(`%s{le="%v",%s}`, name, b.GetUpperBound(), of)] = float64(b.GetCumulativeCount())
				}
				all[name+"_sum{"+of+"}"] = m.Histogram.GetSampleSum()
			}
		}
	}
	return all
}

func TestPrometheusSink(t *testing.T) {
	for _, c := range []struct {
		sink             config.PrometheusSink
		process, runtime bool
	}{
		{config.PrometheusSink{}, true, true},
		{config.PrometheusSink{DisableCollectProcess: true, DisableCollectGo: true}, false, false},
	} {
		g, err := twoWorkers(config.StatsMatcher{}).Prometheus(&c.sink)
		if err != nil {
			t.Fatal(err)
		}
		families, err := g.Gather()
		if err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		for _, f := range families {
			names[f.GetName()] = true
		}
		if names["process_open_fds"] != c.process || names["go_goroutines"] != c.runtime || !names["weir_downstream_request_total"] {
			t.Errorf("%+v: %v", c.sink, names)
		}
	}
}

func TestStatsMatcher(t *testing.T) {
	for _, c := range []struct {
		matcher    config.StatsMatcher
		gone, left []string
	}{
		{config.StatsMatcher{RejectAll: true}, []string{"weir_"}, nil},
		{config.StatsMatcher{ExclusionLabels: []string{"host", "result"}}, []string{"weir_upstream_host_", "weir_reload_total"},
			[]string{"weir_upstream_request_total", "weir_start_time_seconds"}},
		{config.StatsMatcher{ExclusionLabels: []string{"cluster"}}, []string{"weir_upstream_"}, []string{"weir_downstream_"}},
		{config.StatsMatcher{ExclusionKeys: []string{"request_total", "request_time", "request_200_total", "start_time_seconds"}},
			[]string{"weir_downstream_request_total", "weir_upstream_request_total", "weir_downstream_request_time", "weir_start_time",
				`weir_downstream_response_code_total{code="200"`},
			[]string{"weir_downstream_request_active", `weir_downstream_response_code_total{code="other"`}},
	} {
		r := twoWorkers(config.StatsMatcher{})
		r.SetMatcher(c.matcher)
		all := exposition(t, r)
		count := func(prefix string) (n int) {
			for name := range all {
				if strings.HasPrefix(name, prefix) {
					n++
				}
			}
			return n
		}
		for _, prefix := range c.gone {
			if n := count(prefix); n != 0 {
				t.Errorf("%+v: %d of %s are left", c.matcher, n, prefix)
			}
		}
		for _, prefix := range c.left {
			if count(prefix) == 0 {
				t.Errorf("%+v: %s is gone", c.matcher, prefix)
			}
		}
		var out bytes.Buffer
		if err := r.WriteJSON(&out, nil); err != nil {
			t.Fatal(err)
		}
		if c.matcher.RejectAll && strings.TrimSpace(out.String()) != "{}" {
			t.Errorf("%s", out.String())
		}
	}
}

// TestInvalidNames: names that do not differ as UTF-8 are one, and break no
// page.
func TestInvalidNames(t *testing.T) {
	w := NewWorker()
	w.Cluster("a\xff").RequestTotal = 1
	w.Cluster("a\xfe").RequestTotal = 2
	all := exposition(t, NewRegistry(Options{Collect: func() []*Snapshot { return []*Snapshot{w.Copy()} }}))
	if got := all["weir_upstream_request_total{cluster=\"a\ufffd\"}"]; got != 3 {
		t.Errorf("%v, want 3", got)
	}
}

func TestGoMetrics(t *testing.T) {
	g := twoWorkers(config.StatsMatcher{}).GoMetrics()
	if c, ok := g.Get("downstream.listener.in.request_total").(gometrics.Counter); !ok || c.Count() != 3 {
		t.Errorf("%v", c)
	}
	if v, ok := g.Get("downstream.listener.in.request_active").(gometrics.Gauge); !ok || v.Value() != 3 {
		t.Errorf("%v", v)
	}
	h, ok := g.Get("downstream.listener.in.request_time").(gometrics.Histogram)
	if !ok {
		t.Fatal("no histogram")
	}
	if h.Count() != 2 || h.Sum() != 3e6 || h.Min() != 1e6 || h.Max() != 2e6 || h.Mean() != 1.5e6 || h.Percentiles([]float64{1})[0] != 2e6 {
		t.Errorf("%+v", h)
	}
	if d := h.StdDev(); d < 0.4e6 || d > 0.7e6 {
		t.Errorf("a standard deviation of %v of 1 and 2 ms", d)
	}
	if err := g.Register("downstream.listener.in.request_total", gometrics.NewCounter()); err == nil {
		t.Error("a name of weir's own was taken")
	}
	own := gometrics.NewCounter()
	if err := g.Register("mine", own); err != nil || g.Get("mine") != own || g.GetOrRegister("mine", gometrics.NewCounter()) != own {
		t.Errorf("another's metric is not kept: %v", err)
	}
	all := g.GetAll()
	if all["mine"]["count"] != int64(0) || all["process.reload_total.result.ok"]["count"] != int64(5) || all["downstream.listener.in.request_time"]["max"] != int64(2e6) {
		t.Errorf("%v", all["mine"])
	}
}

// TestEveryFieldIsPublished: no field of the statistics is forgotten, and merging
// adds every one.
func TestEveryFieldIsPublished(t *testing.T) {
	for _, s := range []struct{ stats, twice statistics }{
		{&ListenerStats{}, &ListenerStats{}}, {&RouteStats{}, &RouteStats{}}, {&CallStats{}, &CallStats{}},
		{&ClusterStats{}, &ClusterStats{}}, {&HostStats{}, &HostStats{}},
	} {
		keys, places := make(map[string]bool), make(map[any]bool)
		for i, f := range s.stats.stats() {
			keys[f.key], places[f.at] = true, true
			if f.help == "" {
				t.Errorf("%T: %s has no help", s.stats, f.key)
			}
			switch p := f.at.(type) {
			case *uint64:
				*p = uint64(i + 1)
			case *int64:
				*p = int64(i + 1)
			case *Histogram:
				p.Record(time.Duration(i + 1))
			}
		}
		n := 0
		for _, f := range reflect.VisibleFields(reflect.TypeOf(s.stats).Elem()) {
			switch {
			case f.Anonymous:
			case f.Type.Kind() == reflect.Array:
				n += f.Type.Len()
			default:
				n++
			}
		}
		if len(keys) != n || len(places) != n {
			t.Errorf("%T has %d fields; %d of them are published, under %d keys", s.stats, n, len(places), len(keys))
		}
		merge(s.twice, s.stats)
		merge(s.twice, s.stats)
		for i, f := range s.twice.stats() {
			sum := uint64(2 * (i + 1))
			switch p := f.at.(type) {
			case *uint64:
				if *p != sum {
					t.Errorf("%T: %s is %d, want %d", s.stats, f.key, *p, sum)
				}
			case *int64:
				if *p != int64(sum) {
					t.Errorf("%T: %s is %d, want %d", s.stats, f.key, *p, sum)
				}
			case *Histogram:
				if p.Sum() != sum {
					t.Errorf("%T: %s is %d, want %d", s.stats, f.key, p.Sum(), sum)
				}
			}
		}
	}
}

func TestCountCode(t *testing.T) {
	for _, c := range []struct {
		status int
		want   Codes
	}{
		{200, Codes{Class2xx: 1, Code200: 1}}, {206, Codes{Class2xx: 1, Code206: 1}}, {302, Codes{Class3xx: 1, Code302: 1}},
		{304, Codes{Class3xx: 1, Code304: 1}}, {400, Codes{Class4xx: 1, Code400: 1}}, {403, Codes{Class4xx: 1, Code403: 1}},
		{404, Codes{Class4xx: 1, Code404: 1}}, {416, Codes{Class4xx: 1, Code416: 1}}, {499, Codes{Class4xx: 1, Code499: 1}},
		{500, Codes{Class5xx: 1, Code500: 1}}, {502, Codes{Class5xx: 1, Code502: 1}}, {503, Codes{Class5xx: 1, Code503: 1}},
		{504, Codes{Class5xx: 1, Code504: 1}}, {101, Codes{Class1xx: 1, CodeOther: 1}}, {201, Codes{Class2xx: 1, CodeOther: 1}},
		{0, Codes{CodeOther: 1}}, {999, Codes{CodeOther: 1}}, {-1, Codes{CodeOther: 1}},
	} {
		var got Codes
		got.CountCode(c.status)
		if got != c.want {
			t.Errorf("%d: %+v", c.status, got)
		}
	}
}

func TestMarkAndSweep(t *testing.T) {
	w := NewWorker()
	stays, goes := w.Listener("stays"), w.Listener("goes")
	w.Route("r", "v", "a")
	w.Cluster("c")
	w.Host("c", "h")
	stays.RequestTotal, goes.RequestTotal = 1, 1
	w.Mark()
	if w.Listener("stays") != stays {
		t.Error("the same name has two statistics")
	}
	w.Sweep()
	goes.RequestTotal++ // by a connection that is still draining
	s := w.Copy()
	if len(s.Listeners) != 1 || s.Listeners["stays"].RequestTotal != 1 || len(s.Routes) != 0 || len(s.Clusters) != 1 || len(s.Hosts) != 1 {
		t.Errorf("%+v", s)
	}
	w.ForgetHost("c", "h")
	w.ForgetCluster("c")
	if s := w.Copy(); len(s.Clusters) != 0 || len(s.Hosts) != 0 {
		t.Errorf("of the cluster there are %+v", s)
	}
	if w.Listener("goes").RequestTotal != 0 {
		t.Error("counts came back")
	}
}

// TestCopyWhileCounting runs workers as they are run: each counts on a goroutine
// of its own, and copies there when asked. The race detector is the judge.
func TestCopyWhileCounting(t *testing.T) {
	const workers, requests = 3, 20_000
	asks := make([]chan chan *Snapshot, workers)
	var counting, serving sync.WaitGroup
	over := make(chan struct{})
	for i := range asks {
		asks[i] = make(chan chan *Snapshot)
		w := NewWorker()
		counting.Add(1)
		serving.Go(func() {
			l := w.Listener("in")
			for range requests {
				l.RequestTotal++
				l.Latency.Record(time.Millisecond)
				w.Host("c", "h").Latency.Record(time.Second)
				select {
				case answer := <-asks[i]:
					answer <- w.Copy()
				default:
				}
			}
			counting.Done()
			for {
				select {
				case answer := <-asks[i]:
					answer <- w.Copy()
				case <-over:
					return
				}
			}
		})
	}
	r := NewRegistry(Options{Collect: func() (all []*Snapshot) {
		for _, ask := range asks {
			answer := make(chan *Snapshot)
			ask <- answer
			all = append(all, <-answer)
		}
		return all
	}})
	g := r.GoMetrics()
	var last int64
	for range 50 {
		now := g.Get("downstream.listener.in.request_total").(gometrics.Counter).Count()
		if now < last {
			t.Errorf("a counter fell from %d to %d", last, now)
		}
		last = now
	}
	counting.Wait()
	all := exposition(t, r)
	close(over)
	serving.Wait()
	if n := all[`weir_downstream_request_total{listener="in"}`]; n != workers*requests {
		t.Errorf("%v requests, want %d", n, workers*requests)
	}
	if n := all[`weir_upstream_host_request_duration_time_seconds{le="+Inf",cluster="c",host="h"}`]; n != workers*requests {
		t.Errorf("%v times, want %d", n, workers*requests)
	}
}

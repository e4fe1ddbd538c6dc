package fault_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

const always = `{"delay": {"fixed_delay": "50ms", "percentage": 100}, "abort": {"status": 503, "percentage": 100}}`

// outcome is what became of a request.
type outcome struct {
	Delay   time.Duration // until it was forwarded or answered
	Status  int           // 0: it was forwarded
	Flags   string
	Control bool // a control header was forwarded
}

// send sends a request and sees what becomes of it within a minute.
func send(x *filtertest.Exchange, method string, fields ...string) outcome {
	x.RequestHead(method, "/", true, fields...)
	for x.Upstream.Head == nil && len(x.Replies) == 0 && x.Worker.Now() < time.Minute {
		x.Worker.Advance(time.Millisecond)
	}
	o := outcome{Delay: x.Worker.Now(), Flags: x.Info.Flags.String()}
	if len(x.Replies) > 0 {
		o.Status = x.Replies[0].Status
	} else {
		_, delay := x.Upstream.Head.Get("X-Weir-Fault-Delay")
		_, abort := x.Upstream.Head.Get("X-Weir-Fault-Abort")
		o.Control = delay || abort
	}
	return o
}

func TestFaults(t *testing.T) {
	const (
		delay   = `"delay": {"fixed_delay": "50ms", "percentage": 100}`
		abort   = `"abort": {"status": 503, "percentage": 100}`
		control = `{"header_control": true}`
	)
	passes := outcome{Flags: "-"}
	aborts := outcome{Status: 503, Flags: "FI"}
	tests := []struct {
		name    string
		config  string
		cluster string
		method  string
		fields  []string
		want    outcome
	}{
		{name: "nothing configured", config: "", want: passes},
		{name: "delay", config: `{` + delay + `}`, want: outcome{Delay: 50 * time.Millisecond, Flags: "DI"}},
		{name: "abort", config: `{` + abort + `}`, want: aborts},
		{name: "delay, then abort", config: always, want: outcome{50 * time.Millisecond, 503, "DI,FI", false}},
		{name: "0 percent", config: `{"abort": {"status": 503, "percentage": 0}}`, want: passes},

		{name: "cluster", config: `{"upstream_cluster": "a", ` + abort + `}`, cluster: "a", want: aborts},
		{name: "another cluster", config: `{"upstream_cluster": "a", ` + abort + `}`, cluster: "b", want: passes},

		{name: "header", config: `{"headers": [{"name": "user", "value": "ann"}], ` + abort + `}`, fields: []string{"User", "ann"}, want: aborts},
		{name: "header with another value", config: `{"headers": [{"name": "user", "value": "ann"}], ` + abort + `}`, fields: []string{"User", "anna"}, want: passes},
		{name: "header that is missing", config: `{"headers": [{"name": "user"}], ` + abort + `}`, want: passes},
		{name: "header without a value", config: `{"headers": [{"name": "user", "value": ""}], ` + abort + `}`, fields: []string{"USER", ""}, want: aborts},
		{name: "header with a value", config: `{"headers": [{"name": "user", "value": ""}], ` + abort + `}`, fields: []string{"USER", "x"}, want: passes},
		{name: "header with any value", config: `{"headers": [{"name": "user", "value": ".*", "regex": true}], ` + abort + `}`, fields: []string{"USER", "x"}, want: aborts},
		{name: "pattern", config: `{"headers": [{"name": "user", "value": "a|b+", "regex": true}], ` + abort + `}`, fields: []string{"user", "bb"}, want: aborts},
		{name: "pattern of a part", config: `{"headers": [{"name": "user", "value": "a|b+", "regex": true}], ` + abort + `}`, fields: []string{"user", "xbbc"}, want: aborts},
		{name: "pattern of the whole", config: `{"headers": [{"name": "user", "value": "^(a|b+)$", "regex": true}], ` + abort + `}`, fields: []string{"user", "bba"}, want: passes},
		{name: "quoting without end", config: `{"headers": [{"name": "user", "value": "\\Qa)", "regex": true}], ` + abort + `}`, fields: []string{"user", "a)"}, want: aborts},
		{name: "method", config: `{"headers": [{"name": "Method", "value": "PUT"}], ` + abort + `}`, method: "PUT", want: aborts},
		{name: "another method", config: `{"headers": [{"name": "method", "value": "PUT"}], ` + abort + `}`, fields: []string{"method", "PUT"}, want: passes},
		{name: "one of two headers", config: `{"headers": [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}], ` + abort + `}`, fields: []string{"a", "1"}, want: passes},
		{name: "two headers", config: `{"headers": [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}], ` + abort + `}`, fields: []string{"b", "1", "a", "1"}, want: aborts},

		{name: "asked without permission", config: `{}`, fields: []string{"x-weir-fault-abort", "418"}, want: outcome{Flags: "-", Control: true}},
		{name: "asked for nothing", config: control, want: passes},
		{name: "asked for a delay", config: control, fields: []string{"x-weir-fault-delay", "70ms"}, want: outcome{Delay: 70 * time.Millisecond, Flags: "DI"}},
		{name: "asked for a long delay", config: `{"header_control": true, "max_delay": "90ms"}`, fields: []string{"x-weir-fault-delay", "1h"}, want: outcome{Delay: 90 * time.Millisecond, Flags: "DI"}},
		{name: "asked for an abort", config: control, fields: []string{"X-Weir-Fault-Abort", "418"}, want: outcome{Status: 418, Flags: "FI"}},
		{name: "asked for both", config: control, fields: []string{"X-Weir-Fault-Delay", "5ms", "X-Weir-Fault-Abort", "418"}, want: outcome{5 * time.Millisecond, 418, "DI,FI", false}},
		{name: "asked for no sense", config: control, fields: []string{"X-Weir-Fault-Delay", "-5ms", "X-Weir-Fault-Abort", "99"}, want: passes},
		{name: "asked twice", config: control, fields: []string{"X-Weir-Fault-Delay", "x", "X-Weir-Fault-Delay", "9s"}, want: passes},
		{name: "asked, at 0 percent", config: `{"header_control": true, "abort": {"percentage": 0}}`, fields: []string{"X-Weir-Fault-Abort", "418"}, want: passes},
		{name: "asked in place of what is fixed", config: `{"header_control": true, ` + abort + `}`, fields: []string{"X-Weir-Fault-Abort", "418"}, want: outcome{Status: 418, Flags: "FI"}},
		{name: "asked for no delay in place of a fixed one", config: `{"header_control": true, ` + delay + `}`, fields: []string{"X-Weir-Fault-Delay", "0s"}, want: passes},
		{name: "asked by one whom faults are not for", config: `{"header_control": true, "headers": [{"name": "user"}]}`, fields: []string{"X-Weir-Fault-Abort", "418"}, want: passes},
		{name: "not asked, but fixed", config: `{"header_control": true, ` + abort + `}`, want: aborts},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t, filtertest.Make(t, fault.Make, tt.config))
			x.Info.Cluster = tt.cluster
			if tt.method == "" {
				tt.method = "GET"
			}
			if diff := cmp.Diff(tt.want, send(x, tt.method, tt.fields...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAbortSays(t *testing.T) {
	x := filtertest.New(t, filtertest.Make(t, fault.Make, `{"abort": {"status": 429, "percentage": 100}}`))
	x.RequestHead("POST", "/", false)
	x.RequestData("discarded", true)
	if x.Downstream.Head.Status != 429 || string(x.Downstream.Body) != "fault injected\n" || !x.Downstream.Ended {
		t.Errorf("answered %d %q", x.Downstream.Head.Status, x.Downstream.Body)
	}
	if x.Upstream.Head != nil {
		t.Error("the request was forwarded")
	}
}

// TestPercentages draws once from each hundredth of all random numbers, at its
// first and at its last one.
func TestPercentages(t *testing.T) {
	const hundredth = 1<<64/100 + 1
	for percent, config := range map[int]string{
		0:   `{"abort": {"status": 503, "percentage": 0}}`,
		1:   `{"abort": {"status": 503, "percentage": 1}}`,
		50:  `{"abort": {"status": 503, "percentage": 50}}`,
		99:  `{"abort": {"status": 503, "percentage": 99}}`,
		100: `{"abort": {"status": 503, "percentage": 100}}`,
	} {
		f := filtertest.Make(t, fault.Make, config)
		for _, offset := range []uint64{0, 1<<64/100 - 100} {
			hit := 0
			for i := range uint64(100) {
				x := filtertest.New(t, f)
				x.Rand = func() uint64 { return i*hundredth + offset }
				hit += len(send(x, "GET").Flags) - 1 // "FI" or "-"
			}
			if hit != percent {
				t.Errorf("%d percent: %d of 100 were hit", percent, hit)
			}
		}
	}
}

// TestDelayEndsWithItsStream is about a client that does not wait.
func TestDelayEndsWithItsStream(t *testing.T) {
	x := filtertest.New(t, filtertest.Make(t, fault.Make, always))
	x.RequestHead("GET", "/", true)
	if x.Worker.Timers() != 1 {
		t.Fatalf("%d timers are set during a delay", x.Worker.Timers())
	}
	x.Finish()
	if x.Worker.Timers() != 0 {
		t.Error("the delay goes on without its stream")
	}
	x.Worker.Advance(time.Minute)
	if len(x.Replies) != 0 {
		t.Error("a stream was answered that is over")
	}
}

// TestRouteOverride replaces the listener's filter by a route's.
func TestRouteOverride(t *testing.T) {
	listener := filtertest.Make(t, fault.Make, "")
	route := filtertest.Make(t, fault.Make, always)
	chain := filter.Chain{filter.NewLink("fault", listener)}
	for _, tt := range []struct {
		chain filter.Chain
		want  outcome
	}{
		{chain, outcome{Flags: "-"}},
		{chain.Replace(map[string]filter.Filter{"fault": route}), outcome{50 * time.Millisecond, 503, "DI,FI", false}},
	} {
		x := filtertest.New(t, tt.chain[0].Filter)
		if diff := cmp.Diff(tt.want, send(x, "GET")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestConformance(t *testing.T) {
	asks := func(h *stream.Head) { h.Add("X-Weir-Fault-Delay", "3ms") }
	for _, tt := range []struct {
		name, config string
		request      func(*stream.Head)
	}{
		{"hits nothing", `{"delay": {"fixed_delay": "5ms", "percentage": 0}, "headers": [{"name": "method", "value": "P.*", "regex": true}]}`, nil},
		{"delays", `{"delay": {"fixed_delay": "5ms", "percentage": 100}}`, nil},
		{"delays and aborts", always, nil},
		{"delays some", `{"delay": {"fixed_delay": "5ms", "percentage": 50}, "abort": {"status": 503, "percentage": 20}}`, nil},
		{"asked", `{"header_control": true}`, asks},
		{"not asked", `{"header_control": true}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newFilter := func() filter.Filter { return filtertest.Make(t, fault.Make, tt.config) }
			filtertest.Run(t, newFilter, filtertest.Options{Request: tt.request, Stateless: true})
		})
	}
}

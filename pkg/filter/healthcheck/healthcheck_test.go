package healthcheck_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/filter/healthcheck"
	"github.com/weirproxy/weir/pkg/stream"
)

// outcome is what became of a request.
type outcome struct {
	Status  int // 0: it was forwarded
	Body    string
	Flags   string
	Forward bool // a host is to answer the heartbeat
}

func outcomeOf(x *filtertest.Exchange) outcome {
	o := outcome{Flags: x.Info.Flags.String()}
	if len(x.Replies) > 0 {
		o.Status, o.Body = x.Replies[0].Status, x.Replies[0].Body
		return o
	}
	o.Forward = x.Upstream.Head.RPC.Forward
	return o
}

func TestHealthchecks(t *testing.T) {
	const endpoint = `{"endpoint": "/health"}`
	passes := outcome{Flags: "-"}
	alive := outcome{Status: 200, Body: "alive\n", Flags: "-"}
	fails := outcome{Status: 503, Body: "draining\n", Flags: "DT"}
	tests := []struct {
		name     string
		config   string
		path     string // of a request; "": it is a heartbeat
		draining bool
		want     outcome
	}{
		{name: "heartbeat", want: alive},
		{name: "heartbeat, with an endpoint", config: endpoint, want: alive},
		{name: "heartbeat passes through", config: `{"pass_through": true}`, want: outcome{Flags: "-", Forward: true}},
		{name: "heartbeat in a drain", draining: true, want: alive},
		{name: "heartbeat fails in a drain", config: `{"fail_on_drain": true}`, draining: true, want: fails},
		{name: "heartbeat would fail in a drain", config: `{"fail_on_drain": true}`, want: alive},

		{name: "HTTP without an endpoint", path: "/health", want: passes},
		{name: "HTTP", config: endpoint, path: "/health", want: alive},
		{name: "HTTP with a query", config: endpoint, path: "/health?full=1", want: alive},
		{name: "HTTP with an empty query", config: endpoint, path: "/health?", want: alive},
		{name: "HTTP in another case", config: endpoint, path: "/Health", want: passes},
		{name: "HTTP below the endpoint", config: endpoint, path: "/health/x", want: passes},
		{name: "HTTP above the endpoint", config: endpoint, path: "/", want: passes},
		{name: "HTTP passes through", config: `{"endpoint": "/health", "pass_through": true}`, path: "/health", want: passes},
		{name: "HTTP in a drain", config: endpoint, path: "/health", draining: true, want: alive},
		{name: "HTTP fails in a drain", config: `{"endpoint": "/health", "fail_on_drain": true}`, path: "/health", draining: true, want: fails},
		{name: "another request in a drain", config: `{"endpoint": "/health", "fail_on_drain": true}`, path: "/", draining: true, want: passes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := filtertest.New(t, filtertest.Make(t, healthcheck.Make, tt.config))
			x.Draining = tt.draining
			if tt.path == "" {
				x.Heartbeat()
			} else {
				x.RequestHead("GET", tt.path, true)
			}
			if diff := cmp.Diff(tt.want, outcomeOf(x)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestRPCRequest: the path of an RPC request, made of service and method, is not an
// endpoint of HTTP.
func TestRPCRequest(t *testing.T) {
	f := filtertest.Make(t, healthcheck.Make, `{"endpoint": "/health/check"}`)
	for kind, want := range map[stream.Kind]int{stream.KindHTTP: 1, stream.KindRequest: 0, stream.KindOneWay: 0} {
		x := filtertest.New(t, f)
		var h stream.Head
		h.RPC.Kind = kind
		h.SetPath([]byte("/health/check"))
		x.Stream().Head(filter.RequestDirection, &h, true)
		if len(x.Replies) != want {
			t.Errorf("kind %d: answered %d times, want %d", kind, len(x.Replies), want)
		}
	}
}

// TestSeesHeartbeats: heartbeats reach the filters of a chain that has the filter,
// and of no other.
func TestSeesHeartbeats(t *testing.T) {
	health := filter.NewLink("healthcheck", filtertest.Make(t, healthcheck.Make, ""))
	other := filter.NewLink("other", otherFilter{})
	for _, c := range []struct {
		chain filter.Chain
		want  bool
	}{
		{nil, false}, {filter.Chain{other}, false}, {filter.Chain{health}, true}, {filter.Chain{other, health}, true},
	} {
		if got := c.chain.SeesHeartbeats(); got != c.want {
			t.Errorf("%v: %v", c.chain, got)
		}
	}
}

type otherFilter struct{}

func (otherFilter) Attach(*filter.Stream) (filter.Request, filter.Response) { return nil, nil }

func TestConformance(t *testing.T) {
	heartbeat := func(h *stream.Head) { h.RPC.Kind = stream.KindHeartbeat }
	asks := func(h *stream.Head) { h.SetPath([]byte("/health")) }
	for _, tt := range []struct {
		name, config string
		request      func(*stream.Head)
	}{
		{"other requests", `{"endpoint": "/health"}`, nil},
		{"heartbeats", "", heartbeat},
		{"heartbeats that pass", `{"pass_through": true}`, heartbeat},
		{"requests for the endpoint", `{"endpoint": "/health"}`, asks},
		{"requests for the endpoint that pass", `{"endpoint": "/health", "pass_through": true}`, asks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newFilter := func() filter.Filter { return filtertest.Make(t, healthcheck.Make, tt.config) }
			filtertest.Run(t, newFilter, filtertest.Options{Request: tt.request, Stateless: true})
		})
	}
}

package proxy

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// sieves are policies of which each tells by a suspicion that there was an outcome of
// its kind.
var sieves = []struct{ name, policy string }{
	{"5xx", `"consecutive_5xx":1,"consecutive_gateway_failure":0`},
	{"gateway", `"consecutive_5xx":0,"consecutive_gateway_failure":1,"enforcing_consecutive_gateway_failure":100`},
	{"local", `"consecutive_5xx":0,"consecutive_local_origin_failure":1,"split_external_local_origin_errors":true`},
	{"twice", `"consecutive_5xx":2,"consecutive_gateway_failure":0`}, // which none may be
}

// What the sieves say of each outcome. Of none and of a success they say nothing.
const (
	serverError  = "5xx"
	gatewayError = "5xx gateway"
	localError   = "5xx gateway local"
	nothing      = ""
)

func outliers(policy string) string { return `,"outlier_detection":{` + policy + `}` }

// event is something that happens to requests.
type event struct {
	name  string
	kinds []kind
	plan  plan
	do    func(w *world, k kind)
	want  string
	good  bool // with want nothing: a success, not none

	exceptions bool // they count
}

// throw has a method throw an exception, which the client gets.
func throw(w *world, k kind) {
	from := w.ask()
	w.asked().reply <- answer{status: k.ok(), body: "oh", exception: true}
	w.expect(from, k.ok(), "oh")
	if st := w.clusterStats(); st.ResponseException != 1 || st.ResponseSuccess == 0 || st.RequestRetry != 0 {
		w.t.Errorf("%d exceptions, %d successes, %d retries", st.ResponseException, st.ResponseSuccess, st.RequestRetry)
	}
	w.on(func() {
		if c := w.w.Stats.Listener("main").Codes; c.Class2xx != 1 {
			w.t.Errorf("it is in no class of the good: %+v", c)
		}
	})
}

func one(status func(k kind) int) func(w *world, k kind) {
	return func(w *world, k kind) {
		from := w.ask()
		w.asked().answer(status(k), "")
		w.got(from)
	}
}

var web = []kind{kindHTTP1, kindHTTP2}

var events = []event{
	{name: "an answer", do: one(kind.ok), good: true},
	{name: "an error", do: one(kind.failed), want: serverError},
	{name: "no room", do: one(kind.busy), want: gatewayError},
	{name: "the client's fault", kinds: web, do: one(func(kind) int { return 404 }), good: true},
	{name: "not implemented", kinds: []kind{kindGRPC}, do: one(func(kind) int { return 12 }), good: true},
	{name: "unknown", kinds: []kind{kindGRPC}, do: one(func(kind) int { return 2 }), want: serverError},
	{name: "a reset", want: localError, do: func(w *world, _ kind) {
		from := w.ask()
		w.asked().reset()
		w.got(from)
	}},
	{name: "a reset in the middle", kinds: web, want: localError, do: func(w *world, _ kind) {
		from := w.ask()
		more := make(chan string, 1)
		w.asked().reply <- answer{status: 200, body: "begins", more: more}
		w.until("it has begun", func() bool { return w.w.Stats.Cluster("c").ResponseSuccess == 1 })
		more <- breaks
		w.got(from)
	}},
	{name: "no connection, and none again", plan: plan{dead: 1}, want: localError + " twice", do: func(w *world, _ kind) { w.got(w.ask()) }},
	{name: "no answer in time", want: localError, do: func(w *world, _ kind) {
		from := w.ask()
		w.asked()
		w.forward(11 * time.Second)
		w.got(from)
	}},
	{name: "no answer in a try's time", want: localError,
		plan: plan{hosts: 1, route: `,"retry_policy":{"retry_on":true,"num_retries":0,"retry_timeout":"1s"}`},
		do: func(w *world, _ kind) {
			from := w.ask()
			w.asked()
			w.forward(11 * time.Second)
			w.got(from)
		}},
	{name: "the client has gone", do: func(w *world, _ kind) {
		ctx, cancel := context.WithCancel(w.t.Context())
		w.client.ask(ctx, request{method: "GET"})
		w.asked()
		cancel()
		w.settled()
		w.client.close()
		w.client = newClient(w.t, w)
	}},
	{name: "the client has gone while it is answered", kinds: web, good: true, do: func(w *world, _ kind) {
		ctx, cancel := context.WithCancel(w.t.Context())
		w.client.ask(ctx, request{method: "GET"})
		w.asked().reply <- answer{status: 200, body: "begins", more: make(chan string)}
		w.until("it has begun", func() bool { return w.w.Stats.Cluster("c").ResponseSuccess == 1 })
		cancel()
		w.settled()
	}},
	{name: "the client is slower than its deadline", kinds: []kind{kindGRPC}, do: func(w *world, _ kind) {
		up := w.upload(map[string]string{"Grpc-Timeout": "5S"})
		up.slowly(6)
		w.got(up.from)
	}},
	{name: "the client waits for its deadline", kinds: []kind{kindGRPC}, want: localError, do: func(w *world, _ kind) {
		up := w.upload(map[string]string{"Grpc-Timeout": "5S"})
		up.slowly(1)
		w.forward(5 * time.Second)
		w.got(up.from)
	}},
	{name: "the deadline of a stream that is answered", kinds: []kind{kindGRPC}, good: true, do: func(w *world, _ kind) {
		from := w.client.ask(w.t.Context(), request{method: "POST", header: map[string]string{"Grpc-Timeout": "5S"}})
		w.asked().reply <- answer{body: "begins", more: make(chan string)}
		w.until("it has begun", func() bool { return w.count(func(x *exchange) bool { return x.phase >= responseBegun }) == 1 })
		w.forward(6 * time.Second)
		w.got(from)
	}},
	{name: "an exception", kinds: []kind{kindBolt, kindDubbo}, do: throw, good: true},
	{name: "an exception, which counts", kinds: []kind{kindBolt, kindDubbo}, do: throw, exceptions: true, want: serverError},
	{name: "one-way", kinds: []kind{kindBolt, kindDubbo}, do: func(w *world, _ kind) {
		w.client.ask(w.t.Context(), request{oneWay: true})
		w.asked()
	}},
	{name: "retried", want: gatewayError,
		plan: plan{hosts: 1, route: `,"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true,"status_codes":[503],"grpc_status_codes":[14],"back_off":"1ms"}`},
		do: func(w *world, k kind) {
			from := w.ask()
			w.asked().answer(k.busy(), "")
			w.until("it is retried", func() bool { return w.w.Stats.Cluster("c").RequestRetry == 1 })
			w.forward(delay)
			w.asked().answer(k.ok(), "")
			w.got(from)
		}},
	{name: "an answer that another might have bettered", want: gatewayError, plan: plan{hosts: 2, route: hedge + namesBusy},
		do: func(w *world, k kind) {
			from, first, second := w.hedged()
			first.answer(k.busy(), "")
			w.until("it has come", func() bool { return w.w.Stats.Cluster("c").ResponseFailed == 1 })
			second.answer(k.ok(), "")
			w.got(from)
		}},
}

// TestOutcomes: each try ends with one outcome, or none.
func TestOutcomes(t *testing.T) {
	for _, e := range events {
		t.Run(e.name, func(t *testing.T) {
			if e.kinds == nil {
				e.kinds = allKinds
			}
			for _, k := range e.kinds {
				t.Run(string(k), func(t *testing.T) { checkOutcome(t, e, k) })
			}
		})
	}
}

func checkOutcome(t *testing.T, e event, k kind) {
	var got []string
	p := e.plan
	p.kind = k
	if p.hosts+p.dead == 0 {
		p.hosts = 1
	}
	for _, s := range sieves {
		p.cluster = outliers(s.policy)
		if e.exceptions {
			p.cluster = outliers(s.policy + `,"count_exceptions":true`)
		}
		w := newWorld(t, p)
		e.do(w, k)
		w.settled()
		if n := w.suspects.Load(); n > 1 {
			t.Errorf("%d outcomes", n)
		} else if n == 1 {
			got = append(got, s.name)
		}
	}
	if got := strings.Join(got, " "); got != e.want {
		t.Errorf("the outcome shows as %q, want %q", got, e.want)
	}
	if e.want == nothing {
		checkSuccess(t, e, p)
	}
}

// checkSuccess tells a success from no outcome: between two failures, it makes that
// they are not two in a row.
func checkSuccess(t *testing.T, e event, p plan) {
	p.cluster = outliers(`"consecutive_5xx":2`)
	w := newWorld(t, p)
	fail := one(kind.failed)
	fail(w, p.kind)
	e.do(w, p.kind)
	w.settled()
	fail(w, p.kind)
	w.settled()
	if success := w.suspects.Load() == 0; success != e.good {
		t.Errorf("it counts as a success: %v, want %v", success, e.good)
	}
}

// TestLoserHasNoOutcome: the try that another was quicker than is not judged.
func TestLoserHasNoOutcome(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge, cluster: outliers(`"consecutive_5xx":2`)})
		fail := one(kind.failed)
		fail(w, k) // each host
		fail(w, k)
		from, _, second := w.hedged()
		second.answer(k.ok(), "")
		w.got(from)
		w.settled()
		for range 2 {
			fail(w, k)
		}
		w.settled()
		if n := w.suspects.Load(); n != 1 {
			t.Errorf("%d hosts have failed twice in a row, want 1: the loser", n)
		}
	})
}

func TestOutcomeOf(t *testing.T) {
	for status, want := range map[int]outlier.Outcome{
		101: outlier.Success, 200: outlier.Success, 304: outlier.Success, 400: outlier.ClientError, 429: outlier.ClientError,
		499: outlier.ClientError, 500: outlier.ServerError, 501: outlier.ServerError, 502: outlier.GatewayError,
		503: outlier.GatewayError, 504: outlier.GatewayError, 505: outlier.ServerError, 599: outlier.ServerError,
	} {
		if got := outcomeOf(status); got != want {
			t.Errorf("%d is %v, want %v", status, got, want)
		}
	}
}

func TestCallOutcome(t *testing.T) {
	for code := grpc.OK; code <= grpc.Unauthenticated; code++ {
		want := outlier.ClientError
		switch code {
		case grpc.OK:
			want = outlier.Success
		case grpc.Unavailable, grpc.DeadlineExceeded:
			want = outlier.GatewayError
		case grpc.Internal, grpc.Unknown, grpc.DataLoss:
			want = outlier.ServerError
		}
		if got := callOutcome(code); got != want {
			t.Errorf("%v is %v, want %v", code, got, want)
		}
	}
}

package proxy

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// hedge is a route that hedges after 100 ms.
const hedge = `,"hedge_policy":{"delay":"100ms","idempotent":true}`

// oneRetry is a cluster that allows one retry at a time, so that one which is never
// given back shows.
const oneRetry = `,"circuit_breakers":[{"max_retries":1}]`

// namesBusy is a policy of retries that names the answer of a busy host.
const namesBusy = `,"retry_policy":{"retry_on":true,"num_retries":1,"status_codes":[503],"grpc_status_codes":[14]}`

// across runs a test for every kind of protocol.
func across(t *testing.T, test func(t *testing.T, k kind)) {
	for _, k := range allKinds {
		t.Run(string(k), func(t *testing.T) { test(t, k) })
	}
}

// delay is longer than a hedge waits.
const delay = 150 * time.Millisecond

// hedged sends a request that is hedged, and returns what both hosts got.
func (w *world) hedged() (from <-chan result, first, second *call) {
	w.t.Helper()
	return w.hedgedWith(request{method: "GET"})
}

func (w *world) hedgedWith(q request) (from <-chan result, first, second *call) {
	w.t.Helper()
	from = w.client.ask(w.t.Context(), q)
	first = w.asked()
	w.forward(delay)
	second = w.asked()
	if first.host == second.host {
		w.t.Fatalf("both tries are with host %d", first.host)
	}
	return from, first, second
}

// TestHedge: the second host's answer wins if it is the first, and the first host's
// if that is; the other try is cancelled, and nothing of it is left.
func TestHedge(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge, cluster: oneRetry})
		won, late := uint64(0), map[int]uint64{}
		for i := range 6 {
			from, first, second := w.hedged()
			winner, loser := first, second
			if i%2 == 0 {
				winner, loser = second, first
				won++
			}
			winner.answer(k.ok(), "it is I")
			w.expect(from, k.ok(), "it is I")
			if k.rpc() {
				loser.answer(k.ok(), "too late")
				late[loser.host]++
				w.until("the late answer is dropped", func() bool {
					return w.w.Stats.Host("c", w.hosts[loser.host]).ResponseUnknown == late[loser.host]
				})
			} else {
				loser.cancelled(t)
			}
			w.settled()
			if got := w.last(); got.UpstreamHost != w.hosts[winner.host] || got.Tries != 2 || got.Flags != 0 {
				t.Errorf("%d tries, the last with %s, flags %v; the winner is %s", got.Tries, got.UpstreamHost, got.Flags, w.hosts[winner.host])
			}
		}
		st := w.clusterStats()
		if st.RequestHedged != 6 || st.RequestHedgeWon != won || st.RequestTotal != 12 || st.ResponseSuccess != 6 || st.ResponseFailed != 0 || st.RequestRetry != 0 {
			t.Errorf("%d hedged, %d won, %d requests, %d good, %d bad, %d retries",
				st.RequestHedged, st.RequestHedgeWon, st.RequestTotal, st.ResponseSuccess, st.ResponseFailed, st.RequestRetry)
		}
		if n := st.ConnectionTotal; k != kindHTTP1 && n != 2 {
			t.Errorf("%d connections, want one to each host: cancelling ends no others' requests", n)
		}
	})
}

// TestHedgeWhole: both tries send the whole body; and a request is hedged once its
// body is complete, and for as long after that as the policy says.
func TestHedgeWhole(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge})
		body := strings.Repeat("body", 5)
		answer := ""
		if !k.rpc() {
			body, answer = strings.Repeat("body", 10<<10), strings.Repeat("answer", 1<<20)
		}
		from := w.client.ask(t.Context(), request{method: "PUT", body: body})
		first := w.asked()
		w.forward(delay)
		second := w.asked()
		if first.body != second.body || !strings.Contains(first.body, body) {
			t.Errorf("the hosts got %d and %d bytes of %d", len(first.body), len(second.body), len(body))
		}
		second.answer(k.ok(), answer)
		w.expect(from, k.ok(), answer)
		w.settled()
	})
}

// TestNoHedge are requests that are not sent twice.
func TestNoHedge(t *testing.T) {
	for name, c := range map[string]struct {
		kind    kind
		route   string
		cluster string
		hosts   int
		q       request
	}{
		"no policy":         {kind: kindHTTP1, hosts: 2, q: request{method: "GET"}},
		"one host":          {kind: kindHTTP1, route: hedge, hosts: 1, q: request{method: "GET"}},
		"not idempotent":    {kind: kindHTTP1, route: `,"hedge_policy":{"delay":"100ms"}`, hosts: 2, q: request{method: "POST"}},
		"an RPC":            {kind: kindBolt, route: `,"hedge_policy":{"delay":"100ms"}`, hosts: 2},
		"a call":            {kind: kindGRPC, route: `,"hedge_policy":{"delay":"100ms"}`, hosts: 2},
		"too large to keep": {kind: kindHTTP2, route: hedge, hosts: 2, q: request{method: "PUT", body: strings.Repeat("x", 100<<10)}},
		"upgrade": {kind: kindHTTP1, route: hedge, hosts: 2, q: request{
			method: "GET", header: map[string]string{"Connection": "upgrade", "Upgrade": "websocket"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plan{kind: c.kind, hosts: c.hosts, route: c.route, cluster: c.cluster})
			from := w.client.ask(t.Context(), c.q)
			first := w.asked()
			w.forward(delay)
			w.forward(delay)
			w.quiet()
			first.answer(c.kind.ok(), "")
			w.expect(from, c.kind.ok(), "")
			w.settled()
			if st := w.clusterStats(); st.RequestHedged != 0 || st.RequestTotal != 1 {
				t.Errorf("%d hedged, %d sent", st.RequestHedged, st.RequestTotal)
			}
		})
	}
}

// TestHedgeIdempotent: what may be executed twice is said by the method, by the
// policy of hedges or by that of retries.
func TestHedgeIdempotent(t *testing.T) {
	for route, method := range map[string]string{
		`,"hedge_policy":{"delay":"100ms"}`: "DELETE",
		hedge:                               "POST",
		`,"hedge_policy":{"delay":"100ms"},"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true}`: "POST",
	} {
		w := newWorld(t, plan{kind: kindHTTP1, hosts: 2, route: route})
		from := w.client.ask(t.Context(), request{method: method})
		w.asked()
		w.forward(delay)
		w.asked().answer(200, "")
		w.expect(from, 200, "")
	}
}

// TestHedgeOneWay: nobody would know that a one-way request came twice.
func TestHedgeOneWay(t *testing.T) {
	w := newWorld(t, plan{kind: kindBolt, hosts: 2, route: hedge})
	w.client.ask(t.Context(), request{oneWay: true})
	w.asked()
	w.forward(delay)
	w.quiet()
	w.settled()
}

// TestHedgeBudget: a hedge is one of the cluster's retries.
func TestHedgeBudget(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 3, route: hedge, cluster: oneRetry})
	from, _, second := w.hedged()
	other := w.ask()
	first := w.asked()
	w.forward(delay)
	w.quiet()
	if st := w.clusterStats(); st.RequestHedged != 1 || st.RequestRetryOverflow != 1 {
		t.Errorf("%d hedged, %d refused", st.RequestHedged, st.RequestRetryOverflow)
	}
	first.answer(200, "")
	w.expect(other, 200, "")
	second.answer(200, "")
	w.expect(from, 200, "")
	w.settled()
}

// TestHedgeFails: as long as the other try is under way, one that fails leaves the
// request to it.
func TestHedgeFails(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge, cluster: oneRetry})
		for i := range 4 {
			from, fails, answers := w.hedged()
			if i%2 == 1 {
				fails, answers = answers, fails
			}
			fails.reset()
			w.until("it has failed", func() bool { return w.w.Stats.Cluster("c").RequestRemoteReset == uint64(i+1) })
			w.quiet()
			answers.answer(k.ok(), "it is I")
			w.expect(from, k.ok(), "it is I")
			w.settled()
			if got := w.last(); got.UpstreamHost != w.hosts[answers.host] {
				t.Errorf("the last try was with %s, want %s", got.UpstreamHost, w.hosts[answers.host])
			}
		}
	})
}

// TestHedgeBothFail: when both have failed, it is as if one had.
func TestHedgeBothFail(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge})
		from, first, second := w.hedged()
		first.reset()
		w.until("it has failed", func() bool { return w.w.Stats.Cluster("c").RequestRemoteReset == 1 })
		second.reset()
		if r := w.got(from); r.err == nil && r.status == k.ok() {
			t.Errorf("the client got %d %q", r.status, r.body)
		}
		w.settled()
		if got := w.last().Flags; got&(stream.UpstreamConnectionLost|stream.UpstreamRemoteReset) == 0 {
			t.Errorf("flags %v", got)
		}
	})
}

// TestHedgeRetries: when both have failed, the policy of retries decides, and a third
// host is asked.
func TestHedgeRetries(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 3, cluster: oneRetry,
			route: hedge + `,"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true,"back_off":"1ms"}`})
		from, first, second := w.hedged()
		second.reset()
		w.until("it has failed", func() bool { return w.w.Stats.Cluster("c").RequestRemoteReset == 1 })
		first.reset()
		w.until("both have failed", func() bool { return w.w.Stats.Cluster("c").RequestRemoteReset == 2 })
		w.forward(delay)
		third := w.asked()
		if third.host == first.host || third.host == second.host {
			t.Errorf("host %d is asked again", third.host)
		}
		w.forward(delay)
		w.quiet() // a request is hedged once
		third.answer(k.ok(), "")
		w.expect(from, k.ok(), "")
		w.settled()
	})
}

// TestRetryHedges: a retry is hedged as a first try is.
func TestRetryHedges(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 3,
			route: hedge + `,"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true,"back_off":"1ms"}`})
		from := w.ask()
		first := w.asked()
		first.reset()
		w.until("it is retried", func() bool { return w.w.Stats.Cluster("c").RequestRetry == 1 })
		w.forward(10 * time.Millisecond)
		second := w.asked()
		w.forward(delay)
		third := w.asked()
		if first.host == second.host || second.host == third.host || third.host == first.host {
			t.Errorf("hosts %d, %d and %d are asked", first.host, second.host, third.host)
		}
		third.answer(k.ok(), "")
		w.expect(from, k.ok(), "")
		w.settled()
	})
}

// TestHedgeBetters: an answer that the policy of retries names does not win, as long
// as the other try may bring a better one.
func TestHedgeBetters(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge + namesBusy, cluster: oneRetry})
		for i := range 4 {
			from, bad, good := w.hedged()
			if i%2 == 1 {
				bad, good = good, bad
			}
			bad.answer(k.busy(), "busy")
			w.until("it has come", func() bool { return w.w.Stats.Cluster("c").ResponseFailed == uint64(i+1) })
			w.quiet()
			good.answer(k.ok(), "it is I")
			w.expect(from, k.ok(), "it is I")
			w.settled()
		}
		if st := w.clusterStats(); st.RequestRetry != 0 || st.ResponseSuccess != 4 {
			t.Errorf("%d retries, %d good", st.RequestRetry, st.ResponseSuccess)
		}
	})
}

// TestHedgeParked: such an answer is better than none, where nothing is tried again:
// here because the policy of retries does not think that it may be.
func TestHedgeParked(t *testing.T) {
	ends := map[string]func(w *world, other *call){
		"the other fails":    func(_ *world, other *call) { other.reset() },
		"its time is over":   func(w *world, _ *call) { w.forward(5 * time.Second) },
		"all of it is over":  func(w *world, _ *call) { w.forward(11 * time.Second) },
		"the other is worse": func(w *world, other *call) { other.answer(w.kind.busy(), "busy") },
	}
	across(t, func(t *testing.T, k kind) {
		for name, end := range ends {
			t.Run(name, func(t *testing.T) {
				route := hedge + namesBusy
				if name == "its time is over" {
					route = strings.Replace(route, `"retry_on"`, `"retry_timeout":"5s","retry_on"`, 1)
				}
				w := newWorld(t, plan{kind: k, hosts: 2, route: route, cluster: oneRetry})
				from, bad, other := w.hedgedWith(request{method: "POST"})
				if strings.HasPrefix(name, "the") { // each of them may be the first
					bad, other = other, bad
				}
				bad.answer(k.busy(), "busy")
				w.until("it has come", func() bool { return w.w.Stats.Cluster("c").ResponseFailed == 1 })
				end(w, other)
				retries := uint64(0)
				if k.rpc() && name == "the other is worse" { // it says that it did not execute the request
					w.forward(delay)
					w.asked().answer(k.busy(), "busy")
					retries = 1
				}
				body := "busy"
				if k == kindGRPC {
					body = ""
				}
				w.expect(from, k.busy(), body)
				w.settled()
				if got := w.last(); name != "the other is worse" && got.UpstreamHost != w.hosts[bad.host] {
					t.Errorf("the response is said to be of %s", got.UpstreamHost)
				}
				if st := w.clusterStats(); st.RequestRetry != retries {
					t.Errorf("%d retries", st.RequestRetry)
				}
			})
		}
	})
}

// TestHedgeParkedBody: the body of a parked answer waits at the host, and comes when
// there is no better one.
func TestHedgeParkedBody(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 2, route: hedge + namesBusy})
			from, bad, other := w.hedgedWith(request{method: "POST"})
			more := make(chan string, 1)
			bad.reply <- answer{status: 503, body: "busy: ", more: more}
			w.until("it has come", func() bool { return w.w.Stats.Cluster("c").ResponseFailed == 1 })
			rest := strings.Repeat("x", 16<<20)
			more <- rest
			close(more)
			w.quiet()
			w.on(func() {
				if n := w.loop.Buffers().Stats().Live; n > 64 {
					t.Errorf("%d slabs are held", n)
				}
			})
			other.reset()
			w.expect(from, 503, "busy: "+rest)
			w.settled()
		})
	}
}

// TestHedgeParkedBreaks: a parked answer whose rest does not come is none.
func TestHedgeParkedBreaks(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP2, hosts: 2, route: hedge + namesBusy, cluster: oneRetry})
	from, bad, other := w.hedgedWith(request{method: "POST"})
	more := make(chan string)
	bad.reply <- answer{status: 503, body: "busy: ", more: more}
	w.until("it has come", func() bool { return w.w.Stats.Cluster("c").ResponseFailed == 1 })
	more <- breaks
	w.until("it has broken", func() bool { return w.w.Stats.Cluster("c").RequestRemoteReset == 1 })
	other.answer(200, "it is I")
	w.expect(from, 200, "it is I")
	w.settled()
}

// TestHedgeClientGone: with the client, both tries end.
func TestHedgeClientGone(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge, cluster: oneRetry})
		ctx, cancel := context.WithCancel(t.Context())
		w.client.ask(ctx, request{method: "GET"})
		first := w.asked()
		w.forward(delay)
		second := w.asked()
		cancel()
		w.settled()
		if !k.rpc() {
			first.cancelled(t)
			second.cancelled(t)
		}
		if got := w.last().Flags; got != stream.DownstreamLost {
			t.Errorf("flags %v", got)
		}
	})
}

// TestHedgeTimeout: when the request's time is over, both tries have timed out.
func TestHedgeTimeout(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, route: hedge, cluster: oneRetry})
		from, _, _ := w.hedged()
		w.forward(11 * time.Second)
		if r := w.got(from); r.err == nil && r.status == k.ok() && k != kindBolt {
			t.Errorf("the client got %d %q", r.status, r.body)
		}
		w.settled()
		if n := w.clusterStats().RequestTimeout; n != 2 {
			t.Errorf("%d tries have timed out", n)
		}
	})
}

// TestHedgeTryTimeout: each try has its own time.
func TestHedgeTryTimeout(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, cluster: oneRetry,
			route: hedge + `,"retry_policy":{"retry_on":true,"num_retries":1,"retry_timeout":"1s"}`})
		from, _, second := w.hedged()
		w.forward(900 * time.Millisecond)
		w.until("the first has timed out", func() bool { return w.w.Stats.Cluster("c").RequestTimeout == 1 })
		second.answer(k.ok(), "")
		w.expect(from, k.ok(), "")
		w.settled()
	})
}

// TestHedgeDeadline: a call's own time is over for both tries.
func TestHedgeDeadline(t *testing.T) {
	w := newWorld(t, plan{kind: kindGRPC, hosts: 2, route: hedge, cluster: oneRetry})
	from, first, second := w.hedgedWith(request{header: map[string]string{"Grpc-Timeout": "2S"}})
	if a, b := first.header.Get("Grpc-Timeout"), second.header.Get("Grpc-Timeout"); a == "" || a == b {
		t.Errorf("the hosts are told that %s and %s are left", a, b)
	}
	w.forward(2 * time.Second)
	w.expect(from, 4, "")
	w.settled()
	if n := w.clusterStats().RequestTimeout; n != 2 {
		t.Errorf("%d tries have timed out", n)
	}
}

// TestHedgeWaits: tries that wait for a connection are hedged, and sent, as those that
// have one.
func TestHedgeWaits(t *testing.T) {
	for _, gone := range []bool{false, true} {
		w := newWorld(t, plan{kind: kindHTTP1, hosts: 2, route: `,"hedge_policy":{"delay":"100ms"}`,
			cluster: `,"circuit_breakers":[{"max_connections":1}]`})
		before := w.client.ask(t.Context(), request{method: "POST"})
		holder := w.asked()
		ctx, cancel := context.WithCancel(t.Context())
		from := w.client.ask(ctx, request{method: "PUT", body: "the body"})
		w.until("it waits", func() bool { return w.w.Stats.Cluster("c").RequestPendingActive == 1 })
		w.forward(delay)
		w.until("both tries wait", func() bool { return w.w.Stats.Cluster("c").RequestPendingActive == 2 })
		if gone {
			cancel()
			w.until("none waits", func() bool { return w.w.Stats.Cluster("c").RequestPendingActive == 0 })
		}
		holder.answer(200, "")
		w.expect(before, 200, "")
		if !gone {
			c := w.asked()
			if c.body != "the body" {
				t.Errorf("host %d got %q", c.host, c.body)
			}
			c.answer(200, "it is I")
			w.expect(from, 200, "it is I")
		}
		cancel()
		w.settled()
	}
}

// TestHedgeInterim: informational responses of two tries are not passed on.
func TestHedgeInterim(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 2, route: hedge})
	from, first, second := w.hedged()
	first.reply <- answer{early: 103, status: 200, body: "it is I"}
	w.expect(from, 200, "it is I")
	second.cancelled(t)
}

package proxy

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/stream"
)

// rpcKinds are the kinds whose messages are frames.
var rpcKinds = []kind{kindBolt, kindDubbo}

// most is a cluster's limit of frames.
const most = `,"extend_config":{"bolt":{"max_frame_size":4096},"dubbo":{"max_frame_size":4096}}`

var big = strings.Repeat("x", 5000)

// logs returns what the worker logs from now on.
func (w *world) logs() *bytes.Buffer {
	var b bytes.Buffer
	w.on(func() { w.w.Log = slog.New(slog.NewTextHandler(&b, nil)) })
	return &b
}

// says expects a sentence of weir's own in an answer, where clients of the kind get one.
func (w *world) says(r result, status int, word string) {
	w.t.Helper()
	if r.err != nil || r.status != status || w.kind == kindDubbo && !strings.Contains(r.body, word) {
		w.t.Errorf("the client got %d %q, %v, want %d and %q", r.status, r.body, r.err, status, word)
	}
}

// logged expects words in a log, in one line.
func logged(t *testing.T, log string, words ...string) {
	t.Helper()
	for _, word := range append(words, "max_frame_size", "4096") {
		if !strings.Contains(log, word) || strings.Count(log, "\n") != 1 {
			t.Errorf("the log does not say %q in one line: %s", word, log)
		}
	}
}

// TestTooLargeAnswer: a host's answer over the cluster's limit costs the call that it
// answers. The host is well, and other calls on the connection have their answers.
func TestTooLargeAnswer(t *testing.T) {
	for _, k := range rpcKinds {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, route: `,"retry_policy":{"retry_on":true,"num_retries":3,"idempotent":true}`,
				cluster: most + outliers(`"consecutive_5xx":1,"consecutive_local_origin_failure":1`)})
			log := w.logs()
			first, second := w.ask(), w.ask()
			one, other := w.asked(), w.asked()
			one.answer(k.ok(), big)
			w.says(w.got(first), map[kind]int{kindBolt: 9, kindDubbo: 50}[k], "response is over a limit: dubbo: a message of 50")
			other.answer(k.ok(), "well")
			w.expect(second, k.ok(), "well")
			w.settled()
			w.quiet()
			h, c := w.hostStats(0), w.clusterStats()
			if h.ResponseTooLarge != 1 || c.ResponseTooLarge != 1 || h.ResponseFailed+c.ResponseFailed+h.RequestRemoteReset+c.RequestRetry != 0 {
				t.Errorf("counted: %+v", c)
			}
			if h.ConnectionClose != 0 || w.suspects.Load() != 0 {
				t.Errorf("%d connections are closed, %d times the host is suspected", h.ConnectionClose, w.suspects.Load())
			}
			w.on(func() { logged(t, log.String(), "cluster=c", "host="+w.hosts[0], k.protocol()+": ") })
		})
	}
}

// TestTooLargeForHost: a request over the cluster's limit is not sent, to no host.
func TestTooLargeForHost(t *testing.T) {
	for _, k := range rpcKinds {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 2, route: `,"retry_policy":{"retry_on":true,"num_retries":3,"idempotent":true}`,
				cluster: most + outliers(`"consecutive_5xx":1,"consecutive_local_origin_failure":1`)})
			log := w.logs()
			r := w.got(w.client.ask(t.Context(), request{body: big}))
			w.says(r, map[kind]int{kindBolt: 9, kindDubbo: 40}[k], "request is over a limit: dubbo: a message of 50")
			w.notSent()
			if c := w.clusterStats(); c.RequestTooLarge != 1 {
				t.Errorf("counted: %+v", c)
			}
			w.on(func() { logged(t, log.String(), "cluster=c", "a request is over", k.protocol()+": ") })
		})
	}
}

// TestTooLargeRequest: a client's request over the listener's limit is answered, counted
// and logged, and the client's connection goes on.
func TestTooLargeRequest(t *testing.T) {
	for _, k := range rpcKinds {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, proxy: strings.ReplaceAll(most, "}}", `,"max_concurrent_requests":1024}}`)})
			log := w.logs()
			first := w.ask()
			asked := w.asked()
			r := w.got(w.client.ask(t.Context(), request{body: big}))
			w.says(r, map[kind]int{kindBolt: 9, kindDubbo: 40}[k], "dubbo: a message of 50")
			asked.answer(k.ok(), "well")
			w.expect(first, k.ok(), "well")
			w.client.ask(t.Context(), request{body: big, oneWay: true})
			w.until("it is counted", func() bool { return w.w.Stats.Listener("main").RequestTooLarge == 2 })
			var st metrics.ListenerStats
			w.on(func() { st = *w.w.Stats.Listener("main") })
			if st.RequestTotal != 1 || st.RequestProtocolError != 0 || st.ConnectionDestroy != 0 {
				t.Errorf("counted: %+v", st)
			}
			w.on(func() {
				line, _, _ := strings.Cut(log.String(), "\n")
				logged(t, line+"\n", "listener=main", "client=127.0.0.1:", k.protocol()+": ")
			})
		})
	}
}

// notSent expects that no host has to do with the last request.
func (w *world) notSent() {
	w.t.Helper()
	w.settled()
	w.quiet()
	all := w.clusterStats().Upstream
	for i := range w.hosts {
		h := w.hostStats(i)
		for _, n := range []uint64{h.RequestTotal, h.RequestRemoteReset, h.ResponseFailed, h.RequestTimeout, h.Latency.Count()} {
			if n != 0 {
				w.t.Errorf("of host %d is counted %+v", i, h)
			}
		}
	}
	if all.RequestTotal+all.RequestRemoteReset+all.ResponseFailed+all.Latency.Count() != 0 || w.suspects.Load() > 0 {
		w.t.Errorf("of the cluster is counted %+v, hosts are suspected %d times", all, w.suspects.Load())
	}
	if i := w.last(); i.Flags&(stream.LocalReset|stream.UpstreamOverflow) == 0 || i.Tries != 1 || i.Failure == "" {
		w.t.Errorf("the log says %v, %d tries, %q", i.Flags, i.Tries, i.Failure)
	}
}

// TestUnsendable: what weir cannot say in a host's protocol is weir's own fault, whatever
// the protocol.
func TestUnsendable(t *testing.T) {
	retries := `,"retry_policy":{"retry_on":true,"num_retries":3,"idempotent":true}`
	tests := map[kind]plan{
		kindBolt:  {route: retries + `,"request_headers_to_add":[{"header":{"key":"x","value":"` + strings.Repeat("x", 32760) + `"}}]`},
		kindHTTP1: {route: retries + `,"auto_host_rewrite":true`},
		kindHTTP2: {route: retries + `,"auto_host_rewrite":true`},
		kindGRPC:  {route: retries + `,"auto_host_rewrite":true`},
	}
	want := map[kind]int{kindBolt: 3, kindHTTP1: 500, kindHTTP2: 500, kindGRPC: 13}
	for k, p := range tests {
		t.Run(string(k), func(t *testing.T) {
			p.kind, p.hosts = k, 2
			p.cluster = outliers(`"consecutive_5xx":1,"consecutive_local_origin_failure":1`)
			p.labels = []string{`,"hostname":"a\r\nb: c"`, `,"hostname":"a\r\nb: c"`}
			w := newWorld(t, p)
			r := w.got(w.ask())
			if r.err != nil || r.status != want[k] {
				t.Errorf("the client got %d %q, %v", r.status, r.body, r.err)
			}
			if k.http(1) == 1 && !strings.Contains(r.body, "cannot be sent") {
				t.Errorf("it is told %q", r.body)
			}
			w.notSent()
			var st metrics.ListenerStats
			w.on(func() { st = *w.w.Stats.Listener("main") })
			if c := w.clusterStats(); c.RequestUnsendable != 1 || st.RequestFailed != 1 {
				t.Errorf("counted: %+v, failed at the listener %d", c, st.RequestFailed)
			}
		})
	}
}

// TestLostOneWay: of a one-way request that is refused nobody is told but who reads
// statistics and logs.
func TestLostOneWay(t *testing.T) {
	for _, k := range rpcKinds {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, cluster: `,"circuit_breakers":[{"max_requests":1}]`})
			log := w.logs()
			first := w.ask()
			asked := w.asked()
			w.client.ask(t.Context(), request{oneWay: true})
			w.until("it is counted", func() bool { return w.w.Stats.Listener("main").RequestOneWayLost == 1 })
			w.on(func() {
				for _, word := range []string{"one-way", "listener=main", "cluster=c", "flags=UO"} {
					if !strings.Contains(log.String(), word) {
						t.Errorf("the log does not say %q: %s", word, log)
					}
				}
			})
			asked.answer(k.ok(), "well")
			w.expect(first, k.ok(), "well")
			w.client.ask(t.Context(), request{oneWay: true})
			w.asked()
			w.settled()
			if n := w.lost(); n != 1 {
				t.Errorf("%d are lost", n)
			}
		})
	}
}

func (w *world) lost() (n uint64) {
	w.on(func() { n = w.w.Stats.Listener("main").RequestOneWayLost })
	return n
}

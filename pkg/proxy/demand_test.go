package proxy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// byHeader is a route whose requests say which cluster they go to.
const byHeader = `"cluster_header":"x-to"`

// refused is the name of a cluster that is not made when it is asked for.
const refused = "consul:refused"

// demand sends a request to a cluster that there is not.
func (w *world) demand(ctx context.Context, name, body string) <-chan result {
	return w.client.ask(ctx, request{method: "PUT", body: body, header: map[string]string{"X-To": name}})
}

// waitDemand waits until the worker asks for a cluster.
func (w *world) waitDemand() string {
	w.t.Helper()
	select {
	case name := <-w.demanded:
		return name
	case <-time.After(patience):
		w.t.Fatal("no cluster is asked for")
		return ""
	}
}

// make makes a cluster with the world's hosts.
func (w *world) make(name string) {
	c := config.Default[config.Cluster]()
	c.Name = name
	for _, a := range w.hosts {
		h := config.Default[config.Host]()
		h.Address = a
		c.Hosts = append(c.Hosts, h)
	}
	spec := upstream.BuildOne(&c, &config.Locality{}, 1, new(config.Report), nil)
	w.on(func() { w.w.clusters.Add(spec) })
}

var demandKinds = []kind{kindHTTP1, kindHTTP2, kindGRPC}

// TestDemand: a request waits for a cluster that it is the first to name; the next
// finds it.
func TestDemand(t *testing.T) {
	for _, k := range demandKinds {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, name: byHeader})
			first := w.demand(t.Context(), "consul:orders", "the body")
			if name := w.waitDemand(); name != "consul:orders" {
				t.Errorf("it asks for %q", name)
			}
			w.quiet()
			w.make("consul:orders")
			c := w.asked()
			if c.body != "the body" {
				t.Errorf("the host got %q", c.body)
			}
			c.answer(k.ok(), "")
			w.expect(first, k.ok(), "")
			w.settled()
			if got := w.last().Cluster; got != "consul:orders" {
				t.Errorf("the cluster is said to be %q", got)
			}
			second := w.demand(t.Context(), "consul:orders", "")
			w.asked().answer(k.ok(), "")
			w.expect(second, k.ok(), "")
			if n := len(w.demanded); n != 0 {
				t.Errorf("it is asked for %d times more", n)
			}
		})
	}
}

// TestDemandBody: of the body of a request that waits, no more is taken than it may
// hold.
func TestDemandBody(t *testing.T) {
	for _, k := range demandKinds {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, name: byHeader})
			body := strings.Repeat("x", 16<<20)
			from := w.demand(t.Context(), "consul:orders", body)
			w.waitDemand()
			w.quiet()
			w.on(func() {
				if n := w.loop.Buffers().Stats().LiveBytes; n > 2<<20 {
					t.Errorf("%d bytes are held", n)
				}
			})
			w.make("consul:orders")
			c := w.asked()
			if c.body != body {
				t.Errorf("the host got %d bytes of %d", len(c.body), len(body))
			}
			c.answer(k.ok(), "")
			w.expect(from, k.ok(), "")
		})
	}
}

// TestDemandFails: a request whose cluster cannot be made is told so, and one that does
// not wait any more makes no trouble later.
func TestDemandFails(t *testing.T) {
	missing := errors.New("no service of that name")
	for _, k := range demandKinds {
		unavailable, late := 503, 504
		if k == kindGRPC {
			unavailable, late = 14, 4
		}
		for name, c := range map[string]struct {
			cluster string
			do      func(w *world, cancel func())
			status  int // 0: the client has gone
			flags   stream.Flags
			failure string
		}{
			"denied": {"consul:a", func(w *world, _ func()) { w.on(func() { w.w.clusters.Deny("consul:a", missing) }) },
				unavailable, stream.NoHealthyUpstream, missing.Error()},
			"refused":     {refused, func(*world, func()) {}, unavailable, stream.NoHealthyUpstream, ""},
			"too late":    {"consul:a", func(w *world, _ func()) { w.forward(11 * time.Second) }, late, stream.UpstreamTimeout, ""},
			"client gone": {"consul:a", func(_ *world, cancel func()) { cancel() }, 0, stream.DownstreamLost, ""},
		} {
			t.Run(string(k)+" "+name, func(t *testing.T) {
				w := newWorld(t, plan{kind: k, hosts: 1, name: byHeader})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				from := w.demand(ctx, c.cluster, "the body")
				w.waitDemand()
				c.do(w, cancel)
				if r := w.got(from); r.status != c.status {
					t.Errorf("the client got %d, %v, want %d", r.status, r.err, c.status)
				}
				w.settled()
				if i := w.last(); i.Flags != c.flags || i.Failure != c.failure || i.Tries != 0 {
					t.Errorf("flags %v, failure %q, %d tries", i.Flags, i.Failure, i.Tries)
				}
				w.make(c.cluster)
				w.quiet()
			})
		}
	}
}

// TestDemandRPC: RPC requests wait and fail in the same way.
func TestDemandRPC(t *testing.T) {
	for k, missing := range map[kind]int{kindBolt: 16, kindDubbo: 80} {
		w := newWorld(t, plan{kind: k, hosts: 1, name: `"cluster_name":"consul:*"`})
		from := w.client.ask(t.Context(), request{body: "it"})
		name := w.waitDemand()
		w.on(func() { w.w.clusters.Deny(name, errors.New("none")) })
		if r := w.got(from); r.err != nil || r.status != missing {
			t.Errorf("%s: the client got %d %q, %v, want %d", k, r.status, r.body, r.err, missing)
		}
		from = w.client.ask(t.Context(), request{body: "it"})
		name = w.waitDemand()
		w.make(name)
		w.asked().answer(k.ok(), "done")
		w.expect(from, k.ok(), "done")
	}
}

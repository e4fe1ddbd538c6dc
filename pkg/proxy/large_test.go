package proxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// retried is a route that tries again what a busy host has refused.
func retried(more string) string {
	return `,"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true,"status_codes":[503],"grpc_status_codes":[14],"back_off":"1ms"` + more + `}`
}

// refuse answers a request as a busy host does.
func (w *world) refuse() {
	w.t.Helper()
	w.asked().answer(w.kind.busy(), "")
}

// again waits for the next try.
func (w *world) again(n uint64) *call {
	w.t.Helper()
	w.until("it is retried", func() bool { return w.w.Stats.Cluster("c").RequestRetry == n })
	w.forward(delay)
	return w.asked()
}

// TestRetryLarge: a request is tried again if it was kept: a frame of an RPC protocol
// whatever its size, others up to the route's limit.
func TestRetryLarge(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		for _, c := range []struct {
			more  string
			size  int
			again bool
		}{
			{"", 60 << 10, true},
			{"", 70 << 10, k.rpc()},
			{"", 3 << 20, k.rpc()},
			{`,"per_request_buffer_limit_bytes":1048576`, 1 << 20, true},
			{`,"per_request_buffer_limit_bytes":1048576`, 1<<20 + 1, k.rpc()},
			{`,"per_request_buffer_limit_bytes":0`, 1, k.rpc()},
		} {
			t.Run(fmt.Sprint(c.size, c.more), func(t *testing.T) {
				w := newWorld(t, plan{kind: k, hosts: 1, route: retried(c.more)})
				body := strings.Repeat("x", c.size)
				from := w.client.ask(t.Context(), request{method: "PUT", body: body})
				w.refuse()
				want, flags, told := k.busy(), stream.RequestTooLarge, uint64(1)
				if c.again {
					want, flags, told = k.ok(), 0, 0
					call := w.again(1)
					if !strings.Contains(strings.ReplaceAll(call.body, "R\x80\x00", ""), body[:min(len(body), 30<<10)]) || len(call.body) < c.size {
						t.Errorf("%d bytes of %d are tried again", len(call.body), c.size)
					}
					call.answer(k.ok(), "")
				}
				w.expect(from, want, "")
				w.settled()
				if got := w.last().Flags; got != flags {
					t.Errorf("flags %v, want %v", got, flags)
				}
				if st := w.clusterStats(); st.RequestRetryTooLarge != told {
					t.Errorf("it was counted %d times as too large", st.RequestRetryTooLarge)
				}
				w.on(func() {
					if n := w.w.listeners["main"].kept.used; n != 0 {
						t.Errorf("%d bytes count as kept", n)
					}
				})
			})
		}
	})
}

// TestRetryBuffer: what all large requests keep is bounded; small ones have their room
// in any case.
func TestRetryBuffer(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 1, route: retried(`,"per_request_buffer_limit_bytes":1048576`)})
		w.on(func() { w.w.listeners["main"].kept.limit = 1 << 20 })
		ask := func(size int) <-chan result {
			return w.client.ask(t.Context(), request{method: "PUT", body: strings.Repeat("x", size)})
		}
		first := ask(700 << 10)
		one := w.asked()
		second := ask(600 << 10)
		w.refuse()
		w.expect(second, k.busy(), "")
		small := ask(1000)
		w.refuse()
		w.again(1).answer(k.ok(), "")
		w.expect(small, k.ok(), "")
		one.answer(k.busy(), "")
		w.again(2).answer(k.ok(), "")
		w.expect(first, k.ok(), "")
		third := ask(600 << 10)
		w.refuse()
		w.again(3).answer(k.ok(), "")
		w.expect(third, k.ok(), "")
		w.settled()
	})
}

package proxy

import (
	"io"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// upload is a request whose body comes in pieces.
type upload struct {
	w    *world
	body *io.PipeWriter
	from <-chan result
	sent uint64
}

// begin begins one.
func (w *world) begin(header map[string]string) *upload {
	r, body := io.Pipe()
	w.t.Cleanup(func() { body.Close() })
	return &upload{w: w, body: body, from: w.client.ask(w.t.Context(), request{method: "PUT", stream: r, header: header})}
}

// upload begins one, and waits until a host has its head.
func (w *world) upload(header map[string]string) *upload {
	w.t.Helper()
	u := w.begin(header)
	w.until("a host has its head", func() bool { return w.count(func(x *exchange) bool { return x.attempts.current.up != nil }) == 1 })
	return u
}

// slowly sends some pieces, a second each, or as many as are taken.
func (u *upload) slowly(pieces int) {
	u.w.t.Helper()
	for range pieces {
		if _, err := io.WriteString(u.body, "piece"); err != nil {
			return
		}
		u.sent += 5
		u.w.until("it has come", func() bool {
			return u.w.w.streams == 0 || u.w.count(func(x *exchange) bool { return x.info.BytesReceived >= u.sent }) == 1
		})
		u.w.forward(time.Second)
	}
}

// TestTryTimeoutAfterUpload: the time for each try begins when the client has sent the
// request, and what the host is measured by is the time that it had, not the client's.
func TestTryTimeoutAfterUpload(t *testing.T) {
	const route = `,"retry_policy":{"retry_on":true,"num_retries":1,"idempotent":true,"retry_timeout":"1500ms","back_off":"1ms"}`
	for _, k := range []kind{kindHTTP1, kindHTTP2, kindGRPC} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, route: route})
			up := w.upload(nil)
			up.slowly(5)
			up.body.Close()
			c := w.asked()
			w.forward(time.Second)
			c.answer(k.ok(), "")
			w.expect(up.from, k.ok(), "")
			w.settled()
			st := w.clusterStats()
			if st.RequestTotal != 1 || st.RequestTimeout != 0 || st.Latency.Max() >= 2*time.Second {
				t.Errorf("%d tries, %d timed out, the longest took %v", st.RequestTotal, st.RequestTimeout, st.Latency.Max())
			}

			up = w.upload(nil)
			up.slowly(5)
			up.body.Close()
			w.asked()
			w.forward(1600 * time.Millisecond)
			w.until("it is tried again", func() bool { return w.w.Stats.Cluster("c").RequestRetry == 1 })
			w.forward(10 * time.Millisecond)
			w.asked()
			w.forward(1600 * time.Millisecond)
			w.got(up.from)
			if st := w.clusterStats(); st.RequestTotal != 3 || st.RequestTimeout != 2 {
				t.Errorf("%d tries, %d timed out", st.RequestTotal, st.RequestTimeout)
			}
		})
	}
}

// wholeRequests is a filter that wants requests whole.
type wholeRequests struct{ filter.PassRequest }

func (f wholeRequests) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, nil }

func (wholeRequests) RequestHead(*filter.Stream, *stream.Head, bool) filter.Status {
	return filter.Buffer
}

// TestShorterTimeoutAfterUpload: a request that asks for a shorter timeout has it from
// its end on, also when filters had the whole of it first.
func TestShorterTimeoutAfterUpload(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1})
	w.on(func() {
		w.l.TimeoutHeaders = true
		w.l.Chains[0] = filter.Chain{filter.NewLink("whole", wholeRequests{})}
	})
	up := w.begin(map[string]string{"X-Mosn-Global-Timeout": "2000"})
	up.slowly(4)
	up.body.Close()
	c := w.asked()
	w.forward(time.Second)
	c.answer(200, "")
	w.expect(up.from, 200, "")
}

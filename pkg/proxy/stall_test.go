package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// floodOrAnswer floods who asks for a call of gRPC or with POST, and answers others.
func floodOrAnswer(rw http.ResponseWriter, r *http.Request) {
	if r.Method == "POST" {
		flood(rw, r)
	}
}

func limited(requests int) string {
	return fmt.Sprintf(`,"circuit_breakers":[{"max_requests":%d}]`, requests)
}

func (w *world) stalled() (n uint64) {
	w.t.Helper()
	return w.clusterStats().RequestStalled
}

// TestStalledClientsMakeRoom: clients that take nothing keep their places until others
// need them; who takes something keeps its own.
func TestStalledClientsMakeRoom(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, idle: time.Hour, cluster: limited(16), route: `,"timeout":"0s"`, handler: floodOrAnswer})
			w.readers(t, 11)
			w.held(11)
			for range 60 {
				w.forward(time.Second)
			}
			if n := w.stalled(); n != 0 {
				t.Fatalf("%d are ended while there is room", n)
			}
			reader := w.reader(t)
			for range 8 {
				take(t, reader, k.step())
				w.forward(time.Second)
			}
			if n := w.stalled(); n != 1 { // that is enough
				t.Fatalf("%d are ended", n)
			}
			if got := w.last(); got.Flags != stream.ClientStalled || got.Status != 200 {
				t.Errorf("status %d, flags %v", got.Status, got.Flags)
			}
			take(t, reader, k.step())
			w.expect(w.ask(), 200, "")
			if n := w.stalled(); n != 1 {
				t.Errorf("%d are ended", n)
			}
		})
	}
}

// TestStalledShare: when there is no room at all, connections with more than their
// share of streams that wait for them lose these first.
func TestStalledShare(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP2, hosts: 1, idle: time.Hour, cluster: limited(16), route: `,"timeout":"0s"`, handler: floodOrAnswer})
	w.readers(t, 15) // of one connection
	w.reader(t)      // and of another one
	w.held(16)
	w.expect(w.ask(), 503, "too many requests to the cluster\n")
	w.forward(1100 * time.Millisecond)
	w.forward(1100 * time.Millisecond)
	w.expect(w.ask(), 200, "")
	if got := w.last(); got.Flags != 0 {
		t.Errorf("flags %v", got.Flags)
	}
	if n := w.stalled(); n == 0 || n > 14 {
		t.Errorf("%d are ended, of those a connection has more than its share of", n)
	}
}

// TestStalledRequests: clients that do not go on with their requests make room, too;
// calls of gRPC, whose clients may be waiting for an answer, are left alone.
func TestStalledRequests(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2, kindGRPC} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, idle: time.Hour, cluster: limited(4), route: `,"timeout":"0s"`, handler: func(rw http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
			}})
			results := make(chan result, 4)
			for range 4 {
				body, writer := io.Pipe()
				t.Cleanup(func() { writer.Close() })
				go io.WriteString(writer, "begins")
				from := w.client.ask(t.Context(), request{method: "POST", stream: body})
				go func() { results <- <-from }()
			}
			w.until("they have begun", func() bool {
				return w.count(func(x *exchange) bool { return x.info.BytesReceived == 6 }) == 4
			})
			w.forward(4 * time.Second)
			if n := w.stalled(); n != 0 {
				t.Errorf("%d are ended too early", n)
			}
			w.forward(2 * time.Second)
			w.forward(time.Second)
			if k == kindGRPC {
				if n := w.stalled(); n != 0 {
					t.Errorf("%d calls are ended", n)
				}
				return
			}
			w.until("there is room", func() bool { return w.w.streams == 2 })
			if got := w.last(); got.Status != 408 || got.Flags != stream.ClientStalled || !strings.Contains(got.Flags.String(), "CS") {
				t.Errorf("status %d, flags %v", got.Status, got.Flags)
			}
			for range 2 {
				if r := w.got(results); r.status != 408 {
					t.Errorf("a client got %d, %v", r.status, r.err)
				}
			}
		})
	}
}

// TestStalledConnections: where each stream has a connection to a host for itself, it
// is the limit of those that others wait for.
func TestStalledConnections(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, idle: time.Hour, cluster: `,"circuit_breakers":[{"max_connections":2}]`, route: `,"timeout":"0s"`, handler: floodOrAnswer})
	w.readers(t, 2)
	w.held(2)
	w.forward(time.Minute)
	if n := w.stalled(); n != 0 {
		t.Errorf("%d are ended while nobody waits", n)
	}
	from := w.ask()
	w.until("it waits", func() bool { return w.w.Stats.Cluster("c").RequestPendingActive == 1 })
	w.forward(time.Second)
	w.forward(time.Second)
	w.expect(from, 200, "")
}

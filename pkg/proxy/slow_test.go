package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// unread is more than all buffers between two peers hold.
const unread = 64 << 20

// smallBuffer is what the system buffers for a slow peer.
const smallBuffer = 64 << 10

// step is what a slow peer takes at a time: so much that some of it has to come from
// weir, and so little that it is not worth to have the other side go on for it.
func (k kind) step() int64 {
	if k == kindHTTP1 {
		return 5 * smallBuffer / 2
	}
	return 16 << 10
}

// flood sends a body without end, until the peer is gone.
func flood(rw http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		rw.Header().Set("Content-Type", "application/grpc")
	}
	piece := make([]byte, 32<<10)
	for {
		if _, err := rw.Write(piece); err != nil {
			return
		}
	}
}

// slowly makes a connection whose buffer for what comes in is small.
func (w *world) slowly() (net.Conn, error) {
	c, err := dial(w.addr)
	if err == nil {
		err = c.(*net.TCPConn).SetReadBuffer(smallBuffer)
		w.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// reader returns the body of a response that floods a client, which takes no more of
// it than is read.
func (w *world) reader(t *testing.T) io.Reader {
	t.Helper()
	return w.readers(t, 1)[0]
}

// readers returns several such, over one connection where there can be.
func (w *world) readers(t *testing.T, n int) (bodies []io.Reader) {
	t.Helper()
	transport := &http.Transport{
		Protocols: httpVersion(w.kind), DialContext: func(context.Context, string, string) (net.Conn, error) { return w.slowly() },
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 64 << 20},
	}
	for range n {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+w.addr+"/pkg.Service/Method", nil)
		if err != nil {
			t.Fatal(err)
		}
		if w.kind == kindGRPC {
			r.Header.Set("Content-Type", "application/grpc")
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		bodies = append(bodies, resp.Body)
	}
	return bodies
}

// held waits until the responses of n streams are paused because of their clients.
func (w *world) held(n int) {
	w.t.Helper()
	w.until("the clients take too little", func() bool {
		return w.count(func(x *exchange) bool { return x.pauses&pauseDownstream != 0 }) == n
	})
}

func take(t *testing.T, from io.Reader, n int64) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, from, n); err != nil {
		t.Fatalf("the stream ends: %v", err)
	}
}

// becomesIdle expects that the stream ends after a while in which nobody does anything.
func (w *world) becomesIdle(idle time.Duration) {
	w.t.Helper()
	for range 4 {
		w.forward(idle / 2)
		w.forward(time.Second)
	}
	w.until("the stream is idle", func() bool { return w.w.streams == 0 })
}

// TestSlowClientIsNotIdle: a stream moves as long as its client takes something, though
// the host is kept from sending more all the while; and no longer.
func TestSlowClientIsNotIdle(t *testing.T) {
	const idle = 10 * time.Second
	for _, k := range []kind{kindHTTP1, kindHTTP2, kindGRPC} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1, idle: idle, route: `,"timeout":"0s"`, handler: flood})
			body := w.reader(t)
			w.held(1)
			for range 8 {
				take(t, body, k.step())
				w.forward(idle / 2)
				w.forward(time.Second)
			}
			w.becomesIdle(idle)
			w.settled()
			if n := w.last().Flags; n != stream.StreamIdleTimeout {
				t.Errorf("flags %v", n)
			}
		})
	}
}

// TestSlowHostIsNotIdle: the same of a host that takes the request slowly.
func TestSlowHostIsNotIdle(t *testing.T) {
	const idle = 10 * time.Second
	for _, k := range []kind{kindHTTP1, kindHTTP2, kindGRPC} {
		t.Run(string(k), func(t *testing.T) {
			steps, done := make(chan struct{}), make(chan struct{})
			w := newWorld(t, plan{kind: k, hosts: 1, idle: idle, route: `,"timeout":"0s"`, handler: func(rw http.ResponseWriter, r *http.Request) {
				for range steps {
					if _, err := io.CopyN(io.Discard, r.Body, k.step()); err != nil {
						return
					}
					done <- struct{}{}
				}
				<-r.Context().Done()
			}})
			from := w.client.ask(t.Context(), request{method: "PUT", body: strings.Repeat("x", unread)})
			w.until("the host takes too little", func() bool {
				return w.count(func(x *exchange) bool { return x.pauses&pauseUpstream != 0 }) == 1
			})
			for range 8 {
				steps <- struct{}{}
				select {
				case <-done:
				case <-time.After(patience):
					t.Fatal("the request does not go on")
				}
				w.forward(idle / 2)
				w.forward(time.Second)
			}
			select {
			case r := <-from:
				t.Fatalf("it is answered %d", r.status)
			default:
			}
			w.on(func() { // clients begin anew what was broken off
				if n := w.w.Stats.Listener("main").RequestTotal; n != 1 {
					t.Errorf("%d requests", n)
				}
			})
			close(steps)
			w.becomesIdle(idle)
			w.got(from)
			w.settled()
			if n := w.last().Flags; n&stream.StreamIdleTimeout == 0 {
				t.Errorf("flags %v", n)
			}
		})
	}
}

// TestSlowTunnelIsNotIdle: the same of a tunnel, whose peer only takes.
func TestSlowTunnelIsNotIdle(t *testing.T) {
	const idle = 10 * time.Second
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, idle: idle, handler: func(rw http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for err == nil {
			_, err = c.Write(make([]byte, 32<<10))
		}
	}})
	c, err := w.slowly()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	w.held(1)
	for range 8 {
		take(t, r, kindHTTP1.step())
		w.forward(idle / 2)
		w.forward(time.Second)
	}
	w.becomesIdle(idle)
	w.settled()
}

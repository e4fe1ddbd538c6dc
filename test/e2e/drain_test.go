package e2e_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/stream"
)

// TestDrain: a connection is told of its end by a response, and is not closed
// without: the one whose response had begun before the drain gets one request more.
func TestDrain(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/begun":
			w.(http.Flusher).Flush()
			arrived <- struct{}{}
			wait(r, release)
		case "/waiting":
			arrived <- struct{}{}
			wait(r, release)
		}
		io.WriteString(w, "up")
	})
	w := start(t, setup{up: up.addr()})
	ask := func(c *raw, path string) { c.send("GET ", path, " HTTP/1.1\r\nHost: a\r\n\r\n") }
	closes := func(head string) bool { return strings.Contains(head, "Connection: close") }
	begun, waiting, idle := dial(t, w.addr()), dial(t, w.addr()), dial(t, w.addr())
	ask(begun, "/begun")
	ask(waiting, "/waiting")
	ask(idle, "/")
	if head := idle.expect(200, "up"); closes(head) {
		t.Errorf("head %q", head)
	}
	head := begun.head()
	if closes(head) {
		t.Errorf("head %q", head)
	}
	<-arrived
	<-arrived
	drained := make(chan int)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained <- w.Drain(ctx)
	}()
	until(t, "nobody listens", func() bool {
		c, err := net.Dial("tcp", idle.RemoteAddr().String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	ask(idle, "/")
	if head := idle.expect(200, "up"); !closes(head) {
		t.Errorf("a request within the drain: head %q", head)
	}
	idle.ended()
	close(release)
	if head := waiting.expect(200, "up"); !closes(head) {
		t.Errorf("a request from before the drain: head %q", head)
	}
	if body, _ := begun.body(head); body != "up" {
		t.Errorf("body %q", body)
	}
	ask(begun, "/")
	if head := begun.expect(200, "up"); !closes(head) {
		t.Errorf("one request more: head %q", head)
	}
	begun.ended()
	if cut := <-drained; cut != 0 || w.Stage() != server.Draining {
		t.Errorf("%d requests were cut off, stage %v", cut, w.Stage())
	}
}

// TestDrainTellsWorkersFirst: as long as a worker does not know of a drain, nobody can
// find that nobody listens.
func TestDrainTellsWorkersFirst(t *testing.T) {
	up := named(t, "up")
	pause := &pausing{in: make(chan struct{}), out: make(chan struct{})}
	s := setup{up: up.addr(), listener: `"stream_filters": [{"type": "pause"}]`}
	s.more = listener("other", "127.0.0.1:0", "", "") // its socket is on the other worker
	w := startWith(t, s, filter.Registry{"pause": func(*config.Node, *config.Report) filter.Filter { return pause }})
	held := dial(t, w.addr())
	held.send("GET / HTTP/1.1\r\nHost: a\r\nX-Pause: 1\r\n\r\n")
	<-pause.in // its worker does nothing else
	drained := make(chan int)
	go func() { drained <- w.Drain(context.Background()) }()
	until(t, "it drains", func() bool { return w.Stage() == server.Draining })
	for i := 0; i < 100 && !t.Failed(); i++ {
		for name, addr := range w.Addresses() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			c.Close()
		}
	}
	pause.out <- struct{}{}
	if head := held.expect(200, "up"); !strings.Contains(head, "Connection: close") {
		t.Errorf("head %q", head)
	}
	held.ended()
	if cut := <-drained; cut != 0 {
		t.Errorf("%d requests were cut off", cut)
	}
}

// wholeResponse is a filter that wants a response's whole body before its head goes
// on.
type wholeResponse struct{ filter.PassResponse }

func (f wholeResponse) Attach(*filter.Stream) (filter.Request, filter.Response) { return nil, f }

func (wholeResponse) ResponseHead(*filter.Stream, *stream.Head, bool) filter.Status {
	return filter.Buffer
}

func (wholeResponse) ResponseData(*filter.Stream, *buffer.Chain, bool) filter.Status {
	return filter.Continue
}

// TestHeldResponseFails: a response that fails while a filter holds it is answered;
// only one that has begun must be broken off.
func TestHeldResponseFails(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		if target(c.head()) == "/big" {
			c.send(ok(string(pattern(200 << 10))))
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
	})
	w := startWith(t, setup{up: up.addr(), listener: `"stream_filters": [{"type": "whole"}]`},
		filter.Registry{"whole": func(*config.Node, *config.Report) filter.Filter { return wholeResponse{} }})
	c := dial(t, w.addr())
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.expect(502, "the upstream ended the connection\n")
	}
	c.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n") // more than the filter may hold
	c.expect(502, "")
}

// TestSilentUpgrade: an upstream that does not say whether it upgrades has as long
// as for any response; a tunnel lives on.
func TestSilentUpgrade(t *testing.T) {
	quiet := silent(t)
	w := start(t, setup{up: quiet.addr(), routes: route("/", "up", `"timeout": "30ms"`)})
	c := dial(t, w.addr())
	c.send(upgrade)
	c.expect(504, "the upstream did not answer in time\n")
	lives := serveRaw(t, func(c *raw, _ int) {
		c.head()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(c, c.r)
	})
	w = start(t, setup{up: lives.addr(), http1: `"request_timeout": "20ms"`, routes: route("/", "up", `"timeout": "20ms"`)})
	c = dial(t, w.addr())
	c.send(upgrade)
	c.head()
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		c.send("ping")
		if got := c.bytes(4); got != "ping" {
			t.Fatalf("the tunnel broke: %q", got)
		}
	}
}

// TestUnixSockets: a listener and a host may be unix sockets.
func TestUnixSockets(t *testing.T) {
	checkLeaks(t)
	path := filepath.Join(t.TempDir(), "weir.sock")
	up := mirror(t)
	w := start(t, setup{up: up.addr(), address: path, listener: `"network": "unix"`, proxy: `"x_forwarded_for": "replace"`})
	c := client(t)
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	get(t, c, "http://a/x", "X-Show", "X-Forwarded-For", "X-Forwarded-For", "1.2.3.4").
		expect(t, 200, "GET /x a\nX-Forwarded-For: \n")
	if got := w.Addresses()["main"]; !strings.HasSuffix(got, path) {
		t.Errorf("it listens on %q", got)
	}
}

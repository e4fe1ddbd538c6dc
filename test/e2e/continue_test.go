package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

const expecting = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

// TestContinue: the upstream decides whether the body is sent.
func TestContinue(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			if v, _ := field(head, "Expect"); v != "100-continue" {
				t.Errorf("the upstream got %q", head)
			}
			c.send("HTTP/1.1 100 Continue\r\n\r\n")
			body, _ := c.body(head)
			c.send(ok(body))
		}
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	for range 2 { // over a new connection to the upstream, and over an old one
		c.send(expecting)
		if head := c.head(); head != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Fatalf("got %q", head)
		}
		c.send("hello")
		c.expect(200, "hello")
	}
}

// TestContinueRefused: an upstream that refuses gets no body, and the client none
// of its own to send: a connection on which it might do so is closed.
func TestContinueRefused(t *testing.T) {
	for _, status := range []int{417, 401, 200} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			rest := make(chan string, 1)
			up := serveRaw(t, func(c *raw, _ int) {
				c.head()
				c.send(fmt.Sprintf("HTTP/1.1 %d No\r\nContent-Length: 3\r\n\r\nno\n", status))
				all, _ := c.rest()
				rest <- all
			})
			w := start(t, setup{up: up.addr()})
			c := dial(t, w.addr())
			c.send(expecting)
			head := c.expect(status, "no\n")
			if v, _ := field(head, "Connection"); v != "close" {
				t.Errorf("head %q", head)
			}
			c.send("hello")
			c.ended()
			if got := <-rest; got != "" {
				t.Errorf("the upstream got %q", got)
			}
		})
	}
}

// whole is a filter that wants the whole body before the head goes on.
type whole struct{ filter.PassRequest }

func (f whole) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, nil }

func (whole) RequestHead(*filter.Stream, *stream.Head, bool) filter.Status { return filter.Buffer }

func (whole) RequestData(_ *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return filter.Continue
}

func makeWhole(*config.Node, *config.Report) filter.Filter { return whole{} }

// TestContinueForFilter: when a filter holds the head until it has the body, it is
// weir that asks for it.
func TestContinueForFilter(t *testing.T) {
	up := mirror(t)
	w := startWith(t, setup{up: up.addr(), listener: `"stream_filters": [{"type": "whole"}]`}, filter.Registry{"whole": makeWhole})
	c := dial(t, w.addr())
	c.send(expecting)
	if head := c.head(); head != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("got %q", head)
	}
	c.send("hello")
	c.expect(200, "POST / a\nhello")
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	c.expect(200, "POST / a\nabc")
}

// TestEarlyResponse: an upstream that answers a body that it does not want is
// heard, by a client that sends on without listening, too.
func TestEarlyResponse(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		c.head()
		c.bytes(1 << 20)
		c.send("HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\n\r\ntoo large\n")
		c.CloseWrite()
		io.Copy(io.Discard, c.r) // or the system would reset the connection, and the response be lost
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.Copy(c, &patterned{n: 8 << 20})
	}()
	c.expect(413, "too large\n")
	c.Close()
	<-sent
	again := dial(t, w.addr())
	again.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n", strings.Repeat("x", 1<<20))
	again.expect(413, "too large\n")
	again.ended()
}

// TestGoClientContinues: Go's own client and server agree over weir.
func TestGoClientContinues(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		io.Copy(w, r.Body)
	})
	w := start(t, setup{up: up.addr()})
	c := client(t)
	do(t, c, "PUT", w.url("/"), "hello", "Expect", "100-continue").expect(t, 200, "hello")
	do(t, c, "PUT", w.url("/no"), "hello", "Expect", "100-continue").expect(t, 401, "no\n")
	do(t, c, "PUT", w.url("/"), "hello", "Expect", "100-continue").expect(t, 200, "hello")
}

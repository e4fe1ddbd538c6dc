package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/filter"
)

// eager answers each request as soon as it has its head, and leaves the body unread.
// What it says in its answer is how many connections there were.
func eager(t testing.TB) *rawUpstream {
	return serveRaw(t, func(c *raw, n int) {
		if c.head() == "" {
			return
		}
		text := fmt.Sprint(n)
		c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text))
		io.Copy(io.Discard, c.r)
	})
}

// ownAnswer is a route of which weir answers the requests itself.
const ownAnswer = `{"match": {"prefix": "/own"}, "direct_response": {"status": 200, "body": "own"}},`

// bodies are the same body in the ways of HTTP/1: what comes with the head, and the
// rest.
var bodies = map[string][2]string{
	"length": {"Content-Length: 10\r\n\r\nab", "cdefghij"},
	"chunks": {"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "8;x=y\r\ncdefghij\r\n0\r\nX-Sum: 1\r\n\r\n"},
	"end":    {"Transfer-Encoding: chunked\r\n\r\na\r\nabcdefghij\r\n", "0\r\n\r\n"},
}

// TestRestBehindResponse: a client that has its answer, and then sends the rest of its
// request, keeps its connection, however the rest comes. The host's connection, on
// which a request was broken off, is not used again.
func TestRestBehindResponse(t *testing.T) {
	up := eager(t)
	w := start(t, setup{up: up.addr(), routes: ownAnswer + route("/", "up", "")})
	n := 0
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			c := dial(t, w.addr())
			expect := func(path string) {
				t.Helper()
				want := "own"
				if path == "/" {
					n++
					want = fmt.Sprint(n)
				}
				if _, announced := field(c.expect(200, want), "Connection"); announced {
					t.Error("the connection is to end")
				}
			}
			for _, path := range []string{"/", "/own", "/"} {
				start := "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + body[0]
				c.send(start)
				expect(path)
				c.send(body[1])
				c.send(start)
				expect(path)
				c.send(body[1], start) // the next one with the rest
				expect(path)
				for i := range body[1] {
					c.send(body[1][i : i+1])
				}
			}
			c.send("GET /own HTTP/1.1\r\nHost: a\r\n\r\n")
			expect("/own")
		})
	}
}

// TestRestThatIsTooLong: where the rest will not be read, the response says that the
// connection ends; and where it only turns out so, the connection ends without a word
// that could pass for the answer to another request.
func TestRestThatIsTooLong(t *testing.T) {
	w := start(t, setup{up: eager(t).addr(), routes: ownAnswer + route("/", "up", "")})
	for _, path := range []string{"/", "/own"} {
		for name, rest := range map[string]string{
			"length":   "Content-Length: 1000000\r\n\r\n",
			"chunk":    "Transfer-Encoding: chunked\r\n\r\nfffff\r\n",
			"continue": "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
		} {
			c := dial(t, w.addr())
			c.send("POST ", path, " HTTP/1.1\r\nHost: a\r\n", rest)
			head, _ := c.message()
			known := path == "/" || name != "chunk" // weir itself answers before it looks at the body
			if v, _ := field(head, "Connection"); statusOf(head) != 200 || (v == "close") != known {
				t.Errorf("%s, %s: got %q", path, name, head)
			}
			c.ended()
		}
		c := dial(t, w.addr())
		c.send("POST ", path, " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.message()
		go c.send(strings.Repeat("1\r\nx\r\n", 1<<16), "GET /own HTTP/1.1\r\nHost: a\r\n\r\n")
		c.ended()
	}
}

// TestRefusedBody: a body that is too large for a filter is answered with whether more
// of it will be read.
func TestRefusedBody(t *testing.T) {
	up := mirror(t)
	w := startWith(t, setup{up: up.addr(), listener: `"per_connection_buffer_limit_bytes": 1024, "stream_filters": [{"type": "whole"}]`},
		filter.Registry{"whole": makeWhole})
	piece := strings.Repeat("x", 2000)
	c := dial(t, w.addr())
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n", piece)
	if head, _ := c.message(); statusOf(head) != 413 || strings.Contains(head, "close") {
		t.Errorf("got %q", head)
	}
	c.send(piece, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n", piece)
	if head, _ := c.message(); statusOf(head) != 413 || !strings.Contains(head, "\r\nConnection: close\r\n") {
		t.Errorf("got %q", head)
	}
	c.ended()
}

// TestGoClientStreams: Go's client, which sends its body on while it has its answer
// already, never finds a connection that it may use again at its end.
func TestGoClientStreams(t *testing.T) {
	w := start(t, setup{up: eager(t).addr(), routes: ownAnswer + route("/", "up", "")})
	c := client(t)
	again := 0
	const requests = 60
	for i := range requests {
		if upload(t, c, w.url([2]string{"/", "/own"}[i%2])) {
			again++
		}
	}
	// It gives a connection up on which the rest does not leave within 50 ms.
	if again < requests/2 {
		t.Errorf("of %d requests, %d went over a connection that was used before", requests, again)
	}
}

// upload sends a request whose body ends when the response has begun. It reports
// whether the connection had been used before.
func upload(t *testing.T, c *http.Client, url string) (reused bool) {
	t.Helper()
	body, feed := io.Pipe()
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(t.Context(), trace), patience)
	defer cancel()
	context.AfterFunc(ctx, func() { feed.CloseWithError(ctx.Err()) }) // or a client that fails would wait for it
	r, err := http.NewRequestWithContext(ctx, "POST", url, body)
	if err != nil {
		t.Fatal(err)
	}
	go io.WriteString(feed, "begins")
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.WriteString(feed, "and ends")
	feed.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Errorf("got %d, %v", resp.StatusCode, err)
	}
	return reused
}

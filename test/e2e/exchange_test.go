package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestBodies sends every size of body both ways, with a length and chunked.
func TestBodies(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.Header().Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(b)))
		if r.URL.Query().Has("chunked") {
			w.(http.Flusher).Flush()
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		}
		w.Write(b)
	})
	w := start(t, setup{up: up.addr()})
	c := client(t)
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
		for _, size := range []int{0, 1, 64 << 10, 10 << 20} {
			if size > 1 && method != "POST" && method != "PUT" {
				continue
			}
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/%v", method, size, chunked), func(t *testing.T) {
					body, url, length := pattern(size), w.url("/"), size
					var r io.Reader = bytes.NewReader(body)
					if size == 0 {
						r = nil
					}
					if chunked && size > 0 {
						r, url, length = io.MultiReader(r), url+"?chunked", -1 // hides its length
					}
					a, err := try(c, method, url, r)
					if err != nil {
						t.Fatal(err)
					}
					if a.StatusCode != 200 || a.body != string(body) {
						t.Errorf("status %d, %d bytes", a.StatusCode, len(a.body))
					}
					if got := a.Header.Get("X-Sum"); got != fmt.Sprintf("%x", sha256.Sum256(body)) {
						t.Error("the upstream got another body")
					}
					if got := a.Header.Get("X-Length"); got != fmt.Sprint(length) {
						t.Errorf("the upstream was told of %s bytes, want %d", got, length)
					}
				})
			}
		}
	}
}

// TestHead: a response to HEAD has the fields of GET, and no body; the connection
// goes on.
func TestHead(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "12345")
	})
	w := start(t, setup{up: up.addr(), routes: `{"match": {"prefix": "/own"}, "direct_response": {"status": 200, "body": "own"}},` +
		route("/", "up", "")})
	c := dial(t, w.addr())
	for _, path := range []string{"/", "/own", "/"} {
		c.send("HEAD ", path, " HTTP/1.1\r\nHost: a\r\n\r\n")
		head := c.head()
		want := "12345"
		if path == "/own" {
			want = "3"
		}
		if got, _ := field(head, "Content-Length"); statusOf(head) != 200 || got != want {
			t.Errorf("%s: got %q", path, head)
		}
	}
}

func TestTrailers(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		for {
			head := c.head()
			if head == "" {
				return
			}
			body, trailers := c.body(head)
			c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			c.send(fmt.Sprintf("%x\r\n%s\r\n", len(body), body), "0\r\nX-Back: yes\r\nContent-Length: 5\r\n", trailers, "\r\n")
		}
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	for range 3 {
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n")
		head := c.head()
		body, trailers := c.body(head)
		if body != "abc" || trailers != "X-Back: yes\r\nX-Sum: 1\r\n" {
			t.Errorf("got %q, body %q, trailers %q", head, body, trailers)
		}
	}
	if n := up.accepted.Load(); n != 1 {
		t.Errorf("%d connections to the upstream", n)
	}
}

// TestCloseDelimited: a response that ends with its connection is chunked for a
// client that can read that, and the client's connection goes on.
func TestCloseDelimited(t *testing.T) {
	for name, head := range map[string]string{"1.1": "HTTP/1.1 200 OK\r\n\r\n", "1.0": "HTTP/1.0 200 OK\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			up := serveRaw(t, func(c *raw, _ int) {
				c.head()
				c.send(head, "one, ")
				c.send("two")
			})
			w := start(t, setup{up: up.addr()})
			c := dial(t, w.addr())
			for range 2 {
				c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				if head := c.expect(200, "one, two"); !strings.Contains(head, "Transfer-Encoding: chunked") {
					t.Errorf("head %q", head)
				}
			}
			old := dial(t, w.addr())
			old.send("GET / HTTP/1.0\r\n\r\n")
			head := old.head()
			if rest, err := old.rest(); rest != "one, two" || err != nil || statusOf(head) != 200 ||
				strings.Contains(head, "chunked") {
				t.Errorf("HTTP/1.0 got %q %q, %v", head, rest, err)
			}
		})
	}
}

// TestOldVersions: HTTP/1.0 clients keep their connection only if they ask for it,
// and HTTP/1.0 servers too.
func TestOldVersions(t *testing.T) {
	up := serveRaw(t, func(c *raw, n int) {
		for head := c.head(); head != ""; head = c.head() {
			if !strings.HasPrefix(head, "GET / HTTP/1.1\r\n") {
				t.Errorf("the upstream got %q", head)
			}
			keep, _ := field(head, "X-Keep")
			c.send("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n", keep, "\r\n", fmt.Sprint(n))
			if keep == "" {
				return
			}
		}
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
	if head := c.expect(200, "1"); !strings.Contains(strings.ToLower(head), "connection: keep-alive") {
		t.Errorf("head %q", head)
	}
	c.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	c.expect(200, "2") // the first server connection is over
	c.ended()
}

// TestPipelining: responses come in the order of the requests, whichever is ready
// first, and one request reaches the upstream at a time.
func TestPipelining(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	w := start(t, setup{up: up.addr(), routes: `{"match": {"prefix": "/own"}, "direct_response": {"status": 200, "body": "own"}},` +
		route("/", "up", "")})
	c := dial(t, w.addr())
	var requests strings.Builder
	for i := range 50 {
		if i%5 == 4 {
			requests.WriteString("GET /own HTTP/1.1\r\nHost: a\r\n\r\n")
		} else {
			fmt.Fprintf(&requests, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", i)
		}
	}
	c.send(requests.String())
	for i := range 50 {
		want := fmt.Sprintf("/%d", i)
		if i%5 == 4 {
			want = "own"
		}
		c.expect(200, want)
	}
}

// TestBodilessResponses: statuses without a body end with their head, and interim
// responses come before the final one.
func TestBodilessResponses(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			switch target(head) {
			case "/204":
				c.send("HTTP/1.1 204 No Content\r\n\r\n")
			case "/304":
				c.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"a\"\r\n\r\n")
			case "/103":
				c.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n", ok("final"))
			}
		}
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	send := func(path string) { c.send("GET ", path, " HTTP/1.1\r\nHost: a\r\n\r\n") }
	send("/204")
	if head := c.head(); statusOf(head) != 204 || strings.Contains(head, "Content-Length") {
		t.Errorf("got %q", head)
	}
	send("/304")
	if head := c.head(); statusOf(head) != 304 || !strings.Contains(head, "ETag: \"a\"") {
		t.Errorf("got %q", head)
	}
	send("/103")
	if head := c.head(); statusOf(head) != 103 || !strings.Contains(head, "Link: </a>") {
		t.Errorf("got %q", head)
	}
	if head := c.head(); statusOf(head) != 102 {
		t.Errorf("got %q", head)
	}
	c.expect(200, "final")
	if n := up.accepted.Load(); n != 1 {
		t.Errorf("%d connections to the upstream", n)
	}
	old := dial(t, w.addr()) // knows no interim responses
	old.send("GET /103 HTTP/1.0\r\n\r\n")
	old.expect(200, "final")
	old.ended()
}

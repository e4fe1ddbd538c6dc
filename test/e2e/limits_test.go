package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// largeHead answers with fields of some bytes each.
func largeHead(count, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := range count {
			w.Header().Set(fmt.Sprintf("X-Large-%d", i), strings.Repeat("v", size))
		}
	}
}

// TestLongFields: lines of any length pass that the limit of a head allows, both ways.
func TestLongFields(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Back", r.Header.Get("X-Long"))
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		c := clientOf(t, way.client)
		for _, n := range []int{8190, 9000, 40000, 59000} {
			req, _ := http.NewRequest("GET", w.url("/"), nil)
			req.Header.Set("X-Long", strings.Repeat("v", n))
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 || len(resp.Header.Get("X-Back")) != n {
				t.Errorf("%d bytes: status %d, and %d bytes back", n, resp.StatusCode, len(resp.Header.Get("X-Back")))
			}
		}
	})
}

// TestVeryLongFields: the limits may be raised to more than a connection keeps for its
// codec.
func TestVeryLongFields(t *testing.T) {
	const size = 1000 << 10
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		value, _ := field(head, "X-Long")
		c.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\nX-Back: ", value, "\r\n\r\n")
	})
	w := start(t, setup{up: up.addr(), http1: `"max_header_size": 1048576, "max_line_size": 1048576`})
	long := strings.Repeat("v", size)
	c := dial(t, w.addr())
	c.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: ", long, "\r\n\r\n")
	if value, _ := field(c.head(), "X-Back"); value != long {
		t.Errorf("%d bytes came back", len(value))
	}
	c = dial(t, w.addr())
	c.send("GET /", long, " HTTP/1.1\r\nHost: a\r\n\r\n")
	if head := c.head(); statusOf(head) != 200 {
		t.Errorf("a long URL is answered %q", head)
	}
}

// TestResponseLimits: a response over the limits of its cluster is answered 502 and a
// line of the log that names the limit; other requests go on, and the limits can be
// raised.
func TestResponseLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		count, size int
		key, raised string
	}{
		"size":  {2, 35000, "max_header_size", `"max_header_size": 100000`},
		"count": {120, 10, "max_header_count", `"max_header_count": 200`},
	} {
		across(t, fourWays, func(t *testing.T, way way) {
			large := largeHead(tc.count, tc.size)
			up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/large" {
					large(w, r)
				}
			})
			for cluster, want := range map[string]int{"": 502, fmt.Sprintf(`"extend_config": {%q: {%s}}`, way.upstream, tc.raised): 200} {
				w := start(t, way.setup(setup{up: up.addr(), cluster: cluster}))
				c := clientOf(t, way.client)
				for range 2 {
					if resp := fetch(t, c, w.url("/large")); resp.StatusCode != want {
						t.Errorf("%s with %q: status %d", name, cluster, resp.StatusCode)
					}
					if resp := fetch(t, c, w.url("/")); resp.StatusCode != 200 {
						t.Errorf("%s with %q: the next request is answered %d", name, cluster, resp.StatusCode)
					}
				}
				if told := strings.Contains(w.log.String(), "key="+tc.key) && strings.Contains(w.log.String(), "cluster=up"); told != (want == 502) {
					t.Errorf("%s with %q: the log says:\n%s", name, cluster, w.log)
				}
			}
		})
	}
}

// fetch gets a response, without its body.
func fetch(t *testing.T, c *http.Client, url string) *http.Response {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

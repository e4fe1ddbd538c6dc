package e2e_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAccounts: after known traffic, every log line and every counter is known.
func TestAccounts(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.ReadAll(r.Body)
		if r.URL.Path == "/api/bad" {
			w.WriteHeader(500)
		}
		io.WriteString(w, "hello")
	})
	dead := refusing(t)
	log := filepath.Join(t.TempDir(), "access.log")
	w := start(t, setup{
		listener: fmt.Sprintf(`"access_logs": [{"log_path": %q, "log_format": "%%request_method%% %%request_path%% %%response_code%% %%response_flags%% %%bytes_received%% %%bytes_sent%% %%route_name%% %%virtual_host%% %%upstream_cluster%% %%upstream_host%% %%tries%% %%listener%% %%protocol%%"}]`, log),
		routes: `{"name": "api", "match": {"prefix": "/api"}, "route": {"cluster_name": "live"}},
			{"name": "dead", "match": {"prefix": "/dead"}, "route": {"cluster_name": "dead"}},
			{"name": "own", "match": {"prefix": "/own"}, "direct_response": {"status": 200, "body": "own"}}`,
		clusters: cluster("live", "", up.addr()) + ", " + cluster("dead", "", dead),
	})
	c := dial(t, w.addr())
	sent, received := 0, 0
	ask := func(status int, request string) {
		c.send(request)
		sent += len(request)
		head := c.head()
		body := ""
		if !strings.HasPrefix(request, "HEAD") {
			body, _ = c.body(head)
		}
		if received += len(head) + len(body); statusOf(head) != status {
			t.Errorf("%q got %q, want %d", request, head, status)
		}
	}
	var want []string
	expect := func(n int, status int, method, path, body, rest string) {
		for range n {
			ask(status, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body))
			want = append(want, fmt.Sprintf("%s %s %d %s", method, path, status, rest))
		}
	}
	expect(5, 200, "POST", "/api/x", "four", "- 4 5 api all live "+up.addr()+" 1 main Http1")
	expect(3, 200, "GET", "/api/y", "", "- 0 5 api all live "+up.addr()+" 1 main Http1")
	expect(2, 500, "GET", "/api/bad", "", "- 0 5 api all live "+up.addr()+" 1 main Http1")
	expect(2, 503, "GET", "/dead", "", "UF 0 30 dead all dead "+dead+" 2 main Http1")
	expect(4, 200, "GET", "/own", "", "- 0 3 own all - - 0 main Http1")
	expect(1, 200, "HEAD", "/own", "", "- 0 0 own all - - 0 main Http1")
	expect(3, 404, "GET", "/none", "", "NR 0 9 - - - - 0 main Http1")
	c.Close()
	until(t, "the connection is over", func() bool { return w.Load().Connections == 0 })
	if diff := cmp.Diff(sorted(want), sorted(lines(t, log, len(want)))); diff != "" {
		t.Errorf("the log (-want +got)\n%s", diff)
	}
	counters := w.counters()
	for set, keys := range map[string]map[string]int{
		"downstream.listener.main": {
			"connection_total": 1, "connection_destroy": 1, "connection_active": 0, "connection_rejected": 0,
			"request_total": 20, "request_active": 0, "request_reset": 0, "request_failed": 5, "request_protocol_error": 0,
			"request_2xx_total": 13, "request_4xx_total": 3, "request_5xx_total": 4, "request_200_total": 13,
			"request_404_total": 3, "request_500_total": 2, "request_503_total": 2, "request_time_total": -1,
			"bytes_read_total": sent, "bytes_write_total": received,
		},
		"downstream.router.routes.virtual_host.all.route.api": {
			"request_total": 10, "request_active": 0, "request_failed": 0, "request_retry": 0, "request_2xx_total": 8, "request_500_total": 2,
		},
		"downstream.router.routes.virtual_host.all.route.dead": {"request_total": 2, "request_failed": 2, "request_503_total": 2},
		"downstream.router.routes.virtual_host.all.route.own":  {"request_total": 5, "request_failed": 0, "request_200_total": 5},
		"upstream.cluster.live": {
			"connection_total": 1, "connection_con_fail": 0, "request_total": 10, "request_active": 0,
			"response_success": 8, "response_failed": 2, "request_retry": 0, "request_timeout": 0, "request_remote_reset": 0,
		},
		"upstream.cluster.live.host." + up.addr(): {"request_total": 10, "request_active": 0, "response_success": 8, "response_failed": 2},
		"upstream.cluster.dead":                   {"connection_con_fail": 4, "request_total": 0, "request_active": 0, "response_failed": 4},
		"upstream.cluster.dead.host." + dead:      {"connection_con_fail": 4, "request_total": 0, "response_failed": 4},
	} {
		got, ok := counters[set]
		if !ok {
			t.Errorf("there is no set %q among %q", set, slices.Sorted(maps.Keys(counters)))
		}
		for key, n := range keys {
			if v, ok := got[key].(float64); !ok || n >= 0 && int(v) != n {
				t.Errorf("%s %s is %v, want %d", set, key, got[key], n)
			}
		}
	}
}

// TestConnectionLimit: connections over the listener's limit are closed at once.
func TestConnectionLimit(t *testing.T) {
	up := named(t, "up")
	w := start(t, setup{up: up.addr(), listener: `"max_connections": 2`})
	one, two := dial(t, w.addr()), dial(t, w.addr())
	for _, c := range []*raw{one, two} {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.expect(200, "up")
	}
	three := dial(t, w.addr())
	three.ended()
	one.Close()
	until(t, "one is over", func() bool { return w.Load().Connections == 1 })
	three = dial(t, w.addr())
	three.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	three.expect(200, "up")
	if n := w.count("downstream.listener.main", "connection_rejected"); n != 1 {
		t.Errorf("%d connections were rejected", n)
	}
}

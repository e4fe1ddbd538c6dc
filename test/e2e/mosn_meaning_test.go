package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

// matching is a route with a match, to the cluster "up".
func matching(match string) string {
	return fmt.Sprintf(`{"match": {%s}, "route": {"cluster_name": "up"}}`, match)
}

// TestMOSNMatches: what the conditions of a route mean is what they mean in MOSN.
func TestMOSNMatches(t *testing.T) {
	up := named(t, "up")
	c := client(t)
	for _, tt := range []struct {
		name, match string
		yes, no     []string // a path, then name and value of a header
	}{
		{"an expression matches a part of the path", `"regex": "/foo/[0-9]"`, []string{"/a/foo/12/b"}, []string{"/foo/x"}},
		{"an expression with anchors", `"regex": "^/foo/[0-9]$"`, []string{"/foo/1"}, []string{"/foo/12"}},
		{"an expression matches a part of a header", `"headers": [{"name": "user-agent", "value": "curl", "regex": true}]`,
			[]string{"/", "User-Agent", "my-curl/7"}, []string{"/", "User-Agent", "wget"}},
		{"an expression matches a part of a variable", `"variables": [{"name": "x-mosn-path", "regex": "[0-9]"}]`,
			[]string{"/a1b"}, []string{"/ab"}},
		{"an empty value is an empty value", `"headers": [{"name": "x-a", "value": ""}]`, []string{"/", "X-A", ""}, []string{"/", "X-A", "b"}},
		{"any value", `"headers": [{"name": "x-a", "value": ".*", "regex": true}]`, []string{"/", "X-A", "b"}, []string{"/", "X-B", "b"}},
		{"conditions in CEL never hold", `"dsl_expressions": [{"expression": "true"}]`, nil, []string{"/"}},
		{"nor do they beside others", `"prefix": "/", "dsl_expressions": [{"expression": "true"}]`, nil, []string{"/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, setup{up: up.addr(), routes: matching(tt.match)})
			if tt.yes != nil {
				get(t, c, w.url(tt.yes[0]), tt.yes[1:]...).expect(t, 200, "up")
			}
			get(t, c, w.url(tt.no[0]), tt.no[1:]...).expect(t, 404, "no route\n")
			c.CloseIdleConnections()
		})
	}
}

// TestMOSNRetries: a policy without codes retries every answer from 500 on, three
// times; but never what may have been executed and may not be twice, unless the route
// says so.
func TestMOSNRetries(t *testing.T) {
	var calls atomic.Int32
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(500)
	})
	for _, tt := range []struct {
		method, members string
		want            int32
	}{
		{"GET", ``, 4},
		{"PUT", ``, 4},
		{"POST", ``, 1},
		{"POST", `, "idempotent": true`, 4},
		{"GET", `, "num_retries": 1`, 2},
		{"GET", `, "status_codes": [503]`, 1},
		{"GET", `, "grpc_status_codes": [14]`, 1},
	} {
		t.Run(tt.method+tt.members, func(t *testing.T) {
			calls.Store(0)
			w := start(t, setup{up: up.addr(), routes: route("/", "up", `"retry_policy": {"retry_on": true, "back_off": "1ms"`+tt.members+`}`)})
			do(t, client(t), tt.method, w.url("/"), "").expect(t, 500, "")
			if got := calls.Load(); got != tt.want {
				t.Errorf("%d tries, want %d", got, tt.want)
			}
		})
	}
}

// TestMOSNWeights: a host in the configuration has a weight from 1 to 128.
func TestMOSNWeights(t *testing.T) {
	a, b := named(t, "a"), named(t, "b")
	w := start(t, setup{clusters: fmt.Sprintf(`{"name": "up", "lb_type": "LB_WEIGHTED_ROUNDROBIN", "hosts": [
		{"address": %q, "weight": 0}, {"address": %q, "weight": 129}]}`, a.addr(), b.addr())})
	if all := w.Warnings(); len(all) != 2 {
		t.Errorf("warnings %v", all)
	}
	got, c := map[string]int{}, client(t)
	for range 129 {
		got[get(t, c, w.url("/")).body]++
	}
	if got["a"] < 1 || got["a"] > 3 || got["a"]+got["b"] != 129 {
		t.Errorf("shares %v, want 1 to 128", got)
	}
}

// TestMOSNMaglev: without a hash policy, the client's address decides.
func TestMOSNMaglev(t *testing.T) {
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, named(t, name).addr())
	}
	w := start(t, setup{clusters: cluster("up", `"lb_type": "LB_MAGLEV"`, all...)})
	c := client(t)
	first := get(t, c, w.url("/")).body
	for range 20 {
		get(t, c, w.url("/")).expect(t, 200, first)
		c.CloseIdleConnections()
	}
}

// TestMOSNHeaders: what a route does to headers, and tells of a path that it rewrites.
func TestMOSNHeaders(t *testing.T) {
	up := mirror(t)
	w := start(t, setup{up: up.addr(), routes: route("/a/", "up", `"prefix_rewrite": "/b/",
		"request_headers_to_add": [{"header": {"key": "X-A", "value": "2"}}, {"header": {"key": "X-B", "value": "2"}},
			{"header": {"key": "X-C", "value": "%x-mosn-method%"}}],
		"request_headers_to_remove": ["x-b"]`)})
	get(t, client(t), w.url("/a/c?d"), "Host", "h", "X-A", "0", "X-Show", "X-A,X-B,X-C,X-Mosn-Original-Path").
		expect(t, 200, "GET /b/c?d h\nX-A: 0,2\nX-B: \nX-C: GET\nX-Mosn-Original-Path: /a/c\n")
}

// TestMOSNAdmin: what programs ask MOSN's admin interface is answered.
func TestMOSNAdmin(t *testing.T) {
	w := start(t, setup{clusters: `{"name": "up"}`, top: `"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}`})
	c, at := client(t), fmt.Sprintf("http://%s", w.AdminAddr())
	get(t, c, at+"/api/v1/states", "Accept", "text/plain").expect(t, 200, fmt.Sprintf("pid=%d&state=6\n", os.Getpid()))
	if a := get(t, c, at+"/server_info"); a.StatusCode != 200 || !strings.Contains(a.body, `"LIVE"`) {
		t.Errorf("server_info: %d %s", a.StatusCode, a.body)
	}
	if a := get(t, c, at+"/api/v1/stats?format=mosn"); a.StatusCode != 200 || !strings.Contains(a.body, `"listener.main": {`) {
		t.Errorf("stats: %d %s", a.StatusCode, a.body)
	}
	level := func(want string) {
		t.Helper()
		get(t, c, at+"/api/v1/get_loglevel").expect(t, 200, "{\n\t\"stdout\": \""+want+"\"\n}\n")
	}
	level("INFO")
	for range 2 { // what is off stays off, and knows its level
		do(t, c, "POST", at+"/api/v1/disable_log", "stdout").expect(t, 200, "disable logger success\n")
		level("OFF")
	}
	for range 2 {
		do(t, c, "POST", at+"/api/v1/enable_log", "stdout").expect(t, 200, "enable logger success\n")
		level("INFO")
	}
}

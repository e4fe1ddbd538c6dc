package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestMatching: which cluster each request goes to.
func TestMatching(t *testing.T) {
	var clusters []string
	for _, name := range []string{"prefix", "path", "regex", "header", "method", "query", "variable", "exact", "wildcard", "port", "other", "labelled"} {
		clusters = append(clusters, cluster(name, "", named(t, name).addr()))
	}
	match := func(match, cluster string) string {
		return fmt.Sprintf(`{"match": {%s}, "route": {"cluster_name": %q}}`, match, cluster)
	}
	routes := strings.Join([]string{
		match(`"prefix": "/h", "headers": [{"name": "X-Kind", "value": "special"}]`, "header"),
		match(`"prefix": "/h", "headers": [{"name": "X-Kind", "value": "re.*x", "regex": true}]`, "regex"),
		match(`"prefix": "/h", "headers": [{"name": "method", "value": "DELETE"}]`, "method"),
		match(`"prefix": "/q", "query_parameters": [{"name": "a", "value": "1"}]`, "query"),
		match(`"variables": [{"name": "request_header_x-var", "value": "on"}]`, "variable"),
		match(`"path": "/whole"`, "path"),
		match(`"regex": "^/r/[0-9]+$"`, "regex"),
		match(`"prefix": "/p"`, "prefix"),
		match(`"prefix": "/"`, "other"),
	}, ", ")
	host := func(name, domains, routes string) string {
		return fmt.Sprintf(`{"name": %q, "domains": [%s], "routers": [%s]}`, name, domains, routes)
	}
	w := start(t, setup{
		hosts: strings.Join([]string{
			host("exact", `"one.example"`, match(`"prefix": "/"`, "exact")),
			host("wildcard", `"*.example"`, match(`"prefix": "/"`, "wildcard")),
			host("port", `"one.example:8080"`, match(`"prefix": "/"`, "port")),
			host("all", `"*"`, routes),
		}, ", "),
		clusters: strings.Join(clusters, ", "),
	})
	c := dial(t, w.addr())
	for _, tc := range []struct{ request, want string }{
		{"GET / HTTP/1.1\r\nHost: one.example\r\n", "exact"},
		{"GET / HTTP/1.1\r\nHost: ONE.example\r\n", "exact"},
		{"GET / HTTP/1.1\r\nHost: two.example\r\n", "wildcard"},
		{"GET / HTTP/1.1\r\nHost: one.example:8080\r\n", "port"},
		{"GET http://one.example/ HTTP/1.1\r\nHost: two.example\r\n", "exact"},
		{"GET /h HTTP/1.1\r\nHost: a\r\nx-kind: special\r\n", "header"},
		{"GET /h HTTP/1.1\r\nHost: a\r\nx-kind: regex\r\n", "regex"},
		{"GET /h HTTP/1.1\r\nHost: a\r\nx-kind: else\r\n", "other"},
		{"DELETE /h HTTP/1.1\r\nHost: a\r\n", "method"},
		{"GET /q?b=2&a=1 HTTP/1.1\r\nHost: a\r\n", "query"},
		{"GET /q?a=2 HTTP/1.1\r\nHost: a\r\n", "other"},
		{"GET /v HTTP/1.1\r\nHost: a\r\nX-Var: on\r\n", "variable"},
		{"GET /whole HTTP/1.1\r\nHost: a\r\n", "path"},
		{"GET /WHOLE?x HTTP/1.1\r\nHost: a\r\n", "path"},
		{"GET /whole/ HTTP/1.1\r\nHost: a\r\n", "other"},
		{"GET /r/12 HTTP/1.1\r\nHost: a\r\n", "regex"},
		{"GET /r/12x HTTP/1.1\r\nHost: a\r\n", "other"},
		{"GET /pre HTTP/1.1\r\nHost: a\r\n", "prefix"},
		{"GET /Pre HTTP/1.1\r\nHost: a\r\n", "other"},
	} {
		c.send(tc.request, "\r\n")
		if head, body := c.message(); statusOf(head) != 200 || body != tc.want {
			t.Errorf("%q went to %q %q, want %q", tc.request, head, body, tc.want)
		}
	}
}

func TestWeightedClusters(t *testing.T) {
	one, three, none := named(t, "1"), named(t, "3"), named(t, "0")
	w := start(t, setup{
		routes: `{"match": {"prefix": "/"}, "route": {"weighted_clusters": [{"cluster": {"name": "one", "weight": 1}},
			{"cluster": {"name": "three", "weight": 3}}, {"cluster": {"name": "none", "weight": 0}}]}}`,
		clusters: cluster("one", "", one.addr()) + ", " + cluster("three", "", three.addr()) + ", " + cluster("none", "", none.addr()),
	})
	c := client(t)
	const n = 1000
	for range n {
		get(t, c, w.url("/"))
	}
	// Within five standard deviations of a quarter.
	if got := one.requests.Load(); got < n/4-70 || got > n/4+70 || none.requests.Load() != 0 {
		t.Errorf("%d and %d of %d requests, and %d to weight 0", got, three.requests.Load(), n, none.requests.Load())
	}
}

// TestOwnAnswers: redirects and direct responses, with a request body unread too.
func TestOwnAnswers(t *testing.T) {
	w := start(t, setup{routes: `
		{"match": {"path": "/moved"}, "redirect": {"response_code": 308, "host_redirect": "b.example", "scheme_redirect": "https"}},
		{"match": {"path": "/away"}, "redirect": {"path_redirect": "/here"}},
		{"match": {"path": "/none"}, "direct_response": {"status": 204}},
		{"match": {"prefix": "/"}, "direct_response": {"status": 418, "body": "teapot"}}`})
	c := client(t)
	a := get(t, c, w.url("/moved?x=1"), "Host", "a.example")
	if got := a.Header.Get("Location"); a.StatusCode != 308 || got != "https://b.example/moved?x=1" {
		t.Errorf("%d %q", a.StatusCode, got)
	}
	a = get(t, c, w.url("/away"), "Host", "a.example")
	if got := a.Header.Get("Location"); a.StatusCode != 301 || got != "http://a.example/here" {
		t.Errorf("%d %q", a.StatusCode, got)
	}
	get(t, c, w.url("/none")).expect(t, 204, "")
	a = do(t, c, "POST", w.url("/"), "coffee")
	a.expect(t, 418, "teapot")
	if a.Header.Get("Date") == "" || a.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("fields %v", a.Header)
	}
}

// TestRewrites: what the upstream is asked for.
func TestRewrites(t *testing.T) {
	up := mirror(t)
	w := start(t, setup{
		routes: strings.Join([]string{
			route("/prefix", "up", `"prefix_rewrite": "/new"`),
			route("/regex", "up", `"regex_rewrite": {"pattern": {"regex": "/([a-z]+)/([0-9]+)"}, "substitution": "/\\2/\\1"}`),
			route("/host", "up", `"host_rewrite": "other.example"`),
			route("/auto", "up", `"auto_host_rewrite": true`),
			route("/byheader", "up", `"auto_host_rewrite_header": "X-Host"`),
			`{"match": {"prefix": "/dynamic"}, "route": {"cluster_header": "X-Cluster"}}`,
			`{"match": {"prefix": "/variable"}, "route": {"cluster_variable": "request_arg_to"}}`,
		}, ", "),
		clusters: fmt.Sprintf(`{"name": "up", "hosts": [{"address": %q, "hostname": "real.example"}]}`, up.addr()),
	})
	c := client(t)
	for _, tc := range []struct {
		path, want string
		fields     []string
	}{
		{"/prefix/a?b=c", "GET /new/a?b=c a\n", nil},
		{"/regex/12?q", "GET /12/regex?q a\n", nil},
		{"/host", "GET /host other.example\n", nil},
		{"/auto", "GET /auto real.example\n", nil},
		{"/byheader", "GET /byheader from.example\n", []string{"X-Host", "from.example"}},
		{"/dynamic", "GET /dynamic a\n", []string{"X-Cluster", "up"}},
		{"/variable?to=up", "GET /variable?to=up a\n", nil},
	} {
		get(t, c, w.url(tc.path), append([]string{"Host", "a"}, tc.fields...)...).expect(t, 200, tc.want)
	}
	if a := get(t, c, w.url("/dynamic"), "X-Cluster", "nowhere"); a.StatusCode != 503 {
		t.Errorf("a cluster that is not there: %d", a.StatusCode)
	}
}

// TestHeaderEdits: route, virtual host and router each change the fields, in this
// order.
func TestHeaderEdits(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Secret", "1")
		w.Header().Set("X-Up", "up")
		fmt.Fprintf(w, "%q %q %q", r.Header.Values("X-List"), r.Header.Values("X-Set"), r.Header.Values("X-Gone"))
	})
	add := func(side, key, value string, appends bool) string {
		return fmt.Sprintf(`"%s_headers_to_add": [{"header": {"key": %q, "value": %q}, "append": %v}]`, side, key, value, appends)
	}
	w := start(t, setup{
		up:    up.addr(),
		table: add("request", "X-List", "router", true) + ", " + add("response", "X-Up", "router", true),
		hosts: `{"name": "all", "domains": ["*"], ` + add("request", "X-List", "host", true) + `, "response_headers_to_remove": ["x-secret"], "routers": [` +
			route("/list", "up", add("request", "X-List", "route", true)) + ", " +
			route("/set", "up", add("request", "X-Set", "route", false)+`, "request_headers_to_remove": ["x-gone"]`) + `]}`,
	})
	c := client(t)
	a := get(t, c, w.url("/list"), "X-List", "client", "X-Gone", "here")
	a.expect(t, 200, `["client,route,host,router"] [] ["here"]`)
	if got := fmt.Sprintf("%q %q", a.Header.Values("X-Up"), a.Header.Values("X-Secret")); got != `["up,router"] []` {
		t.Errorf("the response has %s", got)
	}
	get(t, c, w.url("/set"), "X-Set", "client", "X-Gone", "here").expect(t, 200, `["host,router"] ["route"] []`)
}

// TestSubsets: a route's labels choose among a cluster's hosts, and a route without labels has them all.
func TestSubsets(t *testing.T) {
	blue, green := named(t, "blue"), named(t, "green")
	w := start(t, setup{
		routes: route("/blue", "up", `"metadata_match": {"filter_metadata": {"mosn.lb": {"color": "blue"}}}`) + ", " +
			route("/green", "up", `"metadata_match": {"color": "green"}`) + ", " +
			route("/red", "up", `"metadata_match": {"color": "red"}`) + ", " +
			route("/", "up", ""),
		clusters: fmt.Sprintf(`{"name": "up", "lb_subset_config": {"fall_back_policy": 0, "subset_selectors": [["color"]]}, "hosts": [
			{"address": %q, "metadata": {"filter_metadata": {"mosn.lb": {"color": "blue"}}}},
			{"address": %q, "metadata": {"filter_metadata": {"mosn.lb": {"color": "green"}}}}]}`, blue.addr(), green.addr()),
	})
	c := client(t)
	for range 5 {
		get(t, c, w.url("/blue")).expect(t, 200, "blue")
		get(t, c, w.url("/green")).expect(t, 200, "green")
		get(t, c, w.url("/red")).expect(t, 503, "no host\n")
		// The fall-back policy is not for routes that ask for no labels.
		if got := get(t, c, w.url("/")); got.StatusCode != 200 {
			t.Errorf("a route without labels: %d %q", got.StatusCode, got.body)
		}
	}
}

// TestPerFilterConfig: a route replaces the listener's settings of a filter.
func TestPerFilterConfig(t *testing.T) {
	up := named(t, "up")
	fault := func(status int) string { return fmt.Sprintf(`{"abort": {"status": %d, "percentage": 100}}`, status) }
	w := start(t, setup{
		up:       up.addr(),
		listener: `"stream_filters": [{"type": "fault", "config": ` + fault(503) + `}]`,
		routes: `{"match": {"prefix": "/own"}, "route": {"cluster_name": "up"}, "per_filter_config": {"fault": ` + fault(429) + `}},
			{"match": {"prefix": "/none"}, "route": {"cluster_name": "up"}, "per_filter_config": {"fault": {"abort": {"status": 500, "percentage": 0}}}},
			{"match": {"prefix": "/slow"}, "route": {"cluster_name": "up"}, "per_filter_config": {"fault": {"delay": {"fixed_delay": "10ms", "percentage": 100}}}},` +
			route("/", "up", ""),
	})
	c := client(t)
	get(t, c, w.url("/")).expect(t, 503, "fault injected\n")
	get(t, c, w.url("/own")).expect(t, 429, "fault injected\n")
	do(t, c, "POST", w.url("/none"), "body").expect(t, 200, "up")
	do(t, c, "POST", w.url("/slow"), strings.Repeat("x", 500<<10)).expect(t, 200, "up")
}

// TestPaths: a path is brought into one form, which is routed and forwarded, byte
// for byte.
func TestPaths(t *testing.T) {
	public, admin := serveRaw(t, echoTarget("public")), serveRaw(t, echoTarget("admin"))
	w := start(t, setup{
		routes:   route("/admin", "admin", "") + ", " + route("/", "public", ""),
		clusters: cluster("admin", "", admin.addr()) + ", " + cluster("public", "", public.addr()),
	})
	c := dial(t, w.addr())
	for path, want := range map[string]string{
		"/":                 "public /",
		"//admin":           "admin /admin",
		"/./admin":          "admin /admin",
		"/x/../admin":       "admin /admin",
		"/x/%2e%2E/admin":   "admin /admin",
		"/%61dmin":          "admin /admin",
		"/admin/..":         "public /",
		"/admin/../x":       "public /x",
		"/../../admin/":     "admin /admin/",
		"/a%2fb":            "public /a%2Fb",
		"/admin%2f..%2fx":   "admin /admin%2F..%2Fx",
		"/%41%7e?%41&//../": "public /A~?%41&//../",
		"/a;b=c/..;/d":      "public /a;b=c/..;/d",
		"/a//b///":          "public /a/b/",
		"/a/.b/..c/...":     "public /a/.b/..c/...",
		"/a|b^c\"d":         "public /a|b^c\"d",
		"/x?/../admin":      "public /x?/../admin",
	} {
		c.send("GET ", path, " HTTP/1.1\r\nHost: a\r\n\r\n")
		if head, body := c.message(); statusOf(head) != 200 || body != want {
			t.Errorf("%s became %q %q, want %q", path, head, body, want)
		}
	}
	for _, path := range []string{"/%", "/%2", "/%zz", "/a%00b", "/%0d%0aX: y", "/%7f"} {
		c := dial(t, w.addr())
		c.send("GET ", strings.ReplaceAll(path, " ", "%20"), " HTTP/1.1\r\nHost: a\r\n\r\n")
		c.expect(400, "the path is malformed\n")
	}
	strict := start(t, setup{
		routes: route("/", "public", ""), clusters: cluster("public", "", public.addr()),
		proxy: `"reject_escaped_slashes": true, "merge_slashes": false`,
	})
	c = dial(t, strict.addr())
	c.send("GET /a//b HTTP/1.1\r\nHost: a\r\n\r\n")
	c.expect(200, "public /a//b")
	for _, path := range []string{"/a%2fb", "/a%5cb"} {
		c.send("GET ", path, " HTTP/1.1\r\nHost: a\r\n\r\n")
		c.expect(400, "the path is malformed\n")
	}
}

// echoTarget answers with a name and the request target as it came.
func echoTarget(name string) func(*raw, int) {
	return func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			c.send(ok(name + " " + target(head)))
		}
	}
}

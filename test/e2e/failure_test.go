package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// logged is the end of a listener's configuration with an access log of paths,
// statuses, flags and tries.
func logged(t testing.TB) (path, member string) {
	path = filepath.Join(t.TempDir(), "access.log")
	return path, fmt.Sprintf(`"access_logs": [{"log_path": %q, "log_format": "%%request_path%% %%response_code%% %%response_flags%%"}]`, path)
}

// lines waits for n lines of a log.
func lines(t testing.TB, path string, n int) []string {
	t.Helper()
	var got []string
	eventually(t, "the log has its lines", func() error {
		b, err := os.ReadFile(path)
		if got = strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' }); len(got) < n {
			return errors.Join(err, fmt.Errorf("%d lines instead of %d: %q", len(got), n, got))
		}
		return nil
	})
	return got
}

// silent is an upstream that never answers.
func silent(t testing.TB) *rawUpstream {
	return serveRaw(t, func(c *raw, _ int) { io.Copy(io.Discard, c.r) })
}

// TestFailures: how each failure is answered, flagged and counted.
func TestFailures(t *testing.T) {
	quiet := silent(t)
	closes := serveRaw(t, func(c *raw, _ int) { c.head() })
	garbage := serveRaw(t, func(c *raw, _ int) { c.head(); c.send("SSH-2.0\r\n\r\n") })
	log, member := logged(t)
	routes := []string{
		`{"match": {"prefix": "/none"}, "route": {"cluster_header": "X-Cluster"}}`,
		route("/empty", "empty", ""),
		route("/refused", "refused", ""),
		route("/slow", "slow", `"timeout": "50ms"`),
		route("/try", "try", `"timeout": "5s", "retry_policy": {"retry_on": true, "num_retries": 2, "retry_timeout": "30ms", "back_off": "1ms"}`),
		route("/closes", "closes", ""),
		route("/garbage", "garbage", ""),
	}
	w := start(t, setup{
		routes:   strings.Join(routes, ", "),
		listener: member,
		clusters: strings.Join([]string{
			cluster("empty", ""), cluster("refused", "", refusing(t)), cluster("slow", "", quiet.addr()),
			cluster("try", "", quiet.addr()), cluster("closes", "", closes.addr()), cluster("garbage", "", garbage.addr()),
		}, ", "),
	})
	c := client(t)
	cases := []struct {
		method, path string
		status       int
		log          string
	}{
		{"GET", "/unknown", 404, "/unknown 404 NR"},
		{"GET", "/none", 503, "/none 503 UH"},
		{"GET", "/empty", 503, "/empty 503 UH"},
		{"GET", "/refused", 503, "/refused 503 UF"},
		{"POST", "/slow", 504, "/slow 504 UT"},
		{"GET", "/try", 504, "/try 504 UT,URX"},
		{"GET", "/closes", 502, "/closes 502 UC"},
		{"POST", "/closes", 502, "/closes 502 UC"},
		{"GET", "/garbage", 502, "/garbage 502 UPE"},
	}
	var want []string
	for _, tc := range cases {
		if a := do(t, c, tc.method, w.url(tc.path), "body"); a.StatusCode != tc.status {
			t.Errorf("%s %s: status %d %q, want %d", tc.method, tc.path, a.StatusCode, a.body, tc.status)
		}
		want = append(want, tc.log)
	}
	if got := lines(t, log, len(want)); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(sorted(got), "\n"), strings.Join(sorted(want), "\n"))
	}
	for _, n := range []struct {
		set, key string
		want     int
	}{
		{"upstream.cluster.empty", "request_no_host", 1},
		{"upstream.cluster.refused", "connection_con_fail", 2}, // moved on once
		{"upstream.cluster.slow", "request_timeout", 1},
		{"upstream.cluster.slow", "response_failed", 1},
		{"upstream.cluster.try", "request_timeout", 3},
		{"upstream.cluster.try", "request_retry", 2},
		{"upstream.cluster.try", "request_total", 3},
		{"upstream.cluster.closes", "request_remote_reset", 2},
		{"downstream.listener.main", "request_failed", 9},
		{"downstream.listener.main", "request_502_total", 3},
		{"downstream.listener.main", "request_503_total", 3},
		{"downstream.listener.main", "request_504_total", 2},
		{"downstream.listener.main", "request_404_total", 1},
		{"downstream.listener.main", "request_active", 0},
	} {
		if got := w.count(n.set, n.key); got != n.want {
			t.Errorf("%s %s is %d, want %d", n.set, n.key, got, n.want)
		}
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// TestLimits: a request over max_requests, or over max_pending_requests, is
// refused; one over max_connections waits.
func TestLimits(t *testing.T) {
	arrived, release := make(chan string, 10), make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.URL.Path
		wait(r, release)
		io.WriteString(w, r.URL.Path)
	})
	limit := func(s string) string { return `"circuit_breakers": [{` + s + `}]` }
	w := start(t, setup{
		routes: route("/requests", "requests", "") + ", " + route("/connections", "connections", ""),
		clusters: cluster("requests", limit(`"max_requests": 1`), up.addr()) + ", " +
			cluster("connections", limit(`"max_connections": 1, "max_pending_requests": 1`), up.addr()),
	})
	c := client(t)
	var all sync.WaitGroup
	send := func(path string) {
		all.Go(func() {
			if a, err := try(c, "GET", w.url(path), nil); err != nil || a.body != path {
				t.Errorf("%s: %v %+v", path, err, a)
			}
		})
	}
	send("/requests/1")
	<-arrived
	get(t, c, w.url("/requests/2")).expect(t, 503, "too many requests to the cluster\n")
	send("/connections/1")
	<-arrived
	send("/connections/2")
	until(t, "the second waits", func() bool { return w.count("downstream.listener.main", "request_active") == 3 })
	eventually(t, "the third is refused", func() error {
		a := get(t, c, w.url("/connections/3"))
		a.expect(t, 503, "too many requests to the cluster\n")
		return nil
	})
	close(release)
	all.Wait()
	if got := w.count("upstream.cluster.requests", "request_overflow"); got != 1 {
		t.Errorf("request_overflow is %d", got)
	}
	if got := w.count("upstream.cluster.connections", "request_pending_overflow"); got != 1 {
		t.Errorf("request_pending_overflow is %d", got)
	}
}

const retries = `"retry_policy": {"retry_on": true, "num_retries": 3, "status_codes": [503], "back_off": "1ms", "max_back_off": "2ms"}`

// TestRetryOnStatus: a status of the policy is tried again, on another host first,
// with the same body, and only for requests that may be executed twice.
func TestRetryOnStatus(t *testing.T) {
	body := string(pattern(40 << 10))
	var bad, good atomic.Int64
	failing := serve(t, func(w http.ResponseWriter, r *http.Request) {
		bad.Add(1)
		io.Copy(io.Discard, r.Body)
		http.Error(w, "bad", http.StatusServiceUnavailable)
	})
	working := serve(t, func(w http.ResponseWriter, r *http.Request) {
		good.Add(1)
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
	})
	w := start(t, setup{
		routes:   route("/idempotent", "up", strings.Replace(retries, "{", `{"idempotent": true, `, 1)) + ", " + route("/", "up", retries),
		clusters: cluster("up", "", failing.addr(), working.addr()),
	})
	c := client(t)
	for range 20 {
		do(t, c, "PUT", w.url("/"), body).expect(t, 200, body)
		do(t, c, "POST", w.url("/idempotent"), body).expect(t, 200, body)
		get(t, c, w.url("/")).expect(t, 200, "")
	}
	if b, g := bad.Load(), good.Load(); g != 60 || b < 20 || b > 60 { // never twice for one request
		t.Errorf("the failing host had %d requests, the working one %d", b, g)
	}
	bad.Store(0)
	refused := 0
	for range 20 {
		if do(t, c, "POST", w.url("/"), body).StatusCode == 503 {
			refused++
		}
	}
	if refused != int(bad.Load()) || refused == 0 {
		t.Errorf("%d POSTs failed, the failing host had %d", refused, bad.Load())
	}
}

// TestLargeBodyIsNotRetried: what does not fit into the buffer cannot be sent
// again, and is not sent in part.
func TestLargeBodyIsNotRetried(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		http.Error(w, "bad", http.StatusServiceUnavailable)
	})
	w := start(t, setup{up: up.addr(), routes: route("/", "up", retries)})
	c := client(t)
	if a := do(t, c, "PUT", w.url("/"), string(pattern(200<<10))); a.StatusCode != 503 || up.requests.Load() != 1 {
		t.Errorf("status %d after %d requests", a.StatusCode, up.requests.Load())
	}
	if a := do(t, c, "PUT", w.url("/"), "small"); a.StatusCode != 503 || up.requests.Load() != 5 {
		t.Errorf("status %d after %d requests", a.StatusCode, up.requests.Load()-1)
	}
}

// TestPostIsNotRetriedOnceSent: it may have been executed.
func TestPostIsNotRetriedOnceSent(t *testing.T) {
	var requests atomic.Int64
	up := serveRaw(t, func(c *raw, _ int) {
		c.message()
		requests.Add(1)
	})
	w := start(t, setup{up: up.addr(), routes: route("/", "up", retries)})
	c := client(t)
	if a := do(t, c, "POST", w.url("/"), "body"); a.StatusCode != 502 || requests.Load() != 1 {
		t.Errorf("POST: status %d after %d requests", a.StatusCode, requests.Load())
	}
	requests.Store(0)
	if a := do(t, c, "PUT", w.url("/"), "body"); a.StatusCode != 502 || requests.Load() != 4 {
		t.Errorf("PUT: status %d after %d requests", a.StatusCode, requests.Load())
	}
}

// TestRetryBudget: failures of many requests at a time are not multiplied.
func TestRetryBudget(t *testing.T) {
	const n = 40
	arrived, release := make(chan struct{}, 10*n), make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		wait(r, release)
		http.Error(w, "bad", http.StatusServiceUnavailable)
	})
	w := start(t, setup{
		up:      up.addr(),
		cluster: `"retry_budget": {"budget_percent": 10, "min_retries": 2}`,
		routes:  route("/", "up", strings.Replace(strings.Replace(retries, "1ms", "5s", 1), "2ms", "5s", 1)+`, "timeout": "200ms"`),
	})
	c := client(t)
	var all sync.WaitGroup
	for range n {
		all.Go(func() { try(c, "GET", w.url("/"), nil) })
	}
	for range n {
		<-arrived
	}
	close(release)
	all.Wait()
	counters := w.counters()["upstream.cluster.up"]
	if got, over := counters["request_retry"].(float64), counters["request_retry_overflow"].(float64); got < 2 || got > 8 || got+over < n || over > n {
		t.Errorf("%v retries began, %v were refused", got, over)
	}
}

// TestTryTimeout: a try that takes too long is given up, and the next host asked.
func TestTryTimeout(t *testing.T) {
	quiet, fast := silent(t), named(t, "fast")
	w := start(t, setup{
		routes:   route("/", "up", `"timeout": "10s", "retry_policy": {"retry_on": true, "num_retries": 1, "retry_timeout": "100ms", "back_off": "1ms"}`),
		clusters: cluster("up", "", quiet.addr(), fast.addr()),
	})
	c := client(t)
	for range 4 {
		get(t, c, w.url("/")).expect(t, 200, "fast")
	}
}

// pausing is a filter whose hook holds the worker until the test lets it go.
type pausing struct {
	filter.PassRequest
	in, out chan struct{}
}

func (f *pausing) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, nil }

func (f *pausing) RequestHead(_ *filter.Stream, h *stream.Head, _ bool) filter.Status {
	if _, ok := h.Get("X-Pause"); ok {
		f.in <- struct{}{}
		<-f.out
	}
	return filter.Continue
}

// TestStaleConnection: a request that meets a connection which the upstream just
// closed goes to a new one, and the client sees nothing of it; a POST too, because
// the upstream provably did not take it.
func TestStaleConnection(t *testing.T) {
	stale := make(chan *raw, 1)
	var executed atomic.Int64
	up := serveRaw(t, func(c *raw, n int) {
		for head, body := c.message(); head != ""; head, body = c.message() {
			executed.Add(1)
			c.send(ok(fmt.Sprint(n, body)))
			if n%2 == 1 {
				stale <- c
				c.block()
				return
			}
		}
	})
	pause := &pausing{in: make(chan struct{}), out: make(chan struct{})}
	w := startWith(t, setup{up: up.addr(), listener: `"stream_filters": [{"type": "pause"}]`},
		filter.Registry{"pause": func(*config.Node, *config.Report) filter.Filter { return pause }})
	for i, method := range []string{"GET", "POST", "PUT"} {
		c := dial(t, w.addr())
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.expect(200, fmt.Sprint(2*i+1))
		c.send(method, " / HTTP/1.1\r\nHost: a\r\nX-Pause: 1\r\nContent-Length: 4\r\n\r\nbody")
		<-pause.in // the worker has the request, and cannot learn that
		(<-stale).Close()
		pause.out <- struct{}{}
		c.expect(200, fmt.Sprint(2*i+2, "body"))
		c.Close()
		up.closeConns() // the next one begins with a new connection
		until(t, "the upstream connections are gone", func() bool { return w.count("upstream.cluster.up", "connection_active") == 0 })
	}
	if n := executed.Load(); n != 6 {
		t.Errorf("%d requests were executed, want 6", n)
	}
}

// TestTruncatedResponses: a response that the upstream does not finish never has a
// clean end downstream.
func TestTruncatedResponses(t *testing.T) {
	responses := map[string]string{
		"/length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
		"/chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
		"/chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\npart",
		"/bad":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nxyz\r\n",
		"/trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\nA: b",
	}
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		c.send(responses[target(head)])
	})
	w := start(t, setup{up: up.addr()})
	for path := range responses {
		for _, version := range []string{"1.1", "1.0"} {
			c := dial(t, w.addr())
			c.send("GET ", path, " HTTP/", version, "\r\nHost: a\r\n\r\n")
			all, err := c.rest()
			whole := strings.HasSuffix(all, "0\r\n\r\n") || err == nil && version == "1.0" && path != "/length" && all != ""
			if isTimeout(err) || whole {
				t.Errorf("%s %s: got %q, %v", version, path, all, err)
			}
		}
	}
}

// TestTimeoutHeaders: a request may shorten its own timeout unless that is forbidden,
// also one with a body.
func TestTimeoutHeaders(t *testing.T) {
	quiet := silent(t)
	for proxy, allowed := range map[string]bool{``: true, `"timeout_headers": false`: false} {
		w := start(t, setup{up: quiet.addr(), routes: route("/", "up", `"timeout": "500ms"`), proxy: proxy})
		c := client(t)
		for _, method := range []string{"GET", "POST"} {
			began := time.Now()
			a := do(t, c, method, w.url("/"), strings.Repeat("x", 100<<10), "x-mosn-global-timeout", "20")
			took := time.Since(began)
			if a.StatusCode != 504 || took < 20*time.Millisecond || took < 500*time.Millisecond != allowed {
				t.Errorf("%s, allowed %v: status %d after %v", method, allowed, a.StatusCode, took)
			}
		}
	}
}

// TestForwarded: what the upstream is told of who asks.
func TestForwarded(t *testing.T) {
	up := mirror(t)
	for _, tc := range []struct{ proxy, want string }{
		{``, "X-Forwarded-For: 1.2.3.4, 127.0.0.1\nX-Forwarded-Proto: https\nX-Request-Id: mine\n"},
		{`"x_forwarded_for": "append", "request_id": "keep"`, "X-Forwarded-For: 1.2.3.4, 127.0.0.1\nX-Forwarded-Proto: https\nX-Request-Id: mine\n"},
		{`"x_forwarded_for": "replace", "request_id": "off"`, "X-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http\nX-Request-Id: mine\n"},
		{`"x_forwarded_for": "keep"`, "X-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: https\nX-Request-Id: mine\n"},
	} {
		w := start(t, setup{up: up.addr(), proxy: tc.proxy})
		get(t, client(t), w.url("/"), "Host", "a", "X-Show", "X-Forwarded-For,X-Forwarded-Proto,X-Request-Id",
			"X-Forwarded-For", "1.2.3.4", "X-Forwarded-Proto", "https", "X-Request-Id", "mine").
			expect(t, 200, "GET / a\n"+tc.want)
	}
	w := start(t, setup{up: up.addr(), proxy: `"request_id": "replace"`})
	seen := make(map[string]bool)
	for range 100 {
		a := get(t, client(t), w.url("/"), "Host", "a", "X-Show", "X-Request-Id", "X-Request-Id", "mine")
		_, id, _ := strings.Cut(strings.TrimSpace(a.body), "X-Request-Id: ")
		if len(id) != 36 || seen[id] {
			t.Fatalf("request id %q", id)
		}
		seen[id] = true
	}
}

package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// TestEndpoints asks for everything that changes nothing.
func TestEndpoints(t *testing.T) {
	w := newWorld(t)
	for target, want := range map[string]string{
		"/":                             "GET              /api/v1/version ",
		"/api/v1/version":               `"version": "v1.2.3"`,
		"/api/v1/config_dump":           `"router_config_name": "inward"`,
		"/api/v1/states":                `"state": "running"`,
		"/ready":                        "ready\n",
		"/api/v1/clusters":              `{"address":"127.0.0.1:8081"`,
		"/api/v1/events":                `"kind": "ejected"`,
		"/api/v1/registrations":         `"registrations": []`,
		"/api/v1/stats":                 `"request_total": 3`,
		"/api/v1/stats_glob":            "request_total:7\n",
		"/api/v1/get_loglevel":          `"stderr": "INFO"`,
		"/metrics":                      `weir_downstream_request_total{listener="ingress"} 3`,
		"/debug/pprof/":                 "goroutine",
		"/debug/pprof/goroutine":        "",
		"/debug/pprof/heap?debug=1":     "heap profile",
		"/debug/pprof/cmdline":          "admin.test",
		"/debug/pprof/symbol?0x1":       "num_symbols: 1",
		"/debug/pprof/trace?seconds=.1": "go 1.",
	} {
		t.Run(target, func(t *testing.T) {
			answer := get(w, target)
			mustStatus(t, answer, http.StatusOK, want)
			h := answer.Header()
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") == "" {
				t.Errorf("headers %v", h)
			}
			if !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("may be framed: %v", h)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t)
	for _, e := range w.endpoints {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
			if slices.Contains(e.methods, method) {
				continue
			}
			answer := ask(w, method, e.path, "")
			if allow := answer.Header().Get("Allow"); answer.Code != http.StatusMethodNotAllowed || allow != strings.Join(e.methods, ", ") {
				t.Errorf("%s %s: %d, Allow: %s", method, e.path, answer.Code, allow)
			}
		}
	}
	if got := w.logs.LogLevels()["stderr"]; got != "INFO" {
		t.Errorf("a refused method set the level %s", got)
	}
	mustStatus(t, ask(w, http.MethodPost, "/debug/pprof/symbol", "0x1"), http.StatusOK, "num_symbols: 1")
}

func TestUnknownPaths(t *testing.T) {
	w := newWorld(t)
	for path, near := range map[string]string{
		"/api/v1/stat":                      `did you mean \"/api/v1/stats\"?`,
		"/api/v1/Config_Dump":               `did you mean \"/api/v1/config_dump\"?`,
		"/ready/":                           `did you mean \"/ready\"?`,
		"/raedy":                            `did you mean \"/ready\"?`,
		"/debug/pprof/gorutine":             `did you mean \"goroutine\"?`,
		"/debug/pprof/profile/x":            "there is no profile profile/x",
		"/../ready":                         "there is no endpoint",
		"/nothing/like/any":                 "there is no endpoint /nothing/like/any\"\n",
		"/" + strings.Repeat("long/", 2000): `long/lo..."`,
	} {
		answer := get(w, path)
		mustStatus(t, answer, http.StatusNotFound, near)
		if answer.Body.Len() > 1000 || answer.Header().Get("Content-Type") != typeJSON {
			t.Errorf("%s: %v %s", path, answer.Header(), answer.Body)
		}
	}
	answer := get(w, "/debug/pprof?next=//evil.example")
	if to := answer.Header().Get("Location"); answer.Code != http.StatusPermanentRedirect || to != "/debug/pprof/" {
		t.Errorf("%d to %s", answer.Code, to)
	}
}

// TestOffered: what the options do not give is not there, nor named.
func TestOffered(t *testing.T) {
	all := newWorld(t).options
	for name, tc := range map[string]struct {
		options Options
		want    []string
	}{
		"nothing": {Options{}, []string{"/"}},
		"process": {Options{Process: all.Process}, []string{"/", "/api/v1/config_dump", "/api/v1/states", "/api/v1/features", "/server_info", "/ready"}},
		"metrics": {Options{Metrics: all.Metrics, MetricsPath: "/stats/prometheus"}, []string{"/stats/prometheus", "/"}},
		"hosts":   {Options{Clusters: all.Clusters}, []string{"/", "/api/v1/clusters", "/api/v1/events"}},
		"logs":    {Options{Logs: all.Logs}, []string{"/", "/api/v1/get_loglevel", "/api/v1/update_loglevel", "/api/v1/disable_log", "/api/v1/enable_log"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(tc.options)
			if diff := cmp.Diff(tc.want, s.paths()); diff != "" {
				t.Error(diff)
			}
			if got := strings.Count(get(s, "/").Body.String(), "\n"); got != len(tc.want) {
				t.Errorf("the help has %d lines", got)
			}
			mustStatus(t, get(s, "/debug/pprof/heap"), http.StatusNotFound, "")
		})
	}
}

// TestMetricsPath: a page of statistics alone may be anywhere, even where the help is.
func TestMetricsPath(t *testing.T) {
	s := New(Options{Metrics: prometheus.NewRegistry(), MetricsPath: "/", AnyHost: true})
	answer := ask(s, http.MethodGet, "/", "", "Host: weir.example")
	mustStatus(t, answer, http.StatusOK, "")
	if got := answer.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=") {
		t.Errorf("not a page of Prometheus: %s", got)
	}
}

func TestHelp(t *testing.T) {
	s := New(Options{Metrics: prometheus.NewRegistry(), MetricsPath: `/<m>"&`, Logs: &fakeLogs{}})
	text := ask(s, http.MethodGet, "/", "", "Accept: */*")
	mustStatus(t, text, http.StatusOK, "POST  /api/v1/update_loglevel")
	if got := text.Header().Get("Content-Type"); got != typeText {
		t.Errorf("Content-Type: %s", got)
	}
	page := ask(s, http.MethodGet, "/", "", "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
	mustStatus(t, page, http.StatusOK, `<a href="/&lt;m&gt;&#34;&amp;">`)
	if got := page.Header(); got.Get("Content-Type") != typeHTML || got.Get("Vary") != "Accept" {
		t.Errorf("headers %v", got)
	}
	if strings.Contains(page.Body.String(), `href="/api/v1/update_loglevel"`) {
		t.Error("a link to what takes no GET")
	}
}

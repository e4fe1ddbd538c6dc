package admin

import (
	"net/http"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	w := newWorld(t)
	w.guard.allow("Admin.internal.")
	for host, want := range map[string]int{
		"127.0.0.1":                 http.StatusOK,
		"127.0.0.1:9901":            http.StatusOK,
		"10.1.2.3:9901":             http.StatusOK,
		"[::1]":                     http.StatusOK,
		"[::1]:9901":                http.StatusOK,
		"::1":                       http.StatusOK,
		"localhost":                 http.StatusOK,
		"LOCALHOST:9901":            http.StatusOK,
		"localhost.:9901":           http.StatusOK,
		"admin.internal":            http.StatusOK,
		"admin.internal:1":          http.StatusOK,
		"":                          http.StatusOK, // HTTP/1.0
		"rebound.example":           http.StatusMisdirectedRequest,
		"rebound.example:9901":      http.StatusMisdirectedRequest,
		"localhost.rebound.example": http.StatusMisdirectedRequest,
		"127.0.0.1.rebound.example": http.StatusMisdirectedRequest,
		"0x7f.1":                    http.StatusMisdirectedRequest,
		"[localhost.example]":       http.StatusMisdirectedRequest,
		":9901":                     http.StatusMisdirectedRequest,
	} {
		if got := ask(w, http.MethodGet, "/ready", "", "Host: "+host).Code; got != want {
			t.Errorf("Host %q: %d, want %d", host, got, want)
		}
	}
	if !strings.Contains(w.log.String(), "request refused") || !strings.Contains(w.log.String(), "host=rebound.example:9901") {
		t.Errorf("refusals are not in the log: %s", w.log)
	}
}

// TestForeignSites sends what browsers send for pages of other sites.
func TestForeignSites(t *testing.T) {
	const level, profile = "/api/v1/update_loglevel", "/debug/pprof/symbol"
	body := `{"log_path": "stderr", "log_level": "DEBUG"}`
	for name, tc := range map[string]struct {
		method, path string
		headers      []string
		want         int
	}{
		"curl changes":            {"POST", level, nil, http.StatusOK},
		"own page changes":        {"POST", level, []string{"Origin: http://127.0.0.1:9901"}, http.StatusOK},
		"own page, new browser":   {"POST", level, []string{"Origin: http://127.0.0.1:9901", "Sec-Fetch-Site: same-origin"}, http.StatusOK},
		"other site, old browser": {"POST", level, []string{"Origin: http://evil.example"}, http.StatusForbidden},
		"other site":              {"POST", level, []string{"Sec-Fetch-Site: cross-site"}, http.StatusForbidden},
		"other port":              {"POST", level, []string{"Origin: http://127.0.0.1:3000"}, http.StatusForbidden},
		"other port, new browser": {"POST", level, []string{"Sec-Fetch-Site: same-site"}, http.StatusForbidden},
		"sandbox":                 {"POST", level, []string{"Origin: null"}, http.StatusForbidden},
		"form as navigation":      {"POST", level, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, http.StatusForbidden},
		"typed in":                {"GET", profile, []string{"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"}, http.StatusOK},
		"link from other site":    {"GET", profile, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, http.StatusOK},
		"frame in other site":     {"GET", profile, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, http.StatusForbidden},
		"image in other site":     {"GET", profile, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, http.StatusForbidden},
		"image on other port":     {"GET", profile, []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"}, http.StatusForbidden},
		"read by other site":      {"GET", profile, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Origin: http://evil.example"}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answer := ask(w, tc.method, tc.path, body, tc.headers...)
			if answer.Code != tc.want {
				t.Errorf("%d %s", answer.Code, answer.Body)
			}
			if changed := w.logs.LogLevels()["stderr"] == "DEBUG"; changed != (tc.method == "POST" && tc.want == http.StatusOK) {
				t.Errorf("changed: %v", changed)
			}
			if got := answer.Header().Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("open to %s", got)
			}
		})
	}
}

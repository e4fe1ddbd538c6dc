package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestMaxForwards: OPTIONS and TRACE go as far as the client says, and of other
// requests the field means nothing.
func TestMaxForwards(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Host", strings.Join(r.Header.Values("Max-Forwards"), "|"))
		})
		w := start(t, way.setup(setup{up: up.addr(), routes: route("/a", "up", "")}))
		c := clientOf(t, way.client)
		for _, tc := range []struct {
			method, path string
			sent         []string
			status       int
			host         string // what it got; "": nothing, as it got no request
			allow        bool
		}{
			{"OPTIONS", "/a", []string{"0"}, 200, "", true},
			{"OPTIONS", "/no/route", []string{"0"}, 200, "", true},
			{"TRACE", "/a", []string{"0"}, 405, "", true},
			{"OPTIONS", "/a", []string{"000"}, 200, "", true},
			{"OPTIONS", "/a", []string{"1"}, 200, "0", false},
			{"TRACE", "/a", []string{"10"}, 200, "9", false},
			{"OPTIONS", "/a", []string{"99999999999999999999999"}, 200, "1048575", false},
			{"OPTIONS", "/no/route", []string{"1"}, 404, "", false},
			{"OPTIONS", "/a", []string{"-1"}, 400, "", false},
			{"OPTIONS", "/a", []string{""}, 400, "", false},
			{"TRACE", "/a", []string{"1x"}, 400, "", false},
			{"TRACE", "/a", []string{"1", "0"}, 400, "", false},
			{"GET", "/a", []string{"0"}, 200, "0", false},
			{"PUT", "/a", []string{"x"}, 200, "x", false},
		} {
			before := up.requests.Load()
			req, _ := http.NewRequest(tc.method, w.url(tc.path), nil)
			req.Header["Max-Forwards"] = tc.sent
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			reached := up.requests.Load() != before
			if resp.StatusCode != tc.status || reached != (tc.host != "") || resp.Header.Get("X-Host") != tc.host || (resp.Header.Get("Allow") != "") != tc.allow {
				t.Errorf("%s %s with %q: status %d, %v; the host got it: %v", tc.method, tc.path, tc.sent, resp.StatusCode, resp.Header, reached)
			}
		}
	})
}

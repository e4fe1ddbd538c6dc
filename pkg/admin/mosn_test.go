package admin

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const asText = "Accept: text/plain"

// TestTextForms: who prefers text is answered as by MOSN.
func TestTextForms(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ target, accept, want string }{
		{"/api/v1/version", asText, "weir version: v1.2.3\n"},
		{"/api/v1/version?format=text", "Accept: */*", "weir version: v1.2.3\n"},
		{"/api/v1/states", asText, fmt.Sprintf("pid=%d&state=6\n", os.Getpid())},
		{"/api/v1/states?format=text", "Accept: */*", fmt.Sprintf("pid=%d&state=6\n", os.Getpid())},
	} {
		a := ask(w, http.MethodGet, tt.target, "", tt.accept)
		if a.Code != http.StatusOK || a.Body.String() != tt.want || a.Header().Get("Content-Type") != typeText {
			t.Errorf("%s: %d %s %q, want %q", tt.target, a.Code, a.Header().Get("Content-Type"), a.Body, tt.want)
		}
	}
	for stage, want := range map[Stage]string{Init: "=2\n", Running: "=6\n", Draining: "=8\n", Stopped: "=11\n"} {
		w.process.state.Stage = stage
		if got := get(w, "/api/v1/states?format=text").Body.String(); !strings.HasSuffix(got, "state"+want) {
			t.Errorf("%s: %q", stage, got)
		}
	}
	a := ask(w, http.MethodPost, "/api/v1/update_loglevel", `{"log_path": "stderr", "log_level": "DEBUG"}`, asText)
	mustStatus(t, a, http.StatusOK, "update logger success\n")
	mustStatus(t, get(w, "/api/v1/states?format=xml"), http.StatusBadRequest, "no format")
	mustStatus(t, get(w, "/api/v1/version?form=text"), http.StatusBadRequest, "no parameter")
}

func TestFeatures(t *testing.T) {
	w := newWorld(t)
	want := map[string]bool{"auto_config": false, "XdsMtlsEnable": false, "PayLoadLimitEnable": false, "MultiTenantMode": false}
	if diff := cmp.Diff(want, decode[map[string]bool](t, get(w, "/api/v1/features"))); diff != "" {
		t.Error(diff)
	}
	if a := get(w, "/api/v1/features?key=auto_config"); a.Code != http.StatusOK || a.Body.String() != "false" {
		t.Errorf("%d %q", a.Code, a.Body)
	}
	mustStatus(t, get(w, "/api/v1/features?key=autoconfig"), http.StatusNotFound, "auto_config")
}

func TestServerInfo(t *testing.T) {
	w := newWorld(t)
	for stage, want := range map[Stage]string{Init: "INITIALIZING", Running: "LIVE", Draining: "DRAINING", Stopped: "DRAINING"} {
		w.process.state.Stage = stage
		got := decode[map[string]any](t, get(w, "/server_info"))
		if got["state"] != want || got["version"] != "v1.2.3" || got["hot_restart_version"] != "disabled" {
			t.Errorf("%s: %v", stage, got)
		}
		if up := got["uptime_current_epoch"].(string); !strings.HasPrefix(up, "36") || !strings.HasSuffix(up, "s") {
			t.Errorf("up for %s, want an hour", up)
		}
	}
	w.process.config, w.process.state.Stage = nil, Running
	mustStatus(t, get(w, "/server_info"), http.StatusOK, "LIVE")
}

func TestStatsOfMOSN(t *testing.T) {
	w := newWorld(t)
	type stats map[string]map[string]map[string]string
	all := decode[stats](t, get(w, "/api/v1/stats?format=mosn"))
	if all["downstream"]["listener.ingress"]["request_total"] != "3" || all["upstream"]["cluster.backend"]["request_retry"] != "5" {
		t.Errorf("%v", all)
	}
	one := decode[stats](t, get(w, "/api/v1/stats?format=mosn&key=upstream"))
	if len(one) != 1 || one["upstream"] == nil {
		t.Errorf("of one type: %v", one)
	}
	mustStatus(t, get(w, "/api/v1/stats?format=mosn&key=tls"), http.StatusNotFound, "tls")
}

// TestSwitchLog: a log is disabled and enabled by its path.
func TestSwitchLog(t *testing.T) {
	w := newWorld(t)
	a := ask(w, http.MethodPost, "/api/v1/disable_log", "/var/log/weir.log")
	if mustStatus(t, a, http.StatusOK, "disable logger success\n"); w.logs.off != "/var/log/weir.log" {
		t.Errorf("off: %q", w.logs.off)
	}
	a = ask(w, http.MethodPost, "/api/v1/enable_log", "/var/log/weir.log\n")
	if mustStatus(t, a, http.StatusOK, "enable logger success\n"); w.logs.off != "" {
		t.Errorf("off: %q", w.logs.off)
	}
	for _, change := range []string{"log disabled", "log enabled"} {
		if log := w.log.String(); !strings.Contains(log, change) {
			t.Errorf("the log does not say %q: %s", change, log)
		}
	}
	mustStatus(t, ask(w, http.MethodPost, "/api/v1/disable_log", "/etc/passwd"), http.StatusBadRequest, "there is no log")
	mustStatus(t, ask(w, http.MethodPost, "/api/v1/disable_log", ""), http.StatusBadRequest, "there is no log")
	mustStatus(t, ask(w, http.MethodPost, "/api/v1/disable_log", strings.Repeat("x", maxBodyBytes+1)), http.StatusRequestEntityTooLarge, "too large")
	mustStatus(t, get(w, "/api/v1/disable_log"), http.StatusMethodNotAllowed, "GET")
	delete(w.logs.levels, "stderr") // the only one need not be named
	mustStatus(t, ask(w, http.MethodPost, "/api/v1/disable_log", ""), http.StatusOK, "success")
	w.logs.err = errDisk
	mustStatus(t, ask(w, http.MethodPost, "/api/v1/enable_log", ""), http.StatusInternalServerError, "internal error")
}

package admin

import (
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

func TestReady(t *testing.T) {
	for stage, want := range map[Stage]struct {
		status int
		body   string
	}{
		Init:     {http.StatusServiceUnavailable, "init\n"},
		Running:  {http.StatusOK, "ready\n"},
		Draining: {http.StatusServiceUnavailable, "draining\n"},
		Stopped:  {http.StatusServiceUnavailable, "stopped\n"},
	} {
		w := newWorld(t)
		w.process.state.Stage = stage
		answer := get(w, "/ready")
		if answer.Code != want.status || answer.Body.String() != want.body {
			t.Errorf("%s: %d %q", stage, answer.Code, answer.Body)
		}
	}
}

func TestStates(t *testing.T) {
	w := newWorld(t)
	type answer map[string]any
	got := decode[answer](t, get(w, "/api/v1/states"))
	if up := got["uptime_seconds"].(float64); up < 3600 || up > 3600+60 {
		t.Errorf("up for %v s, want an hour", up)
	}
	if got["pid"] != float64(os.Getpid()) {
		t.Errorf("pid %v", got["pid"])
	}
	if _, ok := got["last_reload"]; ok {
		t.Errorf("a reload that never was: %v", got)
	}

	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	w.process.state.Stage = Draining
	w.process.state.Reload = Reload{Time: at, Problems: config.Problems{
		{File: "weir.json", Line: 3, Column: 4, Path: "servers[0]", Severity: config.Error, Message: "<no> listeners", Hint: "add one"},
		{Severity: config.Warning, Message: "odd"},
	}}
	got = decode[answer](t, get(w, "/api/v1/states"))
	if got["state"] != "draining" {
		t.Errorf("state %v", got["state"])
	}
	want := map[string]any{"time": "2024-05-06T07:08:09Z", "ok": false, "problems": []any{
		map[string]any{"file": "weir.json", "line": 3.0, "column": 4.0, "path": "servers[0]", "severity": "error",
			"message": "<no> listeners", "hint": "add one"},
		map[string]any{"severity": "warning", "message": "odd"},
	}}
	if diff := cmp.Diff(want, got["last_reload"]); diff != "" {
		t.Error(diff)
	}

	w.process.state.Reload = Reload{Time: at, OK: true}
	got = decode[answer](t, get(w, "/api/v1/states"))
	if diff := cmp.Diff(map[string]any{"time": "2024-05-06T07:08:09Z", "ok": true, "problems": []any{}}, got["last_reload"]); diff != "" {
		t.Error(diff)
	}
}

func TestVersion(t *testing.T) {
	got := decode[map[string]string](t, get(newWorld(t), "/api/v1/version"))
	if diff := cmp.Diff(map[string]string{"version": "v1.2.3", "go": runtime.Version()}, got); diff != "" {
		t.Error(diff)
	}
}

package admin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

const updatePath = "/api/v1/update_loglevel"

func TestSetLogLevel(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		body, path string
		level      config.LogLevel
	}{
		{`{"log_path": "stderr", "log_level": "DEBUG"}`, "stderr", "DEBUG"},
		{`{"log_level": "trace", "log_path": "/var/log/weir.log"}` + "\n", "/var/log/weir.log", "TRACE"},
		{`{"log_path": "stderr", "log_level": "ERROR"}`, "stderr", "ERROR"},
	} {
		got := decode[map[string]string](t, ask(w, http.MethodPost, updatePath, tc.body))
		want := map[string]string{"log_path": tc.path, "log_level": string(tc.level)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		levels := decode[map[string]config.LogLevel](t, get(w, "/api/v1/get_loglevel"))
		if levels[tc.path] != tc.level || len(levels) != 2 {
			t.Errorf("after %s: %v", tc.body, levels)
		}
	}
	if got := w.log.String(); strings.Count(got, "log level changed") != 3 || !strings.Contains(got, "log_path=stderr from=DEBUG to=ERROR remote=") {
		t.Errorf("changes are not in the log: %s", got)
	}
}

// TestSetOnlyLogLevel: where there is one log, its path may be left out.
func TestSetOnlyLogLevel(t *testing.T) {
	logs := &fakeLogs{levels: map[string]config.LogLevel{"stdout": config.LogInfo}}
	mustStatus(t, ask(New(Options{Logs: logs}), http.MethodPost, updatePath, `{"log_level": "WARN"}`), http.StatusOK, `"log_path": "stdout"`)
	if logs.levels["stdout"] != "WARN" {
		t.Errorf("levels %v", logs.levels)
	}
}

func TestSetLogLevelRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		body   string
		status int
		part   string
	}{
		"unknown log":    {`{"log_path": "stder", "log_level": "DEBUG"}`, http.StatusBadRequest, `did you mean \"stderr\"?`},
		"no log":         {`{"log_level": "DEBUG"}`, http.StatusBadRequest, "there is no log"},
		"unknown level":  {`{"log_path": "stderr", "log_level": "DEBUGG"}`, http.StatusBadRequest, `did you mean \"DEBUG\"?`},
		"no level":       {`{"log_path": "stderr"}`, http.StatusBadRequest, "FATAL, ERROR, WARN, INFO, DEBUG, TRACE"},
		"unknown key":    {`{"log_path": "stderr", "level": "DEBUG"}`, http.StatusBadRequest, "unknown field"},
		"wrong type":     {`{"log_path": "stderr", "log_level": 1}`, http.StatusBadRequest, "cannot be read"},
		"empty":          {``, http.StatusBadRequest, "it is empty"},
		"cut":            {`{"log_path": "stderr", "log_level": "DEBUG"`, http.StatusBadRequest, "cannot be read"},
		"two":            {`{"log_path": "stderr", "log_level": "DEBUG"} {}`, http.StatusBadRequest, "more after the object"},
		"rubbish behind": {`{"log_path": "stderr", "log_level": "DEBUG"} x`, http.StatusBadRequest, "cannot be read"},
		"large":          {`{"log_path": "` + strings.Repeat("x", maxBodyBytes) + `"}`, http.StatusRequestEntityTooLarge, "too large"},
		"large behind":   {`{"log_path": "stderr", "log_level": "DEBUG"}` + strings.Repeat(" ", maxBodyBytes), http.StatusRequestEntityTooLarge, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			answer := ask(w, http.MethodPost, updatePath+"?log_level=DEBUG", tc.body)
			mustStatus(t, answer, tc.status, tc.part)
			if answer.Body.Len() > 1000 {
				t.Errorf("an answer of %d bytes", answer.Body.Len())
			}
			if got := w.logs.LogLevels()["stderr"]; got != config.LogInfo || strings.Contains(w.log.String(), "changed") {
				t.Errorf("level %s; log %s", got, w.log)
			}
		})
	}
}

func TestSetLogLevelFails(t *testing.T) {
	w := newWorld(t)
	w.logs.err = errDisk
	answer := ask(w, http.MethodPost, updatePath, `{"log_path": "stderr", "log_level": "DEBUG"}`)
	mustStatus(t, answer, http.StatusInternalServerError, "internal error")
	if got := w.log.String(); !strings.Contains(got, errDisk.Error()) || strings.Contains(got, "changed") {
		t.Errorf("log %s", got)
	}
}

package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

func (s *Server) logLevels(w http.ResponseWriter, _ *http.Request) {
	s.json(w, http.StatusOK, s.options.Logs.LogLevels())
}

// logLevel is the body of a change of a log's level, and of the answer to it.
type logLevel struct {
	Path  string          `json:"log_path"`
	Level config.LogLevel `json:"log_level"`
}

// setLogLevel changes the level of a log. If there is only one, its path may be left out.
func (s *Server) setLogLevel(w http.ResponseWriter, r *http.Request) {
	want, ok := s.logLevelBody(w, r)
	if !ok {
		return
	}
	levels := s.options.Logs.LogLevels()
	paths := slices.Sorted(maps.Keys(levels))
	if want.Path == "" && len(paths) == 1 {
		want.Path = paths[0]
	}
	before, ok := levels[want.Path]
	if !ok {
		s.fail(w, http.StatusBadRequest, "there is no log "+brief(want.Path), config.DidYouMean(want.Path, paths))
		return
	}
	want.Level = config.LogLevel(strings.ToUpper(string(want.Level)))
	if known := want.Level.Values(); !slices.Contains(known, string(want.Level)) {
		hint := config.DidYouMean(string(want.Level), known)
		if hint == "" {
			hint = strings.Join(known, ", ")
		}
		s.fail(w, http.StatusBadRequest, "there is no log level "+brief(string(want.Level)), hint)
		return
	}
	if err := s.options.Logs.SetLogLevel(want.Path, want.Level); err != nil {
		s.broken(w, err)
		return
	}
	s.log.Info("admin: log level changed", "log_path", want.Path, "from", before, "to", want.Level, "remote", r.RemoteAddr)
	if text, _ := s.preferred(w, r, nil); text { // MOSN's answer
		send(w, http.StatusOK, typeText, []byte("update logger success\n"))
		return
	}
	s.json(w, http.StatusOK, want)
}

// logLevelBody reads the body: one JSON object of known keys. If it is anything else it has answered, and ok is false.
func (s *Server) logLevelBody(w http.ResponseWriter, r *http.Request) (body logLevel, ok bool) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(&body)
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	} else if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return body, true
		}
		err = cmp.Or(err, errors.New("there is more after the object"))
	}
	s.badBody(w, err, `{"log_path": "stderr", "log_level": "DEBUG"}`)
	return body, false
}

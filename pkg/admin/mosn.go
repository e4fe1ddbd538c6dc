package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// This file has what programs that ask MOSN's interface, or Envoy's, expect beside what weir says itself.

// mosnStage is the number of a stage in MOSN.
func mosnStage(s Stage) int { return [...]int{Init: 2, Running: 6, Draining: 8, Stopped: 11}[s] }

// statesText is the state in MOSN's form.
func statesText(s Stage) []byte {
	return fmt.Appendf(nil, "pid=%d&state=%d\n", os.Getpid(), mosnStage(s))
}

// mosnGates are the feature gates of MOSN. weir has none of them.
func mosnGates() map[string]bool {
	return map[string]bool{"auto_config": false, "XdsMtlsEnable": false, "PayLoadLimitEnable": false, "MultiTenantMode": false}
}

// features shows MOSN's feature gates, or one of them.
func (s *Server) features(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r, "key")
	if !ok {
		return
	}
	gates := mosnGates()
	if !q.Has("key") {
		s.json(w, http.StatusOK, gates)
		return
	}
	key := q.Get("key")
	on, ok := gates[key]
	if !ok {
		s.fail(w, http.StatusNotFound, "there is no feature gate "+brief(key), config.DidYouMean(key, slices.Sorted(maps.Keys(gates))))
		return
	}
	send(w, http.StatusOK, typeText, strconv.AppendBool(nil, on))
}

// serverInfo is what Envoy says of itself, as far as weir has it.
type serverInfo struct {
	Version    string   `json:"version"`
	State      string   `json:"state"`
	Uptime     string   `json:"uptime_current_epoch"`
	UptimeAll  string   `json:"uptime_all_epochs"`
	HotRestart string   `json:"hot_restart_version"`
	Node       infoNode `json:"node"`
}

type infoNode struct {
	ID       string       `json:"id,omitempty"`
	Locality infoLocality `json:"locality"`
}

type infoLocality struct {
	Zone string `json:"zone,omitempty"`
}

// info shows the server in Envoy's form.
func (s *Server) info(w http.ResponseWriter, _ *http.Request) {
	state := s.options.Process.State()
	up := strconv.FormatInt(int64(time.Since(state.Started).Seconds()), 10) + "s"
	a := serverInfo{
		Version: s.options.Version, Uptime: up, UptimeAll: up, HotRestart: "disabled",
		State: [...]string{Init: "INITIALIZING", Running: "LIVE", Draining: "DRAINING", Stopped: "DRAINING"}[state.Stage],
	}
	if c := s.options.Process.Config(); c != nil {
		a.Node.ID, a.Node.Locality.Zone = c.Node.ID, c.Node.Locality.Zone
	}
	s.json(w, http.StatusOK, a)
}

// statsOfMOSN shows statistics in MOSN's form: by type, then by what they are of, then by key, as text.
func (s *Server) statsOfMOSN(w http.ResponseWriter, key string) {
	page := s.buffers.Get()
	defer s.buffers.Put(page)
	err := s.options.Statistics.WriteJSON(page, func(set, _ string) bool {
		kind, _, _ := strings.Cut(set, ".")
		return key == "" || key == kind
	})
	var sets map[string]map[string]json.Number
	if err == nil {
		err = json.Unmarshal(page.B, &sets)
	}
	if err != nil {
		s.broken(w, err)
		return
	}
	all := make(map[string]map[string]map[string]string)
	for set, values := range sets {
		kind, of, _ := strings.Cut(set, ".")
		if all[kind] == nil {
			all[kind] = make(map[string]map[string]string)
		}
		texts := make(map[string]string, len(values))
		for name, v := range values {
			texts[name] = v.String()
		}
		all[kind][of] = texts
	}
	if key != "" && len(all) == 0 {
		s.fail(w, http.StatusNotFound, "there are no statistics of type "+brief(key), "")
		return
	}
	s.json(w, http.StatusOK, all)
}

func (s *Server) enableLog(w http.ResponseWriter, r *http.Request)  { s.switchLog(w, r, true) }
func (s *Server) disableLog(w http.ResponseWriter, r *http.Request) { s.switchLog(w, r, false) }

// switchLog lets a log be written, or not. The body is its path; if there is only one, it may be left out.
func (s *Server) switchLog(w http.ResponseWriter, r *http.Request, on bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.badBody(w, err, "the path of a log")
		return
	}
	paths := slices.Sorted(maps.Keys(s.options.Logs.LogLevels()))
	path := strings.TrimSpace(string(body))
	if path == "" && len(paths) == 1 {
		path = paths[0]
	}
	if !slices.Contains(paths, path) {
		s.fail(w, http.StatusBadRequest, "there is no log "+brief(path), config.DidYouMean(path, paths))
		return
	}
	what := "disable"
	if on {
		what = "enable"
	} else {
		s.log.Info("admin: log disabled", "log_path", path, "remote", r.RemoteAddr) // while it can be said
	}
	if err := s.options.Logs.EnableLog(path, on); err != nil {
		s.broken(w, err)
		return
	}
	if on {
		s.log.Info("admin: log enabled", "log_path", path, "remote", r.RemoteAddr)
	}
	send(w, http.StatusOK, typeText, []byte(what+" logger success\n"))
}

// wantsText is preferred for an endpoint that has no other parameters.
func (s *Server) wantsText(w http.ResponseWriter, r *http.Request) (text, ok bool) {
	q, ok := s.query(w, r, "format")
	if !ok {
		return false, false
	}
	return s.preferred(w, r, q)
}

package admin

import (
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// Stage is how far the process has come.
type Stage uint8

// The stages, in the order in which a process passes them.
const (
	Init     Stage = iota // it starts, and takes no requests yet
	Running               // it takes requests
	Draining              // it finishes what is in flight, and takes nothing new
	Stopped               // it has finished
)

// String names the stage as the interface does.
func (s Stage) String() string { return [...]string{"init", "running", "draining", "stopped"}[s] }

// State is what the process does at a time.
type State struct {
	Stage   Stage
	Started time.Time
	// Reload is the last attempt to put a configuration into effect, that of the start included; zero if there was none.
	Reload Reload
}

// Reload is an attempt to put a configuration into effect.
type Reload struct {
	Time     time.Time
	OK       bool            // false: the configuration before it stayed in effect
	Problems config.Problems // errors and warnings
}

type statesAnswer struct {
	State     string        `json:"state"`
	PID       int           `json:"pid"`
	StartTime time.Time     `json:"start_time"`
	Uptime    int64         `json:"uptime_seconds"`
	Reload    *reloadAnswer `json:"last_reload,omitempty"`
}

type reloadAnswer struct {
	Time     time.Time       `json:"time"`
	OK       bool            `json:"ok"`
	Problems []problemAnswer `json:"problems"`
}

type problemAnswer struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Path     string `json:"path,omitempty"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

func (s *Server) version(w http.ResponseWriter, r *http.Request) {
	text, ok := s.wantsText(w, r)
	if !ok {
		return
	}
	if text {
		send(w, http.StatusOK, typeText, []byte("weir version: "+s.options.Version+"\n"))
		return
	}
	s.json(w, http.StatusOK, struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}{s.options.Version, runtime.Version()})
}

func (s *Server) states(w http.ResponseWriter, r *http.Request) {
	text, ok := s.wantsText(w, r)
	if !ok {
		return
	}
	state := s.options.Process.State()
	if text {
		send(w, http.StatusOK, typeText, statesText(state.Stage))
		return
	}
	a := statesAnswer{
		State:     state.Stage.String(),
		PID:       os.Getpid(),
		StartTime: state.Started,
		Uptime:    int64(time.Since(state.Started).Seconds()),
	}
	if r := state.Reload; !r.Time.IsZero() {
		a.Reload = &reloadAnswer{Time: r.Time, OK: r.OK, Problems: make([]problemAnswer, 0, len(r.Problems))}
		for _, p := range r.Problems {
			a.Reload.Problems = append(a.Reload.Problems,
				problemAnswer{p.File, p.Line, p.Column, p.Path, p.Severity.String(), p.Message, p.Hint})
		}
	}
	s.json(w, http.StatusOK, a)
}

// ready tells a load balancer whether to send requests here.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if stage := s.options.Process.State().Stage; stage != Running {
		send(w, http.StatusServiceUnavailable, typeText, []byte(stage.String()+"\n"))
		return
	}
	send(w, http.StatusOK, typeText, []byte("ready\n"))
}

package server

import (
	"errors"
	"maps"
	"net"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// Stage is where a server is in its life.
type Stage int32

// The stages.
const (
	Init Stage = iota
	Running
	Draining
	Stopped
)

// String names the stage.
func (s Stage) String() string {
	return [...]string{"init", "running", "draining", "stopped"}[s]
}

// ReloadResult is how the last change of the configuration went.
type ReloadResult struct {
	At       time.Time
	Err      error
	Warnings config.Problems
}

// status is what is known of a server without waiting for a change that is under way.
// Its methods may be called from any goroutine.
type status struct {
	started time.Time
	stage   atomic.Int32
	inForce atomic.Pointer[inForce]
	last    atomic.Pointer[ReloadResult]
	reloads struct{ ok, failed atomic.Int64 }
	panics  *panics
}

// inForce is what is known of the configuration in force. It is immutable.
type inForce struct {
	config    *config.Config
	warnings  config.Problems
	addresses map[string]string // of the listeners, by their names
	admin     net.Addr          // nil: there is no admin interface
}

var _ admin.Process = (*status)(nil)

func newStatus() *status {
	s := &status{started: time.Now(), panics: newPanics()}
	s.inForce.Store(&inForce{})
	return s
}

// force notes what is in force from now on.
func (s *status) force(next *transaction.Next, l *listeners, pages *adminPages) {
	s.inForce.Store(&inForce{config: next.Config, warnings: next.Warnings, addresses: l.addresses(next.Snapshot), admin: pages.addr})
}

// closed notes that the admin interface has closed.
func (s *status) closed() {
	f := *s.inForce.Load()
	f.admin = nil
	s.inForce.Store(&f)
}

// note keeps how a reload went.
func (s *status) note(err error) {
	s.last.Store(&ReloadResult{At: time.Now(), Err: err, Warnings: s.Warnings()})
	if err != nil {
		s.reloads.failed.Add(1)
	} else {
		s.reloads.ok.Add(1)
	}
}

// Stage returns where the server is in its life.
func (s *status) Stage() Stage { return Stage(s.stage.Load()) }

// LastReload returns how the last reload went, nil if there was none.
func (s *status) LastReload() *ReloadResult { return s.last.Load() }

// Config returns the configuration in force, which must not be changed; nil if there is
// none yet.
func (s *status) Config() *config.Config { return s.inForce.Load().config }

// Warnings returns what was remarkable about the configuration in force.
func (s *status) Warnings() config.Problems { return s.inForce.Load().warnings }

// Addresses returns where each listener listens, by its name.
func (s *status) Addresses() map[string]string { return maps.Clone(s.inForce.Load().addresses) }

// AdminAddr returns where the admin interface listens, nil if it does not.
func (s *status) AdminAddr() net.Addr { return s.inForce.Load().admin }

// State returns the stage and how the last reload went.
func (s *status) State() admin.State {
	state := admin.State{Stage: admin.Stage(s.Stage()), Started: s.started}
	if last := s.LastReload(); last != nil {
		state.Reload = admin.Reload{Time: last.At, OK: last.Err == nil, Problems: last.Warnings}
		if last.Err != nil && !errors.As(last.Err, &state.Reload.Problems) {
			state.Reload.Problems = config.Problems{{Severity: config.Error, Message: last.Err.Error()}}
		}
	}
	return state
}

// values are the statistics of a server's life.
func (s *status) values() []metrics.Value {
	const reloads = "Changes of the configuration."
	return []metrics.Value{
		{Key: "start_time_seconds", Help: "When the process started, in seconds of Unix time.", Read: s.started.Unix},
		{Key: "stage", Help: "0 init, 1 running, 2 draining, 3 stopped.", Read: func() int64 { return int64(s.stage.Load()) }},
		{Key: "reload_total", Label: "result", LabelValue: "ok", Counter: true, Help: reloads, Read: s.reloads.ok.Load},
		{Key: "reload_total", Label: "result", LabelValue: "failed", Counter: true, Help: reloads, Read: s.reloads.failed.Load},
		{Key: "panic_total", Counter: true, Help: "Panics that weir has recovered from.", Read: s.panics.total.Load},
	}
}

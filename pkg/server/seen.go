package server

import (
	"log/slog"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
)

// collect returns the statistics of all workers, and of the hosts' health.
func (s *Server) collect() []*metrics.Snapshot {
	got := s.workerCounts()
	if counts := s.healthCounts(got); counts != nil {
		got = append(got, counts)
	}
	return got
}

// workerCounts asks every worker for a copy of its statistics.
func (s *Server) workerCounts() []*metrics.Snapshot {
	if !s.up.Load() {
		return nil
	}
	copies := make([]*metrics.Snapshot, len(s.stats))
	s.group.Each(func(i int, _ *eventloop.Loop) { copies[i] = s.stats[i].Copy() })
	return slices.DeleteFunc(copies, func(c *metrics.Snapshot) bool { return c == nil }) // a worker that has stopped does not answer
}

// processValues are the statistics that no worker counts.
func (s *Server) processValues() []metrics.Value {
	return []metrics.Value{
		{Key: "start_time_seconds", Help: "When the process started, in seconds of Unix time.", Read: s.started.Unix},
		{Key: "stage", Help: "0 init, 1 running, 2 draining, 3 stopped.", Read: func() int64 { return int64(s.stage.Load()) }},
		{Key: "reload_total", Label: "result", LabelValue: "ok", Counter: true,
			Help: "Changes of the configuration.", Read: s.reloads.ok.Load},
		{Key: "reload_total", Label: "result", LabelValue: "failed", Counter: true,
			Help: "Changes of the configuration.", Read: s.reloads.failed.Load},
		{Key: "access_log_written_total", Counter: true, Help: "Records of access logs written.",
			Read: func() int64 { return int64(s.files.Written()) }},
		{Key: "access_log_dropped_total", Counter: true, Help: "Records of access logs lost because a file was too slow.",
			Read: func() int64 { return int64(s.files.Dropped()) }},
		{Key: "access_log_errors_total", Counter: true, Help: "Failures to open, write or rotate an access log.",
			Read: func() int64 { return int64(s.files.Errors()) }},
	}
}

// Buffers returns what the slab pool of each worker holds.
func (s *Server) Buffers() []buffer.Stats {
	if !s.up.Load() {
		return nil
	}
	stats := make([]buffer.Stats, len(s.workers))
	s.group.Each(func(i int, l *eventloop.Loop) { stats[i] = l.Buffers().Stats() })
	return stats
}

// Metrics returns the statistics.
func (s *Server) Metrics() *metrics.Registry { return s.metrics }

// Version returns the version of this build.
func (s *Server) Version() string { return s.opts.Version }

// Started returns when the process started.
func (s *Server) Started() time.Time { return s.started }

// LastReload returns how the last reload went, nil if there was none.
func (s *Server) LastReload() *ReloadResult { return s.last.Load() }

// Config returns the configuration in use, which must not be changed.
func (s *Server) Config() *config.Config { return s.config.Load() }

// facts are what is known of the configuration in use without waiting for a change
// that is under way. They are immutable.
type facts struct {
	warnings  config.Problems
	addresses map[string]string
	admin     net.Addr
}

// setFacts puts them in force. The lock is held.
func (s *Server) setFacts() {
	f := &facts{warnings: s.warnings, addresses: make(map[string]string, len(s.listening)), admin: s.pages.addr}
	for name, l := range s.listening {
		f.addresses[name] = l.Addr().String()
	}
	s.facts.Store(f)
}

// Warnings returns what was remarkable about the configuration in use.
func (s *Server) Warnings() config.Problems { return s.facts.Load().warnings }

// Addresses returns where each listener listens, by its name.
func (s *Server) Addresses() map[string]string { return maps.Clone(s.facts.Load().addresses) }

// AdminAddr returns where the admin interface listens, nil if it does not.
func (s *Server) AdminAddr() net.Addr { return s.facts.Load().admin }

// levelOf turns a configured level into slog's.
func levelOf(l config.LogLevel) slog.Level {
	switch l {
	case config.LogFatal, config.LogError:
		return slog.LevelError
	case config.LogWarn:
		return slog.LevelWarn
	case config.LogDebug:
		return slog.LevelDebug
	case config.LogTrace:
		return slog.LevelDebug - 4
	}
	return slog.LevelInfo
}

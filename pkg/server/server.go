package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/server/registration"
	"github.com/weirproxy/weir/pkg/server/remoteconfig"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// Options are what a server is made with.
type Options struct {
	Registry Registry
	Version  string
	Log      *slog.Logger   // which workers use as well: it must not block
	Level    *slog.LevelVar // of Log; the configuration sets it
	// LogLevel takes the place of the level that the configuration has for Log, if it is not nil.
	LogLevel *slog.Level
	// Workers overrides the configuration's number of workers if it is not zero.
	Workers int
}

// Server is a running weir. Its methods may be called from any goroutine.
type Server struct {
	*status
	opts    Options
	files   *accesslog.Files
	metrics *metrics.Registry
	parts   atomic.Pointer[parts] // nil: it has not started

	// ending is done when a drain or the end begins: changes wait for nothing any more.
	ending context.Context
	end    context.CancelCauseFunc
	wg     sync.WaitGroup

	mu            sync.Mutex // held by one change at a time
	path          string
	current       *transaction.Configuration // in force; nil: none is yet
	participants  []transaction.Participant
	remote        *remoteconfig.Manager
	registrations *registration.Manager
}

// New makes a server that has not started.
func New(o Options) *Server {
	s := &Server{
		status: newStatus(), opts: o, files: accesslog.NewFiles(o.Log),
		remote: remoteconfig.New(o.Log), registrations: registration.New(o.Log),
	}
	s.ending, s.end = context.WithCancelCause(context.Background())
	s.metrics = metrics.NewRegistry(metrics.Options{
		Collect: func() []*metrics.Snapshot {
			if p := s.parts.Load(); p != nil {
				return p.view.counts()
			}
			return nil
		},
		Process: slices.Concat(s.values(), logValues(s.files)),
	})
	return s
}

// errEnding: a drain or the end has begun.
var errEnding = errors.New("the server has been told to end")

// Start loads the configuration at path, starts the workers and listens. If it
// fails, nothing is left behind. Drain and Stop make it fail soon. A server starts
// once.
func (s *Server) Start(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts.Load() != nil {
		return errors.New("the server was started before")
	}
	s.path = path
	if err := s.change(s.begin); err != nil {
		s.endAll()
		return err
	}
	debug.FreeOSMemory() // what loading left behind, before requests come
	s.stage.Store(int32(Running))
	s.wg.Go(s.followRemote)
	return nil
}

// Reload loads the configuration again and puts it into force. A wrong one changes
// nothing, and the error says what is wrong with it. It waits for the hosts of new
// clusters, for warm_up at most.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.Stage() != Running:
		return errors.New("not reloaded: the server is " + s.Stage().String())
	case s.ending.Err() != nil:
		return fmt.Errorf("not reloaded: %w", errEnding)
	}
	err := s.change(nil)
	s.note(err)
	return err
}

// Stop ends everything now. Access logs are written out first, and what is still
// announced is withdrawn, within a second each.
func (s *Server) Stop() {
	s.end(errEnding)
	s.mu.Lock()
	if s.Stage() != Stopped {
		s.endAll()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// endAll ends what has started, if anything has.
func (s *Server) endAll() {
	p := s.parts.Load()
	if p == nil {
		return
	}
	s.stage.Store(int32(Stopped))
	s.remote.Close()
	s.registrations.Close()
	p.end()
	closeFiles(s.files, s.opts.Log)
}

// ReopenLogs closes and opens every log file, after they were renamed.
func (s *Server) ReopenLogs() { s.files.Reopen() }

// GracefulTimeout is how long a drain may take, by the configuration.
func (s *Server) GracefulTimeout() time.Duration { return s.Config().Servers[0].GracefulTimeout }

// Metrics returns the statistics.
func (s *Server) Metrics() *metrics.Registry { return s.metrics }

// Load adds up what the workers have to do.
func (s *Server) Load() proxy.Load {
	if p := s.parts.Load(); p != nil {
		return p.workers.load()
	}
	return proxy.Load{}
}

// Buffers returns what the slab pool of each worker holds.
func (s *Server) Buffers() []buffer.Stats {
	if p := s.parts.Load(); p != nil {
		return p.workers.buffers()
	}
	return nil
}

// Health returns what is known of the hosts that are checked, by cluster and host.
func (s *Server) Health() []health.Status {
	if p := s.parts.Load(); p != nil {
		return p.clusters.Health()
	}
	return nil
}

// Clusters calls each for every cluster, or for the one of a name, in the order of
// their names, until it returns false.
func (s *Server) Clusters(name string, each func(*admin.Cluster) bool) {
	if p := s.parts.Load(); p != nil {
		p.view.Clusters(name, each)
	}
}

// Events returns the newest changes of hosts, oldest first: at most n, those of one
// cluster if it is not "".
func (s *Server) Events(cluster string, n int) []admin.Event {
	if p := s.parts.Load(); p != nil {
		return p.view.Events(cluster, n)
	}
	return nil
}

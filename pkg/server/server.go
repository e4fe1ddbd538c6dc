package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/upstream"
)

// Options are what a server is made with.
type Options struct {
	Registry Registry
	Version  string
	Log      *slog.Logger
	Level    *slog.LevelVar // of Log; the configuration sets it
	// Workers overrides the configuration's number of workers if it is not zero.
	Workers int
}

// blockingHooks bounds the goroutine pool: how many filter hooks may block at a
// time.
const blockingHooks = 256

// Server is a running weir. Its methods may be called from any goroutine.
type Server struct {
	opts    Options
	path    string
	group   *eventloop.Group
	workers []*proxy.Worker
	stats   []*metrics.Worker
	files   *accesslog.Files
	pool    *ants.Pool
	health  *health.Checker
	metrics *metrics.Registry
	started time.Time

	mu        sync.Mutex // held by one change at a time
	snapshot  *proxy.Snapshot
	listening map[string]*listening
	logs      []*accesslog.Log
	warnings  config.Problems
	pages     adminPages

	config   atomic.Pointer[config.Config]     // in use
	clusters atomic.Pointer[upstream.Snapshot] // of it
	stage    atomic.Int32
	last     atomic.Pointer[ReloadResult]
	reloads  struct{ ok, failed atomic.Int64 }
	nextID   atomic.Uint64
}

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

// New makes a server that has not started.
func New(o Options) *Server {
	s := &Server{opts: o, listening: make(map[string]*listening), started: time.Now()}
	s.files = accesslog.NewFiles(o.Log)
	s.metrics = metrics.NewRegistry(metrics.Options{Collect: s.collect, Process: s.processValues()})
	return s
}

// Start loads the configuration at path, starts the workers and listens. If it
// fails, nothing is left behind.
func (s *Server) Start(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path = path
	c, snapshot, report, err := s.opts.Registry.load(path, nil, s.opts.Workers)
	if err != nil {
		return err
	}
	if err := s.startWorkers(workersOf(c, s.opts.Workers)); err != nil {
		return err
	}
	if err := s.change(c, snapshot, report); err != nil {
		s.stopWorkers()
		return err
	}
	if err := s.openAdmin(c); err != nil {
		s.closeAdmin()
		for _, l := range s.listening {
			l.Close()
		}
		s.stopWorkers()
		return err
	}
	s.stage.Store(int32(Running))
	return nil
}

// workersOf returns how many workers there are to be: as many as given, or else
// as the configuration asks for, or else one for each core.
func workersOf(c *config.Config, given int) int {
	switch {
	case given > 0:
		return given
	case len(c.Servers) > 0 && c.Servers[0].Processor > 0:
		return int(c.Servers[0].Processor)
	}
	return runtime.NumCPU()
}

// startWorkers starts the event loops. A loop waits in ways that the Go scheduler
// does not see, and so holds a processor of its own; two more are for everything
// else.
func (s *Server) startWorkers(n int) error {
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), n+2))
	pool, err := ants.NewPool(blockingHooks, ants.WithNonblocking(true), ants.WithPanicHandler(func(p any) {
		s.opts.Log.Error("a blocking filter hook panicked", "panic", p)
	}))
	if err != nil {
		return err
	}
	s.pool = pool
	if s.group, err = eventloop.NewGroup(n, eventloop.Options{}); err != nil {
		pool.Release()
		return fmt.Errorf("the workers cannot be started: %w", err)
	}
	s.workers = make([]*proxy.Worker, n)
	s.stats = make([]*metrics.Worker, n)
	s.group.Each(func(i int, l *eventloop.Loop) {
		s.stats[i] = metrics.NewWorker()
		s.workers[i] = proxy.NewWorker(proxy.Options{
			Loop: l, Index: i, Stats: s.stats[i], Goroutines: pool,
			NextID: func() uint64 { return s.nextID.Add(1) },
			Clock:  time.Now,
		})
	})
	s.health = health.New(health.Options{Report: s.setHealth, Log: s.opts.Log})
	return nil
}

// Reload loads the configuration again and swaps it in. A wrong one changes
// nothing, and the error says what is wrong with it.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() != Running {
		return errors.New("not reloaded: the server is " + s.Stage().String())
	}
	err := s.reload()
	result := &ReloadResult{At: time.Now(), Err: err, Warnings: s.warnings}
	s.last.Store(result)
	if err != nil {
		s.reloads.failed.Add(1)
	} else {
		s.reloads.ok.Add(1)
	}
	return err
}

func (s *Server) reload() error {
	c, snapshot, report, err := s.opts.Registry.load(s.path, s.snapshot.Clusters, len(s.workers))
	if err != nil {
		return err
	}
	return s.change(c, snapshot, report)
}

// change swaps a snapshot in: what can fail comes first, and is undone if
// something else fails; then the workers swap, then listeners come and go.
func (s *Server) change(c *config.Config, snapshot *proxy.Snapshot, report *config.Report) error {
	logs, err := s.openLogs(c, snapshot)
	if err != nil {
		return err
	}
	sockets, err := s.bind(c, snapshot)
	if err != nil {
		closeLogs(logs)
		return err
	}
	s.group.Each(func(i int, _ *eventloop.Loop) { s.workers[i].Apply(snapshot) })
	s.switchListeners(sockets)
	closeLogs(s.logs)
	s.logs, s.snapshot = logs, snapshot
	s.config.Store(c)
	s.clusters.Store(snapshot.Clusters)
	s.health.Apply(s.opts.Registry.targets(c, snapshot.Clusters))
	s.warnings = report.Problems()
	s.metrics.SetMatcher(c.Metrics.StatsMatcher)
	s.opts.Level.Set(levelOf(c.Servers[0].LogLevel))
	return nil
}

// Drain finishes what is in flight and takes nothing new: it stops listening,
// ends connections after the response that they wait for, and returns when there
// are none left, or when ctx is done: then with the requests that are cut off.
func (s *Server) Drain(ctx context.Context) (cut int) {
	if !s.stopListening() {
		return 0
	}
	s.group.Each(func(i int, _ *eventloop.Loop) { s.workers[i].Drain() })
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		load := s.Load()
		if load.Connections == 0 && load.Streams == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return load.Streams
		case <-tick.C:
		}
	}
}

// stopListening begins a drain. It returns false if there is nothing to drain.
func (s *Server) stopListening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() != Running {
		return false
	}
	s.stage.Store(int32(Draining))
	for _, l := range s.listening {
		l.Close()
	}
	return true
}

// Load adds up what the workers have to do.
func (s *Server) Load() proxy.Load {
	loads := make([]proxy.Load, len(s.workers))
	s.group.Each(func(i int, _ *eventloop.Loop) { loads[i] = s.workers[i].Load() })
	var sum proxy.Load
	for _, l := range loads {
		sum.Connections += l.Connections
		sum.Streams += l.Streams
	}
	return sum
}

// Stop ends everything now. Access logs are written out first, within a second.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil || s.Stage() == Stopped {
		return
	}
	s.stage.Store(int32(Stopped))
	s.closeAdmin()
	for _, l := range s.listening {
		l.Close()
	}
	s.stopWorkers()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.files.Close(ctx); err != nil {
		s.opts.Log.Warn("access logs were not written out", "error", err)
	}
}

func (s *Server) stopWorkers() {
	s.health.Close()
	s.group.Stop()
	s.pool.Release()
	for _, w := range s.workers { // their loops have ended; what they cut off is logged too
		w.FlushLogs()
	}
}

// ReopenLogs closes and opens every log file, after they were renamed.
func (s *Server) ReopenLogs() { s.files.Reopen() }

// Stage returns where the server is in its life.
func (s *Server) Stage() Stage { return Stage(s.stage.Load()) }

// GracefulTimeout is how long a drain may take, by the configuration.
func (s *Server) GracefulTimeout() time.Duration { return s.Config().Servers[0].GracefulTimeout }

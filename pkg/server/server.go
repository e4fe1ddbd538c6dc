package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/logging"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/upstream"
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

// LevelOff is a level above that of every record.
const LevelOff = slog.LevelError + 100

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
	metrics *metrics.Registry
	started time.Time

	overseer *overseer // what watches over hosts
	finder   *finder   // what finds them
	demands  *demands  // clusters that requests ask for

	registrations *registrations // services that are announced

	// up is set when the fields above are, for who asks while the server starts.
	up atomic.Bool
	// ending is done when a drain or the end begins: changes wait for nothing any more.
	ending context.Context
	end    context.CancelFunc
	stale  chan struct{} // documents may have changed; holds one
	wg     sync.WaitGroup

	mu        sync.Mutex // held by one change at a time
	documents *documents // of the configuration in Consul; nil: there are none
	snapshot  *proxy.Snapshot
	listening map[string]*listening
	logs      []*accesslog.Log
	warnings  config.Problems
	pages     adminPages

	silence sync.Mutex
	before  slog.Level // of the log, before it was disabled

	facts    atomic.Pointer[facts]
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
	s := &Server{opts: o, listening: make(map[string]*listening), started: time.Now(), stale: make(chan struct{}, 1)}
	s.ending, s.end = context.WithCancel(context.Background())
	s.facts.Store(&facts{})
	s.files = accesslog.NewFiles(o.Log)
	s.registrations = newRegistrations(s)
	s.metrics = metrics.NewRegistry(metrics.Options{Collect: s.collect, Process: s.processValues()})
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
	if s.group != nil {
		return errors.New("the server was started before")
	}
	s.path = path
	l, err := s.load(nil)
	if err != nil {
		return err
	}
	if err := s.startWorkers(workersOf(l.config, s.opts.Workers)); err != nil {
		s.discardDocuments(l.docs)
		return err
	}
	if err := s.begin(l); err != nil {
		s.discardDocuments(l.docs)
		s.registrations.discard(l.registrar)
		s.endAll()
		return err
	}
	debug.FreeOSMemory() // what loading left behind, before requests come
	s.stage.Store(int32(Running))
	s.wg.Go(s.followDocuments)
	return nil
}

// begin puts the first configuration into effect. Services are announced when they
// can be reached.
func (s *Server) begin(l *loaded) error {
	if err := s.change(l); err != nil {
		return err
	}
	if s.ending.Err() != nil {
		return errEnding
	}
	if err := s.openAdmin(l.config); err != nil {
		return err
	}
	s.setFacts()
	s.registrations.use(&l.config.Consul, l.registrar)
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
	s.overseer = newOverseer(s.opts.Log)
	s.finder, s.demands = newFinder(s.opts.Registry.Discovery, s.opts.Log), newDemands(s)
	log := slog.New(logging.Limit(s.opts.Log.Handler()))
	if s.group, err = eventloop.NewGroup(n, eventloop.Options{Short: shortage(log)}); err != nil {
		pool.Release()
		s.overseer.close()
		s.group = nil
		return fmt.Errorf("the workers cannot be started: %w", err)
	}
	s.workers = make([]*proxy.Worker, n)
	s.stats = make([]*metrics.Worker, n)
	s.group.Each(func(i int, l *eventloop.Loop) {
		s.stats[i] = metrics.NewWorker()
		s.workers[i] = proxy.NewWorker(proxy.Options{
			Loop: l, Index: i, Stats: s.stats[i], Goroutines: pool, Log: log,
			NextID:  func() uint64 { return s.nextID.Add(1) },
			Clock:   time.Now,
			Suspect: s.overseer.outlier.Wake,
			Demand:  func(name string) bool { return s.demands.ask(i, name) },
		})
	})
	s.up.Store(true)
	return nil
}

// Reload loads the configuration again and swaps it in. A wrong one changes
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
	err := s.reload()
	s.note(err)
	return err
}

// note keeps how a reload went.
func (s *Server) note(err error) {
	s.last.Store(&ReloadResult{At: time.Now(), Err: err, Warnings: s.warnings})
	if err != nil {
		s.reloads.failed.Add(1)
	} else {
		s.reloads.ok.Add(1)
	}
}

func (s *Server) reload() error {
	l, err := s.load(s.snapshot.Clusters)
	if err != nil {
		return err
	}
	if err := s.change(l); err != nil {
		s.discardDocuments(l.docs)
		return err
	}
	s.registrations.use(&l.config.Consul, l.registrar)
	return nil
}

// loaded is a configuration that can be put into effect.
type loaded struct {
	config   *config.Config
	snapshot *proxy.Snapshot
	report   *config.Report
	docs     *documents
	// registrar is what announces its services; nil: it has none.
	registrar *registrar
}

// load loads the configuration, with the documents that it asks for. before is the
// snapshot in use, or nil.
func (s *Server) load(before *upstream.Snapshot) (*loaded, error) {
	var seen *config.Config
	from := loading{
		path: s.path, before: before, workers: s.opts.Workers, docs: s.documents.current(),
		peek: func(c *config.Config) { seen = c },
	}
	if before != nil {
		from.workers = len(s.workers)
	}
	l := &loaded{docs: s.documents}
	var err error
	l.config, l.snapshot, l.report, err = s.opts.Registry.load(from)
	if seen == nil {
		return nil, err
	}
	docs, cannot := s.documentsFor(seen, before != nil)
	if cannot != nil {
		return nil, cannot
	}
	if l.docs = docs; docs != s.documents {
		from.docs = docs.current()
		l.config, l.snapshot, l.report, err = s.opts.Registry.load(from)
	}
	if err != nil {
		s.discardDocuments(docs)
		return nil, err
	}
	return l, nil
}

// change swaps a snapshot in: what can fail comes first, and is undone if
// something else fails; then the workers swap, then listeners come and go. What is
// to be announced is left to the caller.
func (s *Server) change(l *loaded) error {
	c, snapshot := l.config, l.snapshot
	logs, err := s.openLogs(c, snapshot)
	if err != nil {
		return err
	}
	sources, err := s.finder.prepare(c)
	if err != nil {
		closeLogs(logs)
		return err
	}
	sockets, err := s.bind(c, snapshot)
	if err != nil {
		closeLogs(logs)
		s.finder.discard(sources)
		return err
	}
	if l.registrar, err = s.registrations.prepare(&c.Consul); err != nil {
		closeLogs(logs)
		s.finder.discard(sources)
		closeAllBut(s.listening, sockets)
		return err
	}
	s.find(c, snapshot.Clusters, sources)
	s.group.Each(func(i int, _ *eventloop.Loop) { s.workers[i].Apply(snapshot) })
	s.switchListeners(sockets)
	closeLogs(s.logs)
	s.logs, s.snapshot = logs, snapshot
	s.config.Store(c)
	s.demands.configure(c)
	s.forgetClusters(snapshot.Clusters)
	s.clusters.Store(snapshot.Clusters)
	s.warnings = l.report.Problems()
	s.setFacts()
	s.useDocuments(l.docs)
	s.metrics.SetMatcher(c.Metrics.StatsMatcher)
	if s.opts.LogLevel != nil {
		s.opts.Level.Set(*s.opts.LogLevel)
	} else {
		s.opts.Level.Set(levelOf(c.Servers[0].LogLevel))
	}
	return nil
}

// Load adds up what the workers have to do.
func (s *Server) Load() proxy.Load {
	if !s.up.Load() {
		return proxy.Load{}
	}
	loads := make([]proxy.Load, len(s.workers))
	s.group.Each(func(i int, _ *eventloop.Loop) { loads[i] = s.workers[i].Load() })
	var sum proxy.Load
	for _, l := range loads {
		sum.Connections += l.Connections
		sum.Streams += l.Streams
	}
	return sum
}

// Stop ends everything now. Access logs are written out first, and what is still
// announced is withdrawn, within a second each.
func (s *Server) Stop() {
	s.end()
	s.mu.Lock()
	if s.group != nil && s.Stage() != Stopped {
		s.endAll()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) endAll() {
	s.stage.Store(int32(Stopped))
	s.closeAdmin()
	s.setFacts()
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
	s.useDocuments(nil)
	s.registrations.close()
	s.demands.close()
	s.finder.close()
	s.overseer.close()
	s.endStreams()
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

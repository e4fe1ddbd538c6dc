package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/bytebufferpool"

	"github.com/weirproxy/weir/pkg/config"
)

// Limits of what clients may ask for. Profiles take as long as their request says; their writing is bounded from then on.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 64 << 10
	maxConnections = 128
)

// Process is the process that a Server shows. Its methods are called from several goroutines at a time and must not wait for a worker.
type Process interface {
	// State returns what the process does at present. What it refers to must not change afterwards.
	State() State
	// Config returns the configuration in effect, which stays read-only; nil if there is none yet.
	Config() *config.Config
}

// Logs are the process's own logs. The methods are called from several goroutines at a time.
type Logs interface {
	// LogLevels returns the level of every log, by its path. The map belongs to the caller.
	LogLevels() map[string]config.LogLevel
	// SetLogLevel changes the level of the log of that path, one of those that LogLevels returns, from now on.
	SetLogLevel(path string, level config.LogLevel) error
	// EnableLog lets the log of that path be written, or not, from now on.
	EnableLog(path string, on bool) error
}

// Statistics writes statistics; metrics.Registry does. The methods are called from several goroutines at a time, each call asks keep
// on the caller's goroutine, and nil keeps all.
type Statistics interface {
	// WriteJSON writes an object of objects of numbers: by the name of a set, then by key.
	WriteJSON(w io.Writer, keep func(set, key string) bool) error
	// WriteText writes the same as lines of text.
	WriteText(w io.Writer, keep func(set, key string) bool) error
}

// Options are what a Server is made from. A field that is not set leaves out the endpoints that need it.
type Options struct {
	// Version of the program.
	Version string
	// Process is for the state, the readiness and the configuration.
	Process Process
	// Logs is for log levels.
	Logs Logs
	// Clusters is for the hosts and what happens to them.
	Clusters Clusters
	// Registrations is for services that are announced.
	Registrations Registrations
	// Statistics is for pages of statistics.
	Statistics Statistics
	// Metrics is for the page that Prometheus reads.
	Metrics prometheus.Gatherer
	// MetricsPath is where that page is: /metrics if empty. It comes before every other endpoint of that path.
	MetricsPath string
	// Profiles offers the profiles of net/http/pprof.
	Profiles bool
	// AnyHost lets requests name any host. It is for a server of statistics alone, which are scraped by name, and which another
	// site's page may see; never together with Process, Clusters, Registrations, Logs or
	// Profiles.
	AnyHost bool
	// Log gets a record per change and per refusal. None are written if it is nil.
	Log *slog.Logger
}

// Server is an admin interface. Its methods may be called from any goroutine.
type Server struct {
	options   Options
	endpoints []endpoint
	guard     guard
	log       *slog.Logger
	buffers   bytebufferpool.Pool // what answers are built in
	http      http.Server
	cancel    context.CancelFunc // ends profiles under way

	mu       sync.Mutex
	bound    bool
	listener net.Listener // bound, and not served yet; nil: none is
	closed   bool
	serving  sync.WaitGroup // the goroutine of Listen
}

// New returns a Server that does not listen yet.
func New(o Options) *Server {
	s := &Server{options: o, log: o.Log, guard: newGuard(o.AnyHost)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.endpoints = s.offered()
	base, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.http = http.Server{
		Handler:                      s,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext:                  func(net.Listener) context.Context { return base },
	}
	return s
}

// Listen is Bind and Serve in one.
func (s *Server) Listen(addr string) (net.Addr, error) {
	at, err := s.Bind(addr)
	if err == nil {
		s.Serve()
	}
	return at, err
}

// Bind opens a TCP address, host:port; port 0 takes any free one. It returns the address that was opened. Who connects waits for
// Serve. A Server listens once.
func (s *Server) Bind(addr string) (net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, http.ErrServerClosed
	case s.bound:
		return nil, errors.New("admin: the server listens already")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	s.listener, s.bound = l, true
	if host, _, err := net.SplitHostPort(addr); err == nil {
		s.guard.allow(host)
	}
	return l.Addr(), nil
}

// Serve answers requests from now on, until Close. It follows Bind, once.
func (s *Server) Serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.listener; !s.closed && l != nil {
		s.listener = nil // it is closed with the HTTP server from now on
		s.serve(newLimitListener(l, maxConnections))
	}
}

func (s *Server) serve(l net.Listener) {
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("admin: no longer listening", "address", l.Addr().String(), "error", err)
		}
	})
}

// Close stops listening, ends profiles under way, and waits for the other requests under way until ctx ends; then it closes their
// connections, whose handlers may still wait for the process, and returns the error of ctx. Closing again is harmless.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.mu.Unlock()
	s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // of the listener, which Shutdown has closed
	}
	s.serving.Wait()
	return err
}

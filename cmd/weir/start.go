package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/weirproxy/weir/cmd/weir/internal/pidfile"
	"github.com/weirproxy/weir/pkg/logging"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/standard"
)

type startCommand struct {
	Config   string `short:"c" env:"MOSN_CONFIG" placeholder:"FILE" help:"Configuration, JSON or YAML."`
	LogLevel string `short:"l" env:"LOG_LEVEL" placeholder:"LEVEL" help:"Level of the log, whatever the configuration says: trace, debug, info, warning, error or off."`
	mosnFlags
}

// Run runs weir until it is told to end.
func (c *startCommand) Run(parsed *kong.Context) error {
	path, err := configOr(c.Config)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup makes it
		signal.Notify(signals, syscall.SIGHUP)
	}
	defer signal.Reset(syscall.SIGTERM, syscall.SIGINT) // saying why it ended may block
	signal.Ignore(syscall.SIGPIPE)                      // who reads standard output may go away, and come back
	level := &slog.LevelVar{}
	out := &logFile{}
	lines := logging.NewWriter(out, logQueue)
	defer flushLog(lines)
	log := slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: level}))
	s := server.New(server.Options{Registry: standard.Registry(), Version: buildVersion(), Log: log, Level: level, LogLevel: mosnLevel(c.LogLevel)})
	defer s.Stop()
	if err := start(s, path, signals); err != nil {
		return err
	}
	for _, p := range s.Warnings() {
		log.Warn("configuration", "problem", p.String())
	}
	logPath := s.Config().Servers[0].LogPath
	if err := errors.Join(makeFolder(logPath), out.open(logPath)); err != nil {
		return err
	}
	c.warn(parsed, log)
	if file := writePID(s.Config().PIDFile(path), log); file != nil {
		defer file.Remove()
	}
	for name, addr := range s.Addresses() {
		log.Info("listening", "listener", name, "address", addr)
	}
	if addr := s.AdminAddr(); addr != nil {
		log.Info("admin interface", "address", addr.String())
	}
	return serve(s, signals, log, out)
}

// warn says which flags have no effect.
func (c *startCommand) warn(parsed *kong.Context, log *slog.Logger) {
	if names := withoutEffect(parsed.Flags()); len(names) > 0 {
		log.Warn("flags without effect", "flags", strings.Join(names, " "))
	}
	if names := c.unknownGates(); len(names) > 0 {
		log.Warn("unknown feature gates", "names", strings.Join(names, " "))
	}
	if c.LogLevel != "" && mosnLevel(c.LogLevel) == nil {
		log.Warn("unknown log level: the configuration's is used", "level", c.LogLevel)
	}
}

// makeFolder makes the folder of a log file, as the writers of access logs do.
func makeFolder(log string) error {
	if filepath.Dir(log) == "." {
		return nil
	}
	return os.MkdirAll(filepath.Dir(log), 0o755)
}

// writePID writes the number of the process to a file, nil if there is to be none.
// A process that cannot do so runs all the same.
func writePID(path string, log *slog.Logger) *pidfile.File {
	if path == "" {
		return nil
	}
	file, err := pidfile.Write(path)
	if err != nil {
		log.Error("the pid file could not be written: weir stop will not find this process", "path", path, "error", err)
		return nil
	}
	return file
}

// start starts the server, which may wait for hosts to be discovered, unless a signal
// ends the process before.
func start(s *server.Server, path string, signals <-chan os.Signal) error {
	started := make(chan error, 1)
	go func() { started <- s.Start(path) }()
	for {
		select {
		case err := <-started:
			return configError(err)
		case sig := <-signals:
			if sig == syscall.SIGTERM || sig == syscall.SIGINT {
				s.Stop()
				return cmp.Or(configError(<-started), error(exitError(exitFailed)))
			}
		}
	}
}

// serve does what signals ask for, until one ends the process, or too much has gone
// wrong in it.
func serve(s *server.Server, signals <-chan os.Signal, log *slog.Logger, out *logFile) error {
	for {
		var sig os.Signal
		select {
		case sig = <-signals:
		case err := <-s.Failed():
			log.Error("the process ends, so that another one can begin anew", "error", err)
			return cmp.Or(drain(s, signals, log), error(exitError(exitPanics)))
		}
		switch sig {
		case syscall.SIGUSR1:
			s.ReopenLogs()
			if err := out.reopen(); err != nil {
				log.Error("the log file could not be opened again", "error", err)
			}
		case syscall.SIGUSR2, syscall.SIGHUP:
			go reload(s, log) // it may wait for hosts, and a drain ends that
		case syscall.SIGINT:
			log.Info("stopping")
			return nil
		case syscall.SIGTERM:
			return drain(s, signals, log)
		}
	}
}

func reload(s *server.Server, log *slog.Logger) {
	if err := s.Reload(); err != nil {
		log.Error("the configuration was not reloaded, and the one in use stays", "error", err)
		return
	}
	for _, p := range s.Warnings() {
		log.Warn("configuration", "problem", p.String())
	}
	log.Info("the configuration was reloaded")
}

// drain finishes what is in flight. A second signal to end does not wait.
func drain(s *server.Server, signals <-chan os.Signal, log *slog.Logger) error {
	limit := s.GracefulTimeout()
	log.Info("draining", "at most", limit)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		for sig := range signals {
			if sig == syscall.SIGINT || sig == syscall.SIGTERM {
				cancel()
				return
			}
		}
	}()
	if cut := s.Drain(ctx); cut > 0 {
		log.Warn("requests were cut off at the end of the drain", "requests", cut)
		return exitError(exitCut)
	}
	log.Info("drained")
	return nil
}

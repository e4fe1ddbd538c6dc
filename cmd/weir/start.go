package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/weirproxy/weir/pkg/server"
)

type startCommand struct {
	Config string `short:"c" required:"" placeholder:"FILE" help:"Configuration, JSON or YAML."`
}

// Run runs weir until it is told to end.
func (c *startCommand) Run() error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2)
	level := &slog.LevelVar{}
	out := &logFile{}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	s := server.New(server.Options{Registry: registry(), Version: buildVersion(), Log: log, Level: level})
	defer s.Stop()
	if err := start(s, c.Config, signals); err != nil {
		return err
	}
	for _, p := range s.Warnings() {
		log.Warn("configuration", "problem", p.String())
	}
	if err := out.open(s.Config().Servers[0].LogPath); err != nil {
		return err
	}
	for name, addr := range s.Addresses() {
		log.Info("listening", "listener", name, "address", addr)
	}
	if addr := s.AdminAddr(); addr != nil {
		log.Info("admin interface", "address", addr.String())
	}
	return serve(s, signals, log, out)
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

// serve does what signals ask for, until one ends the process.
func serve(s *server.Server, signals <-chan os.Signal, log *slog.Logger, out *logFile) error {
	for sig := range signals {
		switch sig {
		case syscall.SIGUSR1:
			s.ReopenLogs()
			if err := out.reopen(); err != nil {
				log.Error("the log file could not be opened again", "error", err)
			}
		case syscall.SIGUSR2:
			go reload(s, log) // it may wait for hosts, and a drain ends that
		case syscall.SIGINT:
			log.Info("stopping")
			return nil
		case syscall.SIGTERM:
			return drain(s, signals, log)
		}
	}
	return nil
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

package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/server/clusters"
)

// parts are what a server that has started consists of. None of them knows the server.
type parts struct {
	logs       *accessLogs
	clusters   *clusters.Manager
	workers    *workers
	listeners  *listeners
	processLog *processLog
	pages      *adminPages
	status     *status
	view       clustersView
}

// begin starts the workers, and makes the other parts.
func (s *Server) begin(c *config.Config) error {
	o := &s.opts
	p := &parts{logs: &accessLogs{files: s.files}, workers: &workers{}, status: s.status}
	p.clusters = clusters.New(clusters.Options{Sources: o.Registry.Discovery, Workers: p.workers, Log: o.Log, Ending: s.ending})
	if err := p.workers.start(workersOf(c, o.Workers), o.Log, s.files, p.clusters, s.panics); err != nil {
		p.clusters.Close()
		return err
	}
	p.listeners = &listeners{workers: p.workers, log: o.Log, sockets: make(sockets)}
	p.processLog = &processLog{level: o.Level, fixed: o.LogLevel}
	p.view = clustersView{p.clusters, p.workers, s.status}
	p.pages = &adminPages{metrics: s.metrics, log: o.Log, shows: admin.Options{
		Version: o.Version, Process: s.status, Logs: p.processLog, Statistics: s.metrics,
		Clusters: p.view, Registrations: s.registrations, Profiles: true, Log: o.Log,
	}}
	s.parts.Store(p)
	s.participants = s.participantsOf(p)
	return nil
}

// end ends everything now, in the order of who uses what.
func (p *parts) end() {
	p.pages.close()
	p.status.closed()
	p.listeners.sockets.close()
	p.clusters.Close()
	p.workers.stop()
}

// closeFiles closes the access logs, when nothing is written any more.
func closeFiles(files *accesslog.Files, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := files.Close(ctx); err != nil {
		log.Warn("access logs were not written out", "error", err)
	}
}

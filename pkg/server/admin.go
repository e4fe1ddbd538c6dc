package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
)

// adminPages are the HTTP servers of the admin interface and of Prometheus sinks
// with a port of their own. They keep their addresses until the process ends.
type adminPages struct {
	servers []*admin.Server
	addr    net.Addr // of the admin interface; nil: there is none
}

// openAdmin opens what the configuration asks for.
func (s *Server) openAdmin(c *config.Config) error {
	if c.Admin != nil {
		sink := prometheusSink(c, 0)
		gatherer, err := s.metrics.Prometheus(sink)
		if err != nil {
			return err
		}
		page := admin.New(admin.Options{
			Version: s.opts.Version, Process: adminView{s}, Logs: adminView{s}, Statistics: s.metrics,
			Clusters: s, Registrations: s.registrations,
			Metrics: gatherer, MetricsPath: sink.Endpoint, Profiles: true, Log: s.opts.Log,
		})
		a := c.Admin.Address.SocketAddress
		addr, err := page.Listen(net.JoinHostPort(a.Address, strconv.Itoa(int(a.Port))))
		if err != nil {
			return fmt.Errorf("admin interface: %w", err)
		}
		s.pages.addr = addr
		s.pages.servers = append(s.pages.servers, page)
	}
	for i := range c.Metrics.Sinks {
		p := c.Metrics.Sinks[i].Prometheus
		if p == nil || p.Port == 0 {
			continue
		}
		gatherer, err := s.metrics.Prometheus(p)
		if err != nil {
			return err
		}
		page := admin.New(admin.Options{Metrics: gatherer, MetricsPath: p.Endpoint, AnyHost: true, Log: s.opts.Log})
		if _, err := page.Listen(fmt.Sprintf(":%d", p.Port)); err != nil {
			return fmt.Errorf("prometheus sink: %w", err)
		}
		s.pages.servers = append(s.pages.servers, page)
	}
	return nil
}

// prometheusSink returns the settings of the sink with a port, or the defaults.
func prometheusSink(c *config.Config, port uint16) *config.PrometheusSink {
	for i := range c.Metrics.Sinks {
		if p := c.Metrics.Sinks[i].Prometheus; p != nil && p.Port == port {
			return p
		}
	}
	p := config.Default[config.PrometheusSink]()
	return &p
}

func (s *Server) closeAdmin() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, page := range s.pages.servers {
		if err := page.Close(ctx); err != nil {
			s.opts.Log.Warn("the admin interface was cut off", "error", err)
		}
	}
	s.pages = adminPages{}
}

// adminView is the server as the admin interface sees it.
type adminView struct{ *Server }

// State returns the server's state and how its last reload went.
func (v adminView) State() admin.State {
	state := admin.State{Stage: admin.Stage(v.Stage()), Started: v.started}
	if last := v.LastReload(); last != nil {
		state.Reload = admin.Reload{Time: last.At, OK: last.Err == nil, Problems: last.Warnings}
		if last.Err != nil && !errors.As(last.Err, &state.Reload.Problems) {
			state.Reload.Problems = config.Problems{{Severity: config.Error, Message: last.Err.Error()}}
		}
	}
	return state
}

// LogLevels returns the levels of the logs, by their paths.
func (v adminView) LogLevels() map[string]config.LogLevel {
	level := config.LogInfo
	for _, l := range []config.LogLevel{config.LogTrace, config.LogDebug, config.LogInfo, config.LogWarn, config.LogError} {
		if levelOf(l) <= v.opts.Level.Level() {
			level = l
		}
	}
	if v.opts.Level.Level() >= LevelOff {
		level = "OFF" // no level that could be set
	}
	return map[string]config.LogLevel{v.Config().Servers[0].LogPath: level}
}

// SetLogLevel changes the level of a log until the next reload.
func (v adminView) SetLogLevel(path string, level config.LogLevel) error {
	if path != v.Config().Servers[0].LogPath {
		return fmt.Errorf("there is no log %q", path)
	}
	v.opts.Level.Set(levelOf(level))
	return nil
}

// EnableLog lets a log be written at the level that it had before, or not at all,
// until the next reload.
func (v adminView) EnableLog(path string, on bool) error {
	if path != v.Config().Servers[0].LogPath {
		return fmt.Errorf("there is no log %q", path)
	}
	v.silence.Lock()
	defer v.silence.Unlock()
	level := v.opts.Level.Level()
	switch {
	case on && level >= LevelOff:
		v.opts.Level.Set(v.before)
	case !on && level < LevelOff:
		v.before = level
		v.opts.Level.Set(LevelOff)
	}
	return nil
}

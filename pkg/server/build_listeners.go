package server

import (
	"strings"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// accessLogs makes a listener's access logs. It reports formats that cannot be
// understood, and names in them that nobody knows: MOSN writes a dash for those.
func (b *builder) accessLogs(c *config.Listener, roller config.LogRoller) (logs []*accesslog.Log) {
	for i := range c.AccessLogs {
		log := &c.AccessLogs[i]
		key := "log_format"
		if len(log.JSONFormat) > 0 {
			key = "json_format"
		}
		format, err := accesslog.Compile(log)
		if err != nil {
			b.report.Errorf(log.At(key), "%s", strings.TrimPrefix(err.Error(), key+": "))
			continue
		}
		for _, unknown := range format.Unknown() {
			b.report.Warnf(log.At(key), "nothing is logged for an unknown name: %v", unknown)
		}
		if log.Path == "" {
			continue
		}
		made, err := accesslog.NewLog(log, format, roller)
		if err != nil {
			b.report.Errorf(log.At("log_path"), "%v", err)
			continue
		}
		logs = append(logs, made)
	}
	return logs
}

// sockets gives each listener its socket: the one that it has, or one that another
// listener of the configuration before leaves, or a new one.
func (b *builder) sockets(all []*proxy.Listener, before *transaction.Configuration) {
	old := socketsOf(before)
	taken := make(map[*proxy.Shared]bool)
	take := func(l *proxy.Listener, fits func(*socket) bool) {
		for i := range old {
			if s := &old[i]; l.Shared == nil && !taken[s.shared] && fits(s) {
				l.Shared, taken[s.shared] = s.shared, true
			}
		}
	}
	for _, l := range all {
		c := listenerOf(b.config, l.Name)
		take(l, func(s *socket) bool { return s.config.Name == l.Name && s.serves(c) })
	}
	for _, l := range all {
		c := listenerOf(b.config, l.Name)
		take(l, func(s *socket) bool { return s.serves(c) })
		if l.Shared == nil {
			l.Shared = &proxy.Shared{}
		}
	}
}

// socket is a listener's socket in the configuration before.
type socket struct {
	config *config.Listener
	shared *proxy.Shared
}

// serves reports whether it is what a listener asks for.
func (s *socket) serves(c *config.Listener) bool {
	return s.config.Address == c.Address && s.config.ReusePort == c.ReusePort
}

// socketsOf returns the sockets that a configuration has, nil for none.
func socketsOf(c *transaction.Configuration) (all []socket) {
	if c == nil {
		return nil
	}
	for _, l := range c.Snapshot.Listeners {
		all = append(all, socket{listenerOf(c.Config, l.Name), l.Shared})
	}
	return all
}

// listenerOf returns a listener that a configuration has.
func listenerOf(c *config.Config, name string) *config.Listener {
	for i := range c.Servers {
		for j := range c.Servers[i].Listeners {
			if l := &c.Servers[i].Listeners[j]; l.Name == name {
				return l
			}
		}
	}
	return nil
}

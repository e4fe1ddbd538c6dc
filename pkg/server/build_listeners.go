package server

import (
	"strings"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
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

// socket notes the socket that a listener asks for.
func (b *builder) socket(l *proxy.Listener, c *config.Listener) {
	addr, err := address(c)
	if err != nil {
		b.report.Errorf(c.At("address"), "%v", err)
		return
	}
	b.wants[l] = transaction.Socket{Address: c.Address, ReusePort: c.ReusePort, Addr: addr}
}

// address returns where a listener listens.
func address(c *config.Listener) (eventloop.Addr, error) {
	if c.Network == config.Unix {
		return eventloop.ParseAddr("unix:" + c.Address)
	}
	return eventloop.ParseListenAddr(c.Address)
}

// sockets gives each listener its socket: the one that it has, or one that another
// listener of the configuration before leaves, or a new one.
func (b *builder) sockets(all []*proxy.Listener, before *transaction.Configuration) map[*proxy.Shared]transaction.Socket {
	now := make(map[*proxy.Shared]transaction.Socket, len(all))
	take := func(l *proxy.Listener, from *proxy.Listener) {
		has, wants := before.Sockets[from.Shared], b.wants[l]
		if _, taken := now[from.Shared]; !taken && l.Shared == nil && has.Address == wants.Address && has.ReusePort == wants.ReusePort {
			l.Shared = from.Shared
			now[l.Shared] = wants
		}
	}
	if before != nil {
		for _, l := range all {
			if same := before.Snapshot.Find(l.Name); same != nil {
				take(l, same)
			}
		}
		for _, l := range all {
			for _, other := range before.Snapshot.Listeners {
				take(l, other)
			}
		}
	}
	for _, l := range all {
		if l.Shared == nil {
			l.Shared = &proxy.Shared{}
			now[l.Shared] = b.wants[l]
		}
	}
	return now
}

package proxy

import (
	"errors"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/metrics"
)

// listener is one worker's part of a listener: its connections and counters.
type listener struct {
	*Listener
	worker *Worker
	stats  *metrics.ListenerStats
	routes []*metrics.RouteStats // by the route's ID
	logs   []*accesslog.Writer
	// observers are told what happens to requests.
	observers []Observer
	conns     *downConn // a ring's entry
	count     int

	env  filter.Env
	kept retryBuffer

	draining bool
	gone     bool // removed, and its socket is closed: there will be no more connections
}

// apply takes on what a snapshot says.
func (l *listener) apply(cfg *Listener) {
	w := l.worker
	l.Listener = cfg
	l.countIn(w.Stats.Listener(cfg.Name))
	l.routes = nil
	if cfg.Routes != nil {
		for _, r := range cfg.Routes.Routes() {
			l.routes = append(l.routes, w.Stats.Route(cfg.Router, r.VirtualHost, r.Name))
		}
	}
	l.closeLogs()
	for _, log := range cfg.Logs {
		l.logs = append(l.logs, w.logs.Writer(log))
	}
	l.observers = nil
	if len(l.logs) > 0 {
		l.observers = []Observer{(*accessLogs)(l)}
	}
	l.env = w.env
	l.env.BufferLimit = cfg.BufferLimit
	l.kept.limit = cfg.RetryBuffer
	l.env.Draining = l.draining
}

// countIn makes stats those of the listener. If it had others, under another name,
// what is under way moves over.
func (l *listener) countIn(stats *metrics.ListenerStats) {
	if old := l.stats; old != nil && old != stats {
		stats.ConnectionActive += old.ConnectionActive
		stats.RequestActive += old.RequestActive
		stats.TCPActive += old.TCPActive
		old.ConnectionActive, old.RequestActive, old.TCPActive = 0, 0, 0
	}
	l.stats = stats
}

// closeLogs gives up the listener's way into its access logs.
func (l *listener) closeLogs() {
	for _, log := range l.logs {
		log.Close()
	}
	l.logs = l.logs[:0]
}

// endIfOver ends a listener that is gone with its last connection. Its access logs
// are needed until then.
func (l *listener) endIfOver() {
	if l.gone && l.count == 0 {
		l.closeLogs()
		delete(l.worker.removed, l)
	}
}

// drain makes every connection finish what it is doing and close.
func (l *listener) drain() {
	l.draining, l.env.Draining = true, true
	c := l.conns
	for range l.count {
		next := c.next
		l.worker.Loop.Protect(c.io, c.drain)
		c = next
	}
}

// Accept returns the handler of a new connection that a socket brought, or nil if
// the connection is refused.
func (w *Worker) Accept(socket *Shared, io *eventloop.Conn) eventloop.Handler {
	l := w.sockets[socket]
	if l == nil {
		return nil
	}
	n := l.Shared.Connections.Add(1)
	if l.MaxConnections > 0 && n > int64(l.MaxConnections) {
		l.Shared.Connections.Add(-1)
		l.stats.ConnectionRejected++
		return nil
	}
	l.stats.ConnectionTotal++
	l.stats.ConnectionActive++
	c := &downConn{l: l, shared: l.Shared, io: io, id: w.NextID()}
	if l.Shared.Local.IsValid() && l.Shared.Local.Addr().IsUnspecified() {
		local := io.LocalAddr()
		c.local = &local
	} else {
		c.local = &l.Shared.Local
	}
	l.add(c)
	io.SetHandler(c) // who is told also if it goes wrong from here on
	c.open()
	c.begin()
	return c
}

// noteCut counts and tells that a client did not get the end of what it was sent. The
// requests were over by then, and in the access log they are complete.
func (l *listener) noteCut(io *eventloop.Conn, err error) {
	var cut *eventloop.CutError
	if !errors.As(err, &cut) {
		return
	}
	l.stats.ConnectionCut++
	l.worker.cuts++
	l.worker.Log.Warn("a client did not get the end of what it was sent: its connection was being closed, and it took nothing any more",
		"listener", l.Name, "client", io.RemoteAddr(), "bytes", cut.Lost)
}

func (l *listener) add(c *downConn) {
	l.count++
	if l.conns == nil {
		c.next, c.prev = c, c
		l.conns = c
		return
	}
	c.next, c.prev = l.conns, l.conns.prev
	c.prev.next, c.next.prev = c, c
}

func (l *listener) remove(c *downConn) {
	l.count--
	if c.next == c {
		l.conns = nil
	} else {
		c.prev.next, c.next.prev = c.next, c.prev
		if l.conns == c {
			l.conns = c.next
		}
	}
	c.next, c.prev = nil, nil
	l.endIfOver()
}

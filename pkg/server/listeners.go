package server

import (
	"fmt"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/proxy"
)

// listening is a listener's socket. It can pass from one listener to another that
// takes its place at the same address.
type listening struct {
	*eventloop.Listening
	address   string // as configured
	reusePort bool
	shared    *proxy.Shared
}

// serves tells whether the socket is what a listener asks for.
func (ln *listening) serves(lc *config.Listener) bool {
	return ln.address == lc.Address && ln.reusePort == lc.ReusePort
}

// bind returns a socket for each listener of the snapshot: the one that it has, or
// one that another listener leaves, or a new one, on which nothing is accepted yet.
func (s *Server) bind(c *config.Config, snapshot *proxy.Snapshot) (map[string]*listening, error) {
	all := c.Servers[0].Listeners
	now := make(map[string]*listening)
	for i := range all {
		if ln := s.listening[all[i].Name]; ln != nil && snapshot.Find(all[i].Name) != nil && ln.serves(&all[i]) {
			now[all[i].Name] = ln
		}
	}
	for i := range all {
		lc := &all[i]
		l := snapshot.Find(lc.Name)
		if l == nil {
			continue
		}
		ln := now[lc.Name]
		if ln == nil {
			ln = s.left(lc, now)
		}
		if ln == nil {
			var err error
			if ln, err = s.listenOn(lc); err != nil {
				closeAllBut(s.listening, now)
				return nil, fmt.Errorf("listener %q: %w", lc.Name, err)
			}
		}
		l.Shared, l.Local = ln.shared, ln.Addr().AddrPort()
		now[lc.Name] = ln
	}
	return now, nil
}

// left returns a present socket that serves a listener and that none of the
// listeners so far has.
func (s *Server) left(lc *config.Listener, now map[string]*listening) *listening {
	for _, ln := range s.listening {
		if ln.serves(lc) && !has(now, ln) {
			return ln
		}
	}
	return nil
}

// closeAllBut closes the sockets that keep does not have.
func closeAllBut(keep, sockets map[string]*listening) {
	for _, ln := range sockets {
		if !has(keep, ln) {
			ln.Close()
		}
	}
}

func has(sockets map[string]*listening, ln *listening) bool {
	for _, other := range sockets {
		if other == ln {
			return true
		}
	}
	return false
}

func (s *Server) listenOn(lc *config.Listener) (*listening, error) {
	addr, err := address(lc)
	if err != nil {
		return nil, err
	}
	ls, err := s.group.Bind(addr, eventloop.ListenOptions{ReusePort: lc.ReusePort})
	if err != nil {
		return nil, err
	}
	return &listening{Listening: ls, address: lc.Address, reusePort: lc.ReusePort, shared: &proxy.Shared{}}, nil
}

// switchListeners starts the sockets that are new, and ends those that no listener
// has any more. The workers know the snapshot by now.
func (s *Server) switchListeners(now map[string]*listening) {
	before := s.listening
	s.listening = now
	closeAllBut(now, before)
	for name, ln := range now {
		if has(before, ln) {
			continue
		}
		accept := func(c *eventloop.Conn) eventloop.Handler { return s.accept(ln.shared, c) }
		if err := ln.Start(accept); err != nil {
			s.opts.Log.Error("a listener could not be started", "listener", name, "error", err)
		}
	}
	s.group.Each(func(i int, _ *eventloop.Loop) { s.workers[i].Retire() })
}

// accept finds the worker that a connection was given to.
func (s *Server) accept(socket *proxy.Shared, c *eventloop.Conn) eventloop.Handler {
	for i, l := range s.group.Loops() {
		if l == c.Loop() {
			return s.workers[i].Accept(socket, c)
		}
	}
	return nil
}

// openLogs opens the access logs of a snapshot's listeners.
func (s *Server) openLogs(c *config.Config, snapshot *proxy.Snapshot) (opened []*accesslog.Log, err error) {
	server := &c.Servers[0]
	for i := range server.Listeners {
		lc := &server.Listeners[i]
		l := snapshot.Find(lc.Name)
		for j := range lc.AccessLogs {
			if l == nil || lc.AccessLogs[j].Path == "" {
				continue
			}
			log, err := s.files.Open(&lc.AccessLogs[j], server.LogRoller)
			if err != nil {
				closeLogs(opened)
				return nil, fmt.Errorf("listener %q: access log: %w", lc.Name, err)
			}
			opened = append(opened, log)
			l.Logs = append(l.Logs, log)
		}
	}
	return opened, nil
}

func closeLogs(logs []*accesslog.Log) {
	for _, l := range logs {
		l.Close()
	}
}

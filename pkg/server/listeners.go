package server

import (
	"fmt"
	"log/slog"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// listeners has the sockets of the snapshot in force. One that several snapshots in a row
// have stays open.
type listeners struct {
	workers *workers
	log     *slog.Logger
	sockets sockets
}

// sockets are open sockets, by what snapshots know of them.
type sockets map[*proxy.Shared]*eventloop.Listening

// prepare is the listeners' part in a change of the configuration. Sockets are bound, and
// begin to accept when the workers have the snapshot; what comes before waits in the
// system's queue.
func (l *listeners) prepare(next *transaction.Next) (transaction.Change, error) {
	bound := make(sockets)
	for _, of := range next.Snapshot.Listeners {
		if l.sockets[of.Shared] != nil {
			continue
		}
		socket := next.Sockets[of.Shared]
		ln, err := l.workers.group.Bind(socket.Addr, eventloop.ListenOptions{ReusePort: socket.ReusePort})
		if err != nil {
			bound.close()
			return transaction.Change{}, fmt.Errorf("listener %q: %w", of.Name, err)
		}
		of.Shared.Local = ln.Addr().AddrPort()
		bound[of.Shared] = ln
	}
	return transaction.Change{
		Commit:  func() { l.start(next.Snapshot, bound) },
		Release: func() { l.closeAllBut(next.Snapshot) },
		Abort:   bound.close,
	}, nil
}

// start begins to accept on new sockets. It fails only if the system has no memory to
// watch one more; the others serve all the same.
func (l *listeners) start(now *proxy.Snapshot, bound sockets) {
	for _, of := range now.Listeners {
		ln := bound[of.Shared]
		if ln == nil {
			continue
		}
		l.sockets[of.Shared] = ln
		if err := ln.Start(func(c *eventloop.Conn) eventloop.Handler { return l.workers.accept(of.Shared, c) }); err != nil {
			l.log.Error("a listener could not be started", "listener", of.Name, "error", err)
		}
	}
}

// closeAllBut closes the sockets that a snapshot does not have. The workers know it by
// now.
func (l *listeners) closeAllBut(now *proxy.Snapshot) {
	keep := make(map[*proxy.Shared]bool)
	for _, of := range now.Listeners {
		keep[of.Shared] = true
	}
	for shared, ln := range l.sockets {
		if !keep[shared] {
			ln.Close()
			delete(l.sockets, shared)
		}
	}
	l.workers.each((*proxy.Worker).Retire)
}

// addresses returns where the listeners of a snapshot listen, by their names.
func (l *listeners) addresses(of *proxy.Snapshot) map[string]string {
	all := make(map[string]string, len(of.Listeners))
	for _, each := range of.Listeners {
		all[each.Name] = l.sockets[each.Shared].Addr().String()
	}
	return all
}

// close closes all of them. They accept what waits in the system's queue first.
func (s sockets) close() {
	for _, ln := range s {
		ln.Close()
	}
}

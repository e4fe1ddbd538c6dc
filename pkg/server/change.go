package server

import (
	"errors"
	"slices"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// change loads the configuration and puts it into force, all of it or nothing. The lock
// is held. begin, if it is not nil, makes what has a part in it.
func (s *Server) change(begin func(*config.Config) error) error {
	var tx transaction.Transaction
	next, err := s.load(&tx)
	if err == nil && begin != nil {
		err = begin(next.Config)
	}
	if err == nil {
		err = tx.Prepare(next, s.participants)
	}
	if err != nil {
		tx.Abort()
		return err
	}
	tx.Commit()
	s.current = next.Configuration
	return nil
}

// participantsOf are all who have a part in a change of the configuration, in the order
// in which they prepare and commit: whoever is used comes before who uses it, and
// services are announced when they can be reached.
func (s *Server) participantsOf(p *parts) []transaction.Participant {
	return slices.Concat(
		[]transaction.Participant{{Name: "access logs", Prepare: p.logs.prepare}},
		p.clusters.Participants(), // hosts, discovery, on-demand clusters
		[]transaction.Participant{
			{Name: "workers", Prepare: commits(p.workers.apply)}, // with routes, clusters, and what listeners say
			{Name: "listeners", Prepare: p.listeners.prepare},
			{Name: "process log", Prepare: commits(p.processLog.configure)},
			{Name: "statistics", Prepare: commits(func(next *transaction.Next) { s.metrics.SetMatcher(next.Config.Metrics.StatsMatcher) })},
			{Name: "registrations", Prepare: s.registrations.Prepare},
			{Name: "admin", Prepare: p.pages.prepare},
			{Name: "status", Prepare: commits(func(next *transaction.Next) { s.force(next, p.listeners, p.pages) })},
		},
	)
}

// commits is the part of who has nothing to prepare.
func commits(commit func(*transaction.Next)) func(*transaction.Next) (transaction.Change, error) {
	return func(next *transaction.Next) (transaction.Change, error) {
		return transaction.Change{Commit: func() { commit(next) }}, nil
	}
}

// followRemote loads the configuration anew whenever its part in Consul has changed,
// until the server ends. It has a goroutine of its own: a reload may end the watch that
// told of the change.
func (s *Server) followRemote() {
	for {
		select {
		case <-s.ending.Done():
			return
		case <-s.remote.Changed():
			s.reloadRemote()
		}
	}
}

// reloadRemote puts what has changed in Consul into force, if nothing is wrong with it.
func (s *Server) reloadRemote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() != Running || s.ending.Err() != nil || !s.remote.Stale() {
		return
	}
	err := s.change(nil)
	s.note(err)
	var problems config.Problems
	switch {
	case err == nil:
		s.opts.Log.Info("the configuration was reloaded, because it has changed in Consul")
	case errors.As(err, &problems):
		s.opts.Log.Error("the configuration in Consul is wrong, and the one in use stays", "problems", len(problems), "first", firstError(problems))
	default:
		s.opts.Log.Error("the configuration was not reloaded, and the one in use stays", "error", err)
	}
}

// firstError returns the first of some problems that is no warning.
func firstError(problems config.Problems) string {
	at := max(0, slices.IndexFunc(problems, func(p config.Problem) bool { return p.Severity == config.Error }))
	return problems[at].String()
}

package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul"
)

// documents is the part of the configuration that is kept in Consul, watched.
// Whenever it changes, the configuration is loaded anew: see followDocuments.
type documents struct {
	settings string // what it was made of
	cancel   context.CancelFunc
	done     chan struct{}
	first    chan struct{} // closed when there was a delivery

	mu        sync.Mutex
	docs      []config.Document
	delivered int // deliveries so far
	loaded    int // the one that was loaded last
}

// documentsFor returns the documents that a configuration asks for: those in use, or
// others, which come into use by useDocuments, or are ended. For others it waits a
// while, and a server that runs does not go on without them: what they say may be in
// use.
func (s *Server) documentsFor(c *config.Config, running bool) (*documents, error) {
	if c.Consul.ConfigPrefix == "" {
		return nil, nil
	}
	settings := config.Settings(agentSettings(&c.Consul), c.Consul.ConfigPrefix)
	if s.documents != nil && s.documents.settings == settings {
		return s.documents, nil
	}
	reader, err := consul.NewConfigs(&c.Consul, s.opts.Log)
	if err != nil {
		return nil, err
	}
	d := s.watchDocuments(reader, settings)
	timeout := time.NewTimer(c.ClusterManager.WarmUp)
	defer timeout.Stop()
	select {
	case <-d.first:
		return d, nil
	case <-timeout.C:
	case <-s.ending.Done():
		d.end()
		return nil, errEnding
	}
	if running {
		d.end()
		return nil, fmt.Errorf("the configuration in Consul under %s is not known: %w", c.Consul.ConfigPrefix, unheard(reader.Err()))
	}
	s.opts.Log.Warn("the configuration in Consul is not known yet", "prefix", c.Consul.ConfigPrefix, "error", unheard(reader.Err()))
	return d, nil
}

// unheard is why nothing was heard in time.
func unheard(err error) error {
	if err == nil {
		return errors.New("no answer in time")
	}
	return err
}

// watchDocuments begins to read documents.
func (s *Server) watchDocuments(reader *consul.Configs, settings string) *documents {
	ctx, cancel := context.WithCancel(context.Background())
	d := &documents{settings: settings, cancel: cancel, done: make(chan struct{}), first: make(chan struct{})}
	go func() {
		defer close(d.done)
		defer reader.Close()
		reader.Watch(ctx, func(docs []config.Document) {
			d.take(docs)
			select {
			case s.stale <- struct{}{}:
			default: // it will be looked at
			}
		})
	}()
	return d
}

// take takes on a delivery.
func (d *documents) take(docs []config.Document) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.docs = docs
	if d.delivered++; d.delivered == 1 {
		close(d.first)
	}
}

// current returns the documents delivered last, which are going to be loaded.
func (d *documents) current() []config.Document {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loaded = d.delivered
	return d.docs
}

// changed tells whether something was delivered that was not loaded.
func (d *documents) changed() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.loaded != d.delivered
}

// useDocuments makes these the documents in use.
func (s *Server) useDocuments(d *documents) {
	before := s.documents
	s.documents = d
	if before != nil && before != d {
		before.end()
	}
}

// discardDocuments ends documents that do not come into use.
func (s *Server) discardDocuments(d *documents) {
	if d != nil && d != s.documents {
		d.end()
	}
}

// end ends the watch.
func (d *documents) end() {
	d.cancel()
	<-d.done
}

// followDocuments loads the configuration anew whenever documents have changed, until
// the server ends. It has a goroutine of its own: a reload may end the watch that told
// of the change.
func (s *Server) followDocuments() {
	for {
		select {
		case <-s.ending.Done():
			return
		case <-s.stale:
			s.reloadDocuments()
		}
	}
}

// reloadDocuments puts changed documents into effect, if nothing is wrong with them.
func (s *Server) reloadDocuments() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Stage() != Running || s.ending.Err() != nil || !s.documents.changed() {
		return
	}
	err := s.reload()
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

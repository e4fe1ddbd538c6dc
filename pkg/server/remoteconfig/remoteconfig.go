// Package remoteconfig follows the part of the configuration that is kept in Consul:
// clusters and routers that are added to what the file says.
package remoteconfig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// Manager has the documents of the configuration in force. Its methods are called
// under the lock of changes, but for Changed.
type Manager struct {
	log     *slog.Logger
	changed chan struct{} // holds one
	now     *watch        // nil: there are no documents
}

// New makes a manager without documents.
func New(log *slog.Logger) *Manager {
	return &Manager{log: log, changed: make(chan struct{}, 1)}
}

// Changed tells that documents may have changed: see Stale.
func (m *Manager) Changed() <-chan struct{} { return m.changed }

// Stale reports whether something was delivered that Prepare has not returned.
func (m *Manager) Stale() bool { return m.now != nil && m.now.stale() }

// Prepare returns the documents that a draft asks for. If they are others than those in
// force, it waits a while for them, until ctx is done. required says that there is no
// going on without them: what they say may be in force.
func (m *Manager) Prepare(ctx context.Context, draft *config.Draft, required bool) ([]config.Document, transaction.Change, error) {
	c, patience := draft.Remote()
	if c == nil {
		return nil, m.change(nil), nil
	}
	settings := config.Settings(c.AgentSettings(), c.ConfigPrefix)
	if m.now != nil && m.now.settings == settings {
		return m.now.take(), m.change(m.now), nil
	}
	reader, err := consul.NewConfigs(c, m.log)
	if err != nil {
		return nil, transaction.Change{}, err
	}
	w := m.begin(reader, settings)
	if err := w.await(ctx, patience); err != nil {
		if ctx.Err() != nil {
			w.end()
			return nil, transaction.Change{}, context.Cause(ctx)
		}
		if why := reader.Err(); why != nil {
			err = why
		}
		if required {
			w.end()
			return nil, transaction.Change{}, fmt.Errorf("the configuration in Consul under %s is not known: %w", c.ConfigPrefix, err)
		}
		m.log.Warn("the configuration in Consul is not known yet", "prefix", c.ConfigPrefix, "error", err)
	}
	return w.take(), m.change(w), nil
}

// change makes a watch the one in force, nil for none.
func (m *Manager) change(to *watch) transaction.Change {
	before := m.now
	if to == before {
		return transaction.Change{}
	}
	return transaction.Change{
		Commit:  func() { m.now = to },
		Release: before.end,
		Abort:   to.end,
	}
}

// Close ends the watch.
func (m *Manager) Close() {
	m.now.end()
	m.now = nil
}

// watch reads documents until it is ended.
type watch struct {
	settings string // what it was made of
	cancel   context.CancelFunc
	done     chan struct{}
	first    chan struct{} // closed when there was a delivery

	mu        sync.Mutex
	docs      []config.Document
	delivered int // deliveries so far
	taken     int // the one that was taken last
}

// begin begins to read documents.
func (m *Manager) begin(reader *consul.Configs, settings string) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{settings: settings, cancel: cancel, done: make(chan struct{}), first: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer reader.Close()
		reader.Watch(ctx, func(docs []config.Document) {
			w.deliver(docs)
			select {
			case m.changed <- struct{}{}:
			default: // it will be looked at
			}
		})
	}()
	return w
}

func (w *watch) deliver(docs []config.Document) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.docs = docs
	if w.delivered++; w.delivered == 1 {
		close(w.first)
	}
}

// await waits for the first delivery.
func (w *watch) await(ctx context.Context, patience time.Duration) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-w.first:
		return nil
	case <-timeout.C:
		return errors.New("no answer in time")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take returns the documents delivered last, which are going to be loaded.
func (w *watch) take() []config.Document {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = w.delivered
	return w.docs
}

func (w *watch) stale() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken != w.delivered
}

// end ends the watch, if there is one.
func (w *watch) end() {
	if w != nil {
		w.cancel()
		<-w.done
	}
}

// Package registration announces services: those of the configuration, and those that
// are published over the admin interface.
package registration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// Manager has what is announced. Its methods may be called from any goroutine.
type Manager struct {
	log    *slog.Logger
	ctx    context.Context // done when nothing is announced any more
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	consul    *config.Consul                 // in force; nil: there is no configuration yet
	now       *registrar                     // nil: nothing was ever announced
	published map[string]config.Registration // by ID
	draining  bool
}

var _ admin.Registrations = (*Manager)(nil)

// New makes a manager that announces nothing.
func New(log *slog.Logger) *Manager {
	m := &Manager{log: log, published: make(map[string]config.Registration)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Prepare makes what is to announce the services of a configuration. They are announced
// when it is in force, so that they can be reached by then.
func (m *Manager) Prepare(next *transaction.Next) (transaction.Change, error) {
	c := &next.Config.Consul
	m.mu.Lock()
	defer m.mu.Unlock()
	by := m.now
	if !by.reaches(c) && (by != nil || len(c.Register) > 0) {
		var err error
		if by, err = newRegistrar(c, m.log); err != nil {
			return transaction.Change{}, err
		}
	}
	return transaction.Change{
		Commit: func() { m.use(c, by) },
		Abort: func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.drop(by)
		},
	}, nil
}

// use announces what a configuration asks for from now on.
func (m *Manager) use(c *config.Consul, by *registrar) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.consul = c
	if by == nil {
		by = m.now // something may have been published meanwhile
	}
	if by == nil {
		return
	}
	if m.draining {
		m.drop(by)
		return
	}
	by.configured = c.Register
	m.replace(by)
	by.Set(c.Register)
}

// drop closes a registrar that is not in use.
func (m *Manager) drop(by *registrar) {
	if by != nil && by != m.now {
		by.Close()
	}
}

// replace makes another registrar announce what the present one does. It goes on with
// what the same agent has already.
func (m *Manager) replace(by *registrar) {
	before := m.now
	if m.now = by; before == nil || before == by {
		return
	}
	for _, reg := range m.published {
		if _, err := by.Publish(reg); err != nil {
			m.log.Warn("a service that was published is not announced any more", "service", reg.Service, "error", err)
		}
	}
	keep := make(map[string]bool)
	if before.agent == by.agent {
		for i := range by.configured {
			keep[by.configured[i].InstanceID()] = true
		}
		for id := range m.published {
			keep[id] = true
		}
	}
	m.wg.Go(func() { before.retire(m.ctx, keep) })
}

// Publish announces a service from now on, in place of one of the same ID.
func (m *Manager) Publish(reg config.Registration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.draining:
		return errors.New("weir is draining")
	case m.consul == nil:
		return errors.New("weir has not started")
	case m.now == nil:
		made, err := newRegistrar(m.consul, m.log)
		if err != nil {
			return err
		}
		m.now = made
	}
	id, err := m.now.Publish(reg)
	if err != nil {
		return err
	}
	m.published[id] = reg
	return nil
}

// Unpublish withdraws the service of an ID.
func (m *Manager) Unpublish(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.published, id)
	if m.now == nil || !m.now.Unpublish(id) {
		return fmt.Errorf("no service of the ID %q was published", id)
	}
	return nil
}

// Registrations returns what is announced, and what is about to be or to end.
func (m *Manager) Registrations() []admin.Registration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil {
		return nil
	}
	states := m.now.State()
	all := make([]admin.Registration, len(states))
	for i := range states {
		all[i] = shown(states[i])
	}
	return all
}

func shown(s consul.RegistrationState) admin.Registration {
	a := admin.Registration{ID: s.ID, Service: s.Service, Address: s.Address, State: "pending", Since: s.Since, Error: s.Error}
	if s.Registered {
		a.State = "registered"
	}
	return a
}

// Withdraw takes back what was announced, before weir drains, and waits a while for
// callers to hear of it. Nothing is announced after it.
func (m *Manager) Withdraw(ctx context.Context) {
	m.mu.Lock()
	m.draining = true
	by, c := m.now, m.consul
	m.mu.Unlock()
	if by == nil || len(by.State()) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, withdrawal)
	defer cancel()
	if err := by.Deregister(limited); err != nil {
		m.log.Warn("services could not be withdrawn before the drain", "error", err)
	}
	delay := time.NewTimer(c.DrainDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
}

// Close ends it. What is still announced is withdrawn, if the agent answers soon:
// there was no drain, or it did not answer then.
func (m *Manager) Close() {
	m.mu.Lock()
	m.draining = true
	by := m.now
	m.now = nil
	m.mu.Unlock()
	if by != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = by.Deregister(ctx) // the failure is in the log
		cancel()
		by.Close()
	}
	m.cancel()
	m.wg.Wait()
}

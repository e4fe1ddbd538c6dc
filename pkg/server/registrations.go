package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul"
)

// registrations are the services that weir announces: those of the configuration, and
// those that are published over the admin interface.
type registrations struct {
	s      *Server
	ctx    context.Context // done when nothing is announced any more
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	now       *registrar                     // nil: nothing was ever announced
	published map[string]config.Registration // by ID
	draining  bool
}

func newRegistrations(s *Server) *registrations {
	r := &registrations{s: s, published: make(map[string]config.Registration)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// registrar is one with what it was made of.
type registrar struct {
	*consul.Registrar
	settings   string
	agent      string                // which one it is
	configured []config.Registration // that it was told of
}

func newRegistrar(c *config.Consul, s *Server) (*registrar, error) {
	made, err := consul.NewRegistrar(c, s.opts.Log)
	if err != nil {
		return nil, err
	}
	return &registrar{Registrar: made, settings: agentSettings(c), agent: config.Settings(c.Scheme, c.Address, c.Namespace, c.Partition)}, nil
}

// reaches tells whether it reaches the agent as a configuration says.
func (r *registrar) reaches(c *config.Consul) bool { return r != nil && r.settings == agentSettings(c) }

// prepare returns what is to announce the services of a configuration; nil: there are
// none. Nothing changes until use.
func (r *registrations) prepare(c *config.Consul) (*registrar, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.reaches(c) || r.now == nil && len(c.Register) == 0 {
		return r.now, nil
	}
	return newRegistrar(c, r.s)
}

// use announces what a configuration asks for from now on.
func (r *registrations) use(c *config.Consul, by *registrar) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if by == nil {
		by = r.now // something may have been published meanwhile
	}
	if by == nil {
		return
	}
	if r.draining {
		r.drop(by)
		return
	}
	by.configured = c.Register
	r.replace(by)
	by.Set(c.Register)
}

// discard closes what was prepared and is not used after all.
func (r *registrations) discard(by *registrar) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(by)
}

func (r *registrations) drop(by *registrar) {
	if by != nil && by != r.now {
		by.Close()
	}
}

// replace makes another registrar announce what the present one does. It goes on with
// what the same agent has already.
func (r *registrations) replace(by *registrar) {
	before := r.now
	if r.now = by; before == nil || before == by {
		return
	}
	for _, reg := range r.published {
		if _, err := by.Publish(reg); err != nil {
			r.s.opts.Log.Warn("a service that was published is not announced any more", "service", reg.Service, "error", err)
		}
	}
	keep := make(map[string]bool)
	if before.agent == by.agent {
		for i := range by.configured {
			keep[by.configured[i].InstanceID()] = true
		}
		for id := range r.published {
			keep[id] = true
		}
	}
	r.wg.Go(func() { before.retire(r.ctx, keep) })
}

// withdrawal is for how long an agent is waited for that is to withdraw something.
const withdrawal = 2 * time.Second

// retire withdraws what is announced, but for what another registrar goes on with, and
// closes the registrar.
func (r *registrar) retire(ctx context.Context, keep map[string]bool) {
	defer r.Close()
	ctx, cancel := context.WithTimeout(ctx, withdrawal)
	defer cancel()
	if len(keep) == 0 {
		_ = r.Deregister(ctx) // the failure is in the log
		return
	}
	r.Set(slices.DeleteFunc(slices.Clone(r.configured), func(c config.Registration) bool { return !keep[c.InstanceID()] }))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	others := func(s consul.RegistrationState) bool { return !keep[s.ID] }
	for slices.ContainsFunc(r.State(), others) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Publish announces a service from now on, in place of one of the same ID.
func (r *registrations) Publish(reg config.Registration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return errors.New("weir is draining")
	}
	if r.now == nil {
		made, err := newRegistrar(&r.s.Config().Consul, r.s)
		if err != nil {
			return err
		}
		r.now = made
	}
	id, err := r.now.Publish(reg)
	if err != nil {
		return err
	}
	r.published[id] = reg
	return nil
}

// Unpublish withdraws the service of an ID.
func (r *registrations) Unpublish(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.published, id)
	if r.now == nil || !r.now.Unpublish(id) {
		return fmt.Errorf("no service of the ID %q was published", id)
	}
	return nil
}

// Registrations returns what is announced, and what is about to be or to end.
func (r *registrations) Registrations() []admin.Registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil {
		return nil
	}
	states := r.now.State()
	all := make([]admin.Registration, len(states))
	for i := range states {
		all[i] = registrationOf(states[i])
	}
	return all
}

// withdraw takes back what was announced, before weir drains, and waits a while for
// callers to hear of it. Nothing is announced after it.
func (r *registrations) withdraw(ctx context.Context) {
	r.mu.Lock()
	r.draining = true
	by := r.now
	r.mu.Unlock()
	if by == nil || len(by.State()) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, withdrawal)
	defer cancel()
	if err := by.Deregister(limited); err != nil {
		r.s.opts.Log.Warn("services could not be withdrawn before the drain", "error", err)
	}
	delay := time.NewTimer(r.s.Config().Consul.DrainDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
}

// close ends it. What is still announced is withdrawn, if the agent answers soon:
// there was no drain, or it did not answer then.
func (r *registrations) close() {
	r.mu.Lock()
	r.draining = true
	by := r.now
	r.now = nil
	r.mu.Unlock()
	if by != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = by.Deregister(ctx) // the failure is in the log
		cancel()
		by.Close()
	}
	r.cancel()
	r.wg.Wait()
}

func registrationOf(s consul.RegistrationState) admin.Registration {
	a := admin.Registration{ID: s.ID, Service: s.Service, Address: s.Address, State: "pending", Since: s.Since, Error: s.Error}
	if s.Registered {
		a.State = "registered"
	}
	return a
}

package consul

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// Registrar announces services to the agent and keeps them announced: it says in time
// that they are well, and registers again what an agent has lost. There are those of
// the configuration ([Registrar.Set]) and those that are published while weir runs
// ([Registrar.Publish]); an ID belongs to one of the two.
//
// Its methods may be called from any goroutine, and but for Deregister and Close none
// of them waits: each registration has a goroutine, which tries until it succeeds. It
// has one connection to the agent.
type Registrar struct {
	block  *config.Consul
	log    *slog.Logger
	client *client
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex
	configured map[string]*config.Registration
	published  map[string]*config.Registration
	keepers    map[string]*keeper // those that are wanted, and those that are being removed
}

// RegistrationState is how a registration stands.
type RegistrationState struct {
	ID        string
	Service   string
	Address   string // HOST:PORT; :PORT if the agent's address is to be taken
	Published bool   // not in the configuration
	// Registered tells whether the agent has it, as far as is known; Since is when that
	// became so.
	Registered bool
	Since      time.Time
	// Error is why the last request to the agent failed; empty if it did not.
	Error string
}

// NewRegistrar makes a registrar that registers nothing yet. It keeps c. Close ends it.
func NewRegistrar(c *config.Consul, log *slog.Logger) (*Registrar, error) {
	client, err := newClient(c, 1, log, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Registrar{
		block: c, log: log, client: client, ctx: ctx, cancel: cancel,
		configured: make(map[string]*config.Registration),
		published:  make(map[string]*config.Registration),
		keepers:    make(map[string]*keeper),
	}, nil
}

// Set makes these the registrations of the configuration. Those that were among them
// and are no longer are removed from the agent. Of several with the same ID the first
// counts, and what was published keeps its ID.
func (r *Registrar) Set(regs []config.Registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.configured = make(map[string]*config.Registration, len(regs))
	for i := range regs {
		id := regs[i].InstanceID()
		if r.configured[id] != nil || r.published[id] != nil {
			r.log.Warn("a registration has the ID of another and is left out", "id", id)
			continue
		}
		reg := regs[i]
		r.configured[id] = &reg
	}
	r.reconcile()
}

// Publish registers a service, or changes what was published with the same ID, which it
// returns. It fails if the registration is not complete or its ID is that of one of the
// configuration; whether the agent accepts it is in State.
func (r *Registrar) Publish(reg config.Registration) (id string, err error) {
	if reg.Service == "" {
		return "", errors.New("consul: a registration needs the name of a service")
	}
	id = reg.InstanceID()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.configured[id] != nil {
		return "", fmt.Errorf("consul: %s is registered by the configuration", id)
	}
	r.published[id] = &reg
	r.reconcile()
	return id, nil
}

// Unpublish removes what was published with that ID, and returns whether there was
// something.
func (r *Registrar) Unpublish(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.published[id] == nil {
		return false
	}
	delete(r.published, id)
	r.reconcile()
	return true
}

// Deregister removes all registrations, for a process that drains, and waits until the
// agent has confirmed it or ctx is done. Then it returns which are left; they are still
// tried until Close.
func (r *Registrar) Deregister(ctx context.Context) error {
	r.mu.Lock()
	clear(r.configured)
	clear(r.published)
	r.reconcile()
	keepers := maps.Clone(r.keepers)
	r.mu.Unlock()
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(keepers)) {
		select {
		case <-keepers[id].gone:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("consul: %s is still registered: %w", id, cmp.Or(keepers[id].lastError(), ctx.Err())))
		}
	}
	return errors.Join(errs...)
}

// Close ends the registrar. What is registered stays with the agent, until its check
// fails.
func (r *Registrar) Close() {
	r.cancel()
	r.wg.Wait()
	r.client.close()
}

// State returns how all registrations stand, by ID.
func (r *Registrar) State() []RegistrationState {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := make([]RegistrationState, 0, len(r.keepers))
	for _, id := range slices.Sorted(maps.Keys(r.keepers)) {
		s := r.keepers[id].snapshot()
		s.Published = r.published[id] != nil
		states = append(states, s)
	}
	return states
}

// reconcile tells the keepers what is wanted of them. The caller holds the lock.
func (r *Registrar) reconcile() {
	if r.ctx.Err() != nil {
		return
	}
	wanted := maps.Clone(r.configured)
	maps.Copy(wanted, r.published)
	for id, k := range r.keepers {
		k.want(wanted[id])
	}
	for id, reg := range wanted {
		if r.keepers[id] != nil {
			continue
		}
		k := newKeeper(r, id, reg)
		r.keepers[id] = k
		r.wg.Go(func() { k.run(r.ctx) })
	}
}

// forget removes a keeper that has nothing to keep, and returns false if it has.
func (r *Registrar) forget(k *keeper) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.wanted() != nil {
		return false
	}
	delete(r.keepers, k.id)
	return true
}

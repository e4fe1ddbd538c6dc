package consul

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
)

const (
	requestTime = 5 * time.Second // for one request of a keeper
	lookEvery   = 3 * time.Second // at an instance that the agent checks by itself
)

// keeper keeps one instance registered. Its goroutine does one thing after the other:
// it registers, then says or asks again and again, and at last deregisters.
type keeper struct {
	registrar *Registrar
	id        string
	wake      chan struct{}
	gone      chan struct{} // closed when it is deregistered
	backOff   backOff       // of the goroutine

	mu    sync.Mutex
	reg   *config.Registration // what is wanted; nil: nothing
	has   *config.Registration // what the agent has, as far as is known
	tried bool                 // the agent may have it, though it did not say so
	state RegistrationState
	err   error
}

func newKeeper(r *Registrar, id string, reg *config.Registration) *keeper {
	return &keeper{
		registrar: r, id: id, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		backOff: backOff{shortest: r.block.BackOff, longest: r.block.MaxBackOff},
		reg:     reg, state: RegistrationState{ID: id, Service: reg.Service, Address: reachedAt(reg), Since: time.Now()},
	}
}

// reachedAt is where a service is reached.
func reachedAt(reg *config.Registration) string {
	return net.JoinHostPort(reg.Address, strconv.Itoa(int(reg.Port)))
}

// want changes what is wanted.
func (k *keeper) want(reg *config.Registration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if sameRegistration(k.reg, reg) {
		return
	}
	k.reg = reg
	if reg != nil {
		k.state.Service, k.state.Address = reg.Service, reachedAt(reg)
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) wanted() *config.Registration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reg
}

func (k *keeper) snapshot() RegistrationState {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

func (k *keeper) lastError() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// run keeps the instance registered until it is no longer wanted and the agent has
// forgotten it, or ctx is done.
func (k *keeper) run(ctx context.Context) {
	for {
		next, done := k.step(ctx)
		if done && k.registrar.forget(k) {
			close(k.gone)
			return
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-k.wake:
			timer.Stop()
			k.backOff.reset()
		case <-timer.C:
		}
	}
}

// step does the next thing, and returns how long to wait after it, or that nothing is
// left to do.
func (k *keeper) step(ctx context.Context) (next time.Duration, done bool) {
	k.mu.Lock()
	reg, has, tried := k.reg, k.has, k.tried
	k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	switch {
	case reg == nil && !tried:
		return 0, true
	case reg == nil:
		return k.after(k.deregister(ctx), nil, time.Minute)
	case has != reg:
		return k.after(k.register(ctx, reg), reg, period(&reg.Check))
	}
	err := k.keep(ctx, reg)
	if isLost(err) {
		k.lose()
		return k.after(k.register(ctx, reg), reg, period(&reg.Check))
	}
	return k.after(err, reg, period(&reg.Check))
}

// after notes how a step ended: with the agent having this registration, or an error.
func (k *keeper) after(err error, has *config.Registration, next time.Duration) (time.Duration, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		if k.err == nil && !errors.Is(err, context.Canceled) {
			k.registrar.log.Warn("the Consul agent did not do as told", "id", k.id, "error", brief(err))
		}
		k.err, k.state.Error = err, brief(err).Error()
		return min(k.backOff.next(), next), false
	}
	k.backOff.reset()
	k.err, k.state.Error = nil, ""
	k.has, k.tried = has, has != nil
	if registered := has != nil; registered != k.state.Registered {
		k.state.Registered, k.state.Since = registered, time.Now()
		k.registrar.log.Info("registration in Consul", "id", k.id, "service", k.state.Service, "registered", registered)
	}
	return next, has == nil
}

// lose notes that the agent does not have the instance any more.
func (k *keeper) lose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.has, k.state.Registered, k.state.Since = nil, false, time.Now()
	k.registrar.log.Warn("the Consul agent has lost a registration", "id", k.id)
}

func (k *keeper) register(ctx context.Context, reg *config.Registration) error {
	k.mu.Lock()
	k.tried = true
	k.mu.Unlock()
	opts := api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx)
	return k.registrar.client.Agent().ServiceRegisterOpts(k.request(reg), opts)
}

func (k *keeper) deregister(ctx context.Context) error {
	err := k.registrar.client.Agent().ServiceDeregisterOpts(k.id, k.options(ctx))
	if isLost(err) {
		return nil
	}
	return err
}

// keep says that the instance is well, if weir's word is its check, and otherwise asks
// whether the agent still has it.
func (k *keeper) keep(ctx context.Context, reg *config.Registration) error {
	if byWord(&reg.Check) {
		return k.registrar.client.Agent().UpdateTTLOpts(k.checkID("ttl"), "", api.HealthPassing, k.options(ctx))
	}
	_, _, err := k.registrar.client.Agent().Service(k.id, k.options(ctx))
	return err
}

func (k *keeper) options(ctx context.Context) *api.QueryOptions {
	q := options(k.registrar.block, "", "", "")
	q.Datacenter, q.AllowStale = "", false // the agent itself is asked
	return q.WithContext(ctx)
}

func (k *keeper) checkID(kind string) string { return "service:" + k.id + ":" + kind }

// request is a registration as the agent takes it.
func (k *keeper) request(reg *config.Registration) *api.AgentServiceRegistration {
	return &api.AgentServiceRegistration{
		ID: k.id, Name: reg.Service, Address: reg.Address, Port: int(reg.Port), Tags: reg.Tags, Meta: reg.Meta,
		Weights:   &api.AgentWeights{Passing: max(int(reg.Weight), 1), Warning: 1},
		Namespace: k.registrar.block.Namespace, Partition: k.registrar.block.Partition,
		Checks: k.checks(&reg.Check),
	}
}

func (k *keeper) checks(c *config.RegistrationCheck) api.AgentServiceChecks {
	forget := ""
	if c.DeregisterAfter > 0 {
		forget = c.DeregisterAfter.String()
	}
	if byWord(c) {
		return api.AgentServiceChecks{{
			CheckID: k.checkID("ttl"), Name: "weir runs", TTL: c.TTL.String(),
			Status: api.HealthPassing, DeregisterCriticalServiceAfter: forget,
		}}
	}
	var checks api.AgentServiceChecks
	add := func(kind, http, tcp string) {
		if http+tcp != "" {
			checks = append(checks, &api.AgentServiceCheck{
				CheckID: k.checkID(kind), Name: kind + " check", HTTP: http, TCP: tcp,
				Interval: c.Interval.String(), Timeout: c.Timeout.String(), DeregisterCriticalServiceAfter: forget,
			})
		}
	}
	add("http", c.HTTP, "")
	add("tcp", "", c.TCP)
	return checks
}

// byWord tells whether weir's own word is the check.
func byWord(c *config.RegistrationCheck) bool { return c.HTTP == "" && c.TCP == "" }

// period is the time between two looks at a registration: thrice within its TTL.
func period(c *config.RegistrationCheck) time.Duration {
	if byWord(c) {
		return max(c.TTL/3, 100*time.Millisecond)
	}
	return lookEvery
}

// isLost tells whether the agent does not know what it was asked about. Agents before
// Consul 1.11 say so with the code for any failure.
func isLost(err error) bool {
	switch status(err) {
	case http.StatusNotFound:
		return true
	case http.StatusInternalServerError:
		text := strings.ToLower(err.Error())
		return strings.Contains(text, "unknown check") || strings.Contains(text, "does not have associated ttl") ||
			strings.Contains(text, "unknown service")
	default:
		return false
	}
}

// sameRegistration tells whether two registrations of an ID say the same, wherever they
// stand.
func sameRegistration(a, b *config.Registration) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := a.Check, b.Check
	x.Source, y.Source = config.Source{}, config.Source{}
	return x == y && a.Service == b.Service && a.Address == b.Address && a.Port == b.Port && a.Weight == b.Weight &&
		slices.Equal(a.Tags, b.Tags) && maps.Equal(a.Meta, b.Meta)
}

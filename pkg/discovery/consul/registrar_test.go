package consul

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul/consultest"
)

func newRegistrar(t *testing.T, c *config.Consul) *Registrar {
	t.Helper()
	r, err := NewRegistrar(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// registration is a service with a short TTL.
func registration(service string, port uint16) config.Registration {
	return config.Registration{
		Service: service, Address: "10.0.0.1", Port: port, Weight: 1, Check: config.RegistrationCheck{TTL: 600 * time.Millisecond},
	}
}

// registered is what the agent knows by an ID, and the status of its checks.
func registered(t *testing.T, a *consultest.Agent, id string) (*api.AgentService, string) {
	t.Helper()
	status, info, err := a.Client.Agent().AgentHealthServiceByID(id)
	if err != nil || info == nil {
		return nil, ""
	}
	return info.Service, status
}

func awaitStatus(t *testing.T, a *consultest.Agent, id, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is %q", id, want), func() bool { _, got := registered(t, a, id); return got == want })
}

func TestRegistering(t *testing.T) {
	a := consultest.Start(t)
	r := newRegistrar(t, block(a.Address))
	web := registration("web", 80)
	web.Tags, web.Meta, web.Weight = []string{"blue"}, map[string]string{"zone": "z1"}, 7
	api1 := registration("api", 81)
	api1.ID, api1.Address = "the-api", ""
	r.Set([]config.Registration{web, api1, web})
	awaitStatus(t, a, "web-10.0.0.1-80", api.HealthPassing)
	awaitStatus(t, a, "the-api", api.HealthPassing)

	got, _ := registered(t, a, "web-10.0.0.1-80")
	want := &api.AgentService{
		ID: "web-10.0.0.1-80", Service: "web", Address: "10.0.0.1", Port: 80, Tags: []string{"blue"},
		Meta: map[string]string{"zone": "z1"}, Weights: api.AgentWeights{Passing: 7, Warning: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.AgentService{}, "TaggedAddresses", "Datacenter", "Kind")); diff != "" {
		t.Error(diff)
	}

	// Another weight, under the same ID; and one that is no longer there.
	web.Weight = 9
	r.Set([]config.Registration{web})
	eventually(t, "the change", func() bool { s, _ := registered(t, a, "web-10.0.0.1-80"); return s != nil && s.Weights.Passing == 9 })
	awaitStatus(t, a, "the-api", "")
	eventually(t, "one registration", func() bool { return len(r.State()) == 1 })
	wantState := []RegistrationState{{ID: "web-10.0.0.1-80", Service: "web", Address: "10.0.0.1:80", Registered: true}}
	if diff := cmp.Diff(wantState, r.State(), cmpopts.IgnoreFields(RegistrationState{}, "Since")); diff != "" {
		t.Error(diff)
	}
}

func TestKeptPassingUntilItEnds(t *testing.T) {
	a := consultest.Start(t)
	r := newRegistrar(t, block(a.Address))
	r.Set([]config.Registration{registration("web", 80)})
	const id = "web-10.0.0.1-80"
	awaitStatus(t, a, id, api.HealthPassing)
	// Nobody but the registrar makes it pass again once its TTL is over.
	start := time.Now()
	eventually(t, "time passes", func() bool { return time.Since(start) > 3*registration("", 0).Check.TTL })
	awaitStatus(t, a, id, api.HealthPassing)
	r.Close() // as a crash would
	awaitStatus(t, a, id, api.HealthCritical)
}

func TestChecksByTheAgent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := consultest.Start(t)
	r := newRegistrar(t, block(a.Address))
	open, shut := registration("open", 80), registration("shut", 81)
	open.Check = config.RegistrationCheck{TCP: l.Addr().String(), HTTP: "http://" + a.Address + "/v1/status/leader", Interval: time.Second, Timeout: time.Second}
	shut.Check = config.RegistrationCheck{TCP: "127.0.0.1:1", Interval: time.Second, Timeout: time.Second}
	r.Set([]config.Registration{open, shut})
	awaitStatus(t, a, "open-10.0.0.1-80", api.HealthPassing)
	awaitStatus(t, a, "shut-10.0.0.1-81", api.HealthCritical)
	// One that somebody else has removed comes back.
	a.Deregister("open-10.0.0.1-80")
	awaitStatus(t, a, "open-10.0.0.1-80", api.HealthPassing)
}

func TestAgentForgets(t *testing.T) {
	a := consultest.Start(t)
	r := newRegistrar(t, block(a.Address))
	r.Set([]config.Registration{registration("web", 80)})
	const id = "web-10.0.0.1-80"
	awaitStatus(t, a, id, api.HealthPassing)
	a.Stop()
	eventually(t, "an error in the state", func() bool { return r.State()[0].Error != "" })
	if _, err := r.Publish(registration("late", 82)); err != nil { // while nobody answers
		t.Fatal(err)
	}
	a.Restart()
	start := time.Now()
	awaitStatus(t, a, id, api.HealthPassing)
	awaitStatus(t, a, "late-10.0.0.1-82", api.HealthPassing)
	t.Logf("registered again after %v", time.Since(start))
	eventually(t, "no error in the state", func() bool { s := r.State(); return s[0].Error == "" && s[1].Error == "" })
}

func TestPublishing(t *testing.T) {
	a := consultest.Start(t)
	r := newRegistrar(t, block(a.Address))
	r.Set([]config.Registration{registration("web", 80)})
	if _, err := r.Publish(registration("web", 80)); err == nil {
		t.Error("an ID of the configuration was published")
	}
	if _, err := r.Publish(config.Registration{Port: 1}); err == nil {
		t.Error("a registration without a service was published")
	}
	id, err := r.Publish(registration("app", 90))
	if err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, id, api.HealthPassing)
	r.Set([]config.Registration{registration("app", 90)}) // it stays what was published
	awaitStatus(t, a, "web-10.0.0.1-80", "")
	eventually(t, "it stays what was published", func() bool { states := r.State(); return len(states) == 1 && states[0].Published })
	if !r.Unpublish(id) || r.Unpublish(id) {
		t.Error("it is unpublished once")
	}
	awaitStatus(t, a, id, "")
	// The same ID again, at once.
	for range 5 {
		r.Publish(registration("app", 90))
		r.Unpublish(id)
	}
	r.Publish(registration("app", 90))
	awaitStatus(t, a, id, api.HealthPassing)
}

func TestDeregisteringOnDrain(t *testing.T) {
	a := consultest.Start(t)
	seen := watching(t, newSource(t, block(a.Address)), passing("web"))
	r := newRegistrar(t, block(a.Address))
	r.Set([]config.Registration{registration("web", 80), registration("web", 81)})
	seen.await(t, "10.0.0.1:80 healthy 1, 10.0.0.1:81 healthy 1")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	start := time.Now()
	if err := r.Deregister(ctx); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "")
	t.Logf("gone after %v", time.Since(start))
	if len(r.State()) != 0 {
		t.Errorf("%+v", r.State())
	}
	if s, _ := registered(t, a, "web-10.0.0.1-80"); s != nil {
		t.Error("the agent still has it")
	}
}

func TestDeregisteringWithoutAnAgent(t *testing.T) {
	a := consultest.Start(t)
	r := newRegistrar(t, block(a.Address))
	r.Set([]config.Registration{registration("web", 80)})
	awaitStatus(t, a, "web-10.0.0.1-80", api.HealthPassing)
	a.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := r.Deregister(ctx); err == nil {
		t.Error("it tells of success")
	}
}

func TestRegistrationNotAllowed(t *testing.T) {
	a := consultest.StartACL(t)
	secret, _ := a.NewToken("reads", `service_prefix "" { policy = "read" }`)
	t.Setenv("OUR_TOKEN", secret)
	b := block(a.Address)
	b.TokenEnv = "OUR_TOKEN"
	r := newRegistrar(t, b)
	r.Set([]config.Registration{registration("web", 80)})
	eventually(t, "an error in the state", func() bool { s := r.State(); return s[0].Error != "" && !s[0].Registered })
}

func TestLostOrNot(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{api.StatusError{Code: 404, Body: "Unknown check ID"}, true},
		{api.StatusError{Code: 500, Body: `Unknown check "service:x"`}, true},
		{api.StatusError{Code: 500, Body: `CheckID "x" does not have associated TTL`}, true},
		{api.StatusError{Code: 500, Body: "No cluster leader"}, false},
		{api.StatusError{Code: 403, Body: "unknown check"}, false},
		{errors.New("connection refused"), false},
		{nil, false},
	} {
		if got := isLost(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

// A keeper that cannot reach its agent tries less and less often, and at least as often
// as the agent wants to hear from it.
func TestRetriesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Registrar{block: &config.Consul{BackOff: time.Second, MaxBackOff: time.Hour}, log: slog.New(slog.DiscardHandler)}
		reg := registration("web", 80)
		k := newKeeper(r, "web", &reg)
		var waits []time.Duration
		for range 10 {
			d, done := k.after(errors.New("down"), &reg, 30*time.Second)
			if done {
				t.Fatal("done, after a failure")
			}
			waits = append(waits, d)
		}
		if waits[0] > time.Second || waits[3] <= waits[0] || waits[9] != 30*time.Second {
			t.Errorf("%v", waits)
		}
	})
}

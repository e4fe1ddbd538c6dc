package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul"
	"github.com/weirproxy/weir/pkg/discovery/consul/consultest"
)

// agent is a Consul agent with a client that keeps no connections.
type agent struct {
	*consultest.Agent
	api *api.Client
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	a := &agent{Agent: consultest.Start(t)}
	var err error
	a.api, err = api.NewClient(&api.Config{Address: a.Address, HttpClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// top is the block that names the agent, with more members.
func (a *agent) top(members string) string {
	if !strings.Contains(members, `"drain_delay"`) {
		members = strings.TrimSuffix(`"drain_delay": "1ms", `+members, ", ")
	}
	return fmt.Sprintf(`"consul": {"address": %q, "back_off": "5ms", "max_back_off": "20ms", %s}`, a.Address, members)
}

// set writes keys with their values under the prefix of configurations; "" deletes.
func (a *agent) set(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		key := "weir/" + pairs[i]
		var err error
		if pairs[i+1] == "" {
			_, err = a.api.KV().Delete(key, nil)
		} else {
			_, err = a.api.KV().Put(&api.KVPair{Key: key, Value: []byte(pairs[i+1])}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// has waits until the agent has these registrations, by ID.
func (a *agent) has(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the agent has %v", want), func() error {
		services, err := a.api.Agent().Services()
		if err != nil {
			return err
		}
		var got []string
		for id := range services {
			got = append(got, id)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("it has %v", got)
		}
		return nil
	})
}

// withConsul makes a server, that has not started, whose Consul is a real one.
func withConsul(t *testing.T, c setup) *weir {
	t.Helper()
	w := newWeir(t, c)
	w.opts.Registry.Discovery[config.ClusterConsul] = consul.Make
	return w
}

// TestConsul has one agent for all that does not hurt it.
func TestConsul(t *testing.T) {
	a := startAgent(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *agent)
	}{
		{"documents", testDocuments},
		{"documents, another prefix", testDocumentsMoved},
		{"documents, many changes", testDocumentsAtOnce},
		{"registrations", testRegistrations},
		{"registrations, another agent", testRegistrationsMoved},
		{"registrations, a late failure", testRegistrationsFailedStart},
		{"on-demand clusters", testConsulOnDemand},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, a) })
	}
}

// routes is a document with a router that sends everything to a cluster.
func routes(cluster string) string {
	return `{"router_config_name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routers": [` + route("/", cluster) + `]}]}`
}

func static(at string) string { return fmt.Sprintf(`{"hosts": [{"address": %q}]}`, at) }

// testDocuments: the routers and clusters are in Consul only. What changes there is put
// into effect, unless it is wrong.
func testDocuments(t *testing.T, a *agent) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	a.set(t, "one/clusters/up", static(one.at), "one/routers/r", routes("up"))
	w := withConsul(t, setup{routes: "none", top: a.top(`"config_prefix": "weir/one"`)})
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	if got := w.get(client(t), "/", ""); got != "200 one" {
		t.Fatalf("the first request gets %q", got)
	}
	a.set(t, "one/clusters/up", static(two.at))
	w.answers("/", "", "200 two")
	a.set(t, "one/clusters/up", `{"hosts": [{"address": "nowhere"}]}`)
	eventually(t, "the refusal is shown", func() error {
		last := w.LastReload()
		var problems config.Problems
		if last == nil || !errors.As(last.Err, &problems) || !strings.HasPrefix(problems[0].String(), "consul:weir/one/clusters/up:1:") {
			return fmt.Errorf("%+v", last)
		}
		return nil
	})
	if state := w.State(); state.Reload.OK || len(state.Reload.Problems) == 0 {
		t.Errorf("the state is %+v", state)
	}
	w.answers("/", "", "200 two")
	w.write(setup{routes: "none", server: `"default_log_level": "WARN"`, top: a.top(`"config_prefix": "weir/one"`)})
	if err := w.Reload(); err == nil {
		t.Error("a reload takes what is wrong in Consul")
	}
	a.set(t, "one/clusters/up", static(one.at))
	w.answers("/", "", "200 one")
	eventually(t, "the reload is over", func() error { return w.LastReload().Err })
}

// testDocumentsMoved: the file names another prefix. That comes into effect with a
// reload, be it one that a change in Consul brings about; what cannot be read there
// changes nothing.
func testDocumentsMoved(t *testing.T, a *agent) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	a.set(t, "a/clusters/up", static(one.at), "a/routers/r", routes("up"), "b/clusters/up", static(two.at), "b/routers/r", routes("up"))
	w := withConsul(t, setup{routes: "none", top: a.top(`"config_prefix": "weir/a"`)})
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	w.answers("/", "", "200 one")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // it takes connections, and does not answer
	w.refuse(setup{
		clusters: `{"name": "up"}`, manager: `"warm_up": "10ms"`,
		top: `"consul": {"address": "` + ln.Addr().String() + `", "config_prefix": "weir/a"}`,
	}, "the configuration in Consul under weir/a is not known")
	w.answers("/", "", "200 one")
	w.refuse(setup{routes: "none", top: a.top(`"config_prefix": "weir/b"`), listener: ln.Addr().String()}, `listener "main"`)
	if n := follows(); n != 1 { // b's is ended
		t.Errorf("what is in Consul is followed by %d", n)
	}
	w.answers("/", "", "200 one")
	w.write(setup{routes: "none", top: a.top(`"config_prefix": "weir/b"`)})
	a.set(t, "a/clusters/more", static(one.at))
	w.answers("/", "", "200 two")
	w.reload(setup{clusters: `{"name": "up", "hosts": [{"address": "` + one.at + `"}]}`})
	w.answers("/", "", "200 one")
	if n := follows(); n != 0 {
		t.Errorf("what is in Consul is still followed, by %d", n)
	}
}

// follows returns how many follow the configuration in Consul.
func follows() int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("(*Configs).Watch("))
}

// testDocumentsAtOnce: changes that come while others are put into effect are not lost,
// and the end may come at any time.
func testDocumentsAtOnce(t *testing.T, a *agent) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	a.set(t, "c/clusters/up", static(one.at), "c/routers/r", routes("up"))
	c := setup{routes: "none", top: a.top(`"config_prefix": "weir/c"`)}
	w := withConsul(t, c)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		for _, b := range []*backend{two, one} {
			a.set(t, "c/clusters/up", static(b.at))
			w.reload(c)
		}
		a.set(t, "c/clusters/up", static(two.at))
		w.answers("/", "", "200 two")
	}
	a.set(t, "c/clusters/up", static(one.at))
}

// The agent comes after weir: what it has is put into effect then.
func TestDocumentsLate(t *testing.T) {
	a := startAgent(t)
	one, two := newBackend(t, "one"), newBackend(t, "two")
	a.Stop()
	c := setup{
		clusters: `{"name": "up", "hosts": [{"address": "` + one.at + `"}]}`, manager: `"warm_up": "10ms"`,
		routes: `{"match": {"prefix": "/"}, "route": {"cluster_name": "up"}}`, top: a.top(`"config_prefix": "weir/late"`),
	}
	w := withConsul(t, c)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	w.logs("the configuration in Consul is not known yet")
	w.answers("/", "", "200 one")
	w.reload(c) // no more than before is known
	a.Restart()
	a.set(t, "late/clusters/new", static(two.at))
	eventually(t, "what is in Consul is in effect", func() error {
		if w.seen("new") == nil {
			return errors.New("there is no such cluster")
		}
		return nil
	})
	w.shows("new", two.at+"=healthy")
	a.Stop()
	w.refuse(setup{clusters: c.clusters, manager: c.manager, top: a.top(`"config_prefix": "weir/other"`)}, "is not known")
	w.reload(c)
	if w.seen("new") == nil {
		t.Error("what was learned is lost while the agent is away")
	}
}

// testRegistrations: services are announced from when weir takes requests until it
// drains.
func testRegistrations(t *testing.T, a *agent) {
	up := `{"name": "up", "hosts": []}`
	with := func(members string) setup { return setup{clusters: up, top: a.top(members)} }
	w := withConsul(t, with(`"register": [{"service": "s", "id": "s1", "port": 1}, {"service": "s", "id": "s2", "port": 2}]`))
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	a.has(t, "s1", "s2")
	if err := w.registrations.Publish(config.Registration{Service: "p", ID: "p1", Port: 3, Check: config.RegistrationCheck{TTL: 15 * time.Second}}); err != nil {
		t.Fatal(err)
	}
	a.has(t, "p1", "s1", "s2")
	w.refuse(setup{clusters: up, routes: route("/", "nothing"), top: a.top("")}, "nothing")
	a.has(t, "p1", "s1", "s2")
	w.reload(with(`"register": [{"service": "s", "id": "s2", "port": 2}, {"service": "s", "id": "s3", "port": 3}]`))
	a.has(t, "p1", "s2", "s3")
	w.reload(with(`"wait": "1m", "register": [{"service": "s", "id": "s3", "port": 3}]`)) // by another connection
	a.has(t, "p1", "s3")
	if got := w.registrations.Registrations(); len(got) != 2 {
		t.Errorf("they are shown as %+v", got)
	}
	if err := w.registrations.Unpublish("p1"); err != nil {
		t.Fatal(err)
	}
	if err := w.registrations.Unpublish("p1"); err == nil {
		t.Error("what is not published can be withdrawn")
	}
	a.has(t, "s3")
	w.reload(with(""))
	a.has(t)
	w.reload(with(`"drain_delay": "1h", "register": [{"service": "s", "id": "s4", "port": 4}]`))
	a.has(t, "s4")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int)
	go func() { done <- w.Drain(ctx) }()
	a.has(t)
	if got := w.get(client(t), "/", ""); !strings.HasPrefix(got, "503 ") { // it is taken still
		t.Errorf("a request after the withdrawal gets %q", got)
	}
	if err := w.registrations.Publish(config.Registration{Service: "p", Port: 3}); err == nil {
		t.Error("a service is published after the drain has begun")
	}
	cancel()
	soon(t, "the drain", func() { <-done })
	a.has(t)
}

// testRegistrationsMoved: nothing stays announced when the configuration names another
// agent, or none, nor after a stop without a drain.
func testRegistrationsMoved(t *testing.T, a *agent) {
	up := `{"name": "up", "hosts": []}`
	const register = `"register": [{"service": "s", "id": "s1", "port": 1}]`
	w := withConsul(t, setup{clusters: up, top: a.top(register)})
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	a.has(t, "s1")
	w.reload(setup{clusters: up, top: `"consul": {"address": "127.0.0.1:1", ` + register + `}`})
	a.has(t)
	w.reload(setup{clusters: up, top: a.top(register)})
	a.has(t, "s1")
	w.reload(setup{clusters: up})
	a.has(t)
	w.reload(setup{clusters: up, top: a.top(register)})
	a.has(t, "s1")
	w.Stop()
	a.has(t)
	if err := w.registrations.Publish(config.Registration{Service: "p", Port: 3}); err == nil {
		t.Error("a service is published after the end")
	}
}

// testRegistrationsFailedStart: a start that fails has announced nothing.
func testRegistrationsFailedStart(t *testing.T, a *agent) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := netip.MustParseAddrPort(taken.Addr().String())
	w := withConsul(t, setup{
		clusters: `{"name": "up", "hosts": []}`,
		top: a.top(`"register": [{"service": "s", "id": "s1", "port": 1}]`) +
			fmt.Sprintf(`, "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": %d}}}`, at.Port()),
	})
	if err := w.Start(w.path); err == nil {
		t.Fatal("it starts")
	}
	a.has(t)
	if log := w.log.String(); strings.Contains(log, "registration in Consul") {
		t.Error(log)
	}
}

// testConsulOnDemand: a service becomes a cluster with the first request, and follows the
// catalog.
func testConsulOnDemand(t *testing.T, a *agent) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	c := onDemand("")
	c.top = a.top("")
	w := withConsul(t, c)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	if got := w.get(client(t), "/", "shop"); !strings.HasPrefix(got, "503 ") {
		t.Errorf("a request for what is not there gets %q", got)
	}
	register := func(b *backend) {
		t.Helper()
		at := netip.MustParseAddrPort(b.at)
		a.Register(&api.AgentServiceRegistration{Name: "shop", ID: b.at, Address: at.Addr().String(), Port: int(at.Port())})
		t.Cleanup(func() { _ = a.api.Agent().ServiceDeregister(b.at) }) // which it may be already
	}
	register(one)
	w.answers("/", "shop", "200 one")
	register(two)
	w.shows("consul:shop", one.at+"=healthy", two.at+"=healthy")
	a.Deregister(one.at)
	w.shows("consul:shop", two.at+"=healthy")
	w.answers("/", "shop", "200 two")
}

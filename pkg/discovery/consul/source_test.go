package consul

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/consul/api"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/discovery/consul/consultest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestComingAndGoing(t *testing.T) {
	a := consultest.Start(t)
	s := newSource(t, block(a.Address))
	var came, went []time.Duration
	for range 5 {
		r := watching(t, s, passing("web"))
		r.await(t, "")
		start := time.Now()
		a.Register(plain(1))
		r.await(t, "10.0.0.1:80 healthy 1")
		came = append(came, r.at.Sub(start))
		start = time.Now()
		a.Deregister("web-1")
		r.await(t, "")
		went = append(went, r.at.Sub(start))
	}
	t.Logf("from the agent's order to the delivery: registered %v, deregistered %v", median(came), median(went))
	if median(went) > 2*time.Second {
		t.Errorf("a deregistration takes %v to be delivered", median(went))
	}
}

func TestHealth(t *testing.T) {
	a := consultest.Start(t)
	reg := plain(1)
	reg.Check = &api.AgentServiceCheck{CheckID: "alive", TTL: "1h", Status: api.HealthPassing}
	reg.Weights = &api.AgentWeights{Passing: 7, Warning: 3}
	a.Register(reg)
	s := newSource(t, block(a.Address))
	pass := watching(t, s, passing("web"))
	warn := watching(t, s, config.ConsulService{Service: "web", Status: config.ConsulWarning})
	all := watching(t, s, config.ConsulService{Service: "web", Status: config.ConsulAny})

	set := func(status string) {
		t.Helper()
		if err := a.Client.Agent().UpdateTTL("alive", "", status); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(wantPass, wantWarn, wantAll string) {
		t.Helper()
		pass.await(t, wantPass)
		warn.await(t, wantWarn)
		all.await(t, wantAll)
	}
	const healthy, degraded = "10.0.0.1:80 healthy 7", "10.0.0.1:80 degraded 3"
	expect(healthy, healthy, healthy)
	set("warn")
	expect("", degraded, degraded)
	set("fail")
	expect("", "", "10.0.0.1:80 unhealthy 7")
	set("pass")
	expect(healthy, healthy, healthy)
	if err := a.Client.Agent().EnableServiceMaintenance("web-1", "a test"); err != nil {
		t.Fatal(err)
	}
	expect("", "", "10.0.0.1:80 draining 7")
	if err := a.Client.Agent().DisableServiceMaintenance("web-1"); err != nil {
		t.Fatal(err)
	}
	expect(healthy, healthy, healthy)
}

func TestWhatIsTaken(t *testing.T) {
	a := consultest.Start(t)
	blue, green := plain(1), plain(2)
	blue.Tags, blue.Meta = []string{"blue", "v1"}, map[string]string{"weight": "12", "zone": "z1"}
	green.Tags, green.Meta = []string{"green", "v1"}, map[string]string{"weight": "a lot"}
	green.TaggedAddresses = map[string]api.ServiceAddress{"wan": {Address: "192.0.2.2", Port: 8080}}
	onNode := &api.AgentServiceRegistration{ID: "web-3", Name: "web", Port: 81}
	noPort := &api.AgentServiceRegistration{ID: "web-4", Name: "web", Address: "10.0.0.4"}
	for _, reg := range []*api.AgentServiceRegistration{blue, green, onNode, noPort} {
		a.Register(reg)
	}
	node, err := a.Client.Agent().NodeName()
	if err != nil {
		t.Fatal(err)
	}
	s := newSource(t, block(a.Address))
	for name, c := range map[string]struct {
		service config.ConsulService
		want    string
	}{
		"all":            {config.ConsulService{}, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1, 127.0.0.1:81 healthy 1"},
		"a tag":          {config.ConsulService{Tags: []string{"v1"}}, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1"},
		"two tags":       {config.ConsulService{Tags: []string{"v1", "green"}}, "10.0.0.2:80 healthy 1"},
		"a filter":       {config.ConsulService{Filter: `Service.Meta.zone == "z1"`}, "10.0.0.1:80 healthy 1"},
		"weights":        {config.ConsulService{Tags: []string{"v1"}, WeightMeta: "weight"}, "10.0.0.1:80 healthy 12, 10.0.0.2:80 healthy 1"},
		"a tagged one":   {config.ConsulService{Tags: []string{"v1"}, TaggedAddress: "wan"}, "10.0.0.1:80 healthy 1, 192.0.2.2:8080 healthy 1"},
		"near":           {config.ConsulService{Near: node, Tags: []string{"blue"}}, "10.0.0.1:80 healthy 1"},
		"nobody":         {config.ConsulService{Tags: []string{"red"}}, ""},
		"another center": {config.ConsulService{Datacenter: "dc1", Tags: []string{"blue"}}, "10.0.0.1:80 healthy 1"},
	} {
		t.Run(name, func(t *testing.T) {
			c.service.Service, c.service.Status = "web", config.ConsulPassing
			watching(t, s, c.service).await(t, c.want)
		})
	}
	t.Run("labels and zones", func(t *testing.T) {
		r := watching(t, s, config.ConsulService{Service: "web", Tags: []string{"v1"}, ZoneMeta: "zone"})
		r.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1")
		hosts, _ := r.hosts()
		want := []discovery.Host{
			{
				Address: "10.0.0.1:80", Weight: 1, Zone: "z1",
				Metadata: map[string]string{"weight": "12", "zone": "z1", "consul.tag.blue": "true", "consul.tag.v1": "true"},
			},
			{
				Address: "10.0.0.2:80", Weight: 1, Zone: "dc1",
				Metadata: map[string]string{"weight": "a lot", "consul.tag.green": "true", "consul.tag.v1": "true"},
			},
		}
		if diff := cmp.Diff(want, hosts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestQuestionsThatCannotBeAnswered(t *testing.T) {
	a := consultest.Start(t)
	s := newSource(t, block(a.Address))
	for name, c := range map[string]config.ConsulService{
		"a filter that is none":  {Service: "web", Filter: "nonsense ="},
		"a center that is none":  {Service: "web", Datacenter: "nowhere"},
		"a way out of the path":  {Service: "../../kv/secret"},
		"a way through the path": {Service: "web//../x"},
	} {
		t.Run(name, func(t *testing.T) {
			r := watching(t, s, c)
			eventually(t, "a failure", func() bool { n, _ := r.failure(); return n > 0 })
			if _, sets := r.hosts(); sets > 0 {
				t.Errorf("there were hosts: %s", r.text())
			}
		})
	}
}

func TestAgentDownAndBack(t *testing.T) {
	c := consultest.StartCluster(t, 1) // it keeps its state
	a := c.Servers[0]
	a.Register(plain(1))
	r := watching(t, newSource(t, block(a.Address)), passing("web"))
	r.await(t, "10.0.0.1:80 healthy 1")
	a.Stop()
	eventually(t, "failures", func() bool { n, _ := r.failure(); return n >= 10 }) // each after up to 200 ms: it is away for a while
	a.Restart()
	eventually(t, "an answer", func() bool { n, _ := r.failure(); return n == 0 })
	r.await(t, "10.0.0.1:80 healthy 1")
	if _, sets := r.hosts(); sets != 1 {
		t.Errorf("the same hosts were delivered %d times", sets)
	}
	a.Register(plain(2))
	r.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1")
}

func TestAgentWithoutMemory(t *testing.T) {
	a := consultest.Start(t)
	for i := range 50 { // so that the index before is greater than the one after
		a.Register(plain(i%2 + 1))
		a.Deregister(fmt.Sprintf("web-%d", i%2+1))
	}
	a.Register(plain(1))
	r := watching(t, newSource(t, block(a.Address)), passing("web"))
	r.await(t, "10.0.0.1:80 healthy 1")
	a.Restart()
	r.await(t, "")
	a.Register(plain(2))
	r.await(t, "10.0.0.2:80 healthy 1")
}

func TestLeaderKilled(t *testing.T) {
	c := consultest.StartCluster(t, 3)
	follower := (c.Leader() + 1) % 3
	a := c.Servers[follower]
	a.Register(plain(1))
	r := watching(t, newSource(t, block(a.Address)), passing("web"))
	r.await(t, "10.0.0.1:80 healthy 1")

	first := c.KillLeader()
	// Without a leader, a watch that begins now is answered too, by what the server knows.
	late := watching(t, newSource(t, block(a.Address)), passing("web"))
	late.await(t, "10.0.0.1:80 healthy 1")
	c.Leader()
	eventually(t, "a registration", func() bool { return a.Client.Agent().ServiceRegister(plain(2)) == nil })
	r.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1")
	late.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1")
	c.Restart(first)
}

func TestTokenInAFile(t *testing.T) {
	a := consultest.StartACL(t)
	a.Register(plain(1))
	const rules = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`
	old, removeOld := a.NewToken("old", rules)
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(old)
	b := block(a.Address)
	b.TokenFile = file
	s := newSource(t, b)
	r := watching(t, s, passing("web"))
	r.await(t, "10.0.0.1:80 healthy 1")

	// A token that is deleted: the hosts stay, until the file has another.
	removeOld()
	a.Register(plain(2))
	eventually(t, "a failure", func() bool { n, _ := r.failure(); return n > 0 })
	r.await(t, "10.0.0.1:80 healthy 1")
	next, removeNext := a.NewToken("next", rules)
	write(next)
	r.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1")

	removeNext()
	eventually(t, "a failure", func() bool { n, _ := r.failure(); return n > 0 })
	// One that may see nothing: that is no news of the service.
	blind, _ := a.NewToken("blind", `key_prefix "" { policy = "read" }`)
	write(blind)
	eventually(t, "a failure for want of sight", func() bool { n, err := r.failure(); return n > 0 && errors.Is(err, errHidden) })
	r.await(t, "10.0.0.1:80 healthy 1, 10.0.0.2:80 healthy 1")
}

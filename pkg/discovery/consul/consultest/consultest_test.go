package consultest

import (
	"testing"

	"github.com/hashicorp/consul/api"
)

func TestStart(t *testing.T) {
	a := Start(t)
	a.Register(&api.AgentServiceRegistration{ID: "one", Name: "one", Port: 80})
	services, err := a.Client.Agent().Services()
	if err != nil || services["one"] == nil {
		t.Fatalf("services %v, error %v", services, err)
	}
	a.Stop()
	if _, err := a.Client.Status().Leader(); err == nil {
		t.Error("a stopped agent answers")
	}
	a.Restart()
	if services, err := a.Client.Agent().Services(); err != nil || len(services) != 0 {
		t.Errorf("after the restart: services %v, error %v", services, err)
	}
}

func TestStartCluster(t *testing.T) {
	c := StartCluster(t, 3)
	if _, err := c.Servers[0].Client.KV().Put(&api.KVPair{Key: "k", Value: []byte("v")}, nil); err != nil {
		t.Fatal(err)
	}
	killed := c.KillLeader()
	if next := c.Leader(); next == killed {
		t.Errorf("server %d leads, and is dead", next)
	}
	c.Restart(killed)
	if pair, _, err := c.Servers[killed].Client.KV().Get("k", nil); err != nil || pair == nil || string(pair.Value) != "v" {
		t.Errorf("after the restart: %v, error %v", pair, err)
	}
}

func TestStartACL(t *testing.T) {
	a := StartACL(t)
	secret, remove := a.NewToken("reads", `service_prefix "" { policy = "read" }`)
	q := &api.QueryOptions{Token: secret}
	if _, _, err := a.Client.Health().Service("consul", "", false, q); err != nil {
		t.Error(err)
	}
	remove()
	if _, _, err := a.Client.Health().Service("consul", "", false, q); err == nil {
		t.Error("a token that was deleted is accepted")
	}
}

func TestStartTLS(t *testing.T) {
	a := StartTLS(t)
	client, err := api.NewClient(&api.Config{
		Address: a.HTTPS, Scheme: "https", Token: "anonymous", TLSConfig: api.TLSConfig{CAFile: a.CAFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	if leader, err := client.Status().Leader(); err != nil || leader == "" {
		t.Errorf("leader %q, error %v", leader, err)
	}
}

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

// instances returns the addresses of a service's instances, those that are not well
// included.
func (a *agent) instances(t *testing.T, service string) string {
	t.Helper()
	entries, _, err := a.api.Health().Service(service, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = net.JoinHostPort(e.Service.Address, fmt.Sprint(e.Service.Port))
	}
	return strings.Join(all, ",")
}

func (a *agent) expectInstances(t *testing.T, service, want string) {
	t.Helper()
	eventually(t, "the instances of "+service+" are "+want, func() error {
		if got := a.instances(t, service); got != want {
			return fmt.Errorf("they are %s", got)
		}
		return nil
	})
}

// consulAnnounces: what a weir announces is found by another, and withdrawn before the
// first drains, so that none of the other's requests fails.
func consulAnnounces(t *testing.T, a *agent) {
	e := backends(t, "one", "two")
	sidecar := fixed(t, setup{up: e[0].addr()})
	host, port, _ := net.SplitHostPort(sidecar.address)
	sidecar.top = a.top(fmt.Sprintf(`"drain_delay": "50ms", "register": [{"service": "announced", "address": %q, "port": %s, "check": {"ttl": "10s"}}]`, host, port))
	gateway := start(t, setup{clusters: consulCluster("up", "announced", `"allow_empty": true`), top: a.top("")})
	first := start(t, sidecar)
	a.register(t, "announced", e[1].addr())
	c := client(t)
	expectAnswers(t, gateway, c, "one,two")
	load := gateway.traffic(4, "/")
	load.more(50)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if cut := first.Drain(ctx); cut != 0 {
		t.Errorf("%d requests are cut off", cut)
	}
	a.expectInstances(t, "announced", e[1].addr())
	expectAnswers(t, gateway, c, "two")
	load.end()
}

// consulPublishes: a service is announced and withdrawn over the admin interface.
func consulPublishes(t *testing.T, a *agent) {
	e := newBackend(t, "one")
	w := start(t, setup{up: e.addr(), top: join(withAdmin, a.top(""))})
	c := client(t)
	url := fmt.Sprintf("http://%s/api/v1/registrations", w.AdminAddr())
	if a := do(t, c, "POST", url, `{"service": "published", "address": "127.0.0.1", "port": 2046}`, "Content-Type", "application/json"); a.StatusCode/100 != 2 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a.expectInstances(t, "published", "127.0.0.1:2046")
	if a := do(t, c, "DELETE", url+"?id=published-127.0.0.1-2046", ""); a.StatusCode/100 != 2 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a.expectInstances(t, "published", "")
}

// consulConfigures: clusters and routes that are kept in Consul come into effect when
// they change; a wrong one changes nothing.
func consulConfigures(t *testing.T, a *agent) {
	e := backends(t, "one", "two", "file")
	put := func(key, value string) {
		t.Helper()
		if _, err := a.api.KV().Put(&api.KVPair{Key: "weir/test/" + key, Value: []byte(value)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	hosts := func(e *backend) string { return fmt.Sprintf(`{"hosts": [{"address": %q}]}`, e.addr()) }
	put("clusters/kept", hosts(e[0]))
	s := setup{up: e[2].addr(), routes: route("/kept", "kept", "") + ", " + route("/", "up", ""), top: a.top(`"config_prefix": "weir/test"`)}
	w := start(t, s)
	c := client(t)
	get(t, c, w.url("/")).expect(t, 200, "file")
	get(t, c, w.url("/kept")).expect(t, 200, "one")
	load := w.traffic(4, "/kept")
	expect := func(name string) {
		t.Helper()
		eventually(t, "requests go to "+name, func() error {
			if a := get(t, c, w.url("/kept")); a.body != name {
				return fmt.Errorf("%d %s", a.StatusCode, a.body)
			}
			return nil
		})
	}
	put("clusters/kept", hosts(e[1]))
	expect("two")
	put("clusters/kept", `{"hostss": []}`)
	eventually(t, "the log says what is wrong", func() error {
		if log := w.log.String(); !strings.Contains(log, "clusters/kept:1:") {
			return errors.New(log)
		}
		return nil
	})
	expect("two")
	if err := w.Reload(); err == nil || !strings.Contains(err.Error(), "clusters/kept") {
		t.Errorf("a reload says %v", err)
	}
	put("clusters/kept", hosts(e[0]))
	expect("one")
	load.end()
}

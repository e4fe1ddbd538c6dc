package consul

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/hashicorp/consul/api"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

func TestPlaces(t *testing.T) {
	node := &api.Node{Address: "10.1.0.1", TaggedAddresses: map[string]string{"wan": "192.0.2.1"}}
	resolved := map[string]netip.Addr{"one.example": netip.MustParseAddr("::ffff:10.0.0.7")}
	for name, c := range map[string]struct {
		service api.AgentService
		tagged  string
		address string
		host    string
	}{
		"its own":              {service: api.AgentService{Address: "10.0.0.1", Port: 80}, address: "10.0.0.1:80"},
		"IPv6":                 {service: api.AgentService{Address: "fd00::1", Port: 80}, address: "[fd00::1]:80"},
		"IPv4 within IPv6":     {service: api.AgentService{Address: "::ffff:10.0.0.1", Port: 80}, address: "10.0.0.1:80"},
		"the node's":           {service: api.AgentService{Port: 80}, address: "10.1.0.1:80"},
		"the node's tagged":    {service: api.AgentService{Port: 80}, tagged: "wan", address: "192.0.2.1:80"},
		"not the node's":       {service: api.AgentService{Address: "10.0.0.1", Port: 80}, tagged: "wan", address: "10.0.0.1:80"},
		"no such tag":          {service: api.AgentService{Port: 80}, tagged: "lan", address: "10.1.0.1:80"},
		"tagged":               {service: api.AgentService{Address: "10.0.0.1", Port: 80, TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "192.0.2.9", Port: 8080}}}, tagged: "wan", address: "192.0.2.9:8080"},
		"tagged without port":  {service: api.AgentService{Port: 80, TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "192.0.2.9"}}}, tagged: "wan", address: "192.0.2.9:80"},
		"tagged, not asked":    {service: api.AgentService{Address: "10.0.0.1", Port: 80, TaggedAddresses: map[string]api.ServiceAddress{"": {Address: "192.0.2.9"}}}, address: "10.0.0.1:80"},
		"a socket":             {service: api.AgentService{SocketPath: "/run/web.sock"}, address: "unix:/run/web.sock"},
		"the default port":     {service: api.AgentService{Address: "10.0.0.1", Ports: api.ServicePorts{{Name: "a", Port: 81}, {Name: "b", Port: 82, Default: true}}}, address: "10.0.0.1:82"},
		"a name":               {service: api.AgentService{Address: "one.example", Port: 80}, address: "10.0.0.7:80", host: "one.example"},
		"a name that is none":  {service: api.AgentService{Address: "two.example", Port: 80}},
		"no port":              {service: api.AgentService{Address: "10.0.0.1"}},
		"a port out of bounds": {service: api.AgentService{Address: "10.0.0.1", Port: 65536}},
	} {
		entries := []*api.ServiceEntry{{Node: node, Service: &c.service}}
		hosts, left := hostsOf(entries, &config.ConsulService{TaggedAddress: c.tagged, Status: config.ConsulPassing}, resolved)
		if c.address == "" {
			if len(hosts) != 0 || left.instances != 1 {
				t.Errorf("%s: hosts %v, left out %+v", name, hosts, left)
			}
			continue
		}
		if len(hosts) != 1 || hosts[0].Address != c.address || hosts[0].Hostname != c.host {
			t.Errorf("%s: %v, want %s of %q", name, hosts, c.address, c.host)
		}
	}
}

func TestWeights(t *testing.T) {
	s := &api.AgentService{
		Weights: api.AgentWeights{Passing: 5, Warning: 2},
		Meta:    map[string]string{"w": "9", "zero": "0", "huge": "4294967295", "beyond": "99999999999", "minus": "-1"},
	}
	for _, c := range []struct {
		health discovery.Health
		key    string
		want   uint32
	}{
		{discovery.Healthy, "", 5},
		{discovery.Degraded, "", 2},
		{discovery.Unhealthy, "", 5},
		{discovery.Draining, "", 5},
		{discovery.Degraded, "w", 9},
		{discovery.Healthy, "zero", 0},
		{discovery.Healthy, "huge", 65535},
		{discovery.Healthy, "beyond", 5},
		{discovery.Healthy, "minus", 5},
		{discovery.Healthy, "none", 5},
	} {
		if got := weightOf(s, c.health, c.key); got != c.want {
			t.Errorf("%s by %q: %d, want %d", c.health, c.key, got, c.want)
		}
	}
}

func TestZones(t *testing.T) {
	e := &api.ServiceEntry{
		Node:    &api.Node{Datacenter: "dc1", Meta: map[string]string{"zone": "node's", "rack": "r1"}},
		Service: &api.AgentService{Meta: map[string]string{"zone": "service's"}},
	}
	for key, want := range map[string]string{"": "dc1", "zone": "service's", "rack": "r1", "none": "dc1"} {
		if got := zoneOf(e, key); got != want {
			t.Errorf("by %q: %q, want %q", key, got, want)
		}
	}
}

// Whatever comes, each address is there once, as the best of those who have it; the
// order is the answer's if that means something, and else does not depend on it.
func TestUniqueAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) discovery.Host {
			return discovery.Host{
				Address: fmt.Sprintf("10.0.0.%d:80", rapid.IntRange(1, 5).Draw(t, "address")),
				Health:  discovery.Health(rapid.IntRange(0, 3).Draw(t, "health")),
			}
		}), 0, 12).Draw(t, "hosts")
		best, order := map[string]discovery.Health{}, []string{}
		for _, h := range hosts {
			if b, ok := best[h.Address]; !ok || h.Health < b {
				best[h.Address] = h.Health
			}
			if !slices.Contains(order, h.Address) {
				order = append(order, h.Address)
			}
		}
		ordered := rapid.Bool().Draw(t, "ordered")
		if !ordered {
			slices.Sort(order)
		}
		got := unique(slices.Clone(hosts), ordered)
		if len(got) != len(order) {
			t.Fatalf("%v of %v", got, hosts)
		}
		for i, h := range got {
			if h.Address != order[i] || h.Health != best[h.Address] {
				t.Fatalf("%v of %v", got, hosts)
			}
		}
	})
}

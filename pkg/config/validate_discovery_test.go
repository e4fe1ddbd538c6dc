package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDiscoveryInEffect: what is in effect where a configuration says it in a roundabout way, or in MOSN's.
func TestDiscoveryInEffect(t *testing.T) {
	dir := t.TempDir()
	c := mustLoad(t, filepath.Join(dir, "weir.json"), `{"servers": [{}],
  "consul": {"scheme": "HTTPS", "token_file": "token", "tls": {"ca_file": "/ca.pem", "cert_file": "c.pem", "key_file": "k.pem"}, "config_prefix": "weir/",
    "register": [{"service": "a", "port": 1, "check": {"http": "http://a/"}}, {"service": "b", "port": 2, "address": "::1"}, {"service": "c", "port": 3, "id": "x"}]},
  "cluster_manager": {"clusters": [
    {"name": "dns", "type": "STRICT_DNS", "hosts": [{"address": "a.example:1"}], "dns_refresh_rate": "0s", "dns_resolver_port": "5353",
     "dns_resolver_file": "resolv.conf", "dns_resolvers": {"port": "54", "timeout": 3}, "outlier_detection": {"base_ejection_time": "10m"},
     "slow_start": {"mode": "duration"}},
    {"name": "quoted", "type": "STRICT_DNS", "hosts": [{"address": "a.example:1"}], "dns_resolvers": {"port": 55, "timeout": "0s"}},
    {"name": "original", "type": "ORIGINAL_DST", "original_dst_lb_config": {"header_name": ""}},
    {"name": "file", "type": "FILE", "hosts_file": {"path": "sub/hosts.yaml"}}],
   "on_demand": {}}}`)
	dns, quoted, original, file := c.ClusterManager.Clusters[0], c.ClusterManager.Clusters[1], c.ClusterManager.Clusters[2], c.ClusterManager.Clusters[3]
	var ids []string
	for i := range c.Consul.Register {
		ids = append(ids, c.Consul.Register[i].InstanceID())
	}
	tests := []struct {
		name      string
		got, want any
	}{
		{"dns_refresh_rate", dns.DNSRefreshRate, 5 * time.Second},
		{"dns_resolver_port", dns.DNSResolverPort, uint16(5353)},
		{"dns_resolver_file", dns.DNSResolverFile, filepath.Join(dir, "resolv.conf")},
		{"port in quotes", dns.DNSResolvers.Port, uint16(54)},
		{"timeout in seconds", dns.DNSResolvers.Timeout, 3 * time.Second},
		{"port", quoted.DNSResolvers.Port, uint16(55)},
		{"no timeout", quoted.DNSResolvers.Timeout, 2 * time.Second},
		{"max_ejection_time", dns.OutlierDetection.MaxEjectionTime, 10 * time.Minute},
		{"slow start", dns.SlowStart.Mode, SlowStartNone},
		{"lb_type", original.LBType, LBOriginalDst},
		{"header_name", original.OriginalDst.HeaderName, "host"},
		{"hosts_file", file.HostsFile.Path, filepath.Join(dir, "sub/hosts.yaml")},
		{"scheme", c.Consul.Scheme, "https"},
		{"token_file", c.Consul.TokenFile, filepath.Join(dir, "token")},
		{"ca_file", c.Consul.TLS.CAFile, "/ca.pem"},
		{"cert_file", c.Consul.TLS.CertFile, filepath.Join(dir, "c.pem")},
		{"key_file", c.Consul.TLS.KeyFile, filepath.Join(dir, "k.pem")},
		{"config_prefix", c.Consul.ConfigPrefix, "weir"},
		{"ttl beside http", c.Consul.Register[0].Check.TTL, time.Duration(0)},
		{"ttl alone", c.Consul.Register[1].Check.TTL, 15 * time.Second},
		{"IDs", strings.Join(ids, " "), "a-1 b-::1-2 x"},
		{"type on demand", c.ClusterManager.OnDemand.Cluster.Type, ClusterConsul},
		{"limits on demand", len(c.ClusterManager.OnDemand.Cluster.CircuitBreakers), 1},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestParseRegistration(t *testing.T) {
	g, r, err := ParseRegistration("request", []byte(`{"service": "a", "port": 80, "check": {"ttl": "30s"}}`))
	if err != nil || r == nil || g.Weight != 1 || g.Check.TTL != 30*time.Second {
		t.Errorf("%+v, %v", g, err)
	}
	for text, want := range map[string]string{
		`{"service": "a"}`:                  "request:1:1: port is missing",
		`{"service": "a", "port": 1`:        "request:1:27: unexpected end",
		`[]`:                                "request:1:1: must be an object",
		`{"servise": "a", "port": 1}`:       `request:1:2: servise: unknown key (did you mean "service"?)`,
		`{"service": "a b", "port": 1}`:     `request:1:13: service: "a b" is not a service's name`,
		`{"service": "a", "port": "1"}`:     "request:1:26: port: must be a number",
		`{"service": "a", "port": 1000000}`: "request:1:26: port: the number 1000000 is out of range",
	} {
		g, r, err := ParseRegistration("request", []byte(text))
		if g != nil || err == nil || !strings.Contains(r.Problems().Error(), want) {
			t.Errorf("%s: %+v, %v; want %s", text, g, err, want)
		}
	}
}

func TestValidService(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "com.example.Shop:1.0": true, "Outer$Inner": true, "shop-eu_1": true, strings.Repeat("a", 255): true,
		"": false, "a/b": false, "a b": false, "ä": false, "a?b": false, "a*": false, "a\x00": false, "a%2f": false, "..": false, "-a": false, "::1": false,
		strings.Repeat("a", 256): false,
	} {
		if ValidService(name) != want || ValidService([]byte(name)) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
}

// TestDocumentsAreInTheDump: a dump is one file, whatever a configuration was put together of.
func TestDocumentsAreInTheDump(t *testing.T) {
	o := testOptions()
	o.Extra = []Document{
		{Name: "consul:weir/clusters/shop", Kind: ClusterDocument, Data: []byte("hosts: [{address: 'a:1'}]")},
		{Name: "consul:weir/routers/main", Kind: RouterDocument, Data: []byte(`{"virtual_hosts": [{"domains": ["*"]}]}`)},
	}
	c, _, err := Parse("weir.json", []byte(`{"servers": [{}]}`), o)
	if err != nil {
		t.Fatal(err)
	}
	dump, err := Dump(c)
	if err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, "dump.json", string(dump))
	if len(again.ClusterManager.Clusters) != 1 || again.ClusterManager.Clusters[0].Name != "shop" || again.Servers[0].Routers[0].Name != "main" {
		t.Errorf("%s", dump)
	}
}

// TestDocumentsWithoutServer: the file lacks what a router could be added to, which is the one thing that is wrong.
func TestDocumentsWithoutServer(t *testing.T) {
	o := testOptions()
	o.Extra = []Document{{Name: "main", Kind: RouterDocument, Data: []byte(`{"virtual_hosts": []}`)}}
	_, r, err := Parse("weir.json", []byte(`{}`), o)
	if err == nil || len(r.Problems()) != 1 || !strings.Contains(err.Error(), "there must be one entry in servers") {
		t.Errorf("%v", err)
	}
}

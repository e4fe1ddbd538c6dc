package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// rare has values of the kinds that few configurations have.
const rare = `{
  "servers": [{"processor": 4, "global_log_roller": "size=100,compress=on",
    "listeners": [{"address": "127.0.0.1:1", "access_logs": [{"log_path": "stdout", "json_format": {"b": "%b%", "a": ""}}],
      "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "r",
        "extend_config": {"http1": {"max_line_size": 100}, "bolt": {"enable_bolt_goaway": true}}, "fallback_for_unknown_protocol": true}},
        {"type": "tcp_proxy", "config": {"routes": [{"cluster": "c", "source_addrs": [{"address": "10.1.2.3", "length": 0}], "source_port": "1-2,3"}]}}]}]}],
    "routers": [{"router_config_name": "r"}]}],
  "cluster_manager": {"clusters": [{"name": "c", "hosts": [{"address": "127.0.0.1:1", "metadata": {"v": "1", "e": ""}}],
    "circuit_breakers": [{"priority": "HIGH"}],
    "lb_subset_config": {"subset_selectors": [["v"], []], "fall_back_policy": 2, "default_subset": {"v": ""}}},
    {"name": "dns", "type": "STRICT_DNS", "hosts": [{"address": "_http._tcp.a.example", "weight": 0, "zone": "z", "priority": 1}], "outlier_detection": {},
     "dns_resolvers": {"servers": ["10.0.0.1"], "port": "53", "timeout": 3}, "dns_resolver_port": "54", "dns_resolver_file": "resolv.conf"},
    {"name": "original", "type": "ORIGINAL_DST"}, {"name": "file", "type": "FILE", "hosts_file": {"path": "hosts.json"}}],
    "on_demand": {"services": ["*"], "cluster": {"slow_start": {"mode": "duration", "slow_start_duration": "1s"}, "lb_type": "LB_LEAST_REQUEST"}}},
  "node": {"locality": {"zone": "z"}},
  "consul": {"token_file": "token", "tls": {"ca_file": "/ca.pem"}, "scheme": "https", "register": [
    {"service": "a", "port": 1, "check": {"http": "http://a/"}, "meta": {"k": "v"}}, {"service": "b", "port": 1, "check": {"ttl": "2s"}}]},
  "tracing": {"config": {"a": [null, 1.5, true, "<&>"]}}
}`

// TestDumpLoadsAgain: what a dump says is the configuration in effect. Dumped, loaded and dumped again, nothing changes.
func TestDumpLoadsAgain(t *testing.T) {
	texts := map[string]string{"minimal.json": minimal, "rare.json": rare}
	for _, name := range []string{"quickstart.json", "quickstart.yaml"} {
		data, err := os.ReadFile(filepath.Join(configsDir, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	for _, name := range []string{"mosn_http_conversion", "mosn_bolt_client", "mosn_dubbo_client", "connection_manager"} {
		texts[name] = readScript(t, "testdata/load/"+name+".script").files[0].text
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			c := mustLoad(t, name, text)
			first, err := Dump(c)
			if err != nil {
				t.Fatal(err)
			}
			again := mustLoad(t, "dump.json", string(first))
			second, err := Dump(again)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(first), string(second)); diff != "" {
				t.Errorf("the dump of a dump differs:\n%s", diff)
			}
			for i := range c.Servers {
				if diff := cmp.Diff(c.Servers[i].Routers, again.Servers[i].Routers, ignoreSources()); diff != "" {
					t.Errorf("routers differ:\n%s", diff)
				}
			}
			if diff := cmp.Diff(c.Tracing.Config, again.Tracing.Config); diff != "" {
				t.Errorf("free values differ:\n%s", diff)
			}
			if diff := cmp.Diff(c.Servers[0].Listeners[0].Proxy, again.Servers[0].Listeners[0].Proxy, ignoreSources(), ignoreExtend()); diff != "" {
				t.Errorf("proxies differ:\n%s", diff)
			}
			if diff := cmp.Diff(c.Servers[0].Listeners[0].TCP, again.Servers[0].Listeners[0].TCP, ignoreSources(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("raw proxies differ:\n%s", diff)
			}
			if diff := cmp.Diff(c.ClusterManager, again.ClusterManager, ignoreSources()); diff != "" {
				t.Errorf("clusters differ:\n%s", diff)
			}
			if diff := cmp.Diff(c.Consul, again.Consul, ignoreSources()); diff != "" {
				t.Errorf("the block consul differs:\n%s", diff)
			}
		})
	}
}

func TestDumpHidesSecrets(t *testing.T) {
	c := mustLoad(t, "secrets.json", `{
  "servers": [{
    "routers": [{"router_config_name": "r", "virtual_hosts": [{"domains": ["*"], "routers": [
      {"match": {"prefix": "/", "headers": [{"name": "x-api-key", "value": "hush-1"}, {"name": "x-seen", "value": "seen-1"}]},
       "route": {"cluster_name": "c", "hash_policy": [{"cookie": {"name": "seen-2"}}], "request_headers_to_add": [
         {"header": {"key": "Authorization", "value": "hush-2"}}, {"header": {"key": "x-seen", "value": "seen-3"}}]},
       "per_filter_config": {"fault": {"access_token": "hush-3", "passwords": ["hush-4"], "url": "http://user:hush-5@seen-4/"}}}]}]}],
    "listeners": [{"address": "127.0.0.1:1", "bind_port": true,
      "stream_filters": [{"type": "fault", "config": {"inner": [{"client-secret": {"a": "hush-6"}}],
        "pem": "-----BEGIN EC PRIVATE KEY-----\nhush-7\n-----END EC PRIVATE KEY-----", "seen": "seen-5"}}],
      "filter_chains": [{"tls_context": {"private_key": "hush-8", "ca_cert": "seen-6", "ticket": "hush-9"},
        "filters": [{"type": "proxy", "config": {"router_config_name": "r"}}]}]}]}],
  "consul": {"token_file": "/seen-7", "token_env": "", "register": [{"service": "s", "port": 1, "meta": {"api_token": "hush-10"}}]},
  "cluster_manager": {"clusters": [{"name": "c", "hosts": [{"address": "127.0.0.1:1"}]}]}}`)
	data, err := Dump(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "hush") {
		t.Errorf("a secret is in the dump:\n%s", data)
	}
	for _, seen := range []string{"seen-1", "seen-2", "seen-3", "seen-4", "seen-5", "seen-6", "seen-7", "http://user:<redacted>@"} {
		if !strings.Contains(string(data), seen) {
			t.Errorf("%q is no secret and must be in the dump", seen)
		}
	}
	if c.Servers[0].Listeners[0].FilterChains[0].TLS.PrivateKey != "hush-8" {
		t.Error("the dump changed the configuration")
	}
}

func TestLogRoller(t *testing.T) {
	const text = "size=100,age=7,keep=10,time=24,compress=on"
	var v LogRoller
	if err := mustParse(t, "a.json", `"`+text+`"`).Decode(&v); err != nil {
		t.Fatal(err)
	}
	if v.MaxSize != 100<<20 || v.MaxAge.Hours() != 7*24 || v.Keep != 10 || v.Interval.Hours() != 24 || !v.Compress || v.String() != text {
		t.Errorf("%+v, %s", v, v)
	}
	// MOSN's own text has spaces.
	if err := mustParse(t, "a.json", `"size=100 age=10  keep=10 compress=off"`).Decode(&v); err != nil || v.String() != "size=100,age=10,keep=10" {
		t.Errorf("%s, %v", v, err)
	}
	for _, wrong := range []string{"size", "size=-1", "weight=5", "compress=maybe", "age=2147483647", "size = 1"} {
		if err := mustParse(t, "a.json", `"`+wrong+`"`).Decode(&v); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
}

// ignoreExtend leaves out a proxy's extend_config as written: a dump spells it out, and HTTP1 is what it means.
func ignoreExtend() cmp.Option { return cmpopts.IgnoreFields(ProxyConfig{}, "ExtendConfig") }

package h2c

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/protocol/http2"
)

// parse loads a configuration for a build with both versions of HTTP.
func parse(text string) (*config.Config, *config.Report, error) {
	all := protocol.Registry{Protocol(), http2.Protocol()}
	return config.Parse("weir.yaml", []byte(text), config.Options{Protocols: all.ForConfig()})
}

// TestUpgrades: what is to be upgraded to has a name that there can be.
func TestUpgrades(t *testing.T) {
	for list, want := range map[string]string{
		`Http1: {upgrades: [websocket, DERP, "TLS/1.0"]}, Http2: {upgrades: [chat]}`: "",
		`Http1: {upgrades: []}, Http2: {upgrades: []}`:                               "",
		`Http1: {upgrades: ["a, b"]}`:                                                `upgrades[0]: must be the name of a protocol, is "a, b"`,
		`Http1: {upgrades: [a, ""]}`:                                                 `upgrades[1]: must be the name of a protocol, is ""`,
		`Http1: {upgrades: [a/b/c]}`:                                                 `must be the name of a protocol, is "a/b/c"`,
		`Http2: {upgrades: ["SPDY/3.1"]}`:                                            `must be a token, as :protocol is, is "SPDY/3.1"`,
	} {
		text := fmt.Sprintf(`
servers:
  - listeners: [{name: a, address: "127.0.0.1:0", bind_port: true, filter_chains: [{filters: [{type: proxy, config: {router_config_name: r,
      downstream_protocol: "Http1,Http2", extend_config: {%s}}}]}]}]
    routers: [{router_config_name: r, virtual_hosts: [{name: v, domains: ["*"], routers: [{match: {prefix: /}, route: {cluster_name: c}}]}]}]
cluster_manager: {clusters: [{name: c, hosts: [{address: "127.0.0.1:1"}]}]}
`, list)
		_, _, err := parse(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", list, err)
		}
	}
}

// TestWidenClusters: limits of responses are those that a cluster gives, or else the
// widest of a listener, and never less than the default.
func TestWidenClusters(t *testing.T) {
	const text = `
servers:
  - listeners:
      - {name: a, address: "127.0.0.1:0", bind_port: true, filter_chains: [{filters: [{type: proxy, config: {router_config_name: r,
          downstream_protocol: Http1, extend_config: {Max_Header_Size: 300000, max_header_count: 10}}}]}]}
      - {name: b, address: "127.0.0.1:0", bind_port: true, filter_chains: [{filters: [{type: proxy, config: {router_config_name: r,
          downstream_protocol: Http2, extend_config: {max_header_count: 200}}}]}]}
    routers: [{router_config_name: r, virtual_hosts: [{name: v, domains: ["*"], routers: [{match: {prefix: /}, route: {cluster_name: given}}]}]}]
cluster_manager:
  clusters:
    - {name: none, hosts: [{address: "127.0.0.1:1"}]}
    - {name: given, hosts: [{address: "127.0.0.1:1"}], extend_config: {Http1: {Max_Header_Size: 1000}, Http2: {max_header_count: 5}}}
`
	c, r, err := parse(text)
	if err != nil {
		t.Fatal(err, r)
	}
	for i, want := range [][4]int{{300000, 100, 61440, 200}, {1000, 100, 61440, 5}} {
		all := c.ClusterManager.Clusters[i].Settings
		one, two := all["Http1"].(*http1.ClusterSettings), all["Http2"].(*http2.ClusterSettings)
		got := [4]int{one.MaxHeaderSize, one.MaxHeaderCount, two.MaxHeaderSize, two.MaxHeaderCount}
		if got != want {
			t.Errorf("%s: %v, want %v", c.ClusterManager.Clusters[i].Name, got, want)
		}
	}
}

// TestHTTPSettings spells every default out once more, so that none changes unnoticed,
// and holds the words about a time that must be given.
func TestHTTPSettings(t *testing.T) {
	times := protocol.HTTPTimeouts{RequestHeaderTimeout: 10 * time.Second, StreamIdleTimeout: 5 * time.Minute}
	one := http1.ListenerSettings{
		MaxHeaderSize: 61440, MaxHeaderCount: 100, MaxLineSize: 8192, HTTPTimeouts: times,
		AllowUpgrade: true, Upgrades: []string{"websocket", "SPDY/3.1", "tcp"},
	}
	two := http2.ListenerSettings{
		MaxConcurrentStreams: 1024, MaxBufferedSize: 16777216, StreamWindowSize: 65536, ConnectionWindowSize: 1048576,
		MaxHeaderSize: 61440, MaxHeaderCount: 100, HTTPTimeouts: times, AllowUpgrade: true, Upgrades: []string{"websocket"},
	}
	for _, p := range (protocol.Registry{Protocol(), http1.Protocol(), http2.Protocol()}) {
		var got, want any
		switch s := p.Listener(nil, new(config.Report)).(type) {
		case *listenerSettings:
			got, want = s.ListenerSettings, one
		case *http1.ListenerSettings:
			got, want = *s, one
		case *http2.ListenerSettings:
			got, want = *s, two
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", p.Name, got, want)
		}
	}
	for _, name := range []string{"Http1", "Http2"} {
		_, _, err := parse(fmt.Sprintf(`
servers: [{routers: [{router_config_name: r}], listeners: [{address: "127.0.0.1:1", bind_port: true, filter_chains: [{filters: [
  {type: proxy, config: {router_config_name: r, extend_config: {%s: {request_header_timeout: 0s}}}}]}]}]}]
`, name))
		const want = "request_header_timeout: must be greater than 0s: a client must not hold a connection without a request"
		if err == nil || !strings.Contains(err.Error(), "weir.yaml:3:97: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

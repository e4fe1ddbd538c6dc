package config

import (
	"fmt"
	"strings"
	"testing"
)

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
		_, _, err := Parse("weir.yaml", []byte(text), Options{Protocols: []string{"Http1", "Http2"}})
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
	c, r, err := Parse("weir.yaml", []byte(text), Options{Protocols: []string{"Http1", "Http2"}})
	if err != nil {
		t.Fatal(err, r)
	}
	for i, want := range [][4]int{{300000, 100, 61440, 200}, {1000, 100, 61440, 5}} {
		p := c.ClusterManager.Clusters[i].Protocols
		got := [4]int{p.HTTP1.MaxHeaderSize, p.HTTP1.MaxHeaderCount, p.HTTP2.MaxHeaderSize, p.HTTP2.MaxHeaderCount}
		if got != want {
			t.Errorf("%s: %v, want %v", c.ClusterManager.Clusters[i].Name, got, want)
		}
	}
}

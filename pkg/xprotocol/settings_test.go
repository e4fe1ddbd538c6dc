package xprotocol_test

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// proxyWith is a proxy whose extend_config has settings for the protocol plain.
func proxyWith(t *testing.T, settings string) *config.ProxyConfig {
	t.Helper()
	text := `{"servers": [{"routers": [{"router_config_name": "r", "virtual_hosts": []}],
 "listeners": [{"address": "127.0.0.1:1", "bind_port": true, "filter_chains": [{"filters": [{"type": "proxy", "config": {
 "downstream_protocol": "plain", "router_config_name": "r", "extend_config": {"plain": {"settings":
` + settings + `
}}}}]}]}]}]}`
	c, _, err := config.Parse("weir.json", []byte(text), config.Options{Protocols: []string{"plain"}, RPC: []string{"plain"}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Servers[0].Listeners[0].Proxy
}

// TestSettings: a protocol's own settings reach its Configure, which reports what is
// wrong with them; a protocol without any refuses them.
func TestSettings(t *testing.T) {
	type settings struct {
		config.Source
		Charset string `json:"charset"`
	}
	var got settings
	s := plain.Spec()
	s.Configure = func(c *config.RPCConfig, r *config.Report) xprotocol.Codec {
		got = settings{}
		c.Settings.DecodeInto(&got, r)
		return s.Codec
	}
	check := func(s xprotocol.Spec, text string) string {
		var r config.Report
		s.Protocol().Check(proxyWith(t, text), &r)
		if err := r.Err(); err != nil {
			return err.Error()
		}
		return ""
	}
	if err := check(s, `{"charset": "utf-8"}`); err != "" || got.Charset != "utf-8" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := check(s, `{"charst": "utf-8"}`); !strings.Contains(err, `weir.json:4:2`) || !strings.Contains(err, `did you mean "charset"?`) {
		t.Errorf("a wrong key: %v", err)
	}
	if err := check(plain.Spec(), `{"charset": "utf-8"}`); !strings.Contains(err, "has no settings of its own") {
		t.Errorf("a protocol without settings: %v", err)
	}
}

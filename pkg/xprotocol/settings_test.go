package xprotocol_test

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// own are the settings of a protocol that has a key of its own.
type own struct {
	xprotocol.ListenerSettings
	Charset string `json:"charset"`
}

func (s *own) Codec(r *config.Report) xprotocol.Codec {
	if s.Charset == "none" {
		r.Errorf(s.At("charset"), "there is no charset %q", s.Charset)
	}
	return plain.Codec{}
}

// load loads a configuration in which a listener says something about the protocols
// plain and other, and returns the settings.
func load(s xprotocol.Spec, extend string) (map[string]any, error) {
	text := `{"servers": [{"routers": [{"router_config_name": "r", "virtual_hosts": []}],
 "listeners": [{"address": "127.0.0.1:1", "bind_port": true, "filter_chains": [{"filters": [{"type": "proxy", "config": {
 "downstream_protocol": "plain,other", "router_config_name": "r", "extend_config":
` + extend + `
}}]}]}]}]}`
	other := plain.Spec()
	other.Name, other.Match, other.MaxFrame = "other", nil, 4096
	all := protocol.Registry{s.Protocol(), other.Protocol()}
	c, report, err := config.Parse("weir.json", []byte(text), config.Options{Protocols: all.ForConfig()})
	if err != nil {
		return nil, err
	}
	if ps := report.Problems(); len(ps) > 0 {
		return c.Servers[0].Listeners[0].Proxy.Settings, ps
	}
	return c.Servers[0].Listeners[0].Proxy.Settings, nil
}

// TestSettings: keys of a protocol's own stand beside those that all RPC protocols have,
// and are read as strictly.
func TestSettings(t *testing.T) {
	s := plain.Spec()
	s.Settings = func() xprotocol.OwnSettings { return &own{Charset: "utf-8"} }
	for _, tt := range []struct {
		extend  string
		charset string
		frames  int
		says    string
	}{
		{`{}`, "utf-8", xprotocol.DefaultMaxFrame, ""},
		{`{"plain": {"charset": "latin-1", "max_frame_size": 5000}}`, "latin-1", 5000, ""},
		{`{"charset": "latin-1", "max_frame_size": 5000}`, "latin-1", 5000, ""},
		{`{"plain": {"charst": "utf-8"}}`, "", 0, `weir.json:4:12: servers[0].listeners[0].filter_chains[0].filters[0].config.extend_config.plain.charst: unknown key (did you mean "charset"?)`},
		{`{"charst": "utf-8"}`, "", 0, `extend_config.charst: unknown key`},
		{`{"plain": {"charset": "none"}}`, "", 0, `weir.json:4:23: servers[0].listeners[0].filter_chains[0].filters[0].config.extend_config.plain.charset: there is no charset "none"`},
		{`{"plain": {"max_frame_size": 5}}`, "", 0, `must be from 1024 to 1073741824, is 5`},
		{`{"other": {"charset": "latin-1"}}`, "utf-8", xprotocol.DefaultMaxFrame, `weir.json:4:12: servers[0].listeners[0].filter_chains[0].filters[0].config.extend_config.other.charset: warning: ignored: it is a setting of the protocol plain`},
		{`{"other": {"charset": ""}}`, "utf-8", xprotocol.DefaultMaxFrame, ""},
	} {
		all, err := load(s, tt.extend)
		if said := ""; err != nil || tt.says != "" {
			if err != nil {
				said = err.Error()
			}
			if tt.says == "" || !strings.Contains(said, tt.says) {
				t.Errorf("%s: %s, want %q", tt.extend, said, tt.says)
			}
		}
		if all == nil {
			if tt.charset != "" {
				t.Errorf("%s is refused", tt.extend)
			}
			continue
		}
		got := all["plain"].(*own)
		if got.Charset != tt.charset || got.MaxFrameSize != tt.frames || got.MaxConcurrentRequests != xprotocol.DefaultMaxStreams {
			t.Errorf("%s: %+v", tt.extend, got)
		}
	}
}

// TestFrameLimitOfTheProtocol: where the configuration has no limit for frames, it is
// that of the protocol's author, whatever else is given.
func TestFrameLimitOfTheProtocol(t *testing.T) {
	for extend, want := range map[string]int{
		`{}`: 4096,
		`{"other": {"max_concurrent_requests": 5}}`: 4096,
		`{"other": {"max_frame_size": 9999}}`:       9999,
	} {
		all, err := load(plain.Spec(), extend)
		if err != nil {
			t.Fatal(err)
		}
		if got := all["other"].(*xprotocol.ListenerSettings).MaxFrameSize; got != want {
			t.Errorf("%s: %d, want %d", extend, got, want)
		}
	}
}

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// toySettings stand in for those of a protocol, which the loader knows nothing of.
type toySettings struct {
	Source
	MaxHeaderSize  int `json:"max_header_size" min:"256" max:"1048576" clamp:""`
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
	MaxLineSize    int `json:"max_line_size" min:"64" max:"1048576"`

	RequestHeaderTimeout time.Duration `json:"request_header_timeout"`

	_ struct{} `ignored:"http2_use_stream: messages are always streamed"`
}

func (s *toySettings) SetDefaults() {
	s.MaxHeaderSize, s.MaxHeaderCount, s.MaxLineSize, s.RequestHeaderTimeout = 60<<10, 100, 8<<10, time.Second
}

// toyClusterSettings are those of clusters.
type toyClusterSettings struct {
	Source
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576"`
}

// toy is a protocol whose clusters have the limit of the listeners, unless they give one.
func toy(name string) Protocol {
	return Protocol{
		Name: name,
		Listener: func(n *Node, r *Report) any {
			s := decodeToy[toySettings](n, r)
			if s.RequestHeaderTimeout == 0 {
				r.Errorf(s.At("request_header_timeout"), "must be greater than 0s: a client must not hold a connection without a request")
			}
			return s
		},
		Cluster: func(n *Node, listeners []any, r *Report) any {
			s := decodeToy[toyClusterSettings](n, r)
			for _, l := range listeners {
				if n.Get("max_header_size") == nil {
					s.MaxHeaderSize = max(s.MaxHeaderSize, l.(*toySettings).MaxHeaderSize)
				}
			}
			return s
		},
	}
}

// ToyRPCSettings are those of an RPC protocol, of which one has a key more.
type ToyRPCSettings struct {
	Source
	MaxFrameSize int `json:"max_frame_size"`
}

type toyGoAwaySettings struct {
	ToyRPCSettings
	EnableGoAway bool `json:"enable_go_away"`
}

// toyRPC is an RPC protocol.
func toyRPC[T any](name string, aliases ...string) Protocol {
	return Protocol{
		Name: name, Aliases: aliases, RPC: true,
		Listener: func(n *Node, r *Report) any { return decodeToy[T](n, r) },
		Cluster:  func(n *Node, _ []any, r *Report) any { return decodeToy[T](n, r) },
	}
}

func decodeToy[T any](n *Node, r *Report) *T {
	s := new(T)
	n.DecodeInto(s, r)
	return s
}

// TestProtocolSettings: what stands where reaches the protocols that it is meant for.
func TestProtocolSettings(t *testing.T) {

	type set map[string]any
	usual := func(change func(*toySettings)) *toySettings {
		s := Default[toySettings]()
		change(&s)
		return &s
	}
	rpc := func(frame int, away bool) *toyGoAwaySettings {
		return &toyGoAwaySettings{ToyRPCSettings{MaxFrameSize: frame}, away}
	}
	none := set{"Http1": usual(func(*toySettings) {}), "bolt": rpc(0, false), "dubbo": &ToyRPCSettings{}}
	with := func(name string, s any) set {
		all := set{"Http1": none["Http1"], "bolt": none["bolt"], "dubbo": none["dubbo"]}
		all[name] = s
		return all
	}
	lines := usual(func(s *toySettings) { s.MaxLineSize = 99 })
	for _, tt := range []struct {
		protocols, extend string
		want              set
		says              string
	}{
		{"Auto", `{}`, none, ""},
		{"Auto", `null`, none, ""},
		{"Auto", `{"max_line_size": 99}`, with("Http1", lines), ""},
		{"bolt,Http1", `{"max_line_size": 99}`, with("Http1", lines), ""},
		{"Http1", `{"hTTP1": {"max_line_size": 99}}`, with("Http1", lines), ""},
		{"bolt", `{"max_frame_size": 9, "enable_go_away": true}`, with("bolt", rpc(9, true)), ""},
		{"boltv2", `{"max_frame_size": 9}`, with("bolt", rpc(9, false)), ""},
		{"X", `{"sub_protocol": "bolt", "enable_go_away": true}`, with("bolt", rpc(0, true)), ""},
		{"X", `{"sub_protocol": "bolt", "bolt": {"enable_go_away": true}}`, with("bolt", rpc(0, true)), ""},
		{"bolt", `{"boltv2": {"max_frame_size": 9}}`, with("bolt", rpc(9, false)), ""},
		{"X", `{"sub_protocol": "bolt", "bolt": {"enable_go_away": true}}`, with("bolt", rpc(0, true)), ""},
		{"bolt", `{"boltv2": {"max_frame_size": 9}, "bolt": {"max_frame_size": 8}}`, with("bolt", rpc(8, false)), ""},
		{"bolt", `{"bolt": null}`, none, ""},
		{"bolt", `{"bolt": {}, "tars": {}}`, none, ""},
		{"bolt", `{"tars": {"a": 1}}`, none, "tars: warning: not there yet: settings of the protocol tars"},
		{"tars", `{"a": 1}`, none, "extend_config: warning: not there yet: settings of the protocol tars"},
		{
			"dubbo,bolt", `{"max_frame_size": 9, "enable_go_away": true}`,
			set{"Http1": none["Http1"], "bolt": rpc(9, true), "dubbo": &ToyRPCSettings{MaxFrameSize: 9}}, "",
		},
		{"dubbo", `{"enable_go_away": true}`, none, "enable_go_away: warning: ignored: it is a setting of the protocol bolt"},
		{"dubbo", `{"dubbo": {"Enable_Go_Away": true}}`, none, "dubbo.Enable_Go_Away: warning: ignored: it is a setting of the protocol bolt"},
		{"dubbo", `{"enable_go_awya": true}`, nil, "enable_go_awya: unknown key"},
		{"Http1", `{"enable_go_away": true}`, nil, "enable_go_away: unknown key"},
		{"Http1", `{"Http1": {"max_header_count": 0}}`, nil, "Http1.max_header_count: must be from 1 to 10000, is 0"},
		{"Http1", `{"Htp1": {}, "bolt": {}}`, nil, `Htp1: there is no protocol "Htp1" (did you mean "Http1"?)`},
		{"Http1", `7`, nil, "extend_config: must be an object, is a number"},
	} {
		text := strings.NewReplacer("PROTOCOLS", tt.protocols, "EXTEND", tt.extend).Replace(`{"servers": [{"routers": [{"router_config_name": "r"}],
			"listeners": [{"address": "127.0.0.1:1", "bind_port": true, "filter_chains": [{"filters": [{"type": "proxy", "config": {
			"router_config_name": "r", "downstream_protocol": "PROTOCOLS", "extend_config": EXTEND}}]}]}]}]}`)
		o := Options{Protocols: []Protocol{toy("Http1"), toyRPC[toyGoAwaySettings]("bolt", "boltv2"), toyRPC[ToyRPCSettings]("dubbo")}}
		c, r, _ := Parse("weir.json", []byte(text), o)
		if said := r.Problems().Error(); !strings.Contains(said, tt.says) || tt.says == "" && said != "" {
			t.Errorf("%s, %s says %q, want %q", tt.protocols, tt.extend, said, tt.says)
		}
		if c == nil {
			if tt.want != nil {
				t.Errorf("%s, %s is refused", tt.protocols, tt.extend)
			}
			continue
		}
		got := set(c.Servers[0].Listeners[0].Proxy.Settings)
		if diff := cmp.Diff(tt.want, got, ignoreSources(), cmp.AllowUnexported(toyGoAwaySettings{})); diff != "" {
			t.Errorf("%s, %s (-want +got)\n%s", tt.protocols, tt.extend, diff)
		}
		if tt.protocols != "tars" {
			again := reloaded(t, c, o)
			if diff := cmp.Diff(got, set(again.Servers[0].Listeners[0].Proxy.Settings), ignoreSources(), cmp.AllowUnexported(toyGoAwaySettings{})); diff != "" {
				t.Errorf("%s, %s, loaded from its dump (-want +got)\n%s", tt.protocols, tt.extend, diff)
			}
		}
	}
}

// reloaded returns a configuration as it is loaded from its dump.
func reloaded(t *testing.T, c *Config, o Options) *Config {
	t.Helper()
	dump, err := Dump(c)
	if err != nil {
		t.Fatal(err)
	}
	again, r, err := Parse("dump.json", dump, o)
	if err != nil {
		t.Fatal(r.Problems())
	}
	return again
}

// TestClusterSettings: those of clusters are decoded with what all listeners say; clusters that say nothing share them.
func TestClusterSettings(t *testing.T) {
	c := mustLoad(t, "weir.json", `{"servers": [{"routers": [{"router_config_name": "r"}], "listeners": [
  {"address": "127.0.0.1:1", "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "r", "extend_config": {"max_header_size": 70000}}}]}]},
  {"address": "127.0.0.1:2", "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "r"}}]}]}]}],
  "cluster_manager": {"on_demand": {"cluster": {"extend_config": {"Http1": {"max_header_size": 300}}}}, "clusters": [
    {"name": "a", "hosts": [{"address": "127.0.0.1:1"}]}, {"name": "b", "hosts": [{"address": "127.0.0.1:1"}], "extend_config": {"http1": {}}},
    {"name": "c", "hosts": [{"address": "127.0.0.1:1"}], "extend_config": {"http1": {"max_header_size": 400}}}]}}`)
	m := &c.ClusterManager
	for _, tt := range []struct {
		c    *Cluster
		want int
	}{{&m.Clusters[0], 70000}, {&m.Clusters[1], 70000}, {&m.Clusters[2], 400}, {&m.OnDemand.Cluster, 300}} {
		if got := tt.c.Settings["Http1"].(*toyClusterSettings).MaxHeaderSize; got != tt.want {
			t.Errorf("%q: %d, want %d", tt.c.Name, got, tt.want)
		}
	}
}

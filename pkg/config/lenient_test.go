package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lenientFields are fields whose values are not all errors when they are out of bounds.
type lenientFields struct {
	Source
	Text   LogLevel       `json:"text" other:"INFO"`
	Whole  uint8          `json:"whole" min:"1" max:"64" clamp:""`
	Signed int            `json:"signed" min:"16" max:"64" clamp:""`
	Part   float64        `json:"part" min:"0.01" max:"1" clamp:""`
	Policy FallbackPolicy `json:"policy" max:"2" other:"0"`
	Idle   time.Duration  `json:"idle" alias:"nanoseconds"`
	Long   string         `json:"long_name" also:"longname"`
}

func (f *lenientFields) setDefaults() {
	f.Text, f.Whole, f.Signed, f.Part, f.Policy, f.Idle, f.Long = "WARN", 2, 32, 0.5, 1, time.Hour, "-"
}

// TestLenientValues: what stands for a value that is out of bounds, and whether it is told.
func TestLenientValues(t *testing.T) {
	is := func(change func(*lenientFields)) lenientFields {
		f := Default[lenientFields]()
		change(&f)
		return f
	}
	tests := []struct {
		text  string
		want  lenientFields
		tells string
	}{
		{`{}`, is(func(*lenientFields) {}), ""},
		{`{"text": "debug"}`, is(func(f *lenientFields) { f.Text = "DEBUG" }), ""},
		{`{"text": "BLUE"}`, is(func(f *lenientFields) { f.Text = "INFO" }), `a.json:1:10: text: warning: "BLUE" is not one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE: INFO is used`},
		{`{"text": ""}`, is(func(*lenientFields) {}), ""},
		{`{"whole": 64}`, is(func(f *lenientFields) { f.Whole = 64 }), ""},
		{`{"whole": 65}`, is(func(f *lenientFields) { f.Whole = 64 }), "a.json:1:11: whole: warning: must be from 1 to 64, is 65: 64 is used"},
		{`{"whole": 1e30}`, is(func(f *lenientFields) { f.Whole = 64 }), "a.json:1:11: whole: warning: must be from 1 to 64, is 1e30: 64 is used"},
		{`{"whole": 0}`, is(func(*lenientFields) {}), ""},
		{`{"whole": -1}`, is(func(*lenientFields) {}), "a.json:1:11: whole: warning: must be from 1 to 64, is -1: 2 is used"},
		{`{"signed": 3}`, is(func(f *lenientFields) { f.Signed = 16 }), "a.json:1:12: signed: warning: must be from 16 to 64, is 3: 16 is used"},
		{`{"part": 7}`, is(func(f *lenientFields) { f.Part = 1 }), "a.json:1:10: part: warning: must be from 0.01 to 1, is 7: 1 is used"},
		{`{"part": 0.001}`, is(func(f *lenientFields) { f.Part = 0.01 }), "a.json:1:10: part: warning: must be from 0.01 to 1, is 0.001: 0.01 is used"},
		{`{"policy": 0}`, is(func(f *lenientFields) { f.Policy = 0 }), ""},
		{`{"policy": 3}`, is(func(f *lenientFields) { f.Policy = 0 }), "a.json:1:12: policy: warning: must be from 0 to 2, is 3: 0 is used"},
		{`{"policy": 300}`, is(func(f *lenientFields) { f.Policy = 0 }), "a.json:1:12: policy: warning: must be from 0 to 2, is 300: 0 is used"},
		{`{"idle": 90000000000}`, is(func(f *lenientFields) { f.Idle = 90 * time.Second }), ""},
		{`{"idle": "5s"}`, is(func(f *lenientFields) { f.Idle = 5 * time.Second }), ""},
		{`{"longName": "a"}`, is(func(f *lenientFields) { f.Long = "a" }), ""},
		{`{"LONGNAME": "a", "long_name": "b"}`, is(func(f *lenientFields) { f.Long = "b" }), `a.json:1:19: long_name: warning: the key is given twice: this counts, and not "LONGNAME" in line 1`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var f lenientFields
			var r Report
			mustParse(t, "a.json", tt.text).DecodeInto(&f, &r)
			if diff := cmp.Diff(tt.want, f, ignoreSources()); diff != "" || r.Err() != nil {
				t.Errorf("%v, (-want +got)\n%s", r.Err(), diff)
			}
			if got := r.Problems().Error(); got != tt.tells {
				t.Errorf("told is %s, want %s", got, tt.tells)
			}
		})
	}
	for _, text := range []string{`{"whole": 1.5}`, `{"whole": "65"}`, `{"text": 5}`, `{"idle": -1}`, `{"part": 1e999}`} {
		if err := mustParse(t, "a.json", text).Decode(new(lenientFields)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// TestOneOfSeveral: of what a configuration says twice, one thing is left.
func TestOneOfSeveral(t *testing.T) {
	c := mustLoad(t, "weir.json", `{
  "servers": [{"processor": "4",
    "routers": [{"router_config_name": "r"}, {"router_config_name": "old"}, {"router_config_name": "r", "virtual_hosts": [{"domains": ["*"], "routers": [
      {"match": {"prefix": "/a"}, "route": {"cluster_name": "c"}, "redirect": {"path_redirect": "/x"}},
      {"match": {"prefix": "/b"}, "redirect": {"path_redirect": "/x"}, "direct_response": {"status": 204}},
      {"match": {"prefix": "/c"}, "route": {"cluster_variable": "v", "cluster_header": "h", "weighted_clusters": [{"cluster": {"name": "gone", "weight": 1}}]}},
      {"match": {"prefix": "/d"}, "route": {"cluster_name": "c", "prefix_rewrite": "/x", "regex_rewrite": {"pattern": {"regex": "a"}}}}]}]}],
    "listeners": [{"address": "localhost:1", "bind_port": true, "filter_chains": [{"filters": [
      {"type": "proxy", "config": {"router_config_name": "r", "upstream_protocol": "X"}},
      {"type": "connection_manager", "config": {"router_config_name": "old", "virtual_hosts": [{"domains": ["a"]}]}}]}]}]}],
  "admin": {"address": {"socket_address": {"address": "localhost"}}},
  "cluster_manager": {"clusters": [{"name": "c"}, {"name": "d"}, {"name": "c", "hosts": [{"address": "127.0.0.1:1"}]}]}}`)
	var names []string
	for _, cluster := range c.ClusterManager.Clusters {
		names = append(names, cluster.Name)
	}
	s := c.Servers[0]
	for _, r := range s.Routers {
		names = append(names, r.Name)
	}
	if diff := cmp.Diff([]string{"d", "c", "old", "r"}, names); diff != "" || len(c.ClusterManager.Clusters[1].Hosts) != 1 || len(s.Routers[0].VirtualHosts) != 0 {
		t.Errorf("of two of one name the last must be left (-want +got)\n%s", diff)
	}
	routes := s.Routers[1].VirtualHosts[0].Routes
	if routes[0].Route != nil || routes[0].Redirect == nil || routes[1].Redirect != nil || routes[1].DirectResponse == nil {
		t.Error("a route must have one action")
	}
	if a := routes[2].Route; a.ClusterVariable != "v" || a.ClusterHeader != "" || a.WeightedClusters != nil {
		t.Errorf("a route must have one target: %+v", a)
	}
	if a := routes[3].Route; a.PrefixRewrite != "/x" || a.RegexRewrite != nil {
		t.Errorf("a route must have one rewrite: %+v", a)
	}
	l := s.Listeners[0]
	if l.Address != "127.0.0.1:1" || l.Name != "localhost:1" || l.Proxy.UpstreamProtocol != Auto || s.Processor != 4 || c.Admin.Address.SocketAddress.Address != "127.0.0.1" {
		t.Errorf("%q at %s, upstream %s, %d workers", l.Name, l.Address, l.Proxy.UpstreamProtocol, s.Processor)
	}
}

// TestUnknownKeysEverywhere: unknown_keys holds for whatever is part of the configuration, and for nothing else.
func TestUnknownKeysEverywhere(t *testing.T) {
	o := testOptions()
	o.Extra = []Document{{Name: "kv:shop", Kind: ClusterDocument, Data: []byte(`{"hosts": [{"address": "127.0.0.1:1"}], "colour": "red"}`)}}
	o.Checks = append(o.Checks, func(c *Config, r *Report) {
		var f lenientFields
		c.Tracing.Config.DecodeInto(&f, r)
	})
	for mode, want := range map[string]Severity{`"WARN"`: Warning, `"error"`: Error} {
		_, r, err := Parse("weir.json", []byte(`{"unknown_keys": `+mode+`, "servers": [{"colour": 1}], "tracing": {"config": {"colour": 2}}}`), o)
		if (err != nil) != (want == Error) || len(r.Problems()) != 3 {
			t.Errorf("%s: %v", mode, r.Problems())
		}
		for _, p := range r.Problems() {
			if p.Severity != want {
				t.Errorf("%s: %v", mode, p)
			}
		}
	}
	if _, _, err := ParseHosts("hosts.json", []byte(`{"hosts": [], "unknown_keys": "warn"}`)); err == nil {
		t.Error("a file of hosts cannot say what becomes of unknown keys")
	}
}

package router

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// services are those of testOptions: shop, com.example.*, *.internal and a*b*c.
func TestOnDemand(t *testing.T) {
	byName := func(name string) config.RouteAction { return config.RouteAction{ClusterName: name} }
	header, variable := config.RouteAction{ClusterHeader: "to"}, config.RouteAction{ClusterVariable: "x.to"}
	half := []config.WeightedCluster{
		{Cluster: config.ClusterWeight{Name: "c1", Weight: 1}},
		{Cluster: config.ClusterWeight{Name: "consul:*", Weight: 1}},
	}
	tests := []struct {
		name   string
		action config.RouteAction
		line   string
		want   string // "": no target
	}{
		{"the route's own", byName("consul:any.Service"), "GET h/", "consul:any.Service"},
		{"an RPC service", byName("consul:*"), "GET h/|call: com.example.Shop buy", "consul:com.example.Shop"},
		{"not listed", byName("consul:*"), "GET h/|call: org.example.Shop buy", ""},
		{"another spelling", byName("consul:*"), "GET h/|call: COM.example.Shop buy", ""},
		{"a host", byName("consul:*"), "GET shop/", "consul:shop"},
		{"a host with a port", byName("consul:*"), "GET Shop:8080/", "consul:shop"},
		{"a host of a pattern", byName("consul:*"), "GET A.B.Internal/", "consul:a.b.internal"},
		{"no host", byName("consul:*"), "GET /", ""},
		{"a host that is none", byName("consul:*"), "GET a/b.internal/", ""},
		{"a service before the host", byName("consul:*"), "GET shop/|call: org.example.Shop buy", ""},
		{"characters", byName("consul:*"), "GET h/|call: com.example.a?b m", ""},
		{"a path", byName("consul:*"), "GET h/|call: com.example.../v1/kv m", ""},
		{"too long", byName("consul:*"), "GET h/|call: com.example." + strings.Repeat("a", 244) + " m", ""},
		{"long", byName("consul:*"), "GET h/|call: com.example." + strings.Repeat("a", 243) + " m", "consul:com.example." + strings.Repeat("a", 243)},
		{"header", header, "GET h/|to: consul:shop", "consul:shop"},
		{"header, not listed", header, "GET h/|to: consul:shops", ""},
		{"header, the route's own word", header, "GET h/|to: consul:*", ""},
		{"header, nothing", header, "GET h/|to: consul:", ""},
		{"header, another prefix", header, "GET h/|to: consult", "consult"},
		{"variable", variable, "GET h/|to: consul:abc", "consul:abc"},
		{"variable, not listed", variable, "GET h/|to: consul:acb", ""},
		{"share", config.RouteAction{WeightedClusters: half}, "GET shop/", "consul:shop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt := compile(t, everyHost(action(tt.action))).Routes()[0]
			parts := strings.Split(tt.line, "|")
			target, ok := rt.Target(request(parts[0], parts[1:]...), 1)
			if ok != (tt.want != "") || ok && (target.Cluster != -1 || string(target.Dynamic) != tt.want) {
				t.Errorf("%d %q, %v; want %q", target.Cluster, target.Dynamic, ok, tt.want)
			}
		})
	}
	if target, ok := compile(t, everyHost(action(config.RouteAction{WeightedClusters: half}))).Routes()[0].Target(request("GET h/"), 0); !ok || target.Cluster != 1 {
		t.Errorf("the other share: %+v, %v", target, ok)
	}
}

// Without on_demand nothing is made of a name, whoever says it.
func TestNothingOnDemand(t *testing.T) {
	var report config.Report
	o := testOptions()
	o.OnDemand = nil
	rc := &config.RouterConfig{VirtualHosts: []config.VirtualHost{everyHost(
		action(config.RouteAction{ClusterHeader: "to"}), action(config.RouteAction{ClusterName: "consul:shop"}), action(config.RouteAction{ClusterName: "consul:*"}),
	)}}
	table := Compile(rc, o, &report)
	if n := len(report.Problems()); n != 2 || !strings.Contains(report.Err().Error(), `there is no cluster "consul:shop"`) {
		t.Errorf("%v", report.Problems())
	}
	if target, ok := table.Routes()[0].Target(request("GET h/", "to: consul:shop"), 0); ok {
		t.Errorf("%+v", target)
	}
}

// A pattern allows what the regular expression does that says the same.
func TestPatternsAreExpressions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.StringMatching(`[ab*.]{1,8}`), 0, 3).Draw(t, "patterns")
		name := rapid.StringMatching(`[ab][ab.]{0,9}`).Draw(t, "name")
		want := false
		for _, p := range patterns {
			expr := strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `.*`)
			want = want || regexp.MustCompile(`\A`+expr+`\z`).MatchString(name)
		}
		s := newServices(&config.OnDemand{Services: patterns})
		if got := s.allow([]byte(name)); got != want {
			t.Fatalf("%q of %q: %v", name, patterns, got)
		}
	})
}

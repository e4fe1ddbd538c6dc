package peer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// weirText is the part of a configuration that tests look at.
type weirText struct {
	Servers []struct {
		Listeners []struct {
			Address       string
			StreamFilters []struct{ Type string } `json:"stream_filters"`
			FilterChains  []struct {
				Filters []struct {
					Config struct {
						Protocol string `json:"downstream_protocol"`
						Upstream string `json:"upstream_protocol"`
					}
				}
			} `json:"filter_chains"`
		}
		Routers []struct {
			VirtualHosts []struct {
				Routers []struct {
					Match struct {
						Prefix  string
						Path    string
						Headers []struct{ Name, Value string }
					}
					Route struct {
						Cluster string `json:"cluster_name"`
					}
				}
			} `json:"virtual_hosts"`
		}
	}
	Clusters struct {
		Clusters []struct {
			Name     string
			Hosts    []struct{ Address string }
			Breakers []struct {
				Requests int `json:"max_requests"`
				Pending  int `json:"max_pending_requests"`
			} `json:"circuit_breakers"`
		}
	} `json:"cluster_manager"`
}

// testSite is a place to be configured for.
func testSite(t *testing.T) site {
	return site{dir: t.TempDir(), address: "127.0.0.1:8001", hosts: []string{"127.0.0.1:8002", "127.0.0.1:8003"}}
}

// configure writes a configuration of weir and reads it.
func configure(t *testing.T, s Spec) weirText {
	t.Helper()
	return configureAt(t, s, testSite(t))
}

func configureAt(t *testing.T, s Spec, at site) weirText {
	t.Helper()
	argv, err := s.configure(at)
	if err != nil {
		t.Fatal(err)
	}
	if len(argv) != 4 || !strings.HasSuffix(argv[0], "/bin/weir") || !slices.Equal(argv[1:3], []string{"start", "-c"}) {
		t.Errorf("%s: command %q", s.Name, argv)
	}
	text, err := os.ReadFile(argv[3])
	if err != nil {
		t.Fatal(err)
	}
	var got weirText
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if at := got.Servers[0].Listeners[0].Address; at != "127.0.0.1:8001" {
		t.Errorf("%s: listens on %s", s.Name, at)
	}
	return got
}

func TestWeirConfigurations(t *testing.T) {
	for _, tc := range []struct {
		spec            Spec
		routes, filters int
	}{
		{Plain("bin/weir"), 1, 0},
		{WithFilters("bin/weir"), 1000, 3},
	} {
		got := configure(t, tc.spec)
		if n := len(got.Servers[0].Listeners[0].StreamFilters); n != tc.filters {
			t.Errorf("%s: %d filters, want %d", tc.spec.Name, n, tc.filters)
		}
		routes := got.Servers[0].Routers[0].VirtualHosts[0].Routers
		if len(routes) != tc.routes {
			t.Fatalf("%s: %d routes, want %d", tc.spec.Name, len(routes), tc.routes)
		}
		for i, r := range routes {
			if strings.HasPrefix(RoutedPath, r.Match.Prefix) != (i >= tc.routes-2) {
				t.Errorf("%s: route %d %q and %q", tc.spec.Name, i, r.Match.Prefix, RoutedPath)
			}
		}
	}
}

func TestWeirRPCConfigurations(t *testing.T) {
	for _, tc := range []struct {
		options  RPCOptions
		protocol string
	}{
		{RPCOptions{}, "boltv2"},
		{RPCOptions{Detect: true, MaxRequests: 7}, "Auto"},
	} {
		got := configure(t, WeirRPC("bin/weir", rpcload.BoltV2(), tc.options))
		if p := got.Servers[0].Listeners[0].FilterChains[0].Filters[0].Config.Protocol; p != tc.protocol {
			t.Errorf("speaks %s, want %s", p, tc.protocol)
		}
		routes, clusters := got.Servers[0].Routers[0].VirtualHosts[0].Routers, got.Clusters.Clusters
		if len(routes) != 100 || len(clusters) != 100 {
			t.Fatalf("%d routes, %d clusters, want 100", len(routes), len(clusters))
		}
		for i, r := range routes {
			c, m := clusters[i], r.Match.Headers[0]
			called := i == 98
			if m.Name != "service" || (m.Value == Service) != called || r.Route.Cluster != c.Name || (c.Hosts[0].Address != noHost) != called {
				t.Errorf("route %d: %+v, cluster %+v", i, r, c)
			}
			if limited := len(c.Breakers) > 0 && c.Breakers[0].Requests == 7 && c.Breakers[0].Pending == 7; limited != (tc.options.MaxRequests > 0) {
				t.Errorf("cluster %s: breakers %+v", c.Name, c.Breakers)
			}
		}
		if n := len(clusters[98].Hosts); n != 2 {
			t.Errorf("%d hosts, want 2", n)
		}
	}
}

func TestWeirH2Configurations(t *testing.T) {
	s, at := WeirH2("bin/weir", "Http1", 7), testSite(t)
	got := configureAt(t, s, at)
	c := got.Servers[0].Listeners[0].FilterChains[0].Filters[0].Config
	if c.Protocol != "Http2" || c.Upstream != "Http1" {
		t.Errorf("%+v", c)
	}
	if n, r := len(got.Clusters.Clusters[0].Hosts), got.Clusters.Clusters[0].Breakers[0].Requests; n != 2 || r != 7 {
		t.Errorf("%d hosts, %d requests", n, r)
	}
	if n := len(got.Servers[0].Routers[0].VirtualHosts[0].Routers); n != 1 {
		t.Errorf("%d routes at first", n)
	}
	at.generation = 3
	routes := configureAt(t, s, at).Servers[0].Routers[0].VirtualHosts[0].Routers
	if len(routes) != 2 || routes[0].Match.Path != GenerationPath(3) || routes[1].Match.Prefix != "/" {
		t.Errorf("routes of another generation: %+v", routes)
	}
}

func TestNghttpxHasAllBackends(t *testing.T) {
	argv, err := Nghttpx().configure(testSite(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-f127.0.0.1,8001;no-tls", "-b127.0.0.1,8002;;proto=h2;no-tls", "-b127.0.0.1,8003;;proto=h2;no-tls", "-n2"} {
		if !slices.Contains(argv, want) {
			t.Errorf("%q, want %s", argv, want)
		}
	}
}

func TestNghttpdHasAFile(t *testing.T) {
	argv, err := Nghttpd().configure(testSite(t))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(argv[slices.Index(argv, "-d")+1], "index.html"))
	if err != nil || info.Size() != 256 {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestBackendAnswersAreAsLongAsTheySay(t *testing.T) {
	argv, err := Backend().configure(site{dir: t.TempDir(), address: "127.0.0.1:8001"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(argv[len(argv)-1])
	if err != nil {
		t.Fatal(err)
	}
	digits := strings.Count(string(text), "0123456789abcdef") * 16
	if references := strings.Count(string(text), "$kib") - 1; digits != 1024+256 || references != 64 {
		t.Errorf("%d bytes of text, referred to %d times", digits, references)
	}
}

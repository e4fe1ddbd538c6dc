package peer

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestWeirConfigurations(t *testing.T) {
	for _, tc := range []struct {
		spec            Spec
		routes, filters int
	}{
		{Plain("bin/weir"), 1, 0},
		{WithFilters("bin/weir"), 1000, 3},
	} {
		argv, err := tc.spec.configure(t.TempDir(), 8001, 8002)
		if err != nil {
			t.Fatal(err)
		}
		if len(argv) != 4 || !strings.HasSuffix(argv[0], "/bin/weir") || !slices.Equal(argv[1:3], []string{"start", "-c"}) {
			t.Errorf("command %q", argv)
		}
		text, err := os.ReadFile(argv[3])
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Servers []struct {
				Listeners []struct {
					Address       string
					StreamFilters []struct{ Type string } `json:"stream_filters"`
				}
				Routers []struct {
					VirtualHosts []struct {
						Routers []struct{ Match struct{ Prefix string } }
					} `json:"virtual_hosts"`
				}
			}
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		listener := got.Servers[0].Listeners[0]
		if listener.Address != "127.0.0.1:8001" || len(listener.StreamFilters) != tc.filters {
			t.Errorf("%s: listener %+v, want %d filters", tc.spec.Name, listener, tc.filters)
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

func TestBackendAnswersAreAsLongAsTheySay(t *testing.T) {
	argv, err := backend(t.TempDir(), 8001, 0)
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

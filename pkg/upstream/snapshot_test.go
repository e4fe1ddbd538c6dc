package upstream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

func TestResolve(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:80":                     "127.0.0.1:80",
		"[::1]:8080":                       "[::1]:8080",
		"localhost:80":                     "127.0.0.1:80",
		"unix:/run/x.sock":                 "unix:/run/x.sock",
		"unix:@abstract":                   "unix:@abstract",
		"127.0.0.1":                        "error: ",
		"127.0.0.1:":                       "error: ",
		"127.0.0.1:65536":                  `error: address "127.0.0.1:65536": "65536" is not a port`,
		"localhost:http":                   `error: address "localhost:http": "http" is not a port`,
		"localhost:-1":                     `error: address "localhost:-1": "-1" is not a port`,
		"no host.invalid:80":               "error: ",
		"unix:":                            "error: ",
		"unix:" + strings.Repeat("x", 200): "error: ",
	} {
		a, _, err := resolve(address)
		got := a.String()
		if err != nil {
			got = "error: " + err.Error()
		}
		anyError := want == "error: " && strings.HasPrefix(got, want) && strings.Contains(got, address)
		if got != want && !anyError {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// A host that cannot be resolved is reported where it stands in the file.
func TestBuildReports(t *testing.T) {
	text := `{"cluster_manager": {"clusters": [{"name": "c", "hosts": [
  {"address": "127.0.0.1:80"},
  {"address": "no host.invalid:80"}
]}]}}`
	var positions []string
	check := func(c *config.Config, r *config.Report) {
		var own config.Report
		_, update := Build(c, nil, 1, &own)
		if n := len(update.of[0].hosts); n != 1 {
			t.Errorf("%d hosts were built, want 1", n)
		}
		for _, p := range own.Problems() {
			positions = append(positions, fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Path))
		}
	}
	config.Parse("x.json", []byte(text), config.Options{Checks: []func(*config.Config, *config.Report){check}})
	if diff := cmp.Diff([]string{"x.json:3 cluster_manager.clusters[0].hosts[1].address"}, positions); diff != "" {
		t.Error(diff)
	}
}

// The limits of a cluster outlive snapshots, those of another are its own.
func TestBuildKeepsLimits(t *testing.T) {
	build := func(before *Snapshot, names ...string) *Snapshot {
		cfg := new(config.Config)
		for _, name := range names {
			c := cluster(nil)
			c.Name = name
			cfg.ClusterManager.Clusters = append(cfg.ClusterManager.Clusters, c)
		}
		s, _ := Build(cfg, before, 1, new(config.Report))
		return s
	}
	limits := func(s *Snapshot, name string) *Limits {
		i, ok := s.Index(name)
		if !ok {
			t.Fatalf("no cluster %s", name)
		}
		return s.clusters[i].Limits
	}
	one := build(nil, "a", "b")
	two := build(one, "b", "c")
	three := build(two, "a", "b")
	if limits(one, "b") != limits(two, "b") || limits(two, "b") != limits(three, "b") {
		t.Error("the limits of a cluster that stays were replaced")
	}
	if limits(one, "a") == limits(three, "a") || limits(three, "a") == limits(three, "b") {
		t.Error("limits are shared by different clusters")
	}
	if three.Len() != 2 {
		t.Errorf("%d clusters, want 2", three.Len())
	}
}

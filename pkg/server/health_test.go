package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// A check that cannot be made is told with everything else that is wrong.
func TestCheckByHeartbeats(t *testing.T) {
	const text = `{"servers":[{}],
 "cluster_manager":{"clusters":[
  {"name":"a","hosts":[{"address":"127.0.0.1:80"}],"health_check":{"protocol":"mute"}},
  {"name":"b","hosts":[{"address":"127.0.0.1:80"}],"health_check":{"protocol":"PLAINER"}}]}}`
	path := filepath.Join(t.TempDir(), "weir.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g := testRegistry()
	g.Protocols = append(g.Protocols, plain.Spec().Protocol(),
		xprotocol.Spec{Name: "mute", Codec: struct{ xprotocol.Codec }{plain.Codec{}}}.Protocol())
	report, err := g.Check(path)
	if err == nil {
		t.Fatal("the file passes")
	}
	problems := report.Problems()
	want := path + `:3:79: cluster_manager.clusters[0].health_check.protocol: the protocol mute has no heartbeats`
	if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), want) {
		t.Errorf("the problems are %v, want %s", problems, want)
	}
}

// A server that has not started knows nothing of any host.
func TestHealthBeforeStart(t *testing.T) {
	w := newWeir(t, setup{})
	if w.Health() != nil || w.counts() != nil {
		t.Error("it knows of hosts")
	}
}

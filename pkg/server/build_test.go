package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
)

func testRegistry() Registry {
	return Registry{
		Protocols: protocol.Registry{http1.Protocol()},
		Filters:   filter.Registry{"fault": fault.Make},
	}
}

// Everything that is wrong with a file is told at once, also what a listener that
// could not be opened anyway says about its filters and logs.
func TestCheckTellsAll(t *testing.T) {
	const text = `{"servers":[{
 "listeners":[{"name":"a","address":"127.0.0.1:0","bind_port":true,
  "access_logs":[{"log_path":"stdout","log_format":"%respnse_code%"},
   {"log_path":"stdout","json_format":{"code":"%respnse_code%"}}],
  "filter_chains":[{"filters":[{"type":"proxy","config":{"downstream_protocol":"Http1","router_config_name":"nope"}}]}],
  "stream_filters":[{"type":"fault","config":{"delay":{"fixed_delay":"5s","percentage":120}}}]}],
 "routers":[{"router_config_name":"r","virtual_hosts":[{"name":"v","domains":["*"],"routers":[
  {"match":{"regex":"("},"route":{"cluster_name":"c"}},
  {"match":{"prefix":"/"},"route":{"cluster_name":"d"}}]}]}]}],
 "cluster_manager":{"clusters":[{"name":"c","hosts":[{"address":"127.0.0.1:80"}]}]}}`
	path := filepath.Join(t.TempDir(), "weir.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := testRegistry().Check(path)
	if err == nil {
		t.Fatal("the file passes")
	}
	want := []string{
		":3:", "respnse_code",
		":4:", "respnse_code",
		":5:", `no router "nope"`,
		":6:", "percentage",
		":8:", "regex",
		":9:", `"d"`,
	}
	problems := report.Problems()
	if len(problems) != len(want)/2 {
		t.Fatalf("%d problems, want %d:\n%v", len(problems), len(want)/2, problems)
	}
	for i, p := range problems {
		if s := p.String(); !strings.Contains(s, path+want[2*i]) || !strings.Contains(s, want[2*i+1]) {
			t.Errorf("problem %d is %q, want line %s and %s", i, s, want[2*i], want[2*i+1])
		}
	}
}

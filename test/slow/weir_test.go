//go:build slow

package slow_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the built command, made once for all tests.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "weir")
	out, err := exec.Command("go", "build", "-o", path, "github.com/weirproxy/weir/cmd/weir").CombinedOutput()
	os.Stderr.Write(out)
	return path, err
})

// scratch is a folder for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // they wait more than they work
	var err error
	if scratch, err = os.MkdirTemp("", "weir-slow"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code) //nolint:forbidigo // TestMain ends the test program
}

// weir is a weir that runs as a process of its own.
type weir struct {
	address string // of its listener
	log     *output
}

// output is what a program says, while it may still be talking.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var listening = regexp.MustCompile(`listening listener=\S+ address=(\S+)`)

// configuration has nothing that is not the default, beside what a proxy cannot do without.
const configuration = `{
  "servers": [{
    "routers": [{"router_config_name": "routes", "virtual_hosts": [{"name": "all", "domains": ["*"],
      "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "up"}}]}]}],
    "listeners": [{"name": "main", "address": "127.0.0.1:0", "bind_port": true, "filter_chains": [{"filters": [
      {"type": "proxy", "config": {"downstream_protocol": %q, "router_config_name": "routes"}}]}]}]
  }],
  "cluster_manager": {"clusters": [{"name": "up", "hosts": [{"address": %q}]}]}
}`

// start runs a weir in front of a host until the test is over. It must then drain: nothing is left behind on it.
func start(t *testing.T, protocol, host string) *weir {
	t.Helper()
	command, err := program()
	if err != nil {
		t.Fatalf("go build ./cmd/weir: %v", err)
	}
	file := filepath.Join(t.TempDir(), "weir.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, protocol, host), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &weir{log: &output{}}
	cmd := exec.Command(command, "start", "-c", file)
	cmd.Stdout, cmd.Stderr = w.log, w.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("weir ended with %v:\n%s", err, w.log)
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if m := listening.FindStringSubmatch(w.log.String()); m != nil {
			w.address = m[1]
			return w
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("weir does not start: %v\n%s", err, w.log)
		default:
		}
	}
	return w
}

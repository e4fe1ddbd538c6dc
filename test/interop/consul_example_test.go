//go:build interop

package interop_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestConsul runs the services of examples/consul, which find each other through Consul and weirs that its script starts, and come and
// go while they are called.
func TestConsul(t *testing.T) {
	t.Parallel()
	all := &peers{built: map[string]error{}}
	all.need(t, "consul")
	agent := consulAgent(t)
	command, err := program()
	if err != nil {
		t.Fatalf("go build ./cmd/weir: %v", err)
	}
	const limit = 8 * time.Minute // it takes one if nothing else is going on; each of its steps has a patience of its own
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := script(ctx, "consul", strconv.Itoa(portsInARow(t, 40)))
	cmd.Env = append(os.Environ(), "WEIR="+command, "WEIR_CONSUL="+agent)
	// What the script started must not outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("the script left processes behind (kill: %v)", err)
		}
	}
	passed, problem := judge(string(out), err, "")
	t.Logf("%s: %d checks are ok", t.Name(), passed)
	if problem != "" {
		t.Errorf("%s\nexamples/consul/run said:\n%s", problem, out)
	}
}

// consulAgent finds Consul. Without it the test is skipped.
func consulAgent(t *testing.T) string {
	t.Helper()
	path := os.Getenv("WEIR_CONSUL")
	if path == "" {
		path = "../../bin/consul"
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		return path
	}
	reason := fmt.Sprintf("NOT RUN: there is no Consul, run `make consul` or name one with WEIR_CONSUL: %v", err)
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s; with CI=true nothing may be left out", reason)
	}
	t.Skip(reason)
	return ""
}

// portsInARow finds the first of n ports in a row that nobody listens on; as in freeAddress, outgoing connections do not get them.
func portsInARow(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		first := 20_000 + rand.IntN(12_000)
		if free(first, n) {
			return first
		}
	}
	t.Fatalf("no %d ports in a row are free", n)
	return 0
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// loadSeconds is how long each kind of load goes on: WEIR_LOAD_SECONDS, for a test that means it.
func loadSeconds(t *testing.T) int {
	value := os.Getenv("WEIR_LOAD_SECONDS")
	if value == "" {
		return 3
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		t.Fatalf("WEIR_LOAD_SECONDS is %q, want a number of seconds", value)
	}
	return n
}

// grpcLoads are what tools/peers/grpcload does, with messages a second, or calls, and the size of a message or milliseconds of a call.
var grpcLoads = []struct {
	mode       string
	rate, size int
}{
	{"down", 150, 20},
	{"down", 1500, 20},
	{"down", 0, 20},
	{"up", 150, 20},
	{"up", 1500, 20},
	{"up", 0, 20},
	{"echo", 150, 20},
	{"echo", 1500, 20},
	{"echo", 0, 20},
	{"down", 0, 64 << 10},
	{"up", 0, 64 << 10},
	{"echo", 0, 64 << 10},
	{"cancel", 80, 20},
	{"cancel", 500, 20},
	{"deadline", 80, 100},
	{"deadline", 200, 1000},
	{"hedge", 100, 20},
}

// grpcLoad is the built program, made once for all tests.
var grpcLoad = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "grpcload")
	build := exec.Command("go", "build", "-o", path, "./grpcload")
	build.Dir = "../../tools/peers"
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building tools/peers/grpcload: %w\n%s", err, out)
	}
	return path, nil
})

// TestGRPCLoad has gRPC in Go, with its defaults, move as much as it can through weir, both ways, and make calls that end early. Its
// measurements of the bandwidth, and its resets, are none of an attacker's.
func TestGRPCLoad(t *testing.T) {
	seconds := loadSeconds(t)
	program, err := grpcLoad()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	host := exec.Command(program, "server", port)
	host.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		host.Process.Kill()
		host.Wait()
	})
	w := start(t, "weir", oneCluster("Http2", address))
	for _, l := range grpcLoads {
		t.Run(fmt.Sprint(l.mode, "-", l.rate, "-", l.size), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+patience)
			defer cancel()
			client := exec.CommandContext(ctx, program, l.mode, w.addresses["main"], strconv.Itoa(l.rate), strconv.Itoa(seconds), strconv.Itoa(l.size))
			begin := w.log.len()
			out, err := client.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s\nmeanwhile, weir logged:\n%s", err, out, w.log.from(begin))
			}
			t.Logf("%s", out)
		})
	}
}

//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// grpcCases are the cases of gRPC's interop client, in Go. There are none of compressed messages, which only other languages have. Left out are those
// that need TLS and an account in a cloud (the ones of credentials), and pick_first_unary, which needs servers that tell their names: the one in Go
// does not.
var grpcCases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
	"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response",
	"status_code_and_message", "special_status_message", "custom_metadata", "unimplemented_method", "unimplemented_service",
	"orca_per_rpc", "orca_oob", "rpc_soak", "channel_soak",
}

// TestGRPCSuite runs gRPC's interop client against its interop server through weir.
func TestGRPCSuite(t *testing.T) {
	for _, way := range []struct {
		name  string
		start func(t *testing.T, server string) *weir
	}{
		{"named", func(t *testing.T, server string) *weir { return start(t, "weir", oneCluster("Http2", server)) }},
		{"two-weirs", func(t *testing.T, server string) *weir {
			far := start(t, "the weir of the server", oneCluster("Auto", server))
			return start(t, "the weir of the client", oneCluster("Auto", far.addresses["main"]))
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := way.start(t, startGRPC(t))
			for _, name := range grpcCases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					runGRPC(t, w, name)
				})
			}
		})
	}
}

// Sizes of the soak tests.
const (
	soakIterations = "1000"
	soakThreads    = "4"
	soakPause      = "40" // milliseconds between the calls of a thread, so that the test goes on for ten seconds
	reloadPause    = 200 * time.Millisecond
	leastReloads   = 20
)

// TestGRPCReload makes many calls, on one connection and on a new one for each, while weir is given another configuration again and again: the
// cluster that the calls go to is taken away from under them, for another one of the same server. No call may fail.
func TestGRPCReload(t *testing.T) {
	for _, name := range []string{"rpc_soak", "channel_soak"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startGRPC(t)
			one, two := &config{}, &config{}
			for cluster, c := range map[string]*config{"one": one, "two": two} {
				c.listen("main", "Http2", nil, prefix("/", cluster))
				c.cluster(cluster, server)
			}
			w := start(t, "weir", one)
			stop := reload(t, w, two, one)
			runGRPC(t, w, name, "--soak_iterations="+soakIterations, "--soak_num_threads="+soakThreads,
				"--soak_min_time_ms_between_rpcs="+soakPause)
			n := stop()
			t.Logf("%s: %s calls while weir was reloaded %d times", t.Name(), soakIterations, n)
			if n < leastReloads {
				t.Errorf("weir was reloaded only %d times meanwhile, want %d", n, leastReloads)
			}
		})
	}
}

// oneCluster is the configuration of a weir that forwards everything.
func oneCluster(protocol, to string) *config {
	c := &config{}
	c.listen("main", protocol, nil, prefix("/", "server"))
	c.cluster("server", to)
	return c
}

// startGRPC starts the interop server, and is its address.
func startGRPC(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	s := beside(t, "server", "--port", port)
	if !s.until(func() bool { return connects(address) }) {
		t.Fatalf("gRPC's interop server does not start:\n%s", s.log.from(0))
	}
	return address
}

// connects tells whether somebody listens.
func connects(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// runGRPC runs a case of the interop client.
func runGRPC(t *testing.T, w *weir, name string, args ...string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(w.addresses["main"])
	args = append([]string{
		"--test_case", name, "--server_host", host, "--server_port", port,
		// A call that takes long on a busy machine has not failed.
		"--soak_per_iteration_max_acceptable_latency_ms=30000", "--soak_overall_timeout_seconds=60",
		// The cases of ORCA take what the server says of its load from this balancer.
		`--service_config_json={"loadBalancingConfig": [{"test_backend_metrics_load_balancer": {}}]}`,
	}, args...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	client := suite(ctx, t, "client", args...)
	client.Env = append(os.Environ(), "GRPC_GO_LOG_SEVERITY_LEVEL=info")
	begin := w.log.len()
	if out, err := client.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s said:\n%s\nmeanwhile, %s logged:\n%s", err, strings.Join(client.Args, " "), out, w.name, w.log.from(begin))
	}
}

// reload makes weir load one configuration after the other, every reloadPause. The function that it returns ends that, and tells how often it was
// done.
func reload(t *testing.T, w *weir, configs ...*config) (stop func() int) {
	t.Helper()
	var files [][]byte
	for _, c := range configs {
		files = append(files, c.file(t))
	}
	done, n := make(chan struct{}), 0
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(reloadPause)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if err := w.load(files[n%len(files)]); err != nil {
				t.Error(err)
				return
			}
			n++
		}
	})
	stop = sync.OnceValue(func() int {
		close(done)
		running.Wait()
		return n
	})
	t.Cleanup(func() { stop() })
	return stop
}

// load makes weir load another configuration, and waits until it has.
func (w *weir) load(file []byte) error {
	const loaded = "the configuration was reloaded"
	begin := w.log.len()
	name := w.cmd.Args[len(w.cmd.Args)-1]
	if err := os.WriteFile(name, file, 0o644); err != nil {
		return err
	}
	if err := w.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	if !w.log.until(w.ended, func(text string) bool { return strings.Contains(text[begin:], loaded) }) {
		return fmt.Errorf("%s does not load its configuration:\n%s", w.name, w.log.from(begin))
	}
	return nil
}

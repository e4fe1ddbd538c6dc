//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// loadSeconds is how long each kind of load goes on: WEIR_LOAD_SECONDS, for a test that means it.
func loadSeconds(t *testing.T) int {
	value := os.Getenv("WEIR_LOAD_SECONDS")
	if value == "" {
		return 2
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		t.Fatalf("WEIR_LOAD_SECONDS is %q, want a number of seconds", value)
	}
	return n
}

// load is what a client does, with messages, calls or streams, and the size of a message or milliseconds of a call.
type load struct {
	mode       string
	rate, size int
}

// stack is an implementation of HTTP/2.
type stack struct {
	name string
	// client is its program, with the arguments in front of the mode.
	client func(t *testing.T) (command []string)
	// server is the same, with the argument in front of the port.
	server func(t *testing.T) (command []string)
	// at is where the programs run, and first what comes first of "ADDR MODE": the address, if it is true.
	at           string
	addressFirst bool
}

// command is a program of a stack that is killed with the context, and with the test program.
func (s *stack) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.WaitDelay = s.at, 5*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// serve starts the server until the test is over. It returns its address.
func (s *stack) serve(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	run(t, s.command(context.Background(), append(s.server(t), port)), address)
	return address
}

// run runs a server until the test is over, and waits until it listens.
func run(t *testing.T, cmd *exec.Cmd, address string) {
	t.Helper()
	var log output
	ended := make(chan struct{})
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	if !log.until(ended, func(string) bool { return connects(address) }) {
		t.Fatalf("%v does not start:\n%s", cmd.Args, log.from(0))
	}
}

// put puts a load on a server, which it calls at an address. None of its calls may fail but those that are meant to.
func (s *stack) put(t *testing.T, l load, address string) {
	t.Helper()
	seconds := loadSeconds(t)
	args := append(s.client(t), l.mode, address)
	if s.addressFirst {
		args = append(s.client(t), address, l.mode)
	}
	args = append(args, strconv.Itoa(l.rate), strconv.Itoa(seconds), strconv.Itoa(l.size))
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds)*time.Second+2*patience)
	defer cancel()
	out, err := s.command(ctx, args).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v", args, err)
	}
	t.Logf("%s", out)
}

// closes are the counters of connections that weir, or a host of its, ended under somebody.
var closes = regexp.MustCompile(`(?m)^weir_(?:downstream_request_protocol_error|upstream_connection_(?:local|remote)_close_with_active_request)_total\{[^}]*\} (\S+)$`)

// counts are all counters that are not 0.
var counts = regexp.MustCompile(`(?m)^weir_(?:downstream|upstream)_[^#\n]* [1-9].*\n`)

// keeps checks that no connection was ended for what came on it.
func (w *weir) keeps(t *testing.T) {
	t.Helper()
	if w.admin == "" {
		t.Fatal("the weir has no admin interface")
	}
	resp, err := http.Get("http://" + w.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	counters := closes.FindAllStringSubmatch(string(text), -1)
	if len(counters) < 3 {
		t.Errorf("the counters are missing in\n%s", text)
	}
	for _, c := range counters {
		if c[1] != "0" {
			t.Errorf("a connection was ended: %s", c[0])
		}
	}
	if t.Failed() {
		t.Logf("%s logged:\n%s\nand counts:\n%s", w.name, w.log.from(0), counts.FindAllString(string(text), -1))
	}
}

// counted is the configuration of a weir that forwards HTTP/2 to a host and counts what it does.
func counted(to string) *config {
	c := oneCluster("Http2", to)
	c.admin = true
	return c
}

// pair is a client and a server, and what goes between them.
type pair struct {
	client, server stack
	loads          []load
}

// through runs the loads of some pairs, each through a weir of its own.
func through(t *testing.T, pairs []pair) {
	for _, p := range pairs {
		t.Run(p.client.name+" to "+p.server.name, func(t *testing.T) {
			p.client.client(t) // or it is skipped
			w := start(t, "weir", counted(p.server.serve(t)))
			t.Cleanup(func() { w.keeps(t) })
			for _, l := range p.loads {
				t.Run(fmt.Sprint(l.mode, "-", l.rate, "-", l.size), func(t *testing.T) {
					t.Parallel()
					p.client.put(t, l, w.addresses["main"])
				})
			}
		})
	}
}

// grpcLoad is the built program of tools/peers, made once for all tests.
var grpcLoad = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "grpcload")
	build := exec.Command("go", "build", "-o", path, "./grpcload")
	build.Dir = "../../tools/peers"
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building tools/peers/grpcload: %w\n%s", err, out)
	}
	return path, nil
})

// nodeLoad installs what tools/peers/nodeload takes, once for all tests.
var nodeLoad = sync.OnceValue(func() error {
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	install.Dir = "../../tools/peers/nodeload"
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in tools/peers/nodeload: %w\n%s", err, out)
	}
	return nil
})

// grpcGo is gRPC in Go.
func grpcGo() stack {
	program := func(args ...string) func(*testing.T) []string {
		return func(t *testing.T) []string {
			path, err := grpcLoad()
			if err != nil {
				t.Fatal(err)
			}
			return append([]string{path}, args...)
		}
	}
	return stack{name: "grpc-go", client: program(), server: program("server")}
}

// grpcJava is gRPC in Java.
func grpcJava() stack {
	program := func(kind string) func(*testing.T) []string {
		return func(t *testing.T) []string {
			needVersions(t)
			return []string{"./run", "grpc", kind}
		}
	}
	return stack{name: "grpc-java", client: program("client"), server: program("server"), at: "versions", addressFirst: true}
}

// inNode is Node, with gRPC or with its own module.
func inNode(name, kind string) stack {
	program := func(kind string) func(*testing.T) []string {
		return func(t *testing.T) []string {
			needTools(t, "tools/peers/nodeload", node)
			if err := nodeLoad(); err != nil {
				t.Fatal(err)
			}
			return []string{"node", "load.js", kind}
		}
	}
	return stack{name: name, client: program(kind), server: program("server"), at: "../../tools/peers/nodeload"}
}

//go:build interop

package interop_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// allConformance is set by `make conformance`.
var allConformance = flag.Bool("conformance", false, "run the whole of Connect's conformance suite, both of its modes, and without weir too")

// conformance is the folder of the programs of tools/conformance: those of Connect's conformance suite, and the one that puts a weir between them.
var conformance = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "conformance")
	fmt.Fprintln(os.Stderr, "building the tools of tools/conformance/go.mod")
	build := exec.Command("go", "build", "-mod=readonly", "-o", dir+string(filepath.Separator), "./through", "tool")
	build.Dir = "../../tools/conformance"
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the tools of tools/conformance/go.mod: %w\n%s", err, out)
	}
	return dir, nil
})

// TestConformance runs Connect's conformance suite through weir: Connect, gRPC and gRPC-Web, in both versions of HTTP. What passes without weir
// passes with it.
func TestConformance(t *testing.T) {
	const web = "--known-failing=@web-failing.txt"
	for _, run := range []struct {
		name   string
		short  bool // it is run by `make interop` too
		mode   string
		config string
		way    []string // flags of through; nil: the peer stands alone
		peer   string
		more   []string
	}{
		{"server, direct", false, "server", "all.yaml", nil, "referenceserver", nil},
		{"server, one weir", false, "server", "all.yaml", []string{}, "referenceserver", nil},
		{"server, two weirs in the other version", true, "server", "all.yaml", []string{"-chain"}, "referenceserver", nil},
		{"client, direct", false, "client", "all.yaml", nil, "referenceclient", []string{"--port=0"}},
		{"client, one weir", false, "client", "all.yaml", []string{}, "referenceclient", []string{"--port=0"}},
		{"client, two weirs in the other version", false, "client", "all.yaml", []string{"-chain"}, "referenceclient", []string{"--port=0"}},
		{"gRPC-Web, direct", false, "server", "web.yaml", nil, "grpcserver", []string{web}},
		{"gRPC-Web to a server of gRPC", true, "server", "web.yaml", []string{"-grpcweb"}, "grpcserver", []string{web}},
		{"gRPC-Web to a server of gRPC, two weirs", false, "server", "web.yaml", []string{"-grpcweb", "-chain"}, "grpcserver", []string{web}},
	} {
		if !run.short && !*allConformance {
			continue
		}
		t.Run(run.name, func(t *testing.T) {
			t.Parallel()
			dir, err := conformance()
			if err != nil {
				t.Fatal(err)
			}
			args := append([]string{"--mode", run.mode, "--conf", run.config}, run.more...)
			args = append(args, "--")
			if run.way != nil {
				args = append(append(args, filepath.Join(dir, "through"), "-weir", command(t)), run.way...)
				args = append(args, run.mode, "--")
			}
			t.Log(conform(t, dir, append(args, filepath.Join(dir, run.peer))...))
		})
	}
}

// conform runs the suite, and returns how many cases there were. It fails the test if one has failed.
func conform(t *testing.T, dir string, args ...string) (counts string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var out, log output
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "connectconformance"), args...)
	cmd.Dir = "../../tools/conformance"
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if err != nil || strings.Contains(log.from(0), "panic") {
		t.Errorf("%v\n%s said:\n%s\n%s", err, strings.Join(cmd.Args, " "), out.from(0), log.from(0))
	}
	_, counts, _ = strings.Cut(out.from(0), "Total cases: ")
	return strings.ReplaceAll(strings.TrimSpace(counts), "\n", " cases, ")
}

// command is the path of the built weir.
func command(t *testing.T) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("go build ./cmd/weir: %v", err)
	}
	return path
}

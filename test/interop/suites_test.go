//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// suites is the folder of the programs that tools/peers/go.mod pins, test suites that others wrote: h2spec, h2specd, and gRPC's interop
// client and server. They are built once for all tests, outside of weir's own module.
var suites = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "suites")
	fmt.Fprintln(os.Stderr, "building the tools of tools/peers/go.mod")
	build := exec.Command("go", "build", "-modfile=tools/peers/go.mod", "-o", dir+string(filepath.Separator), "tool")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the tools of tools/peers/go.mod: %w\n%s", err, out)
	}
	return dir, nil
})

// suite is a command of one of these programs. It is killed when the context ends.
func suite(ctx context.Context, t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := suites()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, name), args...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// background is one of these programs while it runs beside a test.
type background struct {
	log   output
	ended chan struct{}
}

// beside starts one of these programs. It is killed when the test is over.
func beside(t *testing.T, name string, args ...string) *background {
	t.Helper()
	cmd := suite(context.Background(), t, name, args...)
	b := &background{ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &b.log, &b.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(b.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		<-b.ended
	})
	return b
}

// until waits until a condition on the outside world holds, and tells whether it does. It gives up when the program has ended, or runs
// out of patience.
func (b *background) until(holds func() bool) bool {
	return b.log.until(b.ended, func(string) bool { return holds() })
}

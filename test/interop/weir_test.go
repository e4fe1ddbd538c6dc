//go:build interop

package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to start or to end, on a machine that is busy with many of them.
const patience = 60 * time.Second

// program is the built command, made once for all tests.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "weir")
	out, err := exec.Command("go", "build", "-o", path, "github.com/weirproxy/weir/cmd/weir").CombinedOutput()
	os.Stderr.Write(out)
	return path, err
})

// scratch is a folder for what all tests share. TestMain makes and removes it.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "weir-interop"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code) //nolint:forbidigo // TestMain ends the test program
}

// weir is a weir that runs as a process of its own.
type weir struct {
	name      string
	cmd       *exec.Cmd
	log       output
	addresses map[string]string // of its listeners
	admin     string            // address of its admin interface, if it has one
	ended     chan struct{}
}

// What weir logs of each listener, and of its admin interface.
var (
	listening      = regexp.MustCompile(`listening listener=(\S+) address=(\S+)`)
	administrating = regexp.MustCompile(`"admin interface" address=(\S+)`)
)

// start runs a weir until the test is over. It must end by itself when it is asked to.
func start(t *testing.T, name string, c *config) *weir {
	t.Helper()
	command, err := program()
	if err != nil {
		t.Fatalf("go build ./cmd/weir: %v", err)
	}
	file := filepath.Join(t.TempDir(), "weir.json")
	if err := os.WriteFile(file, c.file(t), 0o644); err != nil {
		t.Fatal(err)
	}
	w := &weir{name: name, addresses: map[string]string{}, ended: make(chan struct{})}
	w.cmd = exec.Command(command, "start", "-c", file)
	w.cmd.Stdout, w.cmd.Stderr = &w.log, &w.log
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		w.cmd.Wait()
		close(w.ended)
	}()
	t.Cleanup(func() { w.stop(t) })
	up := func(text string) bool {
		return len(listening.FindAllString(text, -1)) == len(c.listeners) && administrating.MatchString(text) == c.admin
	}
	if !w.log.until(w.ended, up) {
		t.Fatalf("%s does not start:\n%s", name, w.log.from(0))
	}
	for _, m := range listening.FindAllStringSubmatch(w.log.from(0), -1) {
		w.addresses[m[1]] = m[2]
	}
	if m := administrating.FindStringSubmatch(w.log.from(0)); m != nil {
		w.admin = m[1]
	}
	return w
}

// stop ends the weir. Whatever clients did to it, it must have survived, and end as it does without them.
func (w *weir) stop(t *testing.T) {
	w.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.ended:
	case <-time.After(patience):
		t.Errorf("%s does not end", w.name)
		w.cmd.Process.Kill()
		<-w.ended
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(w.log.from(0), "panic") {
		t.Errorf("%s ended with %d:\n%s", w.name, code, w.log.from(0))
	}
}

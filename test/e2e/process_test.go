package e2e_test

import (
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
var program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func build(t testing.TB) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "weir-e2e"); program.err != nil {
			return
		}
		program.path = filepath.Join(program.dir, "weir")
		out, err := exec.Command("go", "build", "-o", program.path, "github.com/weirproxy/weir/cmd/weir").CombinedOutput()
		if program.err = err; err != nil {
			t.Log(string(out))
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// process is a weir that runs as a process of its own.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	path string // of the configuration
	log  *safeBuffer
	addr string // of the listener main
	done chan struct{}
}

// run starts a process and waits until it listens. It is killed with the test, if
// it is still there.
func run(t testing.TB, s setup) *process {
	t.Helper()
	return runAs(t, s, weirStart(t))
}

// weirStart is the ordinary command.
func weirStart(t testing.TB) func(*process) *exec.Cmd {
	return func(p *process) *exec.Cmd { return exec.Command(build(t), "start", "-c", p.path) }
}

// runAs is run with another command.
func runAs(t testing.TB, s setup, command func(*process) *exec.Cmd) *process {
	t.Helper()
	return listens(launch(t, s, command))
}

// launch starts a process. Its output is its log, unless the command has another.
func launch(t testing.TB, s setup, command func(*process) *exec.Cmd) *process {
	t.Helper()
	checkLeaks(t)
	p := &process{t: t, path: filepath.Join(t.TempDir(), "weir.json"), log: &safeBuffer{}, done: make(chan struct{})}
	p.write(s)
	p.cmd = command(p)
	p.cmd.Stderr = p.log
	if p.cmd.Stdout == nil {
		p.cmd.Stdout = p.log
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("the process said:\n%s", p.log)
		}
	})
	return p
}

// listens waits until a process says where it listens.
func listens(p *process) *process {
	p.t.Helper()
	listening := regexp.MustCompile(`listening listener=main address=(\S+)`)
	until(p.t, "the process listens", func() bool {
		m := listening.FindStringSubmatch(p.log.String())
		if m != nil {
			p.addr = m[1]
		}
		return m != nil
	})
	return p
}

func (p *process) write(s setup) {
	p.t.Helper()
	if err := os.WriteFile(p.path, []byte(s.String()), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) url(path string) string { return "http://" + p.addr + path }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// says waits until the process has said something.
func (p *process) says(pattern string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	until(p.t, "the process says "+pattern, func() bool { return re.MatchString(p.log.String()) })
}

// exits waits for the process's end and checks its code.
func (p *process) exits(code int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("the process ended with %d, want %d", got, code)
	}
}

// command runs the program to its end.
func command(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(build(t), args...)
	var out, err safeBuffer
	cmd.Stdout, cmd.Stderr = &out, &err
	cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

package consultest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// process is one run of the program.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is over
	kill  func()
}

// run starts the program. It is killed when the test ends.
func run(t testing.TB, log string, args ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary(t), args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = cleanEnv()
	// The kernel ends it when the thread that started it ends, so that thread is kept.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed: how it ended is no news
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	p.kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-p.ended
	})
	t.Cleanup(p.kill)
	return p
}

// over tells whether the process has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// cleanEnv is the environment without what agents and their clients read in it.
func cleanEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CONSUL_") {
			env = append(env, e)
		}
	}
	return env
}

// tail returns the end of a log.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(text), "\n")
	return fmt.Sprintf("%s:\n%s", filepath.Base(path), strings.Join(lines[max(0, len(lines)-30):], "\n"))
}

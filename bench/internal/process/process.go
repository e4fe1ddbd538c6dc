package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a process has to end when it is asked to, before it is made to.
const patience = 3 * time.Second

// Process is a program that was started, with its own process group.
type Process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	done   chan struct{} // closed when the process has ended
	result error         // valid once done is closed
}

// Start starts a program in a folder of its own process group; what it prints goes to a file in dir. The process is told to end when
// the thread that started it ends: call Start from a goroutine that is locked to the main thread.
func Start(name, dir string, argv ...string) (*Process, error) {
	log := filepath.Join(dir, name+".log")
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own copy
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{name: name, cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.result = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Name is the name given to Start.
func (p *Process) Name() string { return p.name }

// PID is the id of the process that was started; its group has the same.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Err says that and why the process has ended, with the end of what it printed. It is nil as long as the process runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	why := "exit status 0"
	if p.result != nil {
		why = p.result.Error()
	}
	return fmt.Errorf("%s has ended (%s): %s", p.name, why, p.tail())
}

// tail is the end of what the process printed.
func (p *Process) tail() string {
	const most = 2000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	return strings.ToValidUTF8(string(text[max(0, len(text)-most):]), "?")
}

// Stop ends the process and its whole group: by request, and after a while by force. It returns when the process is gone.
func (p *Process) Stop() {
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	// The rest of the group too: a worker may outlive its master.
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Kill ends the process and its whole group at once, as a crash would. It returns when the process is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Signal signals the process alone.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// signal signals the whole group.
func (p *Process) signal(s syscall.Signal) {
	if err := syscall.Kill(-p.PID(), s); err != nil && !errors.Is(err, syscall.ESRCH) {
		fmt.Fprintf(os.Stderr, "signal %s: %v\n", p.name, err)
	}
}

package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// unread is a pipe that nobody reads, and that is full.
func unread(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	checkLeaks(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close(); writer.Close() })
	fd := int(writer.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = unix.Write(fd, make([]byte, 4096))
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	return reader, writer
}

// outputTo runs a process whose standard output goes to a file, and logs only there. It
// has been reloaded once it does what signals ask for.
func outputTo(t *testing.T, s setup, to *os.File) *process {
	t.Helper()
	before, after := named(t, "before"), named(t, "after")
	s = fixed(t, s)
	s.up = before.addr()
	p := launch(t, s, func(p *process) *exec.Cmd {
		cmd := weirStart(t)(p)
		cmd.Stdout = to
		return cmd
	})
	p.addr = s.address
	c := client(t)
	answers := func(what string) bool {
		a, err := try(c, "GET", p.url("/"), nil)
		return err == nil && a.body == what
	}
	until(t, "it listens", func() bool { return answers("before") })
	s.up = after.addr()
	p.write(s)
	until(t, "the configuration is reloaded", func() bool {
		p.signal(syscall.SIGUSR2) // which it ignores as long as it starts
		return answers("after")
	})
	return p
}

// TestOutputNobodyReads: whatever becomes of those who read standard output, weir
// serves, and does what signals ask for.
func TestOutputNobodyReads(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprint("gone ", gone), func(t *testing.T) {
			reader, writer := unread(t)
			if gone {
				reader.Close()
			}
			p := outputTo(t, setup{
				server:   `"default_log_path": "stdout"`,
				listener: `"access_logs": [{"log_path": "stdout", "log_format": "%request_path%"}]`,
			}, writer)
			p.signal(syscall.SIGUSR1)
			c := client(t)
			for range 3 {
				get(t, c, p.url("/")).expect(t, 200, "after")
			}
			p.signal(syscall.SIGTERM)
			p.exits(0)
		})
	}
}

// TestOutputReadLate: what fits waits for the reader.
func TestOutputReadLate(t *testing.T) {
	reader, writer := unread(t)
	p := outputTo(t, setup{}, writer)
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(reader)
		text <- string(b)
	}()
	p.signal(syscall.SIGTERM)
	p.exits(0)
	writer.Close()
	got := <-text
	for _, line := range []string{"msg=listening listener=main", "msg=draining", "msg=drained"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing", line)
		}
	}
}

// limited runs a process with so many descriptors.
func limited(t *testing.T, s setup, soft, hard int) *process {
	t.Helper()
	return runAs(t, s, func(p *process) *exec.Cmd {
		limits := fmt.Sprintf(`ulimit -Sn %d && ulimit -Hn %d && exec "$0" "$@"`, soft, hard)
		return exec.Command("/bin/sh", append([]string{"-c", limits}, weirStart(t)(p).Args...)...)
	})
}

// TestNoDescriptorIsLeft: the log says so, of accepting and of dialling, with the
// limit; and it goes on when there are some again.
func TestNoDescriptorIsLeft(t *testing.T) {
	const hard = 48
	up := named(t, "up")
	p := limited(t, setup{up: up.addr()}, 24, hard)
	var conns []*raw
	for range hard { // the system takes those that weir cannot
		conns = append(conns, dial(t, p.addr))
	}
	p.says(fmt.Sprintf(`no file descriptor is left.* to=accept error="too many open files" limit=%d hint=`, hard-1)) // as the Go runtime raises it
	conns[0].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	conns[0].expect(503, "no connection to the upstream\n")
	p.says(fmt.Sprintf(`no file descriptor is left.* to=dial error="too many open files" limit=%d hint=`, hard-1))
	for _, c := range conns[1:] {
		c.Close()
	}
	eventually(t, "a host can be dialled again", func() error {
		conns[0].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if head, body := conns[0].message(); statusOf(head) != 200 {
			return fmt.Errorf("%q %q", head, body)
		}
		return nil
	})
}

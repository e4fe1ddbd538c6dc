package eventloop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childEnv makes the test binary be the process of runChild.
const childEnv = "EVENTLOOP_TEST_CHILD"

// TestRunningOutOfDescriptors has a process of its own, whose limit is low.
func TestRunningOutOfDescriptors(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func runChild() {
	if err := runOut(); err != nil {
		fmt.Println(err)
		os.Exit(1) //nolint:forbidigo // it is a process of its own
	}
}

// runOut uses up all descriptors, and looks whether accepting backs off, and goes
// on once there are some again.
func runOut() error {
	g, err := NewGroup(2, Options{})
	if err != nil {
		return err
	}
	defer g.Stop()
	addr, err := ParseAddr("127.0.0.1:0")
	if err != nil {
		return err
	}
	ls, err := g.Listen(addr, ListenOptions{}, func(*Conn) Handler { return &echo{} })
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 100, Max: 100}); err != nil {
		return err
	}
	early, err := net.Dial("tcp", ls.Addr().String())
	if err != nil {
		return err
	}
	if err := ping(early); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	waiting, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	var used []int
	for {
		fd, err := unix.Dup(waiting)
		if err != nil {
			break
		}
		used = append(used, fd)
	}
	if err := unix.Connect(waiting, &unix.SockaddrInet4{Port: int(ls.Addr().AddrPort().Port()), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	end := time.Now().Add(patience)
	for ls.Failures() < 3 {
		if time.Now().After(end) {
			return fmt.Errorf("%d failures were counted", ls.Failures())
		}
		if err := ping(early); err != nil { // the others must not suffer
			return fmt.Errorf("meanwhile: %w", err)
		}
	}
	for _, fd := range used {
		unix.Close(fd)
	}
	unix.SetsockoptTimeval(waiting, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)})
	if _, err := unix.Write(waiting, []byte("ping")); err != nil {
		return err
	}
	if n, err := unix.Read(waiting, make([]byte, 4)); n <= 0 {
		return fmt.Errorf("the connection that waited was not served: %w", err)
	}
	if n := ls.Failures(); n > 100 {
		return fmt.Errorf("accepting failed %d times: it did not back off", n)
	}
	return nil
}

func ping(c net.Conn) error {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 4))
	return err
}

package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
)

// TestMain makes the test binary a program that labs can run: one that accepts connections.
func TestMain(m *testing.M) {
	if address := os.Getenv("LAB_TEST_ACCEPTS"); address != "" {
		l, err := net.Listen("tcp", address)
		for err == nil {
			_, err = l.Accept()
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// acceptor is that program. It is ready when it can be connected to.
func acceptor(name, ip string, hosts *[]string) Spec {
	return Spec{
		Name: name, ip: ip,
		configure: func(at site) ([]string, error) {
			*hosts = at.hosts
			return []string{"env", "LAB_TEST_ACCEPTS=" + at.address, os.Args[0]}, nil
		},
		ready: func(ctx context.Context, address string) error {
			var d net.Dialer
			c, err := d.DialContext(ctx, "tcp", address)
			if err != nil {
				return err
			}
			return c.Close()
		},
	}
}

func TestReload(t *testing.T) {
	var hosts []string
	l, err := NewLab(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	never, err := l.Start(t.Context(), acceptor("never", "", &hosts))
	if err != nil {
		t.Fatal(err)
	}
	if err := never.Reload(); err == nil {
		t.Error("reloaded what cannot")
	}

	var generations []int
	s := acceptor("proxy", "", &hosts)
	s.reload = syscall.SIGWINCH // which does nothing
	configure := s.configure
	s.configure = func(at site) ([]string, error) {
		generations = append(generations, at.generation)
		return configure(at)
	}
	p, err := l.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Reload(), p.Reload(), l.Stop(p)); err != nil {
		t.Error(err)
	}
	if !slices.Equal(generations, []int{0, 1, 2}) || p.Generation() != 2 {
		t.Errorf("generations %v, %d", generations, p.Generation())
	}
	if err := p.Reload(); err == nil {
		t.Error("reloaded what has ended")
	}
}

func TestLab(t *testing.T) {
	var hosts []string
	l, err := NewLab(t.Context(), acceptor("one", "127.0.0.2", &hosts), acceptor("two", "", &hosts))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := l.Start(t.Context(), acceptor("proxy", "", &hosts))
	if err != nil {
		t.Fatal(err)
	}
	one := l.Backends()[0]
	if len(hosts) != 2 || hosts[0] != one.Address || hosts[1] != l.Backends()[1].Address {
		t.Errorf("hosts %q", hosts)
	}
	if ip, _, err := net.SplitHostPort(one.Address); ip != "127.0.0.2" {
		t.Errorf("listens on %s, %v", one.Address, err)
	}

	if err := l.Kill(one); err != nil {
		t.Fatal(err)
	}
	if err := one.spec.ready(t.Context(), one.Address); err == nil {
		t.Error("killed, but answers")
	}
	if err := l.Restart(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Healthy(), l.Stop(p)); err != nil {
		t.Error(err)
	}
	l.Backends()[1].Kill() // as if by itself
	if err := l.Healthy(); err == nil {
		t.Error("healthy without a backend")
	}
}

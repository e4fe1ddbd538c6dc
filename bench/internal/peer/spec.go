package peer

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Spec says how to run a program: a proxy or a backend.
type Spec struct {
	Name string
	// ip is what it listens on; "": 127.0.0.1.
	ip string
	// configure writes a configuration and returns the command.
	configure func(site) (argv []string, err error)
	// ready says whether the program at an address answers a request.
	ready func(ctx context.Context, address string) error
	// reload is the signal that has it read its configuration again; 0: none.
	reload syscall.Signal
}

// site is what a program is set up for.
type site struct {
	dir     string   // for its files
	address string   // it listens there
	hosts   []string // the addresses of the backends
	// generation counts the configurations it had before.
	generation int
}

// writeFile writes a configuration and returns its path.
func (s site) writeFile(name, text string) (string, error) {
	p := filepath.Join(s.dir, name)
	return p, os.WriteFile(p, []byte(text), 0o644)
}

// freeAddress is an address that nothing listens on. Another program may take it before the one it is meant for, which then says so
// and ends.
func freeAddress(ip string) (string, error) {
	if ip == "" {
		ip = "127.0.0.1"
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

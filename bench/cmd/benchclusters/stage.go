package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weirproxy/weir/bench/internal/process"
)

// stage is the processes of a trial, in a folder that is theirs. It is for the thread that all processes are started from.
type stage struct {
	o       options
	dir     string
	made    int
	taken   map[int]bool
	running []*process.Process
}

func newStage(o options) (*stage, error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	return &stage{o: o, dir: dir, taken: make(map[int]bool)}, nil
}

// close ends all that runs, and removes the folder.
func (s *stage) close() {
	for _, p := range slices.Backward(s.running) {
		p.Kill()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// folder makes a folder.
func (s *stage) folder(name string) (string, error) {
	s.made++
	dir := filepath.Join(s.dir, fmt.Sprintf("%03d-%s", s.made, name))
	return dir, os.Mkdir(dir, 0o755)
}

// start starts a program in a folder.
func (s *stage) start(name, dir string, argv ...string) (*process.Process, error) {
	program, err := filepath.Abs(argv[0])
	if err != nil {
		return nil, err
	}
	p, err := process.Start(name, dir, append([]string{program}, argv[1:]...)...)
	if err == nil {
		s.running = append(s.running, p)
	}
	return p, err
}

// forget is for a process that was ended on purpose.
func (s *stage) forget(p *process.Process) {
	s.running = slices.DeleteFunc(s.running, func(r *process.Process) bool { return r == p })
}

// healthy says whether anything that should run has ended.
func (s *stage) healthy() error {
	for _, p := range s.running {
		if err := p.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Ports come from below the range out of which systems serve connections, so that nobody gets one of them by chance.
const (
	firstPort = 21000
	portRange = 10000
)

// port is a port that nobody listens on.
func (s *stage) port() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(portRange)
		if s.taken[port] {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			s.taken[port] = true
			return port, l.Close()
		}
	}
	return 0, errors.New("there is no free port")
}

// host is a backend.
type host struct {
	*process.Process
	protocol, name string
	port           int
	dir            string
}

func (h *host) address() string { return fmt.Sprintf("127.0.0.1:%d", h.port) }

// hosts starts n backends.
func (s *stage) hosts(ctx context.Context, protocol string, n int) ([]*host, error) {
	all := make([]*host, n)
	for i := range all {
		h := &host{protocol: protocol, name: fmt.Sprintf("%s-%d", protocol, i)}
		var err error
		if h.port, err = s.port(); err != nil {
			return nil, err
		}
		if h.dir, err = s.folder(h.name); err != nil {
			return nil, err
		}
		if err := s.again(ctx, h); err != nil {
			return nil, err
		}
		all[i] = h
	}
	return all, nil
}

// again starts a backend, and waits until it listens.
func (s *stage) again(ctx context.Context, h *host) (err error) {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if h.Process, err = s.start(h.name, h.dir, program, hostCommand, h.protocol, h.name, h.address()); err != nil {
		return err
	}
	return await(ctx, h.name+" listens", func() error { return errors.Join(h.Err(), listens(h.address())) })
}

// kill ends a backend as a crash would, end by request.
func (s *stage) kill(h *host) {
	s.forget(h.Process)
	h.Kill()
}

func (s *stage) end(h *host) {
	s.forget(h.Process)
	h.Stop()
}

func listens(address string) error {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// object and list write a configuration in the order of its schema.
type (
	object = map[string]any
	list   = []any
)

// weir starts weir, and waits until it listens.
func (s *stage) weir(ctx context.Context, protocol string, route object, clusters list, more object) (*weir, error) {
	dir, err := s.folder("weir")
	if err != nil {
		return nil, err
	}
	w := &weir{}
	for _, p := range []*int{&w.port, &w.adminPort} {
		if *p, err = s.port(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(w.config(protocol, route, clusters, more))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "weir.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	w.began = time.Now()
	if w.Process, err = s.start("weir", dir, s.o.Weir, "start", "-c", file); err != nil {
		return nil, err
	}
	return w, await(ctx, "weir listens", func() error { return errors.Join(w.Err(), listens(w.address())) })
}

// weir is the proxy that is measured.
type weir struct {
	*process.Process
	port, adminPort int
	began           time.Time
}

func (w *weir) address() string { return fmt.Sprintf("127.0.0.1:%d", w.port) }

// retries is a policy for requests that may be executed more than once.
func retries() object {
	return object{"retry_on": true, "num_retries": 3, "idempotent": true, "retry_timeout": "500ms", "status_codes": list{502, 503, 504}}
}

// config has one listener, with one route.
func (w *weir) config(protocol string, route object, clusters list, more object) object {
	match := object{"prefix": "/"}
	if protocol != "Http1" {
		match = object{"headers": list{object{"name": "service", "value": ".*"}}}
	}
	server := object{
		"default_log_path": "stdout", "default_log_level": "WARN", "processor": 2,
		"routers": list{object{"router_config_name": "bench", "virtual_hosts": list{object{
			"name": "all", "domains": list{"*"}, "routers": list{object{"match": match, "route": route}},
		}}}},
		"listeners": list{object{
			"name": "bench", "address": w.address(), "bind_port": true,
			"filter_chains": list{object{"filters": list{object{"type": "proxy", "config": object{
				"downstream_protocol": protocol, "router_config_name": "bench",
			}}}}},
		}},
	}
	c := object{
		"servers": list{server}, "cluster_manager": object{"clusters": clusters},
		"admin": object{"address": object{"socket_address": object{"address": "127.0.0.1", "port_value": w.adminPort}}},
	}
	for k, v := range more {
		c[k] = v
	}
	return c
}

// static is a cluster of hosts that stand in the file.
func static(name string, hosts []*host, more object) object {
	all := make(list, len(hosts))
	for i, h := range hosts {
		all[i] = object{"address": h.address()}
	}
	c := object{"name": name, "hosts": all}
	for k, v := range more {
		c[k] = v
	}
	return c
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// way is what stands between a client and servers: a weir, or two, for each server.
type way struct {
	weir    string
	chain   bool
	grpcWeb bool

	dir   string
	ports map[[2]uint64]uint64 // of weirs, by the server's and its version of HTTP
	weirs []*exec.Cmd
}

// before returns the port of a weir in front of a server.
func (w *way) before(server, version uint64) (port uint64, err error) {
	key := [2]uint64{server, version}
	if port, ok := w.ports[key]; ok {
		return port, nil
	}
	if w.dir == "" {
		w.ports = make(map[[2]uint64]uint64)
		if w.dir, err = os.MkdirTemp("", "weir-conformance"); err != nil {
			return 0, err
		}
	}
	if w.chain {
		if server, err = w.start(server, name(version)); err != nil {
			return 0, err
		}
		version = http1 + http2 - version
	}
	if port, err = w.start(server, name(version)); err == nil {
		w.ports[key] = port
	}
	return port, err
}

// name is how weir calls a version of HTTP.
func name(version uint64) string { return map[uint64]string{http1: "Http1", http2: "Http2"}[version] }

type object = map[string]any

var listening = regexp.MustCompile(`listening listener=\S+ address=\S+:(\d+)`)

// start runs a weir in front of a port, which is spoken to in a version of HTTP.
func (w *way) start(to uint64, version string) (port uint64, err error) {
	proxy := object{"downstream_protocol": "Http1,Http2", "upstream_protocol": version, "router_config_name": "r"}
	listener := object{"name": "l", "address": "127.0.0.1:0", "bind_port": true,
		"filter_chains": []object{{"filters": []object{{"type": "proxy", "config": proxy}}}}}
	if w.grpcWeb {
		listener["stream_filters"] = []object{{"type": "grpc_web"}}
	}
	config, err := json.Marshal(object{
		"servers": []object{{
			"default_log_path": "stdout", "processor": 1, "listeners": []object{listener},
			"routers": []object{{"router_config_name": "r", "virtual_hosts": []object{{"name": "v", "domains": []string{"*"},
				"routers": []object{{"match": object{"prefix": "/"}, "route": object{"cluster_name": "c"}}}}}}},
		}},
		"cluster_manager": object{"clusters": []object{{"name": "c", "hosts": []object{{"address": fmt.Sprintf("127.0.0.1:%d", to)}}}}},
	})
	if err != nil {
		return 0, err
	}
	file := filepath.Join(w.dir, fmt.Sprintf("%d.json", len(w.weirs)))
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return 0, err
	}
	cmd := exec.Command(w.weir, "start", "-c", file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	w.weirs = append(w.weirs, cmd)
	log := bufio.NewScanner(out)
	for log.Scan() {
		if m := listening.FindStringSubmatch(log.Text()); m != nil {
			go func() {
				for log.Scan() { // or weir would wait for somebody to read
				}
			}()
			return strconv.ParseUint(m[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s does not start", w.weir)
}

// stop ends all weirs.
func (w *way) stop() {
	for _, cmd := range w.weirs {
		cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, cmd := range w.weirs {
		cmd.Wait()
	}
	os.RemoveAll(w.dir)
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/weirproxy/weir/bench/internal/process"
)

// agent is a Consul agent.
type agent struct {
	*process.Process
	name, dir string
	args      []string
	port      int
}

func (a *agent) address() string { return fmt.Sprintf("127.0.0.1:%d", a.port) }

// agents starts one agent that is a server by itself and keeps its state in memory, or several that form a cluster and keep it on disk.
func (s *stage) agents(ctx context.Context, n int) ([]*agent, error) {
	all := make([]*agent, n)
	rpc, serf := make([]int, n), make([]int, n)
	join := make(list, n)
	for i := range all {
		a := &agent{name: fmt.Sprintf("consul-%d", i)}
		for _, p := range []*int{&a.port, &rpc[i], &serf[i]} {
			port, err := s.port()
			if err != nil {
				return nil, err
			}
			*p = port
		}
		join[i] = fmt.Sprintf("127.0.0.1:%d", serf[i])
		all[i] = a
	}
	for i, a := range all {
		var err error
		if a.dir, err = s.folder(a.name); err != nil {
			return nil, err
		}
		settings := agentSettings(a, rpc[i], serf[i])
		a.args = []string{"agent", "-config-file", "agent.json"}
		if n == 1 {
			a.args = append(a.args, "-dev")
		} else {
			settings["server"], settings["bootstrap_expect"] = true, n
			settings["retry_join"], settings["retry_interval"] = join, "1s"
			settings["data_dir"] = filepath.Join(a.dir, "data")
		}
		text, err := json.Marshal(settings)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(a.dir, "agent.json"), text, 0o600); err != nil {
			return nil, err
		}
		if err := s.run(a); err != nil {
			return nil, err
		}
	}
	return all, awaitLeader(ctx, all)
}

// agentSettings are what all agents have: no ports but the necessary ones, no questions to the world outside.
func agentSettings(a *agent, rpc, serf int) object {
	return object{
		"node_name": a.name, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1",
		"check_update_interval": "0s", "disable_update_check": true, "log_level": "warn",
		"connect": object{"enabled": false}, "performance": object{"raft_multiplier": 1},
		"ports": object{
			"http": a.port, "server": rpc, "serf_lan": serf,
			"https": -1, "dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": -1,
		},
	}
}

// run starts an agent, or starts it again.
func (s *stage) run(a *agent) (err error) {
	a.Process, err = s.start(a.name, a.dir, append([]string{s.o.consul}, a.args...)...)
	return err
}

func awaitLeader(ctx context.Context, all []*agent) error {
	for _, a := range all {
		err := await(ctx, a.name+" has a leader", func() error {
			var leader string
			if err := a.ask(ctx, http.MethodGet, "/v1/status/leader", nil, &leader); err != nil || leader == "" {
				return errors.Join(a.Err(), err, errors.New("there is none"))
			}
			var nodes []any
			if err := a.ask(ctx, http.MethodGet, "/v1/catalog/nodes", nil, &nodes); err != nil || len(nodes) < len(all) {
				return errors.Join(a.Err(), err, fmt.Errorf("%d nodes are in the catalog", len(nodes)))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ask asks an agent. in, if it is not nil, is what is sent, and out takes on what comes.
func (a *agent) ask(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.address()+path, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %s", path, resp.Status, text)
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}

// service is the name under which all hosts are registered.
const service = "bench"

// register registers hosts, with a check if it is not nil.
func (a *agent) register(ctx context.Context, check object, hosts ...*host) error {
	for _, h := range hosts {
		reg := object{"Name": service, "ID": h.name, "Address": "127.0.0.1", "Port": h.port}
		if check != nil {
			of := object{"TCP": h.address()}
			for k, v := range check {
				of[k] = v
			}
			reg["Check"] = of
		}
		if err := a.ask(ctx, http.MethodPut, "/v1/agent/service/register", reg, nil); err != nil {
			return err
		}
	}
	return nil
}

func (a *agent) deregister(ctx context.Context, h *host) error {
	return a.ask(ctx, http.MethodPut, "/v1/agent/service/deregister/"+h.name, nil, nil)
}

// block is weir's configuration for the agent.
func (a *agent) block() object { return object{"consul": object{"address": a.address()}} }

// discovered is a cluster of the hosts that are registered.
func discovered(more object) object {
	c := object{"name": "bench", "type": "CONSUL", "consul": object{"service": service}}
	for k, v := range more {
		c[k] = v
	}
	return c
}

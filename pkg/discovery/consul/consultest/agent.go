package consultest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// patience is how long an agent may take to get ready on a slow machine.
const patience = 60 * time.Second

// Agent is a running agent. Its methods are for the test's goroutine.
type Agent struct {
	// Address is where it speaks HTTP: IP:PORT.
	Address string
	// HTTPS is where it speaks https, and CAFile holds the certificate that signs its
	// own ([StartTLS]).
	HTTPS, CAFile string
	// Token is the bootstrap token, which may do anything ([StartACL]).
	Token string
	// Client asks it, with that token.
	Client *api.Client

	t    testing.TB
	args []string
	log  string
	proc *process
}

// Start runs an agent that is a server by itself and keeps its state in memory.
func Start(t testing.TB) *Agent {
	t.Helper()
	ports := freePorts(t, 3)
	a := newAgent(t, base("dev", ports[0], ports[1], ports[2]), ports[0], "-dev")
	a.start()
	return a
}

// base are the settings that all agents have: no ports but the necessary ones, no
// questions to the world outside, and no delay in telling the servers what they know.
func base(name string, http, server, serf int) map[string]any {
	return map[string]any{
		"node_name":             name,
		"bind_addr":             "127.0.0.1",
		"client_addr":           "127.0.0.1",
		"check_update_interval": "0s",
		"disable_update_check":  true,
		"log_level":             "warn",
		"connect":               map[string]any{"enabled": false},
		"performance":           map[string]any{"raft_multiplier": 1},
		"ports": map[string]int{
			"http": http, "server": server, "serf_lan": serf,
			"https": -1, "dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": -1,
		},
	}
}

// newAgent writes down what an agent is started with.
func newAgent(t testing.TB, settings map[string]any, http int, args ...string) *Agent {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &Agent{
		Address: fmt.Sprintf("127.0.0.1:%d", http),
		t:       t,
		args:    append([]string{"agent", "-config-file", file}, args...),
		log:     filepath.Join(dir, "agent.log"),
	}
	a.connect("")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(a.log))
		}
	})
	return a
}

// connect makes the client. A token that means nothing keeps the client from looking
// for one in the environment.
func (a *Agent) connect(token string) {
	a.t.Helper()
	a.Token = token
	if token == "" {
		token = "anonymous"
	}
	client, err := api.NewClient(&api.Config{Address: a.Address, Scheme: "http", Token: token})
	if err != nil {
		a.t.Fatal(err)
	}
	a.Client = client
}

// start runs it, and waits until it answers and has a leader.
func (a *Agent) start() {
	a.t.Helper()
	a.launch()
	a.await("gets ready", a.ready)
}

func (a *Agent) launch() {
	a.t.Helper()
	a.proc = run(a.t, a.log, a.args...)
}

// ready tells whether the agent has a leader and is in the catalog itself.
func (a *Agent) ready() bool {
	if a.proc.over() {
		a.t.Fatalf("the agent has ended\n%s", tail(a.log))
	}
	leader, err := a.Client.Status().Leader()
	if err != nil || leader == "" {
		return false
	}
	nodes, _, err := a.Client.Catalog().Nodes(nil)
	return err == nil && len(nodes) > 0
}

// Stop ends the process at once, as a crash would.
func (a *Agent) Stop() {
	a.proc.kill()
}

// Restart starts a stopped agent again, on the same ports. One that keeps its state
// in memory has forgotten everything.
func (a *Agent) Restart() {
	a.t.Helper()
	a.Stop()
	a.start()
}

// Register registers a service and fails the test if that does not work.
func (a *Agent) Register(reg *api.AgentServiceRegistration) {
	a.t.Helper()
	if err := a.Client.Agent().ServiceRegister(reg); err != nil {
		a.t.Fatal(err)
	}
}

// Deregister removes what was registered with that ID.
func (a *Agent) Deregister(id string) {
	a.t.Helper()
	if err := a.Client.Agent().ServiceDeregister(id); err != nil {
		a.t.Fatal(err)
	}
}

// await waits for a condition.
func (a *Agent) await(what string, ok func() bool) {
	a.t.Helper()
	if !wait(ok) {
		a.t.Fatalf("the agent never %s\n%s", what, tail(a.log))
	}
}

// wait asks until the answer is yes, and returns whether it was in time.
func wait(ok func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

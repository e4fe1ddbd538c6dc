//go:build interop

package interop_test

import (
	"slices"
	"testing"
)

// call is a client that calls through a weir.
type call struct {
	name    string
	example string // the client's folder
	// args are what its run script gets; ADDR stands for the address that the topology has for at.
	args []string
	// at is the listener that is called.
	at string
	// servers must have been started for the call to succeed.
	servers []string
	// unbound is a check that must be able to fail here: it wants a server to call its client, who is not known to a weir that
	// shares connections to servers among clients.
	unbound string
}

func sofarpc(at string) call {
	return call{name: "sofarpc", example: "sofarpc-java", args: []string{"client", "ADDR"}, at: at, servers: []string{"sofarpc"}}
}

func boltJava(at string) call {
	return call{name: "bolt", example: "bolt-java", args: []string{"client", "ADDR"}, at: at, servers: []string{"bolt"}}
}

func nodeBolt(at string) call {
	args := []string{"client", "ADDR", "bolt", "--proxied"}
	return call{name: "node-bolt", example: "rpc-node", args: args, at: at, servers: []string{"node-bolt"}}
}

func nodeDubbo(at string) call {
	args := []string{"client", "ADDR", "dubbo", "--proxied"}
	return call{name: "node-dubbo", example: "rpc-node", args: args, at: at, servers: []string{"node-dubbo"}}
}

func nodeProbe(at string) call {
	both := []string{"node-bolt", "node-dubbo"}
	return call{name: "node-probe", example: "rpc-node", args: []string{"probe", "ADDR"}, at: at, servers: both}
}

func grpc(at string) call {
	return call{name: "grpc", example: "grpc", args: []string{"client", "ADDR"}, at: at, servers: []string{"grpc"}}
}

func nodeGRPC(at string) call {
	return call{name: "node-grpc", example: "grpc", args: []string{"node-client", "ADDR"}, at: at, servers: []string{"grpc"}}
}

func triple(at string) call {
	return call{name: "triple", example: "triple-java", args: []string{"client", "ADDR"}, at: at, servers: []string{"triple"}}
}

// dubbo is a client of one generation of Dubbo that calls a server of another, or the same.
func dubbo(client, server, at string) call {
	return call{
		name: "dubbo" + client + "-to-dubbo" + server, example: "dubbo-java", args: []string{"client" + client, "ADDR"}, at: at,
		servers: []string{"dubbo" + server}, unbound: "callback-argument",
	}
}

// bound is a call through a weir that binds connections, of which every check must pass.
func bound(c call) call {
	c.unbound = ""
	return c
}

// with is a call with one more argument, which its name tells.
func (c call) with(arg string) call {
	c.name += "-" + arg
	c.args = append(slices.Clone(c.args), arg)
	return c
}

// missing are calls of a service that nobody has, one for each kind of client.
func missing(listeners ...string) (calls []call) {
	for _, at := range listeners {
		for _, c := range []call{
			sofarpc(at), nodeBolt(at), nodeDubbo(at), dubbo("2", "2", at), dubbo("3", "3", at),
			grpc(at), nodeGRPC(at), triple(at),
		} {
			calls = append(calls, call{name: at + "-" + c.name, example: c.example, args: c.args, at: at}.with("errors"))
		}
	}
	return calls
}

// TestPeers runs every client over every way, each as a test of its own.
func TestPeers(t *testing.T) {
	all := newPeers(t)
	ways := []struct {
		name  string
		start func(*testing.T, *peers) topology
		calls []call
	}{
		{"named", named, []call{
			sofarpc("sofarpc"), boltJava("bolt"), nodeBolt("node-bolt"), nodeDubbo("node-dubbo"),
			dubbo("2", "2", "dubbo2"), dubbo("2", "3", "dubbo3"), dubbo("3", "2", "dubbo2"), dubbo("3", "3", "dubbo3"),
			grpc("grpc"), nodeGRPC("grpc"), triple("triple"),
		}},
		{"auto", auto, []call{
			sofarpc("main"), boltJava("main"), nodeBolt("main"), nodeDubbo("main"), nodeProbe("main"),
			dubbo("2", "3", "main"), dubbo("3", "3", "main"), grpc("main"), nodeGRPC("main"), triple("main"),
		}},
		{"two-weirs", twoWeirs, []call{
			sofarpc("main"), boltJava("main"), nodeBolt("main"), nodeDubbo("main"), nodeProbe("main"),
			dubbo("2", "3", "main"), dubbo("3", "2", "older"), grpc("main"), nodeGRPC("main"), triple("main"),
		}},
		{"bound", boundConnections, []call{
			boltJava("main").with("callback-request"), boltJava("main"), sofarpc("main"), nodeBolt("main"), nodeDubbo("main"),
			bound(dubbo("2", "2", "older")), bound(dubbo("3", "3", "main")), grpc("main"), nodeGRPC("main"), triple("main"),
		}},
		{"errors", failing, missing("no-route", "no-host", "dead-host", "second-weir")},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			through := way.start(t, all)
			for _, c := range way.calls {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					all.run(t, c, through)
				})
			}
		})
	}
}

package peer

import (
	"context"
	"fmt"
	"os"

	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// Service is the service that is called: the last but one of those that [WeirRPC] has routes for.
const Service = "com.test.Service98"

// services is how many there are, each with a route and a cluster of its own.
const services = 100

// noHost is an address that nothing listens on.
const noHost = "127.0.0.1:1"

// EchoCommand is the first argument that makes a measuring program the backend of [Echo], which listens on the address that is the
// second.
const EchoCommand = "echo"

// Echo is a backend that answers every request with its body, in all protocols: this program itself, so that its time is not the
// load generator's.
//
// It does not listen on the address that connections of proxies come from. With the same one, an attempt to connect to a backend that
// is not there could be given the backend's port at its own end, and be connected to itself.
func Echo() Spec {
	return Spec{Name: "backend", ip: "127.0.0.2", ready: answersBolt, configure: func(at site) ([]string, error) {
		program, err := os.Executable()
		return []string{program, EchoCommand, at.address}, err
	}}
}

func answersBolt(ctx context.Context, address string) error {
	return rpcload.Ready(ctx, address, rpcload.Bolt(), Service)
}

// RPCOptions are what can be different about [WeirRPC].
type RPCOptions struct {
	// Detect has weir find out what protocol a connection speaks.
	Detect bool
	// MaxRequests is how many requests may be under way to a cluster. 0: weir's default.
	MaxRequests int
}

// WeirRPC is weir with a listener for a protocol, and a route for each of many services. The cluster of [Service] has the backends,
// those of the others a host that does not answer.
func WeirRPC(binary string, p rpcload.Protocol, o RPCOptions) Spec {
	name, protocol := "weir-"+p.Name, p.Name
	if o.Detect {
		name, protocol = name+"-auto", "Auto"
	}
	ready := func(ctx context.Context, address string) error { return rpcload.Ready(ctx, address, p, Service) }
	return weir(name, binary, ready, func(at site) object {
		routes, clusters := list{}, list{}
		for i := range services {
			service, name, hosts := fmt.Sprintf("com.test.Service%02d", i), fmt.Sprintf("c%02d", i), []string{noHost}
			if service == Service {
				hosts = at.hosts
			}
			routes = append(routes, object{
				"match": object{"headers": list{object{"name": "service", "value": service}}},
				"route": object{"cluster_name": name},
			})
			clusters = append(clusters, cluster(name, hosts, o.MaxRequests))
		}
		return weirConfig(listener(at.address, object{"downstream_protocol": protocol}, list{}), routes, clusters)
	})
}

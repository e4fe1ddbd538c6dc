package peer

import (
	"context"
	"fmt"
	"strings"
)

// HAProxy is HAProxy with upstream connections that all clients share.
func HAProxy() Spec { return http1HAProxy("haproxy") }

// StandIn is HAProxy in weir's place: it proves the measurement without the thing to be measured.
func StandIn() Spec { return http1HAProxy("stand-in") }

func http1HAProxy(name string) Spec {
	return haproxy(name, answersHTTP, func(at site) string {
		return fmt.Sprintf(`
frontend http1
  mode http
  bind %s backlog 4096
  default_backend http1
backend http1
  mode http
  http-reuse always
  server s1 %s pool-max-conn 256
`, at.address, at.hosts[0])
	})
}

// HAProxyTCP is HAProxy that forwards bytes without knowing what they mean: each client has an upstream connection of its own.
func HAProxyTCP() Spec { return tcpHAProxy("haproxy") }

// StandInTCP is HAProxyTCP in weir's place.
func StandInTCP() Spec { return tcpHAProxy("stand-in") }

func tcpHAProxy(name string) Spec {
	return haproxy(name, answersBolt, func(at site) string {
		var servers strings.Builder
		for i, h := range at.hosts {
			fmt.Fprintf(&servers, "  server s%d %s\n", i+1, h)
		}
		return fmt.Sprintf(`
listen rpc
  mode tcp
  bind %s backlog 4096
%s`, at.address, servers.String())
	})
}

// haproxy writes the configuration around what is forwarded.
func haproxy(name string, ready func(context.Context, string) error, forwards func(site) string) Spec {
	return Spec{Name: name, ready: ready, configure: func(at site) ([]string, error) {
		conf, err := at.writeFile("haproxy.cfg", fmt.Sprintf(`global
  nbthread %d
  maxconn 9000
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s%s`, Workers, forwards(at)))
		return []string{"haproxy", "-W", "-db", "-f", conf}, err
	}}
}

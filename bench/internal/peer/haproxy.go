package peer

import (
	"context"
	"fmt"
	"strings"
)

// HAProxy is HAProxy with upstream connections that all clients share.
func HAProxy() Spec { return http1HAProxy("haproxy", "", answersHTTP) }

// StandIn is HAProxy in weir's place: it proves the measurement without the thing to be measured.
func StandIn() Spec { return http1HAProxy("stand-in", "", answersHTTP) }

// HAProxyH2 is HAProxy that speaks HTTP/2 to clients.
func HAProxyH2() Spec { return http1HAProxy("haproxy", "proto h2", answersH2) }

// StandInH2 is HAProxyH2 in weir's place.
func StandInH2() Spec { return http1HAProxy("stand-in", "proto h2", answersH2) }

// http1HAProxy is HAProxy before a backend that speaks HTTP/1. bind says more about what it speaks to clients.
func http1HAProxy(name, bind string, ready func(context.Context, string) error) Spec {
	return haproxy(name, ready, func(at site) string {
		return fmt.Sprintf(`
frontend http
  mode http
  bind %s backlog 4096 %s
  default_backend http1
backend http1
  mode http
  http-reuse always
  server s1 %s pool-max-conn 256
`, at.address, bind, at.hosts[0])
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

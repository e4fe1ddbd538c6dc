package peer

import "fmt"

// HAProxy is HAProxy with upstream connections that all clients share.
func HAProxy() Spec { return haproxyAs("haproxy") }

// StandIn is HAProxy in weir's place: it proves the measurement without the thing to be measured.
func StandIn() Spec { return haproxyAs("stand-in") }

func haproxyAs(name string) Spec {
	return Spec{name, func(dir string, port, backend int) ([]string, error) {
		conf, err := writeFile(dir, "haproxy.cfg", fmt.Sprintf(`global
  nbthread %d
  maxconn 9000
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend http1
  mode http
  bind 127.0.0.1:%d backlog 4096
  default_backend http1
backend http1
  mode http
  http-reuse always
  server s1 127.0.0.1:%d pool-max-conn 256
`, Workers, port, backend))
		return []string{"haproxy", "-W", "-db", "-f", conf}, err
	}}
}

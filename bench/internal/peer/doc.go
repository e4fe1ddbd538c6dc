// Package peer runs what is measured and what it is measured beside: backends, nginx, HAProxy and weir, each set up as its users would
// for the same work. The configurations are nginx.go, haproxy.go, weir.go and rpc.go; start reading at [Lab].
package peer

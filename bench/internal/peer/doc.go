// Package peer runs what is measured and what it is measured beside: the backend, nginx, HAProxy and weir, each set up as its users
// would for the same work. The configurations are nginx.go, haproxy.go and weir.go; start reading at [Lab].
package peer

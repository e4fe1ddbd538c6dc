// Package peer runs what is measured and what it is measured beside: backends, nginx, HAProxy, nghttpx and weir, each set up as its
// users would for the same work. The configurations are nginx.go, haproxy.go, nghttp2.go, weir.go, rpc.go and h2.go; start reading at
// [Lab].
package peer

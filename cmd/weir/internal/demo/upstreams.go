package demo

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
)

// The server that the quickstart has at failing answers every failEvery-th
// request with 503.
const (
	failing   = "127.0.0.1:8083"
	failEvery = 3
)

// speaks returns the protocol of the server that the quickstart has at an address,
// "" for HTTP/1.
func speaks(address string) string {
	switch address {
	case "127.0.0.1:8084":
		return "bolt"
	case "127.0.0.1:8085":
		return "dubbo"
	case "127.0.0.1:8086":
		return "grpc"
	}
	return ""
}

// upstreams are the servers behind weir.
type upstreams struct {
	webs   map[string]*web // by the address that is configured
	echoes []*echo
}

// serveUpstreams serves listeners, which are given by the address that is
// configured for them.
func serveUpstreams(listeners map[string]net.Listener, log *slog.Logger) *upstreams {
	u := &upstreams{webs: make(map[string]*web)}
	protocols := rpcs()
	for address, l := range listeners {
		if p := protocols[speaks(address)]; p != nil {
			u.echoes = append(u.echoes, serveEcho(p, l, log))
			continue
		}
		name := l.Addr().String()
		w := &web{address: name, handler: handler(address, name), protocols: protocolsOf(address), log: log, conns: make(map[net.Conn]bool)}
		w.serve(l)
		u.webs[address] = w
	}
	return u
}

// handler returns what the server that the quickstart has at an address answers;
// name is where it really is.
func handler(address, name string) http.Handler {
	if speaks(address) == "grpc" {
		return http.HandlerFunc(answerGRPC)
	}
	return &upstream{name: name, fails: address == failing}
}

// protocolsOf returns the versions of HTTP that the server at an address speaks.
func protocolsOf(address string) *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(speaks(address) == "")
	p.SetUnencryptedHTTP2(speaks(address) == "grpc")
	return p
}

func (u *upstreams) stop() {
	for _, w := range u.webs {
		w.stop()
	}
	for _, e := range u.echoes {
		e.stop()
	}
}

// upstream answers with its name.
type upstream struct {
	name   string
	fails  bool
	served atomic.Int64
}

// ServeHTTP answers a request.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := u.served.Add(1); u.fails && n%failEvery == 0 {
		http.Error(w, u.name+" fails now and then", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "hello from %s\n", u.name)
}

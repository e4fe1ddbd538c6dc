//go:build interop

package interop_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// topology is what stands between clients and servers.
type topology struct {
	weirs []*weir // the first is the one that clients call
}

// routes are the routes of a listener for all services at once; dubbo is the cluster of the Java services of Dubbo, who are the same
// in both generations. Every other cluster is named after its server.
func routes(dubbo string) []object {
	return []object{
		service(`com\.example\.sofarpc\..*`, "sofarpc"),
		service(`com\.example\.bolt\..*`, "bolt"), // bolt without SOFARPC has the request's class for a service
		service(`com\.nodejs\.bolt\..*`, "node-bolt"),
		service(`com\.nodejs\.dubbo\..*`, "node-dubbo"),
		service(`com\.example\.api\..*`, dubbo),
		prefix("/weir.example.Echo/", "grpc"),
		prefix("/grpc.health.v1.Health/", "grpc"),
		prefix("/com.example.triple.", "triple"),
		path("/web", "web"),
	}
}

// named is a weir with a listener for each server, which is told what clients speak.
func named(t *testing.T, all *peers) topology {
	var c config
	for _, s := range servers {
		c.listen(s.name, s.protocol, nil, everything(s.name)...)
		c.cluster(s.name, all.address(s.name))
	}
	return topology{[]*weir{start(t, "weir", &c)}}
}

// auto is a weir with one port for everything. While clients use it for RPC, it serves HTTP/1 as well. The listener "older" is such a
// port too, with the older Dubbo behind it.
func auto(t *testing.T, all *peers) topology {
	w := start(t, "weir", local(all, nil))
	serveHTTP(t, w)
	return topology{[]*weir{w}}
}

// boundConnections is auto, with connections to servers that belong to one client each.
func boundConnections(t *testing.T, all *peers) topology {
	w := start(t, "weir", local(all, object{"upstream_connections": "bound"}))
	serveHTTP(t, w)
	return topology{[]*weir{w}}
}

// local is the configuration of a weir beside the servers.
func local(all *peers, proxy object) *config {
	c := &config{}
	c.listen("main", "Auto", proxy, routes("dubbo3")...)
	c.listen("older", "Auto", proxy, routes("dubbo2")...)
	for _, s := range servers {
		c.cluster(s.name, all.address(s.name))
	}
	c.cluster("web", all.web)
	return c
}

// twoWeirs is a weir beside the clients that forwards to one beside the servers; either detects what is spoken.
func twoWeirs(t *testing.T, all *peers) topology {
	far := start(t, "the weir of the servers", local(all, nil))
	var c config
	for _, name := range []string{"main", "older"} {
		c.listen(name, "Auto", nil, everything(name)...)
		c.cluster(name, far.addresses[name])
	}
	near := start(t, "the weir of the clients", &c)
	serveHTTP(t, near)
	return topology{[]*weir{near, far}}
}

// failing is a weir that cannot serve what is asked for, for a reason that the listener's name says.
func failing(t *testing.T, all *peers) topology {
	far := start(t, "the second weir", local(all, nil))
	var c config
	c.listen("no-route", "Auto", nil, routes("no-host")...)
	for _, s := range servers {
		c.cluster(s.name)
	}
	c.cluster("web")
	c.cluster("no-host")
	c.cluster("dead-host", freeAddress(t))
	c.cluster("second-weir", far.addresses["main"])
	for _, cluster := range []string{"no-host", "dead-host", "second-weir"} {
		c.listen(cluster, "Auto", nil, everything(cluster)...)
	}
	return topology{[]*weir{start(t, "weir", &c), far}}
}

// serveHTTP makes requests of HTTP through a listener for as long as the test runs. All of them must be answered.
func serveHTTP(t *testing.T, w *weir) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- requests(w.addresses["main"], stop) }()
	t.Cleanup(func() {
		close(stop)
		if err := <-done; err != nil {
			t.Errorf("HTTP beside RPC: %v", err)
		}
	})
}

// requests makes one request after another, with a new connection for each, until it is stopped or one fails.
func requests(address string, stop <-chan struct{}) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	for n := 0; ; n++ {
		want := fmt.Sprintf("request %d", n)
		resp, err := client.Post("http://"+address+"/web", "text/plain", strings.NewReader(want))
		if err != nil {
			return err
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || string(got) != want {
			return fmt.Errorf("%s: answered %s %.200q, %w", want, resp.Status, got, err)
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

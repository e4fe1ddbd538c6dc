package e2e_test

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"github.com/weirproxy/weir/pkg/health"
)

// inFrontOf is a unix socket that passes everything on to a host and back. It returns
// the address that a cluster has for it.
func inFrontOf(t testing.TB, host string) string {
	t.Helper()
	checkLeaks(t)
	path := filepath.Join(t.TempDir(), "host.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { passBoth(from.(*net.UnixConn), host) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		passing.Wait()
	})
	return "unix:" + path
}

// passBoth passes bytes and the end of them on, in both directions.
func passBoth(from *net.UnixConn, host string) {
	defer from.Close()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer conn.Close()
	to := conn.(*net.TCPConn)
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(from, to)
		from.CloseWrite()
	})
	io.Copy(to, from)
	to.CloseWrite()
	back.Wait()
}

// TestUnixHosts: hosts may be unix sockets, whatever is spoken with them.
func TestUnixHosts(t *testing.T) {
	for _, version := range []string{h1, h2} {
		t.Run(version, func(t *testing.T) {
			up := serveIn(t, version, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
			w := start(t, setup{up: inFrontOf(t, up.addr()), proxy: `"upstream_protocol": "` + version + `"`})
			c := clientOf(t, h1)
			for range 20 {
				if r := get(t, c, w.url("/")); r.StatusCode != 200 || r.body != w.addr() {
					t.Fatalf("%d %q", r.StatusCode, r.body)
				}
			}
		})
	}
	for _, p := range rpcs() {
		t.Run(p.spec.Name, func(t *testing.T) {
			w := p.start(t, setup{up: inFrontOf(t, p.host(t))})
			p.client(t, dial(t, w.addr()), 40, 200)
		})
	}
	t.Run("tcp_proxy", func(t *testing.T) {
		up := echo(t)
		w := start(t, tcpSetup{clusters: cluster("raw", "", inFrontOf(t, up.addr()))})
		c := dial(t, w.addr())
		c.send("there and back")
		c.CloseWrite()
		if got, err := c.rest(); got != "there and back" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestUnixHostDown: a path where nobody listens is a host that is down, and another
// takes the requests.
func TestUnixHostDown(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "up") })
	nobody := "unix:" + filepath.Join(t.TempDir(), "nobody.sock")
	w := start(t, setup{clusters: cluster("up", "", nobody, inFrontOf(t, up.addr()))})
	c := client(t)
	for range 20 {
		if r := get(t, c, w.url("/")); r.body != "up" {
			t.Fatalf("%d %q", r.StatusCode, r.body)
		}
	}
	if n := w.count("upstream.cluster.up.host."+nobody, "connection_con_fail"); n == 0 {
		t.Error("no failed connect is counted")
	}
}

// TestUnixHostHealth: unix sockets are checked like other hosts.
func TestUnixHostHealth(t *testing.T) {
	for _, check := range []string{
		checkedBy("Tcp", ""),
		checkedBy("Http1", healthPath),
		checkedBy("Http1", `"check_config": {"http_check_config": {"path": "/health", "port": 7}}`), // which has no meaning there
	} {
		t.Run(check, func(t *testing.T) {
			up := newAiling(t, "up")
			nobody := "unix:" + filepath.Join(t.TempDir(), "nobody.sock")
			there := inFrontOf(t, up.addr())
			w := start(t, setup{clusters: cluster("up", check, nobody, there)})
			until(t, "the one is well", func() bool { return w.state(there).State == health.Healthy })
			until(t, "the other is not", func() bool { return w.state(nobody).State == health.Unhealthy })
			if r := get(t, client(t), w.url("/")); r.body != "up" {
				t.Errorf("%d %q", r.StatusCode, r.body)
			}
		})
	}
}

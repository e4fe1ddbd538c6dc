package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/server"
)

// tcpSetup is a configuration whose listener "main" has a tcp_proxy: alone, or
// behind a proxy for HTTP/1 that forwards to the cluster "up".
type tcpSetup struct {
	tcp      string // members of the tcp_proxy; to the cluster "raw" unless they are given
	proxy    string // members of the proxy before it; none: there is no proxy
	clusters string
	listener string // more members of the listener
	address  string // of the listener; a free port of 127.0.0.1
}

func (s tcpSetup) String() string {
	if s.tcp == "" {
		s.tcp = `"cluster": "raw"`
	}
	if s.address == "" {
		s.address = "127.0.0.1:0"
	}
	filters := fmt.Sprintf(`{"type": "tcp_proxy", "config": {%s}}`, s.tcp)
	if s.proxy != "" {
		filters = fmt.Sprintf(`{"type": "proxy", "config": {"router_config_name": "routes", "fallback_for_unknown_protocol": true, %s}}, %s`, s.proxy, filters)
	}
	if s.listener != "" {
		s.listener = ", " + s.listener
	}
	return fmt.Sprintf(`{
  "servers": [{
    "processor": 2,
    "routers": [{"router_config_name": "routes", "virtual_hosts": [{"name": "all", "domains": ["*"], "routers": [
      {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": "http"}}]}]}],
    "listeners": [{"name": "main", "address": %q, "bind_port": true%s, "filter_chains": [{"filters": [%s]}]}]
  }],
  "cluster_manager": {"clusters": [%s]}
}`, s.address, s.listener, filters, s.clusters)
}

// echo sends everything back, and its end after that of the client.
func echo(t testing.TB) *rawUpstream {
	return serveRaw(t, func(c *raw, _ int) {
		c.SetDeadline(time.Now().Add(10 * patience))
		io.Copy(c.TCPConn, c.TCPConn)
	})
}

// greeter says its name and then sends everything back.
func greeter(t testing.TB, name string) *rawUpstream {
	return serveRaw(t, func(c *raw, _ int) {
		c.send(name)
		io.Copy(c.TCPConn, c.TCPConn)
	})
}

// says checks what comes next.
func (c *raw) says(want string) {
	c.t.Helper()
	if got := c.bytes(len(want)); got != want {
		c.t.Errorf("got %.300q, want %.300q", got, want)
	}
}

// broken checks that the connection is reset, without another byte.
func (c *raw) broken() {
	c.t.Helper()
	if got, err := c.rest(); got != "" || !errors.Is(err, syscall.ECONNRESET) {
		c.t.Errorf("instead of a reset came %.300q, %v", got, err)
	}
}

// TestTCPEcho passes much to and fro, in little memory, and counts it.
func TestTCPEcho(t *testing.T) {
	const size = 64 << 20
	up := echo(t)
	w := start(t, tcpSetup{clusters: cluster("raw", "", up.addr())})
	c := dial(t, w.addr())
	c.SetDeadline(time.Now().Add(10 * patience))
	var sending sync.WaitGroup
	var done atomic.Bool
	sending.Go(func() {
		io.Copy(c.TCPConn, &patterned{n: size})
		c.CloseWrite()
	})
	got := &checked{}
	sending.Go(func() {
		defer done.Store(true)
		if _, err := io.Copy(got, c.r); err != nil {
			t.Error(err)
		}
	})
	most := 0
	until(t, "everything is back", func() bool {
		most = max(most, w.live())
		return done.Load()
	})
	sending.Wait()
	if got.at != size || got.bad {
		t.Errorf("%d bytes came back, damaged: %v", got.at, got.bad)
	}
	if most > 2*maxLive {
		t.Errorf("weir held %d bytes", most)
	}
	t.Logf("weir held %d bytes at most", most)
	until(t, "the connections are closed", func() bool { return w.count("downstream.listener.main", "tcp_active") == 0 })
	for _, set := range []string{"upstream.cluster.raw", "upstream.cluster.raw.host." + up.addr()} {
		counters := w.counters()[set]
		want := map[string]float64{
			"connection_total": 1, "connection_close": 1, "connection_active": 0, "connection_local_close": 1, "connection_con_fail": 0,
			"connection_bytes_read_total": size, "connection_bytes_write": size, "request_total": 0,
		}
		for key, n := range want {
			if counters[key] != n {
				t.Errorf("%s %s is %v, want %v", set, key, counters[key], n)
			}
		}
	}
	for key, want := range map[string]int{
		"connection_total": 1, "tcp_total": 1, "tcp_connect_failed": 0, "bytes_read_total": size, "bytes_write_total": size,
	} {
		if n := w.count("downstream.listener.main", key); n != want {
			t.Errorf("%s is %d, want %d", key, n, want)
		}
	}
}

// TestTCPHalfClose: each side ends by itself, and the other goes on.
func TestTCPHalfClose(t *testing.T) {
	body := string(pattern(3 << 20))
	ended, result := make(chan struct{}), make(chan string, 1)
	up := serveRaw(t, func(c *raw, n int) {
		c.send("hello")
		if n == 1 { // the host ends first
			c.CloseWrite()
			got, _ := c.rest()
			result <- got
			return
		}
		got, _ := c.rest() // the client does
		result <- got
		<-ended
		c.send(body)
	})
	w := start(t, tcpSetup{clusters: cluster("raw", "", up.addr())})
	c := dial(t, w.addr())
	c.says("hello")
	c.ended()
	c.send(body)
	c.CloseWrite()
	if got := <-result; got != body {
		t.Errorf("the host got %d bytes", len(got))
	}
	c = dial(t, w.addr())
	c.send("question")
	c.CloseWrite()
	c.says("hello")
	if got := <-result; got != "question" {
		t.Errorf("the host got %q", got)
	}
	close(ended)
	if got, err := c.rest(); got != body || err != nil {
		t.Errorf("the client got %d bytes, %v", len(got), err)
	}
}

// TestTCPSlowEnd: a client that takes the last bytes late still gets them all,
// although both sides have long ended.
func TestTCPSlowEnd(t *testing.T) {
	const size = 64 << 20
	up := serveRaw(t, func(c *raw, _ int) {
		c.rest()
		io.Copy(c.TCPConn, &patterned{n: size})
	})
	w := start(t, tcpSetup{clusters: cluster("raw", "", up.addr())})
	c := dial(t, w.addr())
	c.CloseWrite()
	got := &checked{}
	until(t, "the host is rid of everything", func() bool {
		io.CopyN(got, c.r, 1<<18)
		return w.count("upstream.cluster.raw", "connection_close") == 1
	})
	if got.at == size {
		t.Fatal("the client had everything before")
	}
	if _, err := io.Copy(got, c.r); err != nil || got.at != size || got.bad {
		t.Errorf("the client got %d bytes, damaged: %v, %v", got.at, got.bad, err)
	}
}

// TestTCPSlowPeers: when one side stops reading, the other is stopped, and what
// weir holds stays within bounds; then everything arrives.
func TestTCPSlowPeers(t *testing.T) {
	const size = 64 << 20
	for _, direction := range []string{"up", "down"} {
		t.Run(direction, func(t *testing.T) {
			read, result := make(chan struct{}), make(chan checked, 1)
			receive := func(c *raw) {
				<-read
				got := checked{}
				io.Copy(&got, c.r)
				result <- got
			}
			send := func(c *raw) {
				io.Copy(c.TCPConn, &patterned{n: size})
				c.CloseWrite()
			}
			up := serveRaw(t, func(c *raw, _ int) {
				if direction == "up" {
					receive(c)
				} else {
					send(c)
					c.rest()
				}
			})
			w := start(t, tcpSetup{tcp: `"cluster": "up"`, clusters: cluster("up", "", up.addr())})
			c := dial(t, w.addr())
			var client sync.WaitGroup
			client.Go(func() {
				if direction == "up" {
					send(c)
				} else {
					receive(c)
					c.CloseWrite()
				}
			})
			standstill(t, w, up)
			if live := w.live(); live > maxLive || live == 0 {
				t.Errorf("weir holds %d bytes", live)
			}
			close(read)
			if got := <-result; got.at != size || got.bad {
				t.Errorf("%d bytes arrived, damaged: %v", got.at, got.bad)
			}
			client.Wait()
		})
	}
}

// TestTCPReset: a reset on one side is no clean end on the other.
func TestTCPReset(t *testing.T) {
	there, result := make(chan struct{}), make(chan error, 1)
	up := serveRaw(t, func(c *raw, _ int) {
		if c.bytes(5) == "break" {
			c.SetLinger(0)
			return
		}
		close(there)
		_, err := c.rest()
		result <- err
	})
	w := start(t, tcpSetup{clusters: cluster("raw", "", up.addr())})
	c := dial(t, w.addr())
	c.send("hello")
	<-there
	c.SetLinger(0)
	c.Close()
	if err := <-result; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the host's connection ended with %v", err)
	}
	c = dial(t, w.addr())
	c.send("break")
	c.broken()
	until(t, "both are over", func() bool { return w.count("upstream.cluster.raw", "connection_active") == 0 })
	if n := w.count("upstream.cluster.raw", "connection_remote_close"); n != 1 {
		t.Errorf("connection_remote_close is %d, want 1", n)
	}
}

// TestTCPHostDown: another host takes the connection; if there is none, it is reset.
func TestTCPHostDown(t *testing.T) {
	up := greeter(t, "up")
	down := refusing(t)
	w := start(t, tcpSetup{
		tcp: `"max_connect_attempts": 2, "routes": [
			{"cluster": "down", "source_addrs": [{"address": "127.0.0.2", "length": 32}]},
			{"cluster": "empty", "source_addrs": [{"address": "127.0.0.3", "length": 32}]},
			{"cluster": "some"}]`,
		clusters: cluster("some", "", down, up.addr()) + ", " + cluster("down", "", refusing(t)) + ", " + cluster("empty", ""),
	})
	for range 8 { // on two workers, each with its own turns
		c := dial(t, w.addr())
		c.says("up")
		c.Close()
	}
	failed := w.count("upstream.cluster.some.host."+down, "connection_con_fail")
	if failed == 0 || failed > 8 || w.count("upstream.cluster.some", "connection_con_fail") != failed {
		t.Errorf("%d connections failed", failed)
	}
	isReset(t, "127.0.0.2", w.addr())
	if n := w.count("upstream.cluster.down", "connection_con_fail"); n != 2 {
		t.Errorf("%d connections failed, want 2", n)
	}
	isReset(t, "127.0.0.3", w.addr())
	if n := w.count("upstream.cluster.empty", "request_no_host"); n != 1 {
		t.Errorf("request_no_host is %d, want 1", n)
	}
	if n := w.count("downstream.listener.main", "tcp_connect_failed"); n != 2 {
		t.Errorf("tcp_connect_failed is %d, want 2", n)
	}
}

// dialFrom connects from an address.
func dialFrom(t testing.TB, from, to string) *raw {
	t.Helper()
	c, err := tryFrom(t, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryFrom(t testing.TB, from, to string) (*raw, error) {
	checkLeaks(t)
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return newRaw(t, c), nil
}

// isReset checks that a connection is reset: so soon, perhaps, that it never
// stands.
func isReset(t testing.TB, from, to string) {
	t.Helper()
	c, err := tryFrom(t, from, to)
	switch {
	case err == nil:
		c.broken()
	case !errors.Is(err, syscall.ECONNRESET):
		t.Error(err)
	}
}

// TestTCPRoutes: the first route that matches both ends of the connection, in MOSN's
// spelling or in that of the reference; and none where a cluster takes all.
func TestTCPRoutes(t *testing.T) {
	var clusters []string
	for _, name := range []string{"source", "destination", "ports", "rest"} {
		clusters = append(clusters, cluster(name, "", greeter(t, name).addr()))
	}
	s := tcpSetup{clusters: strings.Join(clusters, ", "), address: refusing(t)}
	_, port, _ := net.SplitHostPort(s.address)
	s.address = "0.0.0.0:" + port
	s.tcp = fmt.Sprintf(`"routes": [
		{"Cluster": "source", "SourceAddrs": [{"Address": "10.0.0.0", "Length": 8}, {"Address": "127.0.0.9", "Length": 30}]},
		{"cluster": "destination", "source_port": "1-65535", "destination_addrs": [{"address": "127.1.0.0", "length": 16}]},
		{"cluster": "ports", "sourceAddrs": [{"address": "127.0.0.2", "length": 32}], "DestinationPort": "1, %s-%s"}`, port, port)
	last := s.tcp + `, {"cluster": "rest"}]`
	s.tcp += "]"
	w := start(t, s)
	for _, c := range []struct{ from, to, want string }{
		{"127.0.0.8", "127.0.0.1", "source"},
		{"127.0.0.11", "127.1.2.3", "source"},
		{"127.0.0.1", "127.1.2.3", "destination"},
		{"127.0.0.2", "127.0.0.1", "ports"},
	} {
		dialFrom(t, c.from, c.to+":"+port).says(c.want)
	}
	isReset(t, "127.0.0.12", "127.0.0.1:"+port)
	s.tcp += `, "cluster": "rest"`
	w.reload(s)
	dialFrom(t, "127.0.0.12", "127.0.0.1:"+port).says("rest")
	dialFrom(t, "127.0.0.8", "127.0.0.1:"+port).says("rest")
	s.tcp = last
	w.reload(s)
	dialFrom(t, "127.0.0.12", "127.0.0.1:"+port).says("rest")
	dialFrom(t, "127.0.0.8", "127.0.0.1:"+port).says("source")
}

// TestTCPIdle: a connection on which nothing moves is reset, on both sides.
func TestTCPIdle(t *testing.T) {
	result := make(chan error, 1)
	up := serveRaw(t, func(c *raw, _ int) {
		c.send("hello")
		_, err := c.rest()
		result <- err
	})
	w := start(t, tcpSetup{tcp: `"cluster": "raw", "idle_timeout": "50ms"`, clusters: cluster("raw", "", up.addr())})
	c := dial(t, w.addr())
	c.says("hello")
	c.broken()
	if err := <-result; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the host's connection ended with %v", err)
	}
	if n := w.count("downstream.listener.main", "tcp_idle"); n != 1 {
		t.Errorf("tcp_idle is %d, want 1", n)
	}
}

// TestTCPLimits: over the cluster's maximum, a connection waits for the end of
// another as long as connecting may take, and is then reset.
func TestTCPLimits(t *testing.T) {
	up := greeter(t, "up")
	s := tcpSetup{
		address:  refusing(t),
		clusters: cluster("raw", `"connect_timeout": "20s", "circuit_breakers": [{"max_connections": 1, "max_pending_requests": 1}]`, up.addr()),
	}
	w := start(t, s)
	for range 3 {
		first := dial(t, w.addr())
		first.says("up")
		second := dial(t, w.addr())
		until(t, "it waits", func() bool { return w.count("upstream.cluster.raw", "request_pending_active") == 1 })
		isReset(t, "127.0.0.1", w.addr())
		first.Close()
		second.says("up")
		second.Close()
		until(t, "it is over", func() bool { return w.Load().Connections == 0 })
	}
	if n := w.count("upstream.cluster.raw", "request_pending_overflow"); n != 3 {
		t.Errorf("request_pending_overflow is %d, want 3", n)
	}
	first, gone := dial(t, w.addr()), dial(t, w.addr())
	until(t, "one waits", func() bool { return w.count("upstream.cluster.raw", "request_pending_active") == 1 })
	gone.SetLinger(0)
	first.SetLinger(0)
	gone.Close() // whichever of them it is
	first.Close()
	until(t, "both are over", func() bool {
		return w.Load().Connections == 0 && w.count("upstream.cluster.raw", "connection_active") == 0
	})
	s.clusters = strings.Replace(s.clusters, "20s", "20ms", 1)
	w.reload(s)
	first = dial(t, w.addr())
	first.says("up")
	isReset(t, "127.0.0.1", w.addr())
	s.listener = `"max_connections": 1`
	w.reload(s)
	dial(t, w.addr()).ended()
	first.send("still there")
	first.says("still there")
}

// TestTCPReload: connections that live go on, as they began; new ones go by the new
// configuration.
func TestTCPReload(t *testing.T) {
	one, two := greeter(t, "one"), greeter(t, "two")
	s := tcpSetup{clusters: cluster("raw", "", one.addr()), address: refusing(t)}
	w := start(t, s)
	ask := func(c *raw, what string) {
		t.Helper()
		c.send(what)
		c.says(what)
	}
	kept := dial(t, w.addr())
	kept.says("one")
	after := s
	after.clusters = cluster("raw", "", two.addr()) // another host
	w.reload(after)
	ask(kept, "a")
	dial(t, w.addr()).says("two")
	after.clusters, after.tcp = cluster("other", "", two.addr()), `"cluster": "other"` // another cluster
	w.reload(after)
	ask(kept, "b")
	dial(t, w.addr()).says("two")
	after.proxy = `"downstream_protocol": "Http1"` // a proxy before it
	w.reload(after)
	ask(kept, "c")
	get(t, client(t), w.url("/")).expect(t, 200, "http")
	up := named(t, "up")
	w.reload(setup{up: up.addr(), address: s.address}) // nothing but a proxy
	ask(kept, "d")
	get(t, client(t), w.url("/")).expect(t, 200, "up")
	w.reload(setup{up: up.addr(), address: refusing(t)}) // somewhere else
	ask(kept, "e")
	kept.CloseWrite()
	kept.ended()
}

// TestTCPDrain: connections live until they end, or the drain's time is over.
func TestTCPDrain(t *testing.T) {
	up := echo(t)
	w := start(t, tcpSetup{clusters: cluster("raw", "", up.addr())})
	ends, stays := dial(t, w.addr()), dial(t, w.addr())
	until(t, "they stand", func() bool { return w.count("upstream.cluster.raw", "connection_active") == 2 })
	ctx, cancel := context.WithCancel(context.Background())
	drained := make(chan int)
	go func() { drained <- w.Drain(ctx) }()
	until(t, "it drains", func() bool { return w.Stage() == server.Draining })
	for _, c := range []*raw{ends, stays} {
		c.send("hello")
		c.says("hello")
	}
	ends.CloseWrite()
	ends.ended()
	until(t, "one is left", func() bool { return w.Load().Connections == 1 })
	cancel()
	if cut := <-drained; cut == 0 {
		t.Error("none was cut off")
	}
	w.Stop()
	stays.ended()
}

package e2e_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// TestHalfClosedClients: a client that sends its request and its end together
// still gets the whole response.
func TestHalfClosedClients(t *testing.T) {
	body := string(pattern(3 << 20))
	up := serveRaw(t, func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			c.body(head)
			c.send(ok(body))
		}
	})
	w := start(t, setup{up: up.addr()})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"GET / HTTP/1.0\r\n\r\n",
	} {
		c := dial(t, w.addr())
		c.send(request)
		c.CloseWrite()
		c.expect(200, body)
		c.ended()
	}
}

// TestTruncatedRequests: a client that ends within a request gets nothing, and the
// upstream never takes what came for the whole.
func TestTruncatedRequests(t *testing.T) {
	type end struct{ got, trailers string }
	begun, ends := make(chan bool, 1), make(chan end, 1)
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		begun <- true
		body, trailers := c.body(head)
		ends <- end{body, trailers}
	})
	w := start(t, setup{up: up.addr()})
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		c := dial(t, w.addr())
		c.send(request)
		<-begun
		c.CloseWrite()
		c.ended()
		if e := <-ends; len(e.got) > 3 || strings.Contains(request, "chunked") && !strings.HasPrefix(e.trailers, "broken off") {
			t.Errorf("the upstream got %+v", e)
		}
	}
	c := dial(t, w.addr()) // within the head
	c.send("GET / HTTP/1.1\r\nHost")
	c.CloseWrite()
	c.ended()
}

const upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// TestUpgrade: nothing goes through before the upstream says 101; then everything
// does, both ways, and each end by itself.
func TestUpgrade(t *testing.T) {
	early, granted := make(chan string, 1), make(chan struct{})
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		if v, _ := field(head, "Upgrade"); v != "websocket" {
			t.Errorf("the upstream got %q", head)
		}
		<-granted
		early <- c.buffered()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "welcome")
		io.Copy(c, c.r)
		c.send("bye")
		c.CloseWrite()
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send(upgrade, "premature")
	until(t, "the request is under way", func() bool { return w.count("upstream.cluster.up", "request_active") == 1 })
	close(granted)
	if head := c.head(); statusOf(head) != 101 {
		t.Fatalf("got %q", head)
	}
	if got := <-early; got != "" {
		t.Errorf("the upstream had %q before it said 101", got)
	}
	body := string(pattern(1 << 20))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(body)
		c.CloseWrite()
	}()
	want := "welcomepremature" + body + "bye"
	if got, err := c.rest(); got != want || err != nil {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(want))
	}
	<-sent
}

// TestUpstreamEndsTunnelFirst: what the client sends after that, along with its
// own end, still arrives.
func TestUpstreamEndsTunnelFirst(t *testing.T) {
	last := make(chan string, 1)
	up := serveRaw(t, func(c *raw, _ int) {
		c.head()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "bye")
		c.CloseWrite()
		got, err := c.rest()
		if err != nil {
			t.Errorf("the upstream's connection ended with %v", err)
		}
		last <- got
	})
	w := start(t, setup{up: up.addr()})
	for _, size := range []int{5, 1 << 20} {
		c := dial(t, w.addr())
		c.send(upgrade)
		c.head()
		if got, err := c.rest(); got != "bye" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		body := string(pattern(size))
		c.send(body)
		c.CloseWrite()
		if got := <-last; got != body {
			t.Errorf("the upstream got %d bytes of %d", len(got), size)
		}
	}
}

// TestBrokenTunnel: a reset on one side is no clean end on the other.
func TestBrokenTunnel(t *testing.T) {
	result := make(chan error, 1)
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		if strings.Contains(head, "X-Break") {
			c.bytes(1)
			c.SetLinger(0)
			return
		}
		_, err := c.rest()
		result <- err
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send(upgrade)
	c.head()
	c.SetLinger(0)
	c.Close()
	if err := <-result; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the upstream's connection ended with %v", err)
	}
	c = dial(t, w.addr())
	c.send(strings.Replace(upgrade, "Host", "X-Break: 1\r\nHost", 1))
	c.head()
	c.send("x")
	if _, err := c.rest(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client's connection ended with %v", err)
	}
}

// TestUpgradeRefused: the response is an ordinary one, and what the client may have
// sent for the new protocol is no request.
func TestUpgradeRefused(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			if target(head) == "/smuggled" {
				t.Error("the payload was forwarded as a request")
			}
			c.send(ok("no"))
		}
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send(upgrade)
	c.expect(200, "no")
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	c.expect(200, "no")
}

// TestUpgradesToOthers: what is on the list of upgrades passes, with the body that
// comes before it; what is not is an ordinary request.
func TestUpgradesToOthers(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		protocol, asks := field(head, "Upgrade")
		if !asks {
			c.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		body, _ := c.body(head)
		c.send("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: ", protocol, "\r\n\r\n")
		c.send("got " + body + "\n")
		io.Copy(c, c.r)
		c.send("bye")
	})
	const more = `"upgrades": ["websocket", "derp"]`
	for _, tc := range []struct {
		name, http1, head, body string
		granted                 bool
	}{
		{"kubectl exec", "", "POST /api/v1/namespaces/d/pods/p/exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" +
			"X-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n", "", true},
		{"docker attach", "", "POST /containers/a/attach?stream=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", "", true},
		{"docker exec", "", "POST /exec/a/start HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n" +
			"Content-Length: 13\r\n\r\n", `{"Tty": true}`, true},
		{"derp", more, "GET /derp HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: DERP\r\n\r\n", "", true},
		{"derp by default", "", "GET /derp HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: DERP\r\n\r\n", "", false},
		{"tcp that is not on the list", more, "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n", "ab", false},
		{"h2c by default", "", "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAQAAAPo\r\n\r\n", "", false},
	} {
		w := start(t, setup{up: up.addr(), http1: tc.http1})
		c := dial(t, w.addr())
		c.send(tc.head, tc.body)
		if !tc.granted {
			if head := c.head(); statusOf(head) != 400 {
				t.Errorf("%s: %q", tc.name, head)
			}
			continue
		}
		c.send("ping")
		if head := c.head(); statusOf(head) != 101 {
			t.Errorf("%s: %q", tc.name, head)
			continue
		}
		c.CloseWrite()
		if got, err := c.rest(); got != "got "+tc.body+"\npingbye" || err != nil {
			t.Errorf("%s: got %q, %v", tc.name, got, err)
		}
	}
}

// TestUpgradesOff: with allow_upgrade false, it is a request like others.
func TestUpgradesOff(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		if head := c.head(); strings.Contains(head, "pgrade") {
			t.Errorf("the upstream got %q", head)
		}
		c.send(ok("plain"))
	})
	w := start(t, setup{up: up.addr(), http1: `"allow_upgrade": false`})
	c := dial(t, w.addr())
	c.send(upgrade)
	c.expect(200, "plain")
}

func TestConnectIsRefused(t *testing.T) {
	up := record(t)
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "payload")
	c.expect(405, "CONNECT is not allowed\n")
	c.ended()
	if got := up.recorded(); got != "" || up.accepted.Load() != 0 {
		t.Errorf("the upstream got %q", got)
	}
}

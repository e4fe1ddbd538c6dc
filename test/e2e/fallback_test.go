package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/server"
)

// fallback is a setup in which what is not HTTP/1 goes to a host. Detection takes
// as long as is given.
func fallback(t testing.TB, timeout string, up *rawUpstream) tcpSetup {
	return tcpSetup{
		proxy:    `"downstream_protocol": "Http1", "detect_timeout": "` + timeout + `"`,
		clusters: cluster("raw", "", up.addr()),
		address:  refusing(t),
	}
}

// TestFallback: bytes that no protocol claims reach the host, all of them, however
// they come; others are served by their protocol.
func TestFallback(t *testing.T) {
	up := echo(t)
	w := start(t, fallback(t, "20s", up))
	long := string(pattern(1 << 20))
	for name, message := range map[string]string{
		"first byte":      "\x00\x01\x02",
		"fourth byte":     "GET\x00",
		"last byte":       strings.Repeat("G", 24),
		"much":            "\x00" + long,
		"much, undecided": strings.Repeat("G", 23) + long,
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, w.addr())
			c.send(message)
			c.says(message)
			c.send("GET / HTTP/1.1\r\n\r\n") // which nobody looks at any more
			c.says("GET / HTTP/1.1\r\n\r\n")
			c.CloseWrite()
			c.ended()
		})
	}
	t.Run("one at a time", func(t *testing.T) {
		c := dial(t, w.addr())
		message := strings.Repeat("G", 23) + "\x00" + string(pattern(50))
		for i := range len(message) {
			c.send(message[i : i+1])
		}
		c.says(message)
		c.CloseWrite()
		c.ended()
	})
	t.Run("HTTP", func(t *testing.T) {
		get(t, client(t), w.url("/")).expect(t, 200, "http")
		c := dial(t, w.addr())
		for _, b := range "GET / HTTP/1.1\r\nHost: a\r\n\r\n" {
			c.send(string(b))
		}
		c.expect(200, "http")
	})
	counters := w.counters()["downstream.listener.main"]
	if counters["tcp_total"] != 6.0 || counters["connection_unknown"] != 6.0 || counters["request_total"] != 2.0 || counters["request_protocol_error"] != 0.0 {
		t.Errorf("the listener counts %v", counters)
	}
}

// TestFallbackEnd: a client that ends before it is known what it speaks.
func TestFallbackEnd(t *testing.T) {
	up := echo(t)
	w := start(t, fallback(t, "20s", up))
	c := dial(t, w.addr())
	c.CloseWrite() // it has said nothing
	c.ended()
	if n := up.accepted.Load(); n != 0 {
		t.Errorf("the host has %d connections", n)
	}
	c = dial(t, w.addr())
	c.send("GET")
	c.CloseWrite()
	c.says("GET")
	c.ended()
}

// TestFallbackTimeout: a server that speaks first is reached when the time for
// detection is over, counted from the connection's begin; and so is one whose
// client has said too little.
func TestFallbackTimeout(t *testing.T) {
	up := greeter(t, "220 welcome\r\n")
	w := start(t, fallback(t, "50ms", up))
	c := dial(t, w.addr())
	c.says("220 welcome\r\n")
	c.send("GET / HTTP/1.1\r\n\r\n")
	c.says("GET / HTTP/1.1\r\n\r\n")
	c.CloseWrite()
	c.ended()
	c = dial(t, w.addr())
	c.send("EHLO")
	c.says("220 welcome\r\nEHLO")
	c.send(" a")
	c.says(" a")
}

// TestFallbackHead: a client that was recognised has the time for a request's head
// that it always has.
func TestFallbackHead(t *testing.T) {
	up := echo(t)
	s := fallback(t, "20s", up)
	s.proxy += `, "extend_config": {"request_header_timeout": "50ms"}`
	w := start(t, s)
	c := dial(t, w.addr())
	c.send("GET / HTTP/1.1\r\n")
	if head := c.head(); statusOf(head) != 408 {
		t.Errorf("got %q", head)
	}
}

// TestFallbackReset: a connection that is reset while a host is looked for.
func TestFallbackReset(t *testing.T) {
	up := greeter(t, "up")
	s := fallback(t, "20s", up)
	s.clusters = cluster("raw", `"connect_timeout": "20s", "circuit_breakers": [{"max_connections": 1}]`, up.addr())
	w := start(t, s)
	first := dial(t, w.addr())
	first.send("\x00")
	first.says("up\x00")
	c := dial(t, w.addr())
	c.send("\x00")
	until(t, "it waits", func() bool { return w.count("upstream.cluster.raw", "request_pending_active") == 1 })
	c.SetLinger(0)
	c.Close()
	until(t, "it is over", func() bool {
		return w.count("upstream.cluster.raw", "request_pending_active") == 0 && w.Load().Connections == 1
	})
}

// TestFallbackReload: connections that are not yet recognised go by what is
// configured when they are.
func TestFallbackReload(t *testing.T) {
	up := echo(t)
	s := fallback(t, "20s", up)
	w := start(t, s)
	begun := func() *raw {
		c := dial(t, w.addr())
		c.send("GE")
		until(t, "it is there", func() bool { return w.Load().Connections == 1 })
		return c
	}
	c := begun()
	without := s
	without.proxy = ""
	w.reload(without) // all are passed on
	c.send("T / HTTP/1.1\r\n\r\n")
	c.says("GET / HTTP/1.1\r\n\r\n")
	c.CloseWrite()
	c.ended()
	w.reload(s)
	c = begun()
	one := named(t, "one")
	w.reload(setup{up: one.addr(), address: s.address}) // nothing is passed on, nothing detected
	c.send("T / HTTP/1.1\r\nHost: a\r\n\r\n")
	c.expect(200, "one")
}

// TestFallbackDrain: a connection that has said nothing is not kept by a drain.
func TestFallbackDrain(t *testing.T) {
	up := echo(t)
	w := start(t, fallback(t, "20s", up))
	silent := dial(t, w.addr())
	until(t, "it is there", func() bool { return w.Load().Connections == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if cut := w.Drain(ctx); cut != 0 || w.Load().Connections != 0 || w.Stage() != server.Draining {
		t.Errorf("%d were cut off, %+v", cut, w.Load())
	}
	silent.ended()
	if n := up.accepted.Load(); n != 0 {
		t.Errorf("the host has %d connections", n)
	}
}

package e2e_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// maxLive bounds what one stream may hold of a body in each direction: what is
// buffered up to the limit, what passes it before the sender has stopped, and what
// is kept for a retry.
const maxLive = 1 << 20

// TestEndlessBodies streams far more than weir may keep, both ways at a time, and
// watches what it holds.
func TestEndlessBodies(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	up := serveRaw(t, func(c *raw, _ int) {
		c.SetDeadline(time.Now().Add(10 * patience))
		c.head()
		c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size))
		var both sync.WaitGroup
		body := &patterned{n: size}
		both.Go(func() { io.CopyN(c.TCPConn, body, size-1) })
		got := &checked{}
		io.CopyN(got, c.r, size)
		if got.at != size || got.bad {
			t.Errorf("the upstream got %d bytes, damaged: %v", got.at, got.bad)
		}
		both.Wait()
		io.Copy(c.TCPConn, body) // the response ends last: one that ends before its request cuts that off
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.SetDeadline(time.Now().Add(10 * patience))
	c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size))
	before := resident(t)
	var both sync.WaitGroup
	var done atomic.Bool
	both.Go(func() { io.Copy(c.TCPConn, &patterned{n: size}) })
	both.Go(func() {
		defer done.Store(true)
		if head := c.head(); statusOf(head) != 200 {
			t.Errorf("got %q", head)
			return
		}
		got := &checked{}
		io.CopyN(got, c.r, size)
		if got.at != size || got.bad {
			t.Errorf("the client got %d bytes, damaged: %v", got.at, got.bad)
		}
	})
	most := 0
	until(t, "everything is through", func() bool {
		most = max(most, w.live())
		return done.Load()
	})
	both.Wait()
	if most > 2*maxLive {
		t.Errorf("weir held %d bytes", most)
	}
	if grown := resident(t) - before; grown > 64<<20 {
		t.Errorf("the process grew by %d bytes", grown)
	}
	t.Logf("weir held %d bytes at most", most)
}

// resident is the process's memory.
func resident(t testing.TB) int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	fmt.Sscan(string(b), &size, &pages)
	return pages * os.Getpagesize()
}

// TestSlowPeers: when one side stops reading, the other is stopped, and what weir
// holds stays within bounds; then everything arrives.
func TestSlowPeers(t *testing.T) {
	const size = 64 << 20
	for _, direction := range []string{"upload", "download", "tunnel"} {
		t.Run(direction, func(t *testing.T) {
			read := make(chan struct{})
			up := serveRaw(t, func(c *raw, _ int) {
				c.head()
				switch direction {
				case "download":
					c.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size))
					io.Copy(c.TCPConn, &patterned{n: size})
					return
				case "tunnel":
					c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				}
				<-read
				got := &checked{}
				io.CopyN(got, c.r, size)
				c.send(ok(fmt.Sprint(got.at, got.bad)))
			})
			w := start(t, setup{up: up.addr()})
			c := dial(t, w.addr())
			if direction == "tunnel" {
				c.send(upgrade)
				c.head()
			} else {
				c.send(map[string]string{
					"download": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
					"upload":   fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size),
				}[direction])
			}
			var sending sync.WaitGroup
			if direction != "download" {
				sending.Go(func() { io.Copy(c.TCPConn, &patterned{n: size}) })
			}
			standstill(t, w, up)
			if live := w.live(); live > maxLive || live == 0 {
				t.Errorf("weir holds %d bytes", live)
			}
			close(read)
			if direction == "download" {
				c.head()
				got := &checked{}
				io.CopyN(got, c.r, size)
				if got.at != size || got.bad {
					t.Errorf("the client got %d bytes, damaged: %v", got.at, got.bad)
				}
			} else {
				c.expect(200, fmt.Sprint(size, false))
			}
			sending.Wait()
		})
	}
}

// standstill waits until weir has read a lot, and then reads no more for a while.
func standstill(t testing.TB, w *weir, up *rawUpstream) {
	t.Helper()
	last, same := 0, 0
	until(t, "nothing moves", func() bool {
		now := w.count("downstream.listener.main", "bytes_read_total") +
			w.count("upstream.cluster.up.host."+up.addr(), "connection_bytes_read_total")
		if same++; now != last || now < 1<<20 {
			last, same = now, 0
		}
		return same > 30
	})
}

// TestClientGoesAway: a client that goes in the middle takes its request with it,
// whatever it was doing.
func TestClientGoesAway(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		head := c.head()
		if strings.Contains(head, "POST") {
			io.Copy(io.Discard, c.r)
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
		io.Copy(c.TCPConn, &patterned{n: 1000000000})
	})
	log, member := logged(t)
	w := start(t, setup{up: up.addr(), listener: member})
	for _, request := range []string{"GET /down HTTP/1.1\r\nHost: a\r\n\r\n", "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc"} {
		c := dial(t, w.addr())
		c.send(request)
		if strings.HasPrefix(request, "GET") {
			c.head()
			c.bytes(1 << 20)
		} else {
			until(t, "the request is at the upstream", func() bool { return w.count("upstream.cluster.up", "request_active") == 1 })
		}
		c.SetLinger(0)
		c.Close()
		until(t, "the request is over", func() bool { return w.Load().Streams == 0 })
	}
	until(t, "the upstream connections are over", func() bool { return w.count("upstream.cluster.up", "connection_active") == 0 })
	if got := sorted(lines(t, log, 2)); got[0] != "/down 200 DC" || got[1] != "/up 0 DC" {
		t.Errorf("the log has %q", got)
	}
}

package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// delivered waits until the peer's system has everything that was sent.
func (c *raw) delivered() {
	c.t.Helper()
	rc, err := c.SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	until(c.t, "the peer's system has everything", func() bool {
		left := 1
		rc.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		return left == 0
	})
}

// breaksOff ends a connection in one of two ways, behind what was sent.
func (c *raw) breaksOff(how string) {
	if how == "RST" {
		c.delivered()
		c.SetLinger(0)
	}
	c.Close()
}

// TestCutOffResponses: of a response that its host cuts off, the client gets what came,
// although it reads late, and an end that does not look like that of the whole.
func TestCutOffResponses(t *testing.T) {
	const size = 300 << 10 // more than weir takes at a time, and less than what systems hold
	body := string(pattern(size))
	responses := map[string]string{
		"/length":  fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 2*size, body),
		"/chunked": fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", size, body),
		"/chunk":   fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", 2*size, body),
	}
	for _, how := range []string{"FIN", "RST"} {
		broken := make(chan struct{}, 1)
		up := serveRaw(t, func(c *raw, _ int) {
			head := c.head()
			c.send(responses[target(head)])
			c.breaksOff(how)
			broken <- struct{}{}
		})
		w := start(t, setup{up: up.addr()})
		for path := range responses {
			for _, version := range []string{"1.1", "1.0"} {
				t.Run(how+path+version, func(t *testing.T) {
					c := dial(t, w.addr())
					c.SetReadBuffer(16 << 10)
					c.send("GET ", path, " HTTP/", version, "\r\nHost: a\r\n\r\n")
					<-broken
					head := c.head()
					rest, err := c.rest()
					whole := !strings.Contains(head, "Content-Length:") && !strings.Contains(head, "chunked") // by a clean end
					if got := dechunked(head, rest); got != body {
						t.Errorf("%d bytes came, want %d", len(got), size)
					}
					if isTimeout(err) || strings.HasSuffix(rest, "0\r\n\r\n") || whole != errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("it ended with %v behind the head %q", err, head)
					}
				})
			}
		}
	}
}

// dechunked is what came of a body, the last chunk of which may be missing.
func dechunked(head, rest string) string {
	if !strings.Contains(head, "chunked") {
		return rest
	}
	var b strings.Builder
	for rest != "" {
		line, data, _ := strings.Cut(rest, "\r\n")
		n := 0
		fmt.Sscanf(line, "%x", &n)
		n = min(n, len(data))
		b.WriteString(data[:n])
		rest = strings.TrimPrefix(data[n:], "\r\n")
	}
	return b.String()
}

// TestResetBehindData: what one side of a tunnel, or of a connection that is passed on
// as it is, sent before it was reset, the other side gets before it is, too.
func TestResetBehindData(t *testing.T) {
	body := string(pattern(300 << 10))
	for _, by := range []string{"tunnel", "tcp_proxy"} {
		for _, from := range []string{"client", "host"} {
			t.Run(by+" "+from, func(t *testing.T) {
				hosts, done := make(chan *raw, 1), make(chan struct{})
				up := serveRaw(t, func(c *raw, _ int) {
					if by == "tunnel" {
						c.head()
						c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
					}
					hosts <- c
					<-done
				})
				defer close(done)
				var w *weir
				if by == "tunnel" {
					w = start(t, setup{up: up.addr()})
				} else {
					w = start(t, tcpSetup{clusters: cluster("raw", "", up.addr())})
				}
				client := dial(t, w.addr())
				if by == "tunnel" {
					client.send(upgrade)
					client.head()
				}
				sender, receiver := client, <-hosts
				if from == "host" {
					sender, receiver = receiver, sender
				}
				receiver.SetReadBuffer(16 << 10)
				sender.send(body)
				sender.breaksOff("RST")
				got, err := io.ReadAll(receiver.r)
				if string(got) != body || !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%d bytes came, and then %v; want %d and a reset", len(got), err, len(body))
				}
			})
		}
	}
}

// TestEarlyAnswerReachesASendingClient: a client that sends on and on, and looks for an
// answer only now and then, finds the one that came before the end of its request.
func TestEarlyAnswerReachesASendingClient(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		c.head()
		c.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large")
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n")
	if _, err := c.r.Peek(1); err != nil { // the answer is there
		t.Fatal(err)
	}
	piece := make([]byte, 64<<10)
	for sent := 0; sent < 3<<20; sent += len(piece) {
		if _, err := c.Write(piece); err != nil {
			t.Fatalf("after %d bytes: %v", sent, err)
		}
	}
	c.expect(413, "too large")
}

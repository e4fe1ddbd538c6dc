package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// slowClient sends requests piece by piece, and knows when the worker has got them.
type slowClient struct {
	w    *world
	c    net.Conn
	r    *bufio.Reader
	sent uint64
}

func newSlowClient(w *world) *slowClient {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	return &slowClient{w: w, c: c, r: bufio.NewReader(c)}
}

func (c *slowClient) send(b string) {
	c.w.t.Helper()
	if _, err := io.WriteString(c.c, b); err != nil {
		c.w.t.Fatal(err)
	}
	c.sent += uint64(len(b))
	c.w.until(fmt.Sprintf("%d bytes have come", c.sent), func() bool { return c.w.receivedFrom(c.c.LocalAddr().String()) == c.sent })
}

// expect reads a response, and checks its status and whether it is the last one.
func (c *slowClient) expect(status int, last bool) {
	c.w.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.w.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		c.w.t.Error(err)
	}
	if resp.StatusCode != status || resp.Close != last {
		c.w.t.Errorf("the client got %d, close %v, want %d, %v", resp.StatusCode, resp.Close, status, last)
	}
}

func (c *slowClient) ended() {
	c.w.t.Helper()
	if b, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		c.w.t.Errorf("the client got %q, %v, want the end", b, err)
	}
}

const (
	longPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabcd"
	restOfIt = "efgh"
	plainGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
)

// TestRestOfAnsweredRequest: a request is answered before all of it has come. Its rest
// has some time of its own, which bytes do not lengthen, and then the connection goes
// on.
func TestRestOfAnsweredRequest(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, dead: 1})
	t.Run("comes", func(t *testing.T) {
		c := newSlowClient(w)
		for range 3 {
			c.send(longPost)
			c.expect(503, false)
			w.forward(discardTime - time.Second)
			c.send(restOfIt + plainGet)
			c.expect(503, false)
		}
		w.forward(time.Minute) // what was left of the time is not that of an idle connection
		c.send(plainGet)
		c.expect(503, false)
	})
	t.Run("trickles", func(t *testing.T) {
		c := newSlowClient(w)
		c.send(longPost)
		c.expect(503, false)
		for range 3 {
			w.forward(discardTime / 3)
			c.send("x")
		}
		w.forward(time.Second)
		c.ended()
	})
	t.Run("is followed by another", func(t *testing.T) {
		c := newSlowClient(w)
		c.send(longPost)
		c.expect(503, false)
		for range 4 {
			w.forward(discardTime - time.Second)
			c.send(restOfIt + longPost)
			c.expect(503, false)
		}
		w.forward(discardTime + time.Second)
		c.ended()
	})
}

// TestLateRequestIsTheLast: a request that does not come in time is not waited for
// once more behind the answer that says so.
func TestLateRequestIsTheLast(t *testing.T) {
	for _, partOf := range []string{longPost, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab"} {
		w := newWorld(t, plan{kind: kindHTTP1, hosts: 1})
		w.on(func() { w.l.Protocols[0].Timeouts.StreamIdle = 10 * time.Second })
		c := newSlowClient(w)
		c.send(partOf)
		w.forward(11 * time.Second)
		c.expect(408, true)
		c.ended()
	}
}

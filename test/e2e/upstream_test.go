package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// upstream is a server of Go's net/http.
type upstream struct {
	*httptest.Server
	requests atomic.Int64
}

// serve starts a server, which ends with the test.
func serve(t testing.TB, h http.HandlerFunc) *upstream {
	checkLeaks(t)
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		h(w, r)
	}))
	t.Cleanup(func() {
		u.CloseClientConnections()
		u.Close()
	})
	return u
}

func (u *upstream) addr() string { return u.Listener.Addr().String() }

// wait keeps a handler until the channel is closed, or its connection is.
func wait(r *http.Request, c <-chan struct{}) {
	select {
	case <-c:
	case <-r.Context().Done():
	}
}

// named answers every request with the server's name.
func named(t testing.TB, name string) *upstream {
	return serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) })
}

// mirror answers every request with what it was: method, target and host; the
// fields that were asked for by X-Show; and the body.
func mirror(t testing.TB) *upstream {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s\n", r.Method, r.RequestURI, r.Host)
		for name := range strings.SplitSeq(r.Header.Get("X-Show"), ",") {
			if name != "" {
				fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header.Values(name), "|"))
			}
		}
		w.Write(body)
	})
}

// rawUpstream is a server that shows its connections as they are.
type rawUpstream struct {
	t        testing.TB
	ln       net.Listener
	accepted atomic.Int64
	handlers sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	got   strings.Builder // every byte that came, of all connections, if it is recorded
}

// serveRaw starts a server. The handler has each connection to itself, which is
// closed when it returns; n counts connections from 1.
func serveRaw(t testing.TB, handler func(c *raw, n int)) *rawUpstream {
	t.Helper()
	checkLeaks(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{t: t, ln: ln}
	u.handlers.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			u.mu.Lock()
			u.conns = append(u.conns, c)
			u.mu.Unlock()
			n := int(u.accepted.Add(1))
			u.handlers.Go(func() {
				defer c.Close()
				handler(newRaw(t, c), n)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		u.closeConns()
		u.handlers.Wait()
	})
	return u
}

func (u *rawUpstream) addr() string { return u.ln.Addr().String() }

func (u *rawUpstream) closeConns() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.conns {
		c.Close()
	}
}

// record keeps everything that comes on any connection, and answers none of it.
func record(t testing.TB) *rawUpstream {
	var u *rawUpstream
	ready := make(chan struct{})
	u = serveRaw(t, func(c *raw, _ int) {
		<-ready
		b := make([]byte, 4096)
		for {
			n, err := c.r.Read(b)
			u.mu.Lock()
			u.got.Write(b[:n])
			u.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	close(ready)
	return u
}

func (u *rawUpstream) recorded() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.got.String()
}

// refusing returns an address that nobody listens on.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// ok is a response with a body.
func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

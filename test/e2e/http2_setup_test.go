package e2e_test

import (
	"context"
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

// The versions of HTTP, as configurations spell them.
const (
	h1 = "Http1"
	h2 = "Http2"
)

// way is how a request goes: what the client speaks, what the listener takes, what
// the host is spoken to, and which part of the configuration says so.
type way struct{ client, listener, upstream, by string }

func (w way) String() string {
	return fmt.Sprintf("%s to %s, %s by %s", w.client, w.listener, w.upstream, w.by)
}

// fourWays are those that differ in what is converted.
var fourWays = []way{
	{h1, h1, h1, "proxy"}, {h1, h1, h2, "proxy"}, {h2, h2, h1, "proxy"}, {h2, h2, h2, "proxy"},
}

// allWays are all ways to configure them.
func allWays() (all []way) {
	for _, client := range []string{h1, h2} {
		for _, listener := range []string{client, "Auto", "Http1,Http2"} {
			all = append(all, way{client, listener, client, "default"})
			for _, upstream := range []string{h1, h2} {
				for _, by := range []string{"proxy", "route"} {
					all = append(all, way{client, listener, upstream, by})
				}
			}
			all = append(all, way{client, listener, map[string]string{h1: h2, h2: h1}[client], "transcoder"})
		}
	}
	return all
}

// across runs a test on several ways.
func across(t *testing.T, ways []way, test func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.String(), func(t *testing.T) { test(t, w) })
	}
}

// setup completes a setup so that requests go this way to its host.
func (w way) setup(s setup) setup {
	s.proxy = w.proxy(s.proxy)
	switch w.by {
	case "route":
		s.routes = route("/", "up", fmt.Sprintf(`"upstream_protocol": %q`, w.upstream))
	case "transcoder":
		conversion := map[string]string{h1: "http2Tohttp", h2: "httpTohttp2"}[w.upstream]
		s.listener = join(s.listener, fmt.Sprintf(`"stream_filters": [{"type": "transcoder", "config": {"type": %q}}]`, conversion))
	}
	return s
}

// proxy is the config of a proxy for this way, with more members.
func (w way) proxy(more string) string {
	p := fmt.Sprintf(`"downstream_protocol": %q`, w.listener)
	if w.by == "proxy" {
		p = join(p, fmt.Sprintf(`"upstream_protocol": %q`, w.upstream))
	}
	return join(p, more)
}

// alone is a setup with one worker, whose clients share connections to hosts.
type alone struct{ setup }

func (a alone) String() string {
	return strings.Replace(a.setup.String(), `"processor": 2`, `"processor": 1`, 1)
}

// join puts the members of an object together.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// speaking are the settings of Go's HTTP for one version, without TLS.
func speaking(version string) *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(version == h1)
	p.SetUnencryptedHTTP2(version == h2)
	return p
}

// clientOf is a client that speaks one version. Its connections are closed at the
// end, whether it takes them for idle yet or not.
func clientOf(t testing.TB, version string) *http.Client {
	c := client(t)
	transport := c.Transport.(*http.Transport)
	transport.Protocols = speaking(version)
	var mu sync.Mutex
	var conns []net.Conn
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, conn)
		}
		return conn, err
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range conns {
			conn.Close()
		}
	})
	return c
}

// serveIn starts a server that speaks one version, and ends with the test.
func serveIn(t testing.TB, version string, h http.HandlerFunc) *upstream {
	checkLeaks(t)
	u := &upstream{}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		if want := map[string]int{h1: 1, h2: 2}[version]; r.ProtoMajor != want {
			t.Errorf("%s %s came in %s", r.Method, r.URL, r.Proto)
		}
		h(w, r)
	}))
	u.Config.Protocols = speaking(version)
	u.Start()
	t.Cleanup(func() {
		u.CloseClientConnections()
		u.Close()
	})
	return u
}

// counting counts what is read of a body.
type counting struct {
	r io.Reader
	n atomic.Int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

package path

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/server"
)

// upstream answers every request without a body with the same response.
type upstream struct{ response []byte }

func (u *upstream) Data(c *eventloop.Conn, in buffer.View) int {
	n := bytes.Count(in.Bytes(), []byte("\r\n\r\n"))
	for range n {
		c.Write(u.response)
	}
	if n == 0 {
		return 0
	}
	return in.Len()
}

func (u *upstream) EOF(c *eventloop.Conn)               { c.CloseNow() }
func (u *upstream) Pressure(*eventloop.Conn, bool)      {}
func (u *upstream) Closed(c *eventloop.Conn, err error) {}

// start starts an upstream and a weir before it, and returns weir's address.
func start(b *testing.B, body int, routes int, filters int) string {
	b.Helper()
	g, err := eventloop.NewGroup(1, eventloop.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Stop)
	addr, err := eventloop.ParseAddr("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	u := &upstream{response: fmt.Appendf(nil,
		"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", body, strings.Repeat("x", body))}
	ln, err := g.Listen(addr, eventloop.ListenOptions{}, func(*eventloop.Conn) eventloop.Handler { return u })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(ln.Close)
	s := server.New(server.Options{
		Registry: server.Registry{
			Protocols: protocol.Registry{http1.Protocol()},
			Filters:   filter.Registry{"fault": fault.Make},
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Level: &slog.LevelVar{}, Workers: 1,
	})
	file := filepath.Join(b.TempDir(), "weir.json")
	if err := os.WriteFile(file, []byte(configText(ln.Addr().String(), routes, filters)), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := s.Start(file); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	return s.Addresses()["bench"]
}

func configText(upstream string, routes, filters int) string {
	var r strings.Builder
	for i := range routes {
		fmt.Fprintf(&r, `{"match":{"prefix":"/service%d/"},"route":{"cluster_name":"c"}},`, i)
	}
	f := strings.TrimSuffix(strings.Repeat(`{"type":"fault","config":{"delay":{"fixed_delay":"1s","percentage":0}}},`, filters), ",")
	return fmt.Sprintf(`{"servers":[{
		"routers":[{"router_config_name":"r","virtual_hosts":[{"name":"v","domains":["*"],"routers":[%s
			{"match":{"prefix":"/"},"route":{"cluster_name":"c"}}]}]}],
		"listeners":[{"name":"bench","address":"127.0.0.1:0","bind_port":true,
			"filter_chains":[{"filters":[{"type":"proxy","config":{"downstream_protocol":"Http1","router_config_name":"r"}}]}],
			"stream_filters":[%s]}]}],
		"cluster_manager":{"clusters":[{"name":"c","type":"SIMPLE","lb_type":"LB_RANDOM","max_request_per_conn":0,"idle_timeout":"60s","heartbeat":{"interval":"0s"},
			"hosts":[{"address":%q}]}]}}`, r.String(), f, upstream)
}

// run sends requests one after the other over one connection.
func run(b *testing.B, addr, path string, body int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	in := make([]byte, 128<<10)
	once := func() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		n, want := 0, 1<<30
		for n < want {
			k, err := c.Read(in[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += k
			if want == 1<<30 {
				if i := bytes.Index(in[:n], []byte("\r\n\r\n")); i >= 0 {
					want = i + 4 + body
				}
			}
		}
	}
	for range 1000 {
		once()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		once()
	}
}

// BenchmarkRequest is a request through one route.
func BenchmarkRequest(b *testing.B) { run(b, start(b, 256, 0, 0), "/", 256) }

// BenchmarkRequest3Filters1000Routes is a request through 3 filters, and one of
// 1,000 routes.
func BenchmarkRequest3Filters1000Routes(b *testing.B) {
	run(b, start(b, 256, 1000, 3), "/service567/orders", 256)
}

// BenchmarkResponse64K is a request with an answer of 64 KiB.
func BenchmarkResponse64K(b *testing.B) {
	b.SetBytes(64 << 10)
	run(b, start(b, 64<<10, 0, 0), "/", 64<<10)
}

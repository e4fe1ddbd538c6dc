package health

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func registry() protocol.Registry {
	return protocol.Registry{
		http1.Protocol(), http2.Protocol(), bolt.Spec().Protocol(), dubbo.Spec().Protocol(), plain.Spec().Protocol(),
		xprotocol.Spec{Name: "mute", Codec: struct{ xprotocol.Codec }{plain.Codec{}}}.Protocol(),
	}
}

// newCheck makes a check by a protocol of what a configuration says.
func newCheck(t testing.TB, name string, change func(c *config.HealthCheck)) *Check {
	t.Helper()
	c := config.Default[config.HealthCheck]()
	c.Protocol = name
	c.IntervalJitter = 0
	if name == config.CheckHTTP1 || name == config.CheckHTTP2 {
		http := config.Default[config.HTTPCheck]()
		c.Config.HTTP = &http
	}
	if change != nil {
		change(&c)
	}
	check, err := NewCheck(&c, 0, registry())
	if err != nil {
		t.Fatal(err)
	}
	return check
}

var somewhere = netip.MustParseAddrPort("192.0.2.1:80")

// hosts is a network whose every host does the same. n counts connections from 1;
// a connection is closed when its handler returns.
type hosts struct {
	handler func(c net.Conn, n int)

	mu    sync.Mutex
	conns int
	at    []time.Time
	to    []netip.AddrPort
	wg    sync.WaitGroup
}

func (h *hosts) dial(_ context.Context, addr netip.AddrPort, _ uint32) (net.Conn, error) {
	h.mu.Lock()
	h.conns++
	n := h.conns
	h.at, h.to = append(h.at, time.Now()), append(h.to, addr)
	h.mu.Unlock()
	near, far := net.Pipe()
	h.wg.Go(func() {
		defer far.Close()
		h.handler(far, n)
	})
	return near, nil
}

func (h *hosts) dials() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns
}

// silent is a host that reads and says nothing.
func silent(c net.Conn, _ int) { io.Copy(io.Discard, c) }

// answering is a host that answers each request of HTTP/1.
func answering(answer func(n, request int, head string) string) func(net.Conn, int) {
	return func(c net.Conn, n int) {
		r := bufio.NewReader(c)
		for i := 1; ; i++ {
			var head strings.Builder
			for !strings.HasSuffix(head.String(), "\r\n\r\n") {
				b, err := r.ReadByte()
				if err != nil {
					return
				}
				head.WriteByte(b)
			}
			text := answer(n, i, head.String())
			io.WriteString(c, text)
			if text == "" {
				return
			}
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// records keeps what a checker says.
type records struct {
	mu      sync.Mutex
	changes []Change
	log     strings.Builder
}

func (r *records) report(cs []Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, cs...)
}

// take returns the changes since the last call.
func (r *records) take() []Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	cs := r.changes
	r.changes = nil
	return cs
}

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *records) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// start runs a checker over the hosts. It is closed by the returned function.
func start(h *hosts, change func(o *Options)) (*Checker, *records, func()) {
	r := &records{}
	o := Options{Report: r.report, Log: slog.New(slog.NewTextHandler(r, nil)), dial: h.dial}
	if change != nil {
		change(&o)
	}
	c := New(o)
	return c, r, func() {
		c.Close()
		h.wg.Wait()
	}
}

func target(cluster, host string, check *Check) Target {
	return Target{Cluster: cluster, Host: host, Addr: somewhere, Check: check}
}

// pass lets the fake time of a test go by.
func pass(d time.Duration) { <-time.After(d) }

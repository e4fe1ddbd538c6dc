package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/eventloop/transporttest"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// secured says on which sides connections have a transport, and what it is like.
type secured struct {
	down, up bool
	both     bool     // of the listener's clients, some have one
	offer    []string // by clients; nil: nothing
	accepts  []string // by hosts
	server   *transporttest.Config
}

// config is what weir is to its clients.
func (s *secured) config() *transporttest.Config {
	if s.server != nil {
		return s.server
	}
	return &transporttest.Config{Name: "weir", Protocols: []string{"http/1.1", "h2"}}
}

func (s *secured) apply(l *Listener, clusters *upstream.Snapshot) {
	if s.down {
		l.Transport = &Transport{
			New:     func(c *eventloop.Conn) eventloop.Transport { return transporttest.New(c, s.config()) },
			Timeout: time.Minute,
		}
		if s.both {
			l.Transport.Match = func(b []byte) protocol.Verdict {
				return map[int]protocol.Verdict{-1: protocol.No, 0: protocol.More, 1: protocol.Yes}[transporttest.Detect(b)]
			}
		}
	}
	if s.up {
		clusters.Clusters()[0].Transport = func(c *eventloop.Conn, m *members.Host, p *protocol.Protocol) eventloop.Transport {
			cfg := &transporttest.Config{Client: true, ServerName: m.Address}
			if p != nil && p.ALPN != "" {
				cfg.Protocols = []string{p.ALPN}
			}
			return transporttest.New(c, cfg)
		}
	}
}

func (s *secured) host(ln net.Listener) net.Listener {
	if !s.up {
		return ln
	}
	return transporttest.NewListener(ln, transporttest.Config{Name: "host", Protocols: s.accepts})
}

func (s *secured) client(c net.Conn) net.Conn {
	if !s.down {
		return c
	}
	return transporttest.Client(c, transporttest.Config{ServerName: "weir.test", Protocols: s.offer})
}

// sides runs a test with a transport downstream, upstream, and on both sides.
func sides(t *testing.T, k kind, f func(t *testing.T, s secured)) {
	alpn := map[kind]string{kindHTTP1: "http/1.1", kindHTTP2: "h2", kindGRPC: "h2"}[k]
	for name, s := range map[string]secured{"down": {down: true}, "up": {up: true}, "both": {down: true, up: true}} {
		if alpn != "" {
			s.offer, s.accepts = []string{alpn}, []string{"other", alpn}
		}
		t.Run(name, func(t *testing.T) { f(t, s) })
	}
}

func kinds(t *testing.T, f func(t *testing.T, k kind)) {
	for _, k := range allKinds {
		t.Run(string(k), func(t *testing.T) { f(t, k) })
	}
}

// Requests of every protocol pass, and large ones in both directions.
func TestRequestsOverTransports(t *testing.T) {
	kinds(t, func(t *testing.T, k kind) {
		sides(t, k, func(t *testing.T, s secured) {
			w := newWorld(t, plan{kind: k, hosts: 1, secure: s})
			for _, n := range []int{0, 20, 300_000} {
				if k == kindDubbo { // longer strings come in chunks
					n = min(n, 30_000)
				}
				body := strings.Repeat("0123456789", n/10)
				got := w.client.ask(t.Context(), request{method: "POST", body: body})
				c := w.asked()
				if !strings.Contains(c.body, body) { // Dubbo's has more arguments
					t.Fatalf("the host got %d bytes, want %d", len(c.body), len(body))
				}
				w.on(func() { w.count(func(x *exchange) bool { s.check(t, w, x); return true }) })
				answer := strings.Repeat("x", min(n, 200)) // RPC's strings are short in these tests
				c.answer(k.ok(), answer)
				w.expect(got, k.ok(), answer)
			}
			w.settled()
		})
	})
}

// check looks at what is known of a request's connections.
func (s *secured) check(t *testing.T, w *world, x *exchange) {
	down, up := x.info.Downstream.Session(), x.info.Upstream.Session()
	if (down != nil) != s.down || down != nil && (down.ServerName != "weir.test" || len(s.offer) > 0 && down.Protocol != s.offer[0]) {
		t.Errorf("downstream: %+v", down)
	}
	if (up != nil) != s.up || up != nil && (up.Peer.String() != "host" || up.ServerName != w.hosts[0]) {
		t.Errorf("upstream: %+v", up)
	}
}

// The handshake's protocol is spoken, and not that of the listener's others.
func TestProtocolAgreedOn(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, secure: secured{down: true, offer: []string{"h2"}}})
	w.on(func() {
		p := http2.Protocol()
		newCodec := p.ListenerSettings(nil).Server(&protocol.Listener{})
		w.l.Protocols = append(w.l.Protocols, ListenerProtocol{Protocol: &p, NewCodec: newCodec})
	})
	c := must(t)(w.dial())
	defer c.Close()
	fmt.Fprint(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	b := make([]byte, 9)
	if _, err := io.ReadFull(c, b); err != nil || b[3] != 4 { // SETTINGS
		t.Errorf("got %x, %v", b, err)
	}
}

func must(t *testing.T) func(c net.Conn, err error) net.Conn {
	return func(c net.Conn, err error) net.Conn {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		return c
	}
}

// A host that agrees on something else, or whose handshake fails, is one that takes no
// connection, and another is tried.
func TestHandshakesThatFailUpstream(t *testing.T) {
	says := map[string]string{"another protocol": "agreed to speak", "none": "handshake failed"}
	for name, accepts := range map[string][]string{"another protocol": {"h2"}, "none": {"else"}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, secure: secured{up: true, accepts: accepts}})
			if accepts[0] == "h2" { // the toy's client takes what it is given
				w.on(func() {
					w.l.Clusters.Clusters()[0].Transport = func(c *eventloop.Conn, m *members.Host, p *protocol.Protocol) eventloop.Transport {
						return transporttest.New(c, &transporttest.Config{Client: true, Protocols: []string{"h2"}})
					}
				})
			}
			if r := w.got(w.ask()); r.status != 503 {
				t.Errorf("got %d, %v", r.status, r.err)
			}
			if i := w.last(); i.Flags != stream.UpstreamConnectFailure || !strings.Contains(i.Failure, says[name]) {
				t.Errorf("flags %v, failure %q", i.Flags, i.Failure)
			}
			if st := w.hostStats(0); st.ConnectionConFail == 0 || st.ConnectionTotal != 0 {
				t.Errorf("%d failed of %d", st.ConnectionConFail, st.ConnectionTotal)
			}
			w.settled()
		})
	}
}

// The time for connecting is that for the handshake, too.
func TestHandshakeThatHangsUpstream(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	w := newWorld(t, plan{kind: kindHTTP1, first: []string{ln.Addr().String()}, cluster: `,"connect_timeout":"3s"`, secure: secured{up: true}})
	got := w.ask()
	c := must(t)(ln.Accept())
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil { // the hello
		t.Fatal(err)
	}
	w.forward(4 * time.Second)
	if r := w.got(got); r.status != 503 {
		t.Errorf("got %d, %v", r.status, r.err)
	}
	if i := w.last(); !strings.Contains(i.Failure, "handshake") {
		t.Errorf("the failure: %s", i.Failure)
	}
	w.settled()
}

// A client that does not finish its handshake is gone after its time, ends midway, or
// is refused; others are served meanwhile, and a drain waits for it.
func TestHandshakesThatFailDownstream(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, secure: secured{down: true}})
	hello := transporttest.Client(nil, transporttest.Config{}).Hello()
	begin := func(b string) net.Conn {
		c := must(t)(dial(w.addr))
		io.WriteString(c, b)
		return c
	}
	hangs, midway, other := begin(hello[:5]), begin(hello[:5]), begin("GET / HTTP/1.1\r\n\r\n")
	midway.Close()
	if b, err := io.ReadAll(other); err != nil || string(b) != "\xc3\x00\x00" {
		t.Errorf("got %q, %v", b, err)
	}
	got := w.ask()
	w.asked().answer(200, "meanwhile")
	w.expect(got, 200, "meanwhile")
	w.until("two are left", func() bool { return w.w.Load().Connections == 2 })
	w.forward(2 * time.Minute)
	if _, err := io.ReadAll(hangs); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the one that hangs: %v", err)
	}
	w.until("none is left of those", func() bool { return w.w.Load().Connections <= 1 })
}

// A signature that takes long keeps nobody else waiting.
func TestSlowSignature(t *testing.T) {
	var held atomic.Bool
	release := make(chan struct{})
	cfg := &transporttest.Config{Sign: func(challenge []byte, done <-chan struct{}) ([]byte, error) {
		if held.CompareAndSwap(false, true) {
			select {
			case <-release:
			case <-done:
			}
		}
		return transporttest.Sign(challenge, nil)
	}}
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, secure: secured{down: true, server: cfg}})
	slow := transporttest.Client(must(t)(dial(w.addr)), transporttest.Config{})
	defer slow.Close()
	shaken := make(chan error, 1)
	go func() { shaken <- slow.Handshake() }()
	w.until("it is being signed", held.Load)
	got := w.ask()
	w.asked().answer(200, "meanwhile")
	w.expect(got, 200, "meanwhile")
	close(release)
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(slow, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	w.asked().answer(200, "late")
	resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("got %v, %v", resp, err)
	}
}

// Both kinds of clients on one port, whatever pieces their first bytes come in.
func TestTransportOrNoneOnOnePort(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, secure: secured{down: true, both: true}})
	const q = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	whole := func(c *transporttest.Conn) string { return c.Hello() + c.Records(q) }
	for at := range len(whole(transporttest.Client(nil, transporttest.Config{}))) {
		raw := must(t)(dial(w.addr))
		c := transporttest.Client(raw, transporttest.Config{})
		b := whole(c)
		io.WriteString(raw, b[:at])
		w.forward(0)
		io.WriteString(raw, b[at:])
		expectAnswer(t, w, c)
		raw.Close()
	}
	for at := range len(q) {
		raw := must(t)(dial(w.addr))
		io.WriteString(raw, q[:at])
		w.forward(0)
		io.WriteString(raw, q[at:])
		expectAnswer(t, w, raw)
		raw.Close()
	}
}

func expectAnswer(t *testing.T, w *world, c io.Reader) {
	t.Helper()
	w.asked().answer(200, "ok")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "ok" {
		t.Fatalf("got %q, %v", body, err)
	}
}

// A large body waits for a reader that is slow, end to end, and no more than buffers
// hold of it.
func TestBackPressureOverTransports(t *testing.T) {
	sides(t, kindHTTP1, func(t *testing.T, s secured) {
		const size = 32 << 20
		w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, secure: s, handler: func(rw http.ResponseWriter, r *http.Request) {
			rw.Write(make([]byte, size))
		}})
		c := must(t)(w.dial())
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		w.until("the client's slowness has reached the host", func() bool {
			return w.count(func(x *exchange) bool {
				return x.attempts.current.conn != nil && x.attempts.current.conn.Socket().Paused()
			}) == 1
		})
		w.on(func() {
			w.count(func(x *exchange) bool {
				if n := x.conn.io.Buffered() + x.attempts.current.conn.Socket().Buffered(); n > 1<<20 {
					t.Errorf("%d bytes wait", n)
				}
				return true
			})
		})
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != size {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

// Connections that are passed on end one direction at a time, and are cut where the
// other side was.
func TestPassedOnOverTransports(t *testing.T) {
	for name, s := range map[string]secured{"down": {down: true}, "up": {up: true}, "both": {down: true, up: true}} {
		t.Run(name, func(t *testing.T) {
			world := newTCPWorld(t, time.Hour)
			world.on(func() {
				l := world.w.listeners["main"]
				s.apply(l.Listener, l.Clusters)
			})
			ln := s.host(world.ln)
			for _, cut := range []bool{false, true} {
				raw := must(t)(net.Dial("tcp", world.addr))
				defer raw.Close()
				c := s.client(raw)
				want := strings.Repeat("0123456789", 100_000)
				go io.WriteString(c, want)
				host := must(t)(ln.Accept())
				defer host.Close()
				got := make([]byte, len(want))
				if _, err := io.ReadFull(host, got); err != nil || string(got) != want {
					t.Fatalf("the host did not get what was sent: %v", err)
				}
				if cut {
					raw.(*net.TCPConn).SetLinger(0)
					raw.Close()
					if _, err := io.ReadAll(host); err == nil {
						t.Error("the host takes what it got for everything")
					}
					continue
				}
				c.(interface{ CloseWrite() error }).CloseWrite()
				if rest, err := io.ReadAll(host); err != nil || len(rest) > 0 {
					t.Errorf("the host got %d more bytes, %v", len(rest), err)
				}
				io.WriteString(host, "answer")
				host.(interface{ CloseWrite() error }).CloseWrite()
				if b, err := io.ReadAll(c); err != nil || string(b) != "answer" {
					t.Errorf("the client got %q, %v", b, err)
				}
			}
		})
	}
}

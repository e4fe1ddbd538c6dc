package e2e_test

import (
	"crypto/sha1" //nolint:gosec // as RFC 6455 has it
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// The key and its answer are the example of RFC 6455.
const (
	webSocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	webSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// tunnel is a client's end of a WebSocket, in either version.
type tunnel interface {
	// open asks for it and returns the answer's head, in HTTP/1's words.
	open(protocol string) (status int, head string)
	write(s string)
	read(n int) string
	end()          // of what the client sends
	rest() string  // up to the host's end
	breaks() error // how it is broken off; nil for a clean end
}

// tunnel1 is one in HTTP/1.
type tunnel1 struct{ *raw }

func (c tunnel1) open(protocol string) (int, string) {
	c.send("GET /chat?x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ", protocol,
		"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ", webSocketKey, "\r\nX-More: 1\r\n\r\n")
	head := c.head()
	return statusOf(head), head
}

func (c tunnel1) write(s string)    { c.send(s) }
func (c tunnel1) read(n int) string { return c.bytes(n) }
func (c tunnel1) end()              { c.CloseWrite() }

func (c tunnel1) rest() string {
	s, _ := c.raw.rest()
	return s
}

func (c tunnel1) breaks() error {
	_, err := c.raw.rest()
	return err
}

// tunnel2 is one on a stream of HTTP/2.
type tunnel2 struct {
	*frames
	at int // what was read
}

func (c *tunnel2) open(protocol string) (int, string) {
	c.until(func() bool { return c.peer[xhttp2.SettingEnableConnectProtocol] == 1 })
	c.headers(1, false, ":method", "CONNECT", ":protocol", protocol, ":scheme", "http", ":authority", "a", ":path", "/chat?x",
		"sec-websocket-version", "13", "x-more", "1")
	m := c.begun(1)
	status := 0
	fmt.Sscan(m.get(":status"), &status)
	return status, strings.Join(m.head, "\r\n")
}

func (c *tunnel2) write(s string) { c.WriteData(1, false, []byte(s)) }
func (c *tunnel2) end()           { c.WriteData(1, true, nil) }

func (c *tunnel2) read(n int) string {
	m := c.message(1)
	c.until(func() bool { return m.body.Len() >= c.at+n || m.ended || m.reset != nil })
	all := m.body.String()[c.at:]
	all = all[:min(n, len(all))]
	c.at += len(all)
	return all
}

func (c *tunnel2) rest() string { return c.whole(1).body.String()[c.at:] }

func (c *tunnel2) breaks() error {
	if m := c.whole(1); m.reset != nil {
		return fmt.Errorf("reset: %v", *m.reset)
	}
	return nil
}

// openTunnel connects to a listener.
func openTunnel(t testing.TB, version, addr string) tunnel {
	if version == h1 {
		return tunnel1{dial(t, addr)}
	}
	return &tunnel2{frames: dialFrames(t, addr)}
}

// hostTunnel is a host's end of a WebSocket.
type hostTunnel struct {
	heads chan string // of requests, in HTTP/1's words or as HTTP/2's fields
	*rawUpstream
}

// chats is a host that grants WebSockets, says welcome, and echoes.
func chats(t testing.TB, version string) hostTunnel {
	heads := make(chan string, 10)
	if version == h1 {
		return hostTunnel{heads, serveRaw(t, func(c *raw, _ int) {
			head := c.head()
			heads <- head
			key, _ := field(head, "Sec-WebSocket-Key")
			c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ",
				acceptFor(key), "\r\nSec-WebSocket-Protocol: chat\r\n\r\nwelcome")
			io.Copy(c, c.r)
			c.CloseWrite()
		})}
	}
	return hostTunnel{heads, serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			m := f.message(id)
			heads <- strings.Join(m.head, "\n")
			f.headers(id, false, ":status", "200", "sec-websocket-protocol", "chat")
			f.WriteData(id, false, []byte("welcome"))
			for at := 0; ; {
				f.until(func() bool { return m.body.Len() > at || m.ended || m.reset != nil })
				f.WriteData(id, false, []byte(m.body.String()[at:]))
				if at = m.body.Len(); m.ended || m.reset != nil {
					break
				}
			}
			f.WriteData(id, true, nil)
		}
	}, xhttp2.Setting{ID: xhttp2.SettingEnableConnectProtocol, Val: 1})}
}

// acceptFor is what a host answers a key with (RFC 6455, 4.2.2).
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // RFC 6455 names it
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestWebSocketAcross: a WebSocket goes through, whatever the client and the host
// speak. Where they differ, each gets what its version wants (RFC 6455, RFC 8441).
func TestWebSocketAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := chats(t, way.upstream)
		w := start(t, way.setup(setup{up: up.addr(), proxy: `"x_forwarded_for": "keep"`}))
		c := openTunnel(t, way.client, w.addr())
		status, head := c.open("websocket")
		if want := map[string]int{h1: 101, h2: 200}[way.client]; status != want {
			t.Fatalf("the answer is %d %q", status, head)
		}
		checkGrant(t, way, head)
		checkRequest(t, way, <-up.heads)
		if got := c.read(7); got != "welcome" {
			t.Errorf("got %q", got)
		}
		for i := range 20 {
			piece := string(pattern(1 + i*300))
			c.write(piece)
			if got := c.read(len(piece)); got != piece {
				t.Fatalf("%d bytes came back as %.100q", len(piece), got)
			}
		}
		c.write("last")
		c.end()
		if got := c.rest(); got != "last" {
			t.Errorf("at the end came %.100q", got)
		}
	})
}

// checkGrant looks at the answer that a client got.
func checkGrant(t *testing.T, way way, head string) {
	t.Helper()
	accept, _ := field(head, "Sec-WebSocket-Accept")
	protocol, _ := field(head, "Sec-WebSocket-Protocol")
	upgrade, _ := field(head, "Upgrade")
	if protocol != "chat" {
		t.Errorf("the answer is %q", head)
	}
	if way.client == h1 && (accept != webSocketAccept || upgrade != "websocket") {
		t.Errorf("the answer is %q", head)
	}
	if way.client == h2 && (accept != "" || upgrade != "") {
		t.Errorf("the answer is %q", head)
	}
}

// checkRequest looks at the request that a host got.
func checkRequest(t *testing.T, way way, head string) {
	t.Helper()
	if way.upstream == h2 {
		want := ":method: CONNECT\n:protocol: websocket\n:scheme: http\n:authority: a\n:path: /chat?x\nsec-websocket-version: 13\nx-more: 1"
		if head != want {
			t.Errorf("the host got\n%s\nwant\n%s", head, want)
		}
		return
	}
	key, _ := field(head, "Sec-WebSocket-Key")
	upgrade, _ := field(head, "Upgrade")
	connection, _ := field(head, "Connection")
	version, _ := field(head, "Sec-WebSocket-Version")
	if !strings.HasPrefix(head, "GET /chat?x HTTP/1.1\r\n") || upgrade != "websocket" || !strings.EqualFold(connection, "upgrade") ||
		version != "13" || len(key) != 24 || way.client == h1 && key != webSocketKey {
		t.Errorf("the host got %q", head)
	}
}

// TestWebSocketRefused: a host's refusal is an ordinary response, and HTTP/2's
// connection goes on.
func TestWebSocketRefused(t *testing.T) {
	for _, way := range fourWays {
		if way.upstream == h2 {
			continue
		}
		up := serveRaw(t, func(c *raw, _ int) {
			c.head()
			c.send("HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno\n")
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		c := openTunnel(t, way.client, w.addr())
		if status, head := c.open("websocket"); status != 403 {
			t.Errorf("%v: got %q", way, head)
		}
		if got := c.read(3); got != "no\n" {
			t.Errorf("%v: got %q", way, got)
		}
	}
}

// TestWebSocketUnknownToHost: a host that does not say that it takes extended
// CONNECT is not asked to.
func TestWebSocketUnknownToHost(t *testing.T) {
	for _, client := range []string{h1, h2} {
		up := serveFrames(t, func(f *frames, _ int) {
			for id := f.accept(); id != 0; id = f.accept() {
				t.Errorf("the host got %q", f.message(id))
			}
		})
		w := start(t, way{client, client, h2, "proxy"}.setup(setup{up: up.addr()}))
		c := openTunnel(t, client, w.addr())
		if status, head := c.open("websocket"); status/100 != 5 {
			t.Errorf("%s: got %d %q", client, status, head)
		}
	}
}

// TestWebSocketBroken: a tunnel that is broken off on one side is broken off on the
// other, so that nobody takes it for a clean end.
func TestWebSocketBroken(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		broken := make(chan bool)
		var up *rawUpstream
		if way.upstream == h1 {
			up = serveRaw(t, func(c *raw, _ int) {
				c.head()
				c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome")
				<-broken
				c.SetLinger(0)
			})
		} else {
			up = serveFrames(t, func(f *frames, _ int) {
				id := f.accept()
				f.headers(id, false, ":status", "200")
				f.WriteData(id, false, []byte("welcome"))
				<-broken
				f.WriteRSTStream(id, xhttp2.ErrCodeInternal)
				f.over()
			}, xhttp2.Setting{ID: xhttp2.SettingEnableConnectProtocol, Val: 1})
		}
		w := start(t, way.setup(setup{up: up.addr()}))
		c := openTunnel(t, way.client, w.addr())
		c.open("websocket")
		if got := c.read(7); got != "welcome" {
			t.Errorf("got %q", got)
		}
		close(broken)
		if err := c.breaks(); err == nil {
			t.Error("the client got a clean end")
		}
	})
}

// TestUpgradesOffInHTTP2: with allow_upgrade false, extended CONNECT is not
// announced.
func TestUpgradesOffInHTTP2(t *testing.T) {
	up := named(t, "up")
	w := start(t, setup{up: up.addr(), http1: `"allow_upgrade": false`, proxy: `"downstream_protocol": "Http2", "upstream_protocol": "Http1"`})
	f := dialFrames(t, w.addr())
	f.request(1, true, "GET", "/")
	f.expect(1, 200, "up")
	if f.peer[xhttp2.SettingEnableConnectProtocol] != 0 {
		t.Error("extended CONNECT is announced")
	}
	f.headers(3, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "a", ":path", "/")
	if m := f.whole(3); m.reset == nil || *m.reset != xhttp2.ErrCodeProtocol {
		t.Errorf("got %q", m)
	}
}

// TestConnectAcross: plain CONNECT is refused, unless it is allowed; then bytes go
// both ways.
func TestConnectAcross(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		across(t, fourWays, func(t *testing.T, way way) {
			up := connects(t, way.upstream)
			s := way.setup(setup{up: up.addr(), http1: fmt.Sprintf(`"allow_connect": %v`, allowed)})
			s.routes = `{"match": {"headers": [{"name": "method", "value": "CONNECT"}]}, "route": {"cluster_name": "up"}}`
			w := start(t, s)
			status, c := connect(t, way.client, w.addr())
			if !allowed {
				if status != 405 {
					t.Errorf("the answer is %d", status)
				}
				return
			}
			if status != 200 {
				t.Fatalf("the answer is %d", status)
			}
			c.write("hello")
			if got := c.read(5); got != "hello" {
				t.Errorf("got %q", got)
			}
			c.end()
			if got := c.rest(); got != "" {
				t.Errorf("at the end came %q", got)
			}
		})
	}
}

// connect asks for a tunnel by plain CONNECT.
func connect(t testing.TB, version, addr string) (status int, c tunnel) {
	if version == h1 {
		c := tunnel1{dial(t, addr)}
		c.send("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n")
		return statusOf(c.head()), c
	}
	f := dialFrames(t, addr)
	f.headers(1, false, ":method", "CONNECT", ":authority", "b.example:443")
	fmt.Sscan(f.begun(1).get(":status"), &status)
	return status, &tunnel2{frames: f}
}

// connects is a host that grants CONNECT and echoes.
func connects(t testing.TB, version string) *rawUpstream {
	if version == h1 {
		return serveRaw(t, func(c *raw, _ int) {
			if head := c.head(); head != "" && target(head) != "b.example:443" {
				t.Errorf("the host got %q", head)
			}
			c.send("HTTP/1.1 200 OK\r\n\r\n")
			io.Copy(c, c.r)
		})
	}
	return serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			m := f.message(id)
			if m.get(":authority") != "b.example:443" || m.get(":path") != "" || m.get(":scheme") != "" {
				t.Errorf("the host got %q", m)
			}
			f.headers(id, false, ":status", "200")
			f.until(func() bool { return m.body.Len() == 5 })
			f.WriteData(id, false, []byte(m.body.String()))
			f.until(func() bool { return m.ended })
			f.WriteData(id, true, nil)
		}
	})
}

package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// upgrading is a listener that lets clients of HTTP/1 go on in HTTP/2.
func upgrading(up string) setup {
	return setup{
		up:    up,
		proxy: `"downstream_protocol": "Http1,Http2", "upstream_protocol": "Http1"`,
		http1: `"Http2": {"allow_h2c_upgrade": true}`,
	}
}

// h2cRequest is a request that asks for the upgrade; its SETTINGS allow a window of
// 1,000 bytes.
const h2cRequest = "GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAQAAAPo\r\n\r\n"

// TestH2CUpgrade: the first request is answered on stream 1, further ones come as
// frames; and the settings of the first one count.
func TestH2CUpgrade(t *testing.T) {
	up := serveIn(t, h1, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Upgrade", "Http2-Settings", "Connection"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("%s: %s was passed on", name, v)
			}
		}
		io.WriteString(w, strings.Repeat(r.URL.Path, 300))
	})
	w := start(t, upgrading(up.addr()))
	for _, split := range []int{0, 1, 20, len(h2cRequest) - 1} {
		c := dial(t, w.addr())
		c.send(h2cRequest[:split])
		c.send(h2cRequest[split:])
		if head := c.head(); statusOf(head) != 101 {
			t.Fatalf("answered\n%s", head)
		}
		fr := http2.NewFramer(c, c.r)
		fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		c.send(http2.ClientPreface)
		if err := fr.WriteSettings(); err != nil {
			t.Fatal(err)
		}
		var block strings.Builder
		e := hpack.NewEncoder(&block)
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/2"}} {
			e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		if err := fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true}); err != nil {
			t.Fatal(err)
		}
		bodies, ended := map[uint32]int{}, 0
		for ended < 2 {
			f, err := fr.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			switch f := f.(type) {
			case *http2.MetaHeadersFrame:
				if status := f.PseudoValue("status"); status != "200" {
					t.Fatalf("stream %d: status %s", f.StreamID, status)
				}
			case *http2.DataFrame:
				if bodies[f.StreamID] += len(f.Data()); f.StreamID == 1 && bodies[1] == 1000 {
					fr.WriteWindowUpdate(1, 1000) // no more could come before
				}
				if bodies[1] > 2000 {
					t.Fatalf("%d bytes came on stream 1, whose window was 1000 and 1000 more", bodies[1])
				}
				if f.StreamEnded() {
					ended++
				}
			}
		}
		if bodies[1] != 6*300 || bodies[3] != 2*300 {
			t.Errorf("split at %d: %v bytes came", split, bodies)
		}
		c.Close()
	}
}

// TestH2CNotAsked: whatever is not a proper request for an upgrade is one of HTTP/1,
// and no host sees that anything else was asked for.
func TestH2CNotAsked(t *testing.T) {
	up := serveIn(t, h1, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" {
			t.Errorf("passed on: %v", r.Header)
		}
		io.Copy(w, r.Body)
		io.WriteString(w, "one")
	})
	w := start(t, upgrading(up.addr()))
	without := start(t, setup{up: up.addr(), proxy: `"downstream_protocol": "Http1,Http2", "upstream_protocol": "Http1"`})
	tests := []struct{ name, request string }{
		{"no settings", strings.Replace(h2cRequest, "HTTP2-Settings: AAQAAAPo\r\n", "", 1)},
		{"two settings", strings.Replace(h2cRequest, "\r\n\r\n", "\r\nHTTP2-Settings: AAQAAAPo\r\n\r\n", 1)},
		{"settings cut short", strings.Replace(h2cRequest, "AAQAAAPo", "AAQAAAP", 1)},
		{"settings that are no base64", strings.Replace(h2cRequest, "AAQAAAPo", "AAQA$APo", 1)},
		{"not in Connection", strings.Replace(h2cRequest, "Connection: Upgrade, HTTP2-Settings\r\n", "", 1)},
		{"HTTP/1.0", strings.Replace(h2cRequest, "HTTP/1.1", "HTTP/1.0", 1)},
		{"a body", strings.Replace(h2cRequest, "\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nab", 1)},
		{"h2c elsewhere", "GET /h2c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
	}
	for _, tt := range tests {
		c := dial(t, w.addr())
		c.send(tt.request)
		if head := c.head(); statusOf(head) != 200 {
			t.Errorf("%s: answered\n%s", tt.name, head)
		}
		c.Close()
	}
	c := dial(t, without.addr())
	c.send(h2cRequest)
	c.expect(200, "one")
	c.Close()
	second := dial(t, w.addr()) // only the first request may ask
	second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	second.expect(200, "one")
	second.send(h2cRequest)
	second.expect(200, "one")
	second.Close()
}

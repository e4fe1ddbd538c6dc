package e2e_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// rpc is a protocol, with a request and a response as a peer sends them.
type rpc struct {
	spec              xprotocol.Spec
	request, response []byte
}

func rpcs() []rpc {
	boltRequest := "\x01\x01\x00\x01\x01\x00\x00\x00\x07\x0b\x00\x00\x13\x88\x00\x01\x00\x13\x00\x00\x00\x05" +
		"C" + "\x00\x00\x00\x07service\x00\x00\x00\x04echo" + "hello"
	boltResponse := "\x01\x00\x00\x02\x01\x00\x00\x00\x07\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05" + "hello"
	// Version, service, version, method, types, no argument, no attachments.
	dubboRequest := "\xda\xbb\xc2\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x15" + "\x052.0.2\x04echo\x00\x03say\x00H\x5a"
	dubboResponse := "\xda\xbb\x02\x14\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x07" + "\x91\x05hello"
	return []rpc{
		{plain.Spec(), plain.Samples()[0].Bytes(), plain.Samples()[4].Bytes()},
		{bolt.Spec(), []byte(boltRequest), []byte(boltResponse)},
		{dubbo.Spec(), []byte(dubboRequest), []byte(dubboResponse)},
	}
}

func TestXProtocols(t *testing.T) {
	for _, p := range rpcs() {
		t.Run(p.spec.Name, func(t *testing.T) { pass(t, p) })
	}
}

// pass sends requests of a protocol through a running weir to a host that answers
// each, with clients that all use the same ids, and to a cluster without hosts, and
// where no route leads.
func pass(t *testing.T, p rpc) {
	host := p.host(t)
	for _, tt := range []struct {
		name   string
		setup  setup
		status int // of the answers
	}{
		{"a host", setup{up: host}, 200},
		{"no host", setup{clusters: `{"name": "up"}`}, 503},
		{"no route", setup{up: host, routes: route("/nowhere", "up", "")}, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := p.start(t, tt.setup)
			const clients, calls = 5, 40
			var wg sync.WaitGroup
			for range clients {
				c := dial(t, w.addr())
				wg.Go(func() { p.client(t, c, calls, tt.status) })
			}
			wg.Wait()
			if n := w.count("downstream.listener.main", "request_total"); n != clients*calls {
				t.Errorf("%d requests were counted, of %d", n, clients*calls)
			}
		})
	}
}

// start runs a weir that is built with the protocol.
func (p *rpc) start(t *testing.T, config setup) *weir {
	t.Helper()
	checkLeaks(t)
	w := &weir{t: t, path: filepath.Join(t.TempDir(), "weir.json"), log: &safeBuffer{}}
	if err := os.WriteFile(w.path, []byte(strings.Replace(config.String(), `"downstream_protocol": "Http1"`, fmt.Sprintf(`"downstream_protocol": %q`, p.spec.Name), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Server = server.New(server.Options{
		Registry: server.Registry{Protocols: protocol.Registry{p.spec.Protocol()}, Filters: filter.Registry{}},
		Log:      slog.New(slog.NewTextHandler(w.log, nil)),
		Level:    &slog.LevelVar{},
	})
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	return w
}

// parse takes a frame apart.
func (p *rpc) parse(t *testing.T, frame []byte) (h *stream.Head, content []byte) {
	h = &stream.Head{}
	span, err := p.spec.Codec.Parse(frame, h)
	if err != nil {
		t.Errorf("%x: %v", frame, err)
		return nil, nil
	}
	h.KeepFrame(p.spec.Name, frame, span)
	return h, frame[span.Off:span.End()]
}

// withID returns a frame with another id.
func (p *rpc) withID(t *testing.T, frame []byte, id uint64) []byte {
	h, content := p.parse(t, frame)
	if h == nil {
		return nil
	}
	head, tail := h.Frame()
	p.spec.Codec.Patch(head, id, len(content), len(tail))
	if s, ok := p.spec.Codec.(xprotocol.Sealer); ok {
		var pool buffer.Pool
		var d buffer.Chain
		d.Init(&pool)
		d.Append(content)
		s.Seal(head, &d, tail)
	}
	return append(append(append([]byte(nil), head...), content...), tail...)
}

// read reads one frame; nil at the end.
func (p *rpc) read(t *testing.T, r io.Reader) []byte {
	var b []byte
	for want := 1; ; {
		n := len(b)
		b = append(b, make([]byte, want-n)...)
		if _, err := io.ReadFull(r, b[n:]); err != nil {
			return nil
		}
		size, err := p.spec.Codec.Length(b)
		if err != nil {
			t.Errorf("%x: %v", b, err)
			return nil
		}
		if size == len(b) {
			return b
		}
		want = max(size, len(b)+1)
	}
}

// host answers every request with the response, of its id, and heartbeats.
func (p *rpc) host(t *testing.T) (address string) {
	checkLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			wg.Go(func() {
				defer c.Close()
				for b := p.read(t, c); b != nil; b = p.read(t, c) {
					if h, _ := p.parse(t, b); h != nil && h.RPC.Kind == stream.KindRequest {
						_, _ = c.Write(p.withID(t, p.response, h.RPC.ID)) // that the peer is gone shows in what is read
					}
				}
			})
		}
	})
	return l.Addr().String()
}

// client sends requests all at once, and takes their answers in whatever order.
func (p *rpc) client(t *testing.T, c *raw, calls uint64, status int) {
	c.SetDeadline(time.Now().Add(patience))
	var all []byte
	for id := range calls {
		all = append(all, p.withID(t, p.request, id)...)
	}
	c.send(string(all))
	answered := map[uint64]bool{}
	_, want := p.parse(t, p.response)
	for range calls {
		b := p.read(t, c.r)
		if b == nil {
			t.Errorf("after %d answers there are no more", len(answered))
			return
		}
		h, content := p.parse(t, b)
		switch {
		case h == nil:
			return
		case answered[h.RPC.ID] || h.RPC.ID >= calls || h.RPC.Kind != stream.KindResponse:
			t.Errorf("an answer %+v", h.RPC.Call)
		case status == 200 && (h.Status != 200 || string(content) != string(want)):
			t.Errorf("an answer with status %d and content %q", h.Status, content)
		case status != 200 && h.Status < 400:
			t.Errorf("an answer with status %d, not %d", h.Status, status)
		}
		answered[h.RPC.ID] = true
	}
	c.CloseWrite()
	c.ended()
}

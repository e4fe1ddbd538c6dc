package path

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/server"
)

// Types and flags of frames.
const (
	h2Data, h2Headers, h2Settings, h2WindowUpdate = 0, 1, 4, 8

	h2EndStream, h2EndHeaders = 1, 4
	frameLen                  = 9
)

func frame(dst []byte, typ, flags byte, id uint32, payload []byte) []byte {
	dst = append(dst, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), typ, flags)
	return append(binary.BigEndian.AppendUint32(dst, id), payload...)
}

// eachFrame calls fn with every whole frame of b, and returns their length.
func eachFrame(b []byte, fn func(typ, flags byte, id uint32)) (used int) {
	for len(b)-used >= frameLen {
		f := b[used:]
		n := frameLen + (int(f[0])<<16 | int(f[1])<<8 | int(f[2]))
		if len(f) < n {
			break
		}
		fn(f[3], f[4], binary.BigEndian.Uint32(f[5:9]))
		used += n
	}
	return used
}

// greeting is a side's SETTINGS, with windows that are never used up.
func greeting(preface string) []byte {
	window := binary.BigEndian.AppendUint32([]byte{0, 4}, 1<<31-1)
	b := frame([]byte(preface), h2Settings, 0, 0, window)
	return frame(b, h2WindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, 1<<31-1-65535))
}

func block(fields ...string) []byte {
	var b strings.Builder
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0) // so that it says the same every time
	for i := 0; i < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return []byte(b.String())
}

// exchange is one request with its answer, as frames of one stream.
type exchange struct {
	request, answer []byte
	ids             []int // where in the answer the stream's number stands
	asked           []int // and where in the request
}

func h2Exchange(request, answer [][]byte) exchange {
	var x exchange
	for i, b := range [2][][]byte{request, answer} {
		var all []byte
		var ids []int
		for _, f := range b {
			ids = append(ids, len(all)+5)
			all = append(all, f...)
		}
		if i == 0 {
			x.request, x.asked = all, ids
		} else {
			x.answer, x.ids = all, ids
		}
	}
	return x
}

func plainExchange() exchange {
	get := block(":method", "GET", ":scheme", "http", ":authority", "bench", ":path", "/hello", "user-agent", "bench/1", "accept", "*/*")
	ok := block(":status", "200", "content-length", "128", "content-type", "text/plain", "server", "bench")
	return h2Exchange(
		[][]byte{frame(nil, h2Headers, h2EndHeaders|h2EndStream, 0, get)},
		[][]byte{frame(nil, h2Headers, h2EndHeaders, 0, ok), frame(nil, h2Data, h2EndStream, 0, make([]byte, 128))})
}

func grpcExchange() exchange {
	call := block(":method", "POST", ":scheme", "http", ":authority", "bench", ":path", "/bench.Echo/Say", "te", "trailers",
		"content-type", "application/grpc", "user-agent", "grpc-go/1.85.0", "grpc-timeout", "1S")
	ok, trailers := block(":status", "200", "content-type", "application/grpc"), block("grpc-status", "0")
	message := append([]byte{0, 0, 0, 0, 123}, make([]byte, 123)...)
	return h2Exchange(
		[][]byte{frame(nil, h2Headers, h2EndHeaders, 0, call), frame(nil, h2Data, h2EndStream, 0, message)},
		[][]byte{frame(nil, h2Headers, h2EndHeaders, 0, ok), frame(nil, h2Data, 0, 0, message), frame(nil, h2Headers, h2EndHeaders|h2EndStream, 0, trailers)})
}

// h2Host answers every request when it is complete.
type h2Host struct {
	exchange
	begun bool
}

const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

func (h *h2Host) Data(c *eventloop.Conn, in buffer.View) int {
	b, used := in.Bytes(), 0
	if !h.begun {
		if len(b) < len(clientPreface) {
			return 0
		}
		h.begun, used = true, len(clientPreface)
		c.Write(greeting(""))
	}
	return used + eachFrame(b[used:], func(typ, flags byte, id uint32) {
		if (typ == h2Headers || typ == h2Data) && flags&h2EndStream != 0 {
			for _, at := range h.ids {
				binary.BigEndian.PutUint32(h.answer[at:], id)
			}
			c.Write(h.answer)
		}
		if typ == h2Settings && flags&1 == 0 {
			c.Write(frame(nil, h2Settings, 1, 0, nil))
		}
	})
}

func (h *h2Host) EOF(c *eventloop.Conn)               { c.CloseNow() }
func (h *h2Host) Pressure(*eventloop.Conn, bool)      {}
func (h *h2Host) Closed(c *eventloop.Conn, err error) {}

func exchanges(b *testing.B, x exchange) {
	g, err := eventloop.NewGroup(1, eventloop.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Stop)
	addr, err := eventloop.ParseAddr("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ln, err := g.Listen(addr, eventloop.ListenOptions{}, func(*eventloop.Conn) eventloop.Handler { return &h2Host{exchange: x} })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(ln.Close)
	s := server.New(server.Options{
		Registry: server.Registry{Protocols: protocol.Registry{http2.Protocol()}},
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)), Level: &slog.LevelVar{}, Workers: 1,
	})
	file := filepath.Join(b.TempDir(), "weir.json")
	text := strings.ReplaceAll(configText(ln.Addr().String(), 0, 0), `"downstream_protocol":"Http1"`, `"downstream_protocol":"Http2"`)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := s.Start(file); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	driveH2(b, s.Addresses()["bench"], x)
}

func driveH2(b *testing.B, addr string, x exchange) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(frame(greeting(clientPreface), h2Settings, 1, 0, nil)); err != nil {
		b.Fatal(err)
	}
	next, out, in, rest := uint32(1), make([]byte, 0, batch*len(x.request)), make([]byte, 64<<10), 0
	over := 0
	count := func(typ, flags byte, _ uint32) {
		if (typ == h2Headers || typ == h2Data) && flags&h2EndStream != 0 {
			over++
		}
	}
	once := func(n int) {
		out = out[:0]
		for range n {
			from := len(out)
			out = append(out, x.request...)
			for _, at := range x.asked {
				binary.BigEndian.PutUint32(out[from+at:], next)
			}
			next += 2
		}
		if _, err := conn.Write(out); err != nil {
			b.Fatal(err)
		}
		for over = 0; over < n; {
			k, err := conn.Read(in[rest:])
			if err != nil {
				b.Fatal(err)
			}
			rest += k
			used := eachFrame(in[:rest], count)
			rest = copy(in, in[used:rest])
		}
	}
	for range 1000 {
		once(batch)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := b.N; n > 0; n -= batch {
		once(min(n, batch))
	}
}

func BenchmarkHTTP2(b *testing.B) { exchanges(b, plainExchange()) }
func BenchmarkGRPC(b *testing.B)  { exchanges(b, grpcExchange()) }

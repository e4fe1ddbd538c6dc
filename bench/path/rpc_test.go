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

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// call is one request with its answer, as bytes. The id stands at the same place
// in both, and all requests are as long as one another, also when weir has changed
// the ids.
type call struct {
	spec            xprotocol.Spec
	request, answer []byte
	id, idLen       int
}

func boltCall() call {
	const class, content = "com.alipay.sofa.rpc.core.request.SofaRequest", 128
	var header []byte
	for _, s := range []string{"service", "com.test.EchoService:1.0", "sofa_head_method_name", "echo"} {
		header = append(binary.BigEndian.AppendUint32(header, uint32(len(s))), s...)
	}
	q := []byte{1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0x0b, 0xb8}
	q = binary.BigEndian.AppendUint16(q, uint16(len(class)))
	q = binary.BigEndian.AppendUint16(q, uint16(len(header)))
	q = binary.BigEndian.AppendUint32(q, content)
	q = append(append(append(q, class...), header...), make([]byte, content)...)
	a := []byte{1, 0, 0, 2, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	a = append(binary.BigEndian.AppendUint32(a, content), make([]byte, content)...)
	return call{bolt.Spec(), q, a, 5, 4}
}

func dubboCall() call {
	var body []byte
	text := func(s string) { body = append(append(body, byte(len(s))), s...) }
	text("2.0.2")
	text("com.test.EchoService")
	text("1.0")
	text("echo")
	text("Ljava/lang/String;")
	body = append(append(body, 'S', 0, 128), strings.Repeat("x", 128)...)
	body = append(body, 'H')
	text("path")
	text("com.test.EchoService")
	text("timeout")
	text("3000")
	body = append(body, 'Z')
	q := append([]byte{0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, binary.BigEndian.AppendUint32(nil, uint32(len(body)))...)
	a := append([]byte{0xda, 0xbb, 0x02, 20, 0, 0, 0, 0, 0, 0, 0, 0}, binary.BigEndian.AppendUint32(nil, 132)...)
	a = append(append(a, 0x91, 'S', 0, 128), strings.Repeat("x", 128)...)
	return call{dubbo.Spec(), append(q, body...), a, 4, 8}
}

// host answers every request, in their order.
type host struct{ call }

func (h *host) Data(c *eventloop.Conn, in buffer.View) int {
	b, n := in.Bytes(), len(h.request)
	used := 0
	for ; len(b)-used >= n; used += n {
		copy(h.answer[h.id:h.id+h.idLen], b[used+h.id:])
		c.Write(h.answer)
	}
	return used
}

func (h *host) EOF(c *eventloop.Conn)               { c.CloseNow() }
func (h *host) Pressure(*eventloop.Conn, bool)      {}
func (h *host) Closed(c *eventloop.Conn, err error) {}

// calls sends requests in batches over one connection to a weir that routes them by
// their service.
func calls(b *testing.B, c call) {
	g, err := eventloop.NewGroup(1, eventloop.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Stop)
	addr, err := eventloop.ParseAddr("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ln, err := g.Listen(addr, eventloop.ListenOptions{}, func(*eventloop.Conn) eventloop.Handler { return &host{c} })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(ln.Close)
	s := server.New(server.Options{
		Registry: server.Registry{Protocols: protocol.Registry{c.spec.Protocol()}},
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)), Level: &slog.LevelVar{}, Workers: 1,
	})
	file := filepath.Join(b.TempDir(), "weir.json")
	text := strings.NewReplacer(`"downstream_protocol":"Http1"`, `"downstream_protocol":"`+c.spec.Name+`"`,
		`{"prefix":"/"}`, `{"headers":[{"name":"service","value":".*"}]}`).Replace(configText(ln.Addr().String(), 0, 0))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := s.Start(file); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	drive(b, s.Addresses()["bench"], c)
}

// batch is how many requests are in flight.
const batch = 32

func drive(b *testing.B, addr string, c call) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var out []byte
	for i := range batch {
		out = append(out, c.request...)
		out[i*len(c.request)+c.id+c.idLen-1] = byte(i)
	}
	in := make([]byte, batch*len(c.answer))
	once := func(n int) {
		if _, err := conn.Write(out[:n*len(c.request)]); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, in[:n*len(c.answer)]); err != nil {
			b.Fatal(err)
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

// BenchmarkBolt is a bolt request that is passed through, 32 at a time.
func BenchmarkBolt(b *testing.B) { calls(b, boltCall()) }

// BenchmarkDubbo is a Dubbo request that is passed through, 32 at a time.
func BenchmarkDubbo(b *testing.B) { calls(b, dubboCall()) }

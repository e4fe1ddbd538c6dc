package bolt

import (
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// small is a request as SofaRPC's Node client sends it: one field.
func small(ver1 byte) []byte {
	return sample{
		ver1: ver1, flags: 1, typ: 1, cmd: 1, codec: 1, timeout: 3000,
		class:   "com.alipay.sofa.rpc.core.request.SofaRequest",
		header:  header("service", "com.nodejs.test.TestService:1.0"),
		content: "O" + strings.Repeat("c", 99),
	}.bytes()
}

// TestNoAllocations: nothing on the way of a request through the proxy allocates.
func TestNoAllocations(t *testing.T) {
	var c codec
	var pool buffer.Pool
	var content buffer.Chain
	content.Init(&pool)
	content.Append(make([]byte, 2*buffer.MaxSlab))
	for name, b := range map[string][]byte{"small": small(0), "sealed": small(2), "real": vectors(t)["bolt1-req-pb"]} {
		h := &stream.Head{}
		if n := testing.AllocsPerRun(100, func() {
			h.Clear()
			n, err := c.Length(b)
			if err != nil || n != len(b) {
				t.Fatal(n, err)
			}
			c.Preview(b, &h.RPC.Call)
			if _, err := c.Parse(b, h); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: taking it apart allocates %v times", name, n)
		}
		h, _ = parse(t, b)
		head, tail := h.Frame()
		if n := testing.AllocsPerRun(100, func() {
			c.SetTimeout(head, &stream.Call{Timeout: time.Second})
			c.Patch(head, 5, content.Len(), len(tail))
			c.Seal(head, &content, tail)
		}); n != 0 {
			t.Errorf("%s: patching it allocates %v times", name, n)
		}
		dst := make([]byte, 0, 2000)
		if n := testing.AllocsPerRun(100, func() {
			if _, _, err := c.Append(dst, h); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: encoding it anew allocates %v times", name, n)
		}
	}
}

func BenchmarkLength(b *testing.B) {
	frame := small(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (codec{}).Length(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for name, frame := range map[string][]byte{"small": small(0), "sealed": small(2), "real": vectors(b)["bolt1-req-pb"], "response": vectors(b)["bolt1-resp-pb"]} {
		b.Run(name, func(b *testing.B) {
			h := &stream.Head{}
			b.ReportAllocs()
			for b.Loop() {
				h.Clear()
				if _, err := (codec{}).Parse(frame, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPatch(b *testing.B) {
	frame := small(0)
	b.ReportAllocs()
	for b.Loop() {
		codec{}.Patch(frame, 5, 100, 0)
	}
}

func BenchmarkSeal(b *testing.B) {
	frame := small(2)
	n := len(frame) - 4
	var pool buffer.Pool
	var content buffer.Chain
	content.Init(&pool)
	content.Append(frame[n-100 : n])
	b.ReportAllocs()
	for b.Loop() {
		codec{}.Seal(frame[:n-100], &content, frame[n:])
	}
}

func BenchmarkAppend(b *testing.B) {
	h, _ := parse(b, vectors(b)["bolt1-req-pb"])
	dst := make([]byte, 0, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := (codec{}).Append(dst, h); err != nil {
			b.Fatal(err)
		}
	}
}

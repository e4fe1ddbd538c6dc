package dubbo_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// TestNoAllocations: what a connection does to every frame allocates nothing.
func TestNoAllocations(t *testing.T) {
	c := dubbo.New()
	for _, f := range frames(t) {
		h := &stream.Head{}
		h.Clear()
		if n := testing.AllocsPerRun(20, func() {
			h.Clear()
			if n, err := c.Length(f.bytes); n != len(f.bytes) || err != nil {
				t.Fatal(n, err)
			}
			span, err := c.Parse(f.bytes, h)
			if err != nil {
				t.Fatal(err)
			}
			c.Patch(f.bytes[:span.Off], h.RPC.ID, int(span.Len), len(f.bytes)-span.End())
		}); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{
		"dubbo-req-java3-hessian2", "dubbo-req-java-complex", "hessian2-req-attachments", "hessian2-req-mixed", "fastjson2-req-hello",
		"dubbo-resp-java3-hessian2", "dubbo2.7.23-java-req",
	} {
		frame := named(b, name)
		b.Run(name, func(b *testing.B) {
			c := dubbo.New()
			h := &stream.Head{}
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				h.Clear()
				if _, err := c.Parse(frame, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseWorst is a body that is given up after as many values as may be.
func BenchmarkParseWorst(b *testing.B) {
	body := unhex(b, "05322e302e32 0161 0131 016d 12 4c6a6176612f6c616e672f4f626a6563743b 57")
	for len(body) < 8<<20 {
		body = append(body, 0x79, 0x01, 'x', 0xc8, 0)
	}
	frame := join(1, unhex(b, "dabbc200000000000000000000000000"), body, nil)
	c := dubbo.New()
	h := &stream.Head{}
	b.ReportAllocs()
	for b.Loop() {
		h.Clear()
		if _, err := c.Parse(frame, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPatch(b *testing.B) {
	c := dubbo.New()
	head := named(b, "dubbo-req-java3-hessian2")[:102]
	b.ReportAllocs()
	for id := uint64(0); b.Loop(); id++ {
		c.Patch(head, id, 6, 183)
	}
}

func BenchmarkAppend(b *testing.B) {
	h, _ := parse(b, named(b, "dubbo-req-java3-hessian2"))
	h.Add("trace", "0123456789abcdef")
	c := dubbo.New()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Append(dst, h); err != nil {
			b.Fatal(err)
		}
	}
}

package dubbo_test

import (
	"bytes"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// FuzzFrame: whatever comes goes on as it came, and after a change differs in
// nothing else.
func FuzzFrame(f *testing.F) {
	for _, frame := range frames(f) {
		if len(frame.bytes) < 20000 {
			f.Add(frame.bytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := dubbo.New()
		if len(b) == 0 {
			return
		}
		n, err := c.Length(b)
		if err != nil || n == 0 {
			if len(b) >= 16 && b[0] == 0xda && b[1] == 0xbb {
				t.Fatalf("%x: %d, %v", b, n, err)
			}
			return
		}
		if n > len(b) {
			c.Patch(b[:16], 1, len(b)-16, 0)
			n = len(b)
		}
		b = b[:n]
		h := check(t, b, b[16:])
		fields := h.Len()
		if head, tail := h.Frame(); len(tail) > 0 {
			h.SetAttribute(stream.Group, []byte("blue"))
			content := b[len(head) : len(b)-len(tail)]
			out, size, err := c.Append(nil, h)
			if err != nil {
				t.Fatalf("%x: %v", b, err)
			}
			again := check(t, b, append(append(bytes.Clone(out[16:len(out)-size]), content...), out[len(out)-size:]...))
			if again.RPC.Kind == stream.KindResponse {
				return
			}
			if group, _ := again.Attribute(stream.Group); string(group) != "blue" && fields < 1000 {
				t.Fatalf("%x: group %q in %x", b, group, out)
			}
		}
	})
}

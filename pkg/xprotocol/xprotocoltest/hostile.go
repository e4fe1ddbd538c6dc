package xprotocoltest

import (
	"bytes"
	"fmt"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// hostileFront is how many bytes of a frame hostile overwrites: what codecs have in
// front of lengths.
const hostileFront = 48

// hostile puts the values at which lengths go wrong at each place of a frame's front,
// in each width, and feeds what comes of it to the codec and to connections.
func hostile(k *kit) {
	k.each(k.frames, func(f *Frame) {
		for at := range min(len(f.Bytes), hostileFront) {
			for _, width := range []int{1, 2, 4, 8} {
				for _, first := range []byte{0x7f, 0x80, 0xff} {
					if at+width > len(f.Bytes) {
						continue
					}
					b := bytes.Clone(f.Bytes)
					b[at] = first
					for i := 1; i < width; i++ {
						b[at+i] = 0xff
					}
					name := fmt.Sprintf("%s with %x at %d", f.Name, b[at:at+width], at)
					k.try(name, func() { k.survives(name, b) })
				}
			}
		}
	})
}

// survives gives the codec bytes that may be no frame.
func (k *kit) survives(name string, b []byte) {
	n, err := k.spec.Codec.Length(b)
	switch {
	case err != nil:
		return
	case n < 0:
		k.Errorf("%s: its length is said to be %d", name, n)
		return
	case n == 0 && len(b) >= large:
		k.Errorf("%s: %d bytes do not tell its length", name, len(b))
		return
	}
	if p, ok := k.spec.Codec.(xprotocol.Previewer); ok && n > 0 {
		p.Preview(b, &stream.Call{})
	}
	if n > 0 && n <= len(b) {
		if _, _, err := parse(k.spec, bytes.Clone(b[:n])); err != nil && err.Error() == "" {
			k.Errorf("%s: an error without a text", name)
		}
	}
	for _, run := range []func(pieces ...[]byte) string{k.downstream, k.upstream} {
		run(b)
	}
}

// together parses frames one after the other, in all orders of two: what one says
// must not depend on what came before.
func together(k *kit) {
	alone := make(map[string]string)
	say := func(f *Frame) string {
		h, content, err := parse(k.spec, f.Bytes)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%+v %d %s %q", h.RPC.Call, h.Status, describe(h), content)
	}
	k.each(k.frames, func(f *Frame) { alone[f.Name] = say(f) })
	k.each(k.frames, func(a *Frame) {
		for i := range k.frames {
			b := &k.frames[i]
			say(a)
			if got := say(b); got != alone[b.Name] {
				k.Errorf("%s, after %s, says\n%s, not\n%s: the codec keeps something", b.Name, a.Name, got, alone[b.Name])
			}
		}
	})
}

package xprotocoltest

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// parse takes a frame apart that must be right.
func (k *kit) parse(name string, frame []byte) (h *stream.Head, content []byte, ok bool) {
	k.Helper()
	n, err := k.spec.Codec.Length(frame)
	if err != nil || n != len(frame) {
		k.Errorf("%s: its length is %d, %v, of %d bytes %x", name, n, err, len(frame), front(frame))
		return nil, nil, false
	}
	h, content, err = parse(k.spec, frame)
	if err != nil {
		k.Errorf("%s: %v, of %x", name, err, front(frame))
		return nil, nil, false
	}
	return h, content, true
}

// front is as much of a frame as a message of a test shows.
func front(b []byte) []byte { return b[:min(len(b), 200)] }

func parsed(k *kit) {
	k.each(k.frames, func(f *Frame) {
		was := bytes.Clone(f.Bytes)
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		k.untouched(f.Name, "Parse", f.Bytes, was)
		service, _ := h.Attribute(stream.Service)
		method, _ := h.Attribute(stream.Method)
		got := Frame{f.Name, f.Bytes, h.RPC.Kind, h.RPC.ID, string(service), string(method), h.RPC.Timeout, h.Status, string(content)}
		if a, b := fmt.Sprintf("%+v", withoutBytes(got)), fmt.Sprintf("%+v", withoutBytes(*f)); a != b {
			k.Errorf("%s: it says\n%s, not\n%s", f.Name, a, b)
		}
		var again stream.Head
		again.Clear()
		if _, err := k.spec.Codec.Parse(f.Bytes, &again); err != nil || again.RPC.Call != h.RPC.Call {
			k.Errorf("%s: parsed once more it says %+v, %v: the codec keeps something", f.Name, again.RPC.Call, err)
		}
		k.previewed(f, &h.RPC.Call)
	})
}

func withoutBytes(f Frame) Frame {
	f.Bytes = nil
	return f
}

// previewed checks what the front of a request says against what the whole does;
// of other frames nobody asks more than that they are none.
func (k *kit) previewed(f *Frame, whole *stream.Call) {
	p, ok := k.spec.Codec.(xprotocol.Previewer)
	if !ok {
		return
	}
	was := bytes.Clone(f.Bytes)
	for n := 1; n <= min(len(f.Bytes), large); n++ {
		k.prefix = n
		if size, _ := k.spec.Codec.Length(f.Bytes[:n:n]); size == 0 {
			continue
		}
		var call stream.Call
		p.Preview(f.Bytes[:n:n], &call)
		request := whole.Kind == stream.KindRequest
		if (call.Kind == stream.KindRequest) != request || request && (call.ID != whole.ID || call.Form != whole.Form) {
			k.Errorf("%s: its first %d bytes say %+v, the whole says %+v", f.Name, n, call, *whole)
			return
		}
	}
	k.untouched(f.Name, "Preview", f.Bytes, was)
}

func prefixes(k *kit) {
	k.each(k.frames, func(f *Frame) {
		was, told := bytes.Clone(f.Bytes), false
		for i := 1; i <= len(f.Bytes); i++ {
			k.prefix = i
			n, err := k.spec.Codec.Length(f.Bytes[:i:i])
			if err != nil || n != 0 && n != len(f.Bytes) || n == 0 && told {
				k.Errorf("%s: after %d of %d bytes, the length is said to be %d, %v", f.Name, i, len(f.Bytes), n, err)
				break
			}
			told = n != 0
		}
		k.untouched(f.Name, "Length", f.Bytes, was)
		if !told {
			k.Errorf("%s: the whole frame does not tell its length", f.Name)
		}
		for _, more := range [][]byte{{0}, {0xff, 0xff}, f.Bytes} {
			if n, err := k.spec.Codec.Length(append(bytes.Clone(f.Bytes), more...)); n != len(f.Bytes) || err != nil {
				k.Errorf("%s: with more behind it, the length is said to be %d, %v", f.Name, n, err)
			}
		}
	})
}

func identical(k *kit) {
	k.each(k.frames, func(f *Frame) {
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		got := k.sent(h, h.RPC.ID, content)
		if h.RPC.Anew { // an id may have another width
			if again, content2, ok := k.parse(f.Name+", encoded anew", got); ok {
				k.same(f.Name+", encoded anew", again, h, content2, content)
			}
		} else if !bytes.Equal(got, f.Bytes) {
			k.Errorf("%s: it goes on as %x, and was %x", f.Name, front(got), front(f.Bytes))
		}
	})
}

func patched(k *kit) {
	k.each(k.frames, func(f *Frame) {
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		for _, id := range k.ids() {
			name := fmt.Sprintf("%s with id %#x", f.Name, id)
			again, content2, ok := k.parse(name, k.sent(h, id, content))
			if !ok {
				continue
			}
			want := *h
			want.RPC.ID = id
			k.same(name, again, &want, content2, content)
			back := k.sent(again, h.RPC.ID, content2)
			if !h.RPC.Anew && !bytes.Equal(back, f.Bytes) {
				k.Errorf("%s: patched back it is %x, and was %x", name, front(back), front(f.Bytes))
			}
			k.sealed(name, h, again)
		}
		k.patchedLengths(f, h)
	})
}

// maxChecksum is how many bytes a checksum has at most.
const maxChecksum = 32

// sealed checks that a tail which is another one in each frame is made anew with the
// frame: it is a checksum.
func (k *kit) sealed(name string, before, after *stream.Head) {
	_, was := before.Frame()
	_, is := after.Frame()
	if len(was) < 2 || len(was) > maxChecksum || before.RPC.ID == after.RPC.ID || !bytes.Equal(was, is) || k.fieldsInTail(before) {
		return
	}
	for _, f := range k.frames {
		other, _, err := parse(k.spec, f.Bytes)
		if err != nil {
			continue
		}
		if _, tail := other.Frame(); len(tail) == len(was) && !bytes.Equal(tail, was) {
			k.Errorf("%s: its tail %x stays, which is %x in %s: if it is a checksum, the codec needs Seal", name, was, tail, f.Name)
			return
		}
	}
}

// fieldsInTail reports whether the tail is where a protocol has its fields.
func (k *kit) fieldsInTail(h *stream.Head) bool {
	var more stream.Head
	more.CopyFrom(h)
	more.Add("x-kit-added", "value")
	_, n, err := k.spec.Codec.Append(nil, &more)
	_, tail := h.Frame()
	return err == nil && n != len(tail)
}

// patchedLengths patches the length of contents that are not there.
func (k *kit) patchedLengths(f *Frame, h *stream.Head) {
	head, tail := k.parts(h)
	if head == nil {
		return
	}
	id := max(f.ID, k.spec.MinID)
	for _, n := range []int{0, 1, len(f.Content), len(f.Content) + 1, 255, 256, 1 << 16, 1 << 20} {
		b := bytes.Clone(head)
		k.spec.Codec.Patch(b, id, n, len(tail))
		b = append(b, make([]byte, n)...)
		b = append(b, tail...)
		if got, err := k.spec.Codec.Length(b); got != len(b) || err != nil {
			k.Errorf("%s: patched for a content of %d bytes, its length is said to be %d, %v, and is %d", f.Name, n, got, err, len(b))
		}
		// Nobody keeps more than that for a codec to look at.
		if most := buffer.MaxSlab / 2; len(b) > most {
			if got, err := k.spec.Codec.Length(b[:most:most]); got != len(b) || err != nil {
				k.Errorf("%s: of a long frame, %d bytes do not tell the length %d, but %d, %v", f.Name, most, len(b), got, err)
			}
		}
	}
}

// same compares what two frames say.
func (k *kit) same(name string, got, want *stream.Head, content, wantContent []byte) {
	k.Helper()
	switch {
	case got.RPC.Call != want.RPC.Call:
		k.Errorf("%s: it is %+v, not %+v", name, got.RPC.Call, want.RPC.Call)
	case got.Status != want.Status:
		k.Errorf("%s: its status is %d, not %d", name, got.Status, want.Status)
	case describe(got) != describe(want):
		k.Errorf("%s: it has\n%s, not\n%s", name, describe(got), describe(want))
	case !bytes.Equal(content, wantContent):
		k.Errorf("%s: its content is %q, not %q", name, front(content), front(wantContent))
	}
}

func timeouts(k *kit) {
	timer, ok := k.spec.Codec.(xprotocol.Timer)
	if !ok {
		return
	}
	k.each(k.of(stream.KindRequest), func(f *Frame) {
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		for _, timeout := range []time.Duration{time.Millisecond, 2 * time.Second, time.Hour} {
			head, tail := k.parts(h)
			if head == nil {
				return
			}
			want := *h
			want.RPC.Timeout = timeout
			timer.SetTimeout(head, &want.RPC.Call)
			name := fmt.Sprintf("%s with a timeout of %v", f.Name, timeout)
			if got, content2, ok := k.parse(name, join(k.spec, head, f.ID, content, tail)); ok {
				k.same(name, got, &want, content2, content)
			}
		}
	})
}

func allocations(k *kit) {
	k.each(k.frames, func(f *Frame) {
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		head, _ := k.parts(h)
		if head == nil {
			return
		}
		again := &stream.Head{}
		for what, do := range map[string]func(){
			"Length": func() { _, _ = k.spec.Codec.Length(f.Bytes) },
			"Parse": func() {
				again.Clear()
				_, _ = k.spec.Codec.Parse(f.Bytes, again)
			},
			"Patch": func() { k.spec.Codec.Patch(head, math.MaxUint32, len(content), 0) },
		} {
			do() // what grows once may grow
			if n := testing.AllocsPerRun(20, do); n > 0 {
				k.Errorf("%s: %s costs %v allocations", f.Name, what, n)
			}
		}
	})
}

package bolt

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// FuzzFrame gives the codec anything, as a connection would.
func FuzzFrame(f *testing.F) {
	for _, b := range vectors(f) {
		f.Add(b)
	}
	for ver1 := range byte(3) {
		s := request(header("service", "a.B:1:u", absent, "x", "y", absent))
		s.ver1, s.flags = ver1, 1
		f.Add(s.bytes())
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) == 0 {
			return
		}
		n, err := codec{}.Length(input)
		if err != nil {
			n = 0
		}
		if err == nil && n != 0 {
			var call stream.Call
			codec{}.Preview(input, &call)
			if call.Kind == unknown {
				t.Fatal("a frame of no kind has a length")
			}
		}
		if n == 0 || n > len(input) {
			// Not a whole frame; whoever asks all the same is told so.
			if _, err := (codec{}).Parse(input, &stream.Head{}); err == nil {
				t.Fatal("parsed what has no length")
			}
			return
		}
		whole := slices.Clip(input[:n])
		h := &stream.Head{}
		content, err := codec{}.Parse(whole, h)
		if err != nil {
			return
		}
		h.KeepFrame("bolt", whole, content)
		check(t, whole, h, whole[content.Off:content.End()])
	})
}

// check holds a head against the frame that it was parsed from.
func check(t *testing.T, was frame, h *stream.Head, content []byte) {
	head, tail := h.Frame()
	if got := finish(bytes.Clone(head), h.RPC.ID, content, bytes.Clone(tail)); !h.RPC.Anew && !bytes.Equal(got, was) {
		t.Fatalf("passed through: %x, was %x", got, was)
	}
	b, n, err := codec{}.Append(nil, h)
	if errors.Is(err, errTooLong) && len(head) > maxText {
		return
	}
	if err != nil {
		t.Fatal("Append:", err)
	}
	again := finish(slices.Clip(b[:len(b)-n]), h.RPC.ID, content, bytes.Clone(b[len(b)-n:]))
	// Without pairs that have no key, the header map is as long as its fields say.
	size := 0
	for i := range h.Len() {
		name, value := h.At(i)
		size += 8 + len(name) + len(value)
	}
	class, header, _ := was.lengths()
	if int64(size) == header-class && !h.RPC.Anew && !bytes.Equal(again, was) {
		t.Fatalf("encoded anew: %x, was %x", again, was)
	}
	h2, content2 := parse(t, again)
	if !slices.Equal(fields(h2), fields(h)) || !bytes.Equal(content2, content) || h2.RPC.Call != h.RPC.Call || h2.Status != h.Status {
		t.Fatalf("encoded anew and parsed again: %+v, was %+v", h2.RPC.Call, h.RPC.Call)
	}
}

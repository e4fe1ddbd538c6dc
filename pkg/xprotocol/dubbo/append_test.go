package dubbo_test

import (
	"bytes"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// TestFramesAsTheyCame: what a head keeps, and what it is encoded as after a change
// that changes nothing, are the bytes that came.
func TestFramesAsTheyCame(t *testing.T) {
	for _, f := range frames(t) {
		h, content := parse(t, f.bytes)
		head, tail := h.Frame()
		same(t, f.name+" as it was kept", join(h.RPC.ID, head, content, tail), f.bytes)
		same(t, f.name+" encoded anew", encode(t, h, content), f.bytes)
		for a := stream.Service; a <= stream.Group; a++ {
			if v, ok := h.Attribute(a); ok {
				h.SetAttribute(a, bytes.Clone(v))
			}
		}
		for i := range h.Len() {
			if name, value := h.At(i); !h.NullAt(i) {
				h.Header.Set(string(name), string(value))
			}
		}
		same(t, f.name+" after no change", encode(t, h, content), f.bytes)
	}
}

// same says where two frames differ first.
func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Errorf("%s: %d bytes, want %d; at %d: %x, want %x", what, len(got), len(want), i, got[i:min(i+20, len(got))], want[i:min(i+20, len(want))])
}

// TestPatch: id and length, and nothing else.
func TestPatch(t *testing.T) {
	head := unhex(t, "dabbc214 0000000000000001 00000063 aabbcc")
	dubbo.New().Patch(head, 0xfedcba9876543210, 1<<24, 1)
	if want := unhex(t, "dabbc214 fedcba9876543210 01000004 aabbcc"); !bytes.Equal(head, want) {
		t.Errorf("%x, want %x", head, want)
	}
}

// TestWhatCannotChange: a body that was not read is not guessed at.
func TestWhatCannotChange(t *testing.T) {
	set := func(a stream.Attribute) func(*stream.Head) {
		return func(h *stream.Head) { h.SetAttribute(a, []byte("other")) }
	}
	add := func(h *stream.Head) { h.Add("trace", "1") }
	java := named(t, "dubbo2.7.23-java-req")
	// The second argument is an object of no class.
	strings := join(1, unhex(t, "dabbc200000000000000000000000000"), unhex(t, "05322e302e32 0161 0131 016d 024949 90 60"), nil)
	tests := []struct {
		name   string
		frame  []byte
		change func(*stream.Head)
		ok     bool
	}{
		{"nothing, of Java's serialization", java, func(*stream.Head) {}, true},
		{"service, of Java's serialization", java, set(stream.Service), false},
		{"method, of Java's serialization", java, set(stream.Method), false},
		{"version, of Java's serialization", java, set(stream.Version), false},
		{"group, of Java's serialization", java, set(stream.Group), false},
		{"field, of Java's serialization", java, add, false},
		{"method, before a broken argument", strings, set(stream.Method), true},
		{"service, before a broken argument", strings, set(stream.Service), false},
		{"group, before a broken argument", strings, set(stream.Group), false},
		{"field, before a broken argument", strings, add, false},
		{"field, of an old response", named(t, "hessian2-resp-old-value"), add, false},
		{"field, of an error", named(t, "hessian2-resp-status60"), add, false},
		{"field, of a heartbeat", named(t, "hessian2-heartbeat"), add, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := parse(t, tt.frame)
			tt.change(h)
			out, tail, err := dubbo.New().Append([]byte("x"), h)
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if err != nil && (string(out) != "x" || tail != 0) {
				t.Errorf("appended %x in spite of the error", out)
			}
		})
	}
	if _, _, err := dubbo.New().Append(nil, &stream.Head{}); err == nil {
		t.Error("a head without a frame was encoded")
	}
}

// TestStringsWithoutArguments: what is known of a request whose arguments break off.
func TestStringsWithoutArguments(t *testing.T) {
	h, content := parse(t, join(1, unhex(t, "dabbc200000000000000000000000000"), unhex(t, "05322e302e32 0161 0131 016d 024949 90 60"), nil))
	if string(h.Path()) != "/a/m" || len(content) != 2 || h.Len() != 0 {
		t.Fatalf("path %s, content %x, %d fields", h.Path(), content, h.Len())
	}
	h.SetAttribute(stream.Method, []byte("other"))
	got := encode(t, h, content)
	if want := join(1, unhex(t, "dabbc200000000000000000000000000"), unhex(t, "05322e302e32 0161 0131 056f74686572 024949 90 60"), nil); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

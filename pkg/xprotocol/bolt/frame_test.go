package bolt

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

func TestLengthOfPrefixes(t *testing.T) {
	for name, b := range vectors(t) {
		told := false
		for i := 1; i <= len(b); i++ {
			n, err := codec{}.Length(b[:i:i])
			if err != nil {
				t.Fatalf("%s: %v after %d bytes", name, err, i)
			}
			if n != 0 && n != len(b) || n == 0 && told {
				t.Fatalf("%s: %d bytes say that it has %d, not %d", name, i, n, len(b))
			}
			told = n != 0
		}
		if !told {
			t.Errorf("%s: not even the whole frame tells its length", name)
		}
		// What follows belongs to the next frame.
		if n, err := (codec{}).Length(append(slices.Clip(b), 1, 2, 3)); n != len(b) || err != nil {
			t.Errorf("%s: with more behind it: %d, %v", name, n, err)
		}
	}
}

func TestLength(t *testing.T) {
	fixed := func(s sample, class, header uint16, content uint32) []byte {
		b := s.bytes()
		n := frame(b).fixed()
		l := b[n-8:]
		l[0], l[1], l[2], l[3] = byte(class>>8), byte(class), byte(header>>8), byte(header)
		l[4], l[5], l[6], l[7] = byte(content>>24), byte(content>>16), byte(content>>8), byte(content)
		return b[:n]
	}
	tests := []struct {
		name string
		b    []byte
		n    int
		err  error
	}{
		{"all lengths at their most", fixed(sample{typ: 1, cmd: 1}, math.MaxInt16, math.MaxInt16, math.MaxInt32), 22 + 2*math.MaxInt16 + math.MaxInt32, nil},
		{"the same with a checksum", fixed(sample{ver1: 2, flags: 1, typ: 1, cmd: 1}, math.MaxInt16, math.MaxInt16, math.MaxInt32), 24 + 2*math.MaxInt16 + math.MaxInt32 + 4, nil},
		{"a content that is negative in Java", fixed(sample{cmd: 2}, 3, 4, 1<<31), 27, nil},
		{"a class that is negative in Java", fixed(sample{cmd: 2}, 1<<15, 4, 5), 29, nil},
		{"all three", fixed(sample{ver1: 2, flags: 1, cmd: 2}, math.MaxUint16, math.MaxUint16, math.MaxUint32), 26, nil},
		{"switch without effect on ver1 of 1", fixed(sample{ver1: 1, flags: 1, cmd: 2}, 1, 2, 3), 28, nil},
		{"other switches", fixed(sample{ver1: 2, flags: 0x7e, cmd: 2}, 1, 2, 3), 28, nil},
		{"checksum among other switches", fixed(sample{ver1: 2, flags: 0x7f, cmd: 2}, 1, 2, 3), 32, nil},

		{"protocol 0", []byte{0}, 0, errFrame},
		{"protocol 3", []byte{3}, 0, errFrame},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0, errFrame},
		{"type 3", []byte{1, 3}, 0, errFrame},
		{"command 256", []byte{1, 1, 1}, 0, errFrame},
		{"command 3", []byte{1, 1, 0, 3}, 0, errFrame},
		{"ver1 0", []byte{2, 0}, 0, errFrame},
		{"ver1 3", []byte{2, 3}, 0, errFrame},
		{"ver1 3, whole", sample{ver1: 3, typ: 1, cmd: 1}.bytes(), 0, errFrame},
		{"type 3 of version 2", []byte{2, 1, 3}, 0, errFrame},

		{"type 3, whole", sample{typ: 3, cmd: 1}.bytes(), 0, errKind},
		{"request with a response's command", sample{typ: 1, cmd: 2}.bytes(), 0, errKind},
		{"response with a request's command", sample{cmd: 1}.bytes(), 0, errKind},
		{"one-way heartbeat", sample{typ: 2}.bytes(), 0, errKind},
		{"one-way go-away", sample{typ: 2, cmd: 100}.bytes(), 0, errKind},
		{"answer to a go-away", sample{cmd: 100}.bytes(), 0, errKind},
		{"command 356", sample{typ: 1, cmd: 356}.bytes(), 0, errKind},
		{"command 3 of version 2", sample{ver1: 2, typ: 1, cmd: 3}.bytes(), 0, errKind},
	}
	for _, tt := range tests {
		n, err := codec{}.Length(tt.b)
		if n != tt.n || !errors.Is(err, tt.err) {
			t.Errorf("%s: %d, %v; want %d, %v", tt.name, n, err, tt.n, tt.err)
		}
		if tt.err == nil {
			continue
		}
		if _, err := (codec{}).Parse(tt.b, &stream.Head{}); !errors.Is(err, tt.err) {
			t.Errorf("%s: Parse says %v", tt.name, err)
		}
	}
}

// TestMatch tries every value of every byte of the signatures.
func TestMatch(t *testing.T) {
	signatures := [][][]byte{
		{{1}, {0, 1, 2}, {0}, {0, 1, 2, 100}},
		{{2}, {1, 2}, {0, 1, 2}},
	}
	for _, places := range signatures {
		var begin func(b []byte)
		begin = func(b []byte) {
			place := places[len(b)]
			for c := range 256 {
				next := append(slices.Clip(b), byte(c))
				want := protocol.More
				switch {
				case len(b) == 0 && (c == 1 || c == 2):
				case !slices.Contains(place, byte(c)):
					want = protocol.No
				case len(next) == len(places):
					want = protocol.Yes
				}
				if got := Match(next); got != want {
					t.Fatalf("%x: %d, want %d", next, got, want)
				}
				if more := append(slices.Clip(next), "\xff more"...); want != protocol.More && Match(more) != want {
					t.Fatalf("%x: %d, and with more behind it %d", next, want, Match(more))
				}
				if want == protocol.More && slices.Contains(place, byte(c)) {
					begin(next)
				}
			}
		}
		begin(nil)
	}
	for name, b := range vectors(t) {
		if Match(b) != protocol.Yes {
			t.Errorf("%s: not told", name)
		}
	}
}

func TestPreview(t *testing.T) {
	for name, b := range vectors(t) {
		h, _ := parse(t, b)
		var whole, front stream.Call
		codec{}.Preview(b, &whole)
		if whole != h.RPC.Call {
			t.Errorf("%s: Preview %+v, Parse %+v", name, whole, h.RPC.Call)
		}
		// Without the content it cannot know how to write a text for it.
		codec{}.Preview(b[:frame(b).fixed()], &front)
		whole.Bits &^= bitHessian
		if front != whole {
			t.Errorf("%s: of the front %+v, of the whole %+v", name, front, whole)
		}
	}
}

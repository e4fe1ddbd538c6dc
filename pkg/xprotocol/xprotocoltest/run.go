package xprotocoltest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// Frame is a frame that a peer has sent, and what it says.
type Frame struct {
	Name  string
	Bytes []byte

	Kind    stream.Kind
	ID      uint64
	Service string
	Method  string
	Timeout time.Duration
	// Status is that of a response, in HTTP's numbers.
	Status  int
	Content string
}

// Run tests that a codec keeps its contract. Among the frames there must be a
// request and a response with a content; there should be one of each kind, form
// and version that the protocol has.
func Run(t *testing.T, s xprotocol.Spec, frames ...Frame) {
	k := &kit{reporter: t, spec: s, frames: frames}
	if !k.enough() {
		return
	}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			(&kit{reporter: t, spec: s, frames: frames}).run(c)
		})
	}
}

// reporter is what of testing.TB is used.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// kit is what the cases share.
type kit struct {
	reporter
	spec   xprotocol.Spec
	frames []Frame
	prefix int // of how many bytes of a frame is being looked at, for a panic's report; whole
}

// run runs a case. What it is that panics in there is reported.
func (k *kit) run(c testCase) {
	k.Helper()
	k.try(c.name, func() { c.run(k) })
}

// testCase is one thing that every codec owes.
type testCase struct {
	name string
	run  func(*kit)
}

func cases() []testCase {
	return []testCase{
		{"frames say what they should", parsed},
		{"a frame's front tells its length, or asks for more", prefixes},
		{"the first bytes tell the protocol", matched},
		{"what a frame says depends on nothing else", together},
		{"lengths out of range are refused", hostile},
		{"an unchanged frame is sent as it came", identical},
		{"ids and lengths are patched, and nothing else", patched},
		{"timeouts are set, and nothing else", timeouts},
		{"a head that was changed and changed back is the same", changedBack},
		{"changes arrive, or are refused", changes},
		{"the path of a frame costs no allocation", allocations},
		{"a frame that is too long is refused before memory is taken", tooLong},
		{"answers of weir's own are responses", answers},
		{"heartbeats are answered", heartbeats},
		{"heartbeats are sent", probes},
		{"a go-away is one", goAways},
		{"requests come the same however split", splitRequests},
		{"answers come the same however split", splitAnswers},
		{"one-way requests have no answer", oneWay},
		{"answers find their requests", order},
		{"answers that nobody waits for are dropped", strays},
		{"an id that is in use ends the connection", duplicates},
		{"too many requests wait", pipelined},
	}
}

// enough checks that the frames suffice for the other cases, and show whatever the
// codec can: what no frame has, no case looks at.
func (k *kit) enough() bool {
	k.Helper()
	ok := true
	for _, kind := range []stream.Kind{stream.KindRequest, stream.KindResponse} {
		if f := k.first(kind); f == nil || f.Content == "" {
			k.Errorf("a frame of kind %s is needed, the first one with a content", kind)
			ok = false
		}
	}
	want := func(there bool, what string) {
		k.Helper()
		if !there {
			k.Errorf("a frame is needed: %s", what)
			ok = false
		}
	}
	request := func(has func(f Frame) bool) bool { return slices.ContainsFunc(k.of(stream.KindRequest), has) }
	want(request(func(f Frame) bool { return f.Service != "" }), "a request that names a service")
	if _, is := k.spec.Codec.(xprotocol.Timer); is {
		want(request(func(f Frame) bool { return f.Timeout > 0 }), "a request that says how long its sender waits, as the codec has SetTimeout")
	}
	if _, is := k.spec.Codec.(xprotocol.Heartbeater); is {
		want(k.first(stream.KindHeartbeat) != nil, "a heartbeat, as the codec has Heartbeat")
	}
	want(slices.ContainsFunc(k.of(stream.KindResponse), func(f Frame) bool { return f.Status >= 400 }), "a response that says that the request failed")
	return ok
}

// first returns the first frame of a kind, nil if there is none.
func (k *kit) first(kind stream.Kind) *Frame {
	for i := range k.frames {
		if k.frames[i].Kind == kind {
			return &k.frames[i]
		}
	}
	return nil
}

// of returns the frames of some kinds.
func (k *kit) of(kinds ...stream.Kind) (fs []Frame) {
	for _, f := range k.frames {
		for _, kind := range kinds {
			if f.Kind == kind {
				fs = append(fs, f)
			}
		}
	}
	return fs
}

// ids are some ids, up to the greatest.
func (k *kit) ids() []uint64 {
	ids := []uint64{
		0, 1, 0x7f, 0x80, 0xff, 0x102, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
		1 << 32, 0x0102_0304_0506_0708, 1<<63 - 1, 1 << 63, 1<<64 - 1, max(k.spec.MinID, 1), k.spec.MinID + 1,
	}
	bits := k.spec.IDBits
	if bits == 0 {
		bits = 64
	}
	return slices.DeleteFunc(ids, func(id uint64) bool { return id>>bits != 0 && bits < 64 || id < k.spec.MinID })
}

// join makes a frame of its parts as a connection does.
func join(s xprotocol.Spec, head []byte, id uint64, content, tail []byte) []byte {
	head, tail = bytes.Clone(head), bytes.Clone(tail)
	s.Codec.Patch(head, id, len(content), len(tail))
	if sealer, ok := s.Codec.(xprotocol.Sealer); ok {
		var pool buffer.Pool
		var d buffer.Chain
		d.Init(&pool)
		for _, piece := range [][]byte{content[:len(content)/2], content[len(content)/2:]} {
			d.Append(piece)
		}
		sealer.Seal(head, &d, tail)
		d.Clear()
	}
	return append(append(head, content...), tail...)
}

// withID returns a frame with another id; nil if it cannot be parsed, which
// another case finds.
func (k *kit) withID(frame []byte, id uint64) []byte {
	h, content, err := parse(k.spec, frame)
	if err != nil {
		return nil
	}
	return k.sent(h, id, content)
}

// sent returns the frame that a connection sends for a head: with an id of its own,
// and encoded anew where the codec cannot do otherwise. It is nil if it cannot be.
func (k *kit) sent(h *stream.Head, id uint64, content []byte) []byte {
	head, tail := k.parts(h)
	if head == nil {
		return nil
	}
	return join(k.spec, head, id, content, tail)
}

// parts returns what stands before and behind the content when a connection sends a
// head, with room for any id; nil if it cannot be encoded, which another case finds.
func (k *kit) parts(h *stream.Head) (head, tail []byte) {
	if !h.RPC.Anew {
		head, tail = h.Frame()
		return bytes.Clone(head), bytes.Clone(tail)
	}
	out, n, err := k.spec.Codec.Append(nil, h)
	if err != nil || n < 0 || n > len(out) {
		return nil, nil
	}
	return out[:len(out)-n], out[len(out)-n:]
}

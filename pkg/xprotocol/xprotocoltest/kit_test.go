package xprotocoltest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

func plainFrames() (fs []Frame) {
	for _, m := range plain.Samples() {
		fs = append(fs, Frame{m.Name, m.Bytes(), m.Kind, m.ID, m.Service, m.Method, m.Timeout(), m.Status(), m.Content})
	}
	return fs
}

func FuzzPlain(f *testing.F) { Fuzz(f, plain.Spec(), plainFrames()...) }

// recorder takes the place of a test that is to fail.
type recorder struct{ errors []string }

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// failures runs the cases and returns what they found, each with its case's name. It
// stops behind the case that finds what is wanted; without that, it runs all.
func failures(s xprotocol.Spec, frames []Frame, want string) []string {
	var all []string
	for _, c := range cases() {
		if want != "" && found(all, want) {
			break
		}
		var r recorder
		(&kit{reporter: &r, spec: s, frames: frames}).run(c)
		for _, e := range r.errors {
			all = append(all, c.name+": "+e)
		}
	}
	return all
}

func found(failures []string, want string) bool {
	return slices.ContainsFunc(failures, func(s string) bool { return strings.Contains(s, want) })
}

// broken is a codec that does one thing wrong.
type broken struct {
	plain.Codec
	length    func(b []byte, n int) (int, error)
	parse     func(b []byte, h *stream.Head, content stream.Span) (stream.Span, error)
	patch     func(head []byte, id uint64, content int)
	change    func(h *stream.Head) error
	encoded   func(out []byte, tail int) ([]byte, int)
	answer    func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte
	heartbeat func(dst []byte, id uint64) []byte
	beat      func(dst []byte, to *stream.Call, ok bool) []byte
	goAway    func(dst []byte) []byte
	unsealed  bool
	timeout   func(head []byte)
	preview   func(call *stream.Call)
	lent      func(b []byte)       // is given what Length is lent
	lentHead  func(h *stream.Head) // is given what Append is lent
}

func (c *broken) Length(b []byte) (int, error) {
	n, err := c.Codec.Length(b)
	if c.lent != nil {
		c.lent(b)
	}
	if c.length != nil && err == nil {
		return c.length(b, n)
	}
	return n, err
}

func (c *broken) Parse(b []byte, h *stream.Head) (stream.Span, error) {
	span, err := c.Codec.Parse(b, h)
	if c.parse != nil && err == nil {
		return c.parse(b, h, span)
	}
	return span, err
}

func (c *broken) Patch(head []byte, id uint64, content, tail int) {
	c.Codec.Patch(head, id, content, tail)
	if c.patch != nil {
		c.patch(head, id, content)
	}
}

func (c *broken) Append(dst []byte, h *stream.Head) ([]byte, int, error) {
	if c.lentHead != nil {
		c.lentHead(h)
	}
	if c.change != nil {
		was := h
		h = &stream.Head{}
		h.CopyFrom(was)
		if err := c.change(h); err != nil {
			return dst, 0, err
		}
	}
	out, tail, err := c.Codec.Append(dst, h)
	if c.encoded != nil && err == nil {
		out, tail = c.encoded(out, tail)
	}
	return out, tail, err
}

func (c *broken) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	if c.answer != nil {
		return c.answer(dst, to, a)
	}
	return c.Codec.Answer(dst, to, a)
}

func (c *broken) Heartbeat(dst []byte, id uint64, like *stream.Call) []byte {
	if c.heartbeat != nil {
		return c.heartbeat(dst, id)
	}
	return c.Codec.Heartbeat(dst, id, like)
}

func (c *broken) HeartbeatAnswer(dst []byte, to *stream.Call, content []byte, ok bool) []byte {
	if c.beat != nil {
		return c.beat(dst, to, ok)
	}
	return c.Codec.HeartbeatAnswer(dst, to, content, ok)
}

func (c *broken) GoAway(dst []byte, id uint64, like *stream.Call) []byte {
	if c.goAway != nil {
		return c.goAway(dst)
	}
	return c.Codec.GoAway(dst, id, like)
}

func (c *broken) Seal(head []byte, content *buffer.Chain, tail []byte) {
	if !c.unsealed {
		c.Codec.Seal(head, content, tail)
	}
}

func (c *broken) SetTimeout(head []byte, call *stream.Call) {
	c.Codec.SetTimeout(head, call)
	if c.timeout != nil {
		c.timeout(head)
	}
}

func (c *broken) Preview(b []byte, call *stream.Call) {
	c.Codec.Preview(b, call)
	if c.preview != nil {
		c.preview(call)
	}
}

var errBroken = errors.New("broken")

// mutants are codecs that each do one thing wrong, and the case that finds it.
func mutants() []struct {
	name string
	c    *broken
	want string
} {
	good := plain.Codec{}
	kept := new(struct{ b []byte })
	remembered := false
	calls := 0
	return []struct {
		name string
		c    *broken
		want string
	}{
		{"nothing wrong", &broken{}, ""},
		{"a length that grows with what is there", &broken{length: func(b []byte, n int) (int, error) {
			if n > 0 {
				n = max(n, len(b))
			}
			return n, nil
		}}, "a frame's front tells"},
		{"a length that is told only of the whole", &broken{length: func(b []byte, n int) (int, error) {
			if n > len(b) {
				return 0, nil
			}
			return n, nil
		}}, "do not tell the length"},
		{"a length that is never told", &broken{length: func([]byte, int) (int, error) { return 0, nil }}, "a frame's front tells"},
		{"an error instead of asking for more", &broken{length: func(_ []byte, n int) (int, error) {
			if n == 0 {
				return 0, errBroken
			}
			return n, nil
		}}, "a frame's front tells"},
		{"a length without the tail", &broken{length: func(b []byte, n int) (int, error) {
			if n > 0 && b[3]&1 != 0 {
				n -= 4
			}
			return n, nil
		}}, "a frame's front tells"},
		{"a length of 32 bits with a sign", &broken{length: func(_ []byte, n int) (int, error) { return int(int16(n)), nil }}, "ids and lengths are patched"},
		{"memory for what is announced", &broken{length: func(_ []byte, n int) (int, error) {
			kept.b = make([]byte, min(n, 64<<20))
			return n, nil
		}}, "a frame that is too long"},
		{"an allocation in Length", &broken{length: func(b []byte, n int) (int, error) {
			kept.b = bytes.Clone(b)
			return n, nil
		}}, "Length costs 1 allocations"},
		{"an allocation in Parse", &broken{parse: func(b []byte, _ *stream.Head, s stream.Span) (stream.Span, error) {
			kept.b = bytes.Clone(b)
			return s, nil
		}}, "Parse costs 1 allocations"},
		{"an allocation in Patch", &broken{patch: func(head []byte, _ uint64, _ int) { kept.b = bytes.Clone(head) }}, "Patch costs 1 allocations"},
		{"a frame that is changed by being parsed", &broken{parse: func(b []byte, _ *stream.Head, s stream.Span) (stream.Span, error) {
			if len(b) > 25 {
				b[25] ^= 1
			}
			return s, nil
		}}, "Parse changes bytes that are only lent"},
		{"state", &broken{parse: func(_ []byte, h *stream.Head, s stream.Span) (stream.Span, error) {
			calls++
			h.RPC.Bits += uint8(calls % 3)
			return s, nil
		}}, "the codec keeps something"},
		{"a content that begins too late", &broken{parse: func(_ []byte, _ *stream.Head, s stream.Span) (stream.Span, error) {
			if s.Len > 0 {
				s.Off, s.Len = s.Off+1, s.Len-1
			}
			return s, nil
		}}, "frames say what they should"},
		{"a content that ends behind the frame", &broken{parse: func(_ []byte, _ *stream.Head, s stream.Span) (stream.Span, error) {
			s.Len += 9
			return s, nil
		}}, "the content is said to be from"},
		{"no status", &broken{parse: func(_ []byte, h *stream.Head, s stream.Span) (stream.Span, error) {
			h.Status = 0
			return s, nil
		}}, "frames say what they should"},
		{"one-way requests that wait for an answer", &broken{parse: func(_ []byte, h *stream.Head, s stream.Span) (stream.Span, error) {
			if h.RPC.Kind == stream.KindOneWay {
				h.RPC.Kind = stream.KindRequest
			}
			return s, nil
		}}, "one-way requests have no answer"},
		{"ids of 32 bits", &broken{patch: func(head []byte, id uint64, _ int) {
			binary.BigEndian.PutUint64(head[4:], id&0xffff_ffff)
		}}, "an unchanged frame is sent as it came"},
		{"ids that stay", &broken{patch: func(head []byte, _ uint64, _ int) { binary.BigEndian.PutUint64(head[4:], 7) }}, "answers find their requests"},
		{"an id that runs into the next field", &broken{patch: func(head []byte, id uint64, _ int) { head[12] ^= byte(id >> 63) }}, "ids and lengths are patched"},
		{"a length that is not patched", &broken{patch: func(head []byte, _ uint64, _ int) { head[21] = 5 }}, "ids and lengths are patched"},
		{"a length that wraps", &broken{patch: func(head []byte, _ uint64, _ int) { head[19] = 0 }}, "ids and lengths are patched"},
		{"no checksum", &broken{unsealed: true}, "ids and lengths are patched"},
		{"a field that is lost when another is changed", &broken{change: func(h *stream.Head) error {
			h.Del("a")
			return nil
		}}, "changed and changed back"},
		{"a change that is ignored", &broken{change: func(h *stream.Head) error {
			h.Del("x-kit-added")
			return nil
		}}, "it does not show"},
		{"a field that stays", &broken{change: func(h *stream.Head) error {
			if _, ok := h.Header.Get("c"); !ok && h.Status != 0 {
				h.Add("c", "3")
			}
			return nil
		}}, "it does not show"},
		{"an attribute that is ignored", &broken{change: func(h *stream.Head) error {
			if v, _ := h.Attribute(stream.Service); string(v) == "echo2" {
				h.SetAttribute(stream.Service, []byte("echo"))
			}
			return nil
		}}, "it does not show"},
		{"no encoding at all", &broken{change: func(*stream.Head) error { return errBroken }}, "it is not encoded anew"},
		{"a tail that is not told", &broken{encoded: func(out []byte, _ int) ([]byte, int) { return out, 0 }}, "encoded anew"},
		{"bytes before that are lost", &broken{encoded: func(out []byte, tail int) ([]byte, int) { return out[1:], tail }}, "Append changes what stands before"},
		{"an answer without bytes", &broken{answer: func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
			if a.Status == 599 {
				return dst
			}
			return good.Answer(dst, to, a)
		}}, "there is no answer"},
		{"an answer with a text that is too long", &broken{answer: func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
			b := good.Answer(dst, to, a)
			if len(a.Text) > 255 {
				b = b[:len(b)-1]
			}
			return b
		}}, "answers of weir's own"},
		{"an answer that is a success", &broken{answer: func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
			if a.Flags == stream.FaultInjected {
				a.Status = 200
			}
			return good.Answer(dst, to, a)
		}}, "a success"},
		{"an answer with half of the id", &broken{answer: func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
			half := *to
			half.ID &= 0xffff_ffff
			return good.Answer(dst, &half, a)
		}}, "answers of weir's own"},
		{"an answer instead of what stands before", &broken{answer: func(_ []byte, to *stream.Call, a xprotocol.Answer) []byte {
			return good.Answer(nil, to, a)
		}}, "what stands before is changed"},
		{"a heartbeat without an id", &broken{heartbeat: func(dst []byte, _ uint64) []byte { return good.Heartbeat(dst, 0, nil) }}, "heartbeats are answered"},
		{"a heartbeat that is a request", &broken{heartbeat: func(dst []byte, id uint64) []byte {
			return append(dst, plain.Message{Kind: stream.KindRequest, ID: id}.Bytes()...)
		}}, "heartbeats are sent"},
		{"no answer to heartbeats", &broken{beat: func(dst []byte, _ *stream.Call, _ bool) []byte { return dst }}, "heartbeats are answered"},
		{"an answer to heartbeats that always says no", &broken{beat: func(dst []byte, to *stream.Call, _ bool) []byte {
			return good.HeartbeatAnswer(dst, to, nil, false)
		}}, "a failure"},
		{"a go-away that is a heartbeat", &broken{goAway: func(dst []byte) []byte { return good.Heartbeat(dst, 1, nil) }}, "a go-away is one"},
		{"a timeout that changes the text's length", &broken{timeout: func(head []byte) { head[17]++ }}, "timeouts are set"},
		{"a panic at a short front", &broken{length: func(b []byte, n int) (int, error) {
			if len(b) == 5 {
				panic("short")
			}
			return n, nil
		}}, "request, its first 5 bytes: panic: short, at kit_test.go:"},
		{"a length below nothing", &broken{length: func(b []byte, n int) (int, error) {
			if n > 0 && b[18] >= 0x80 {
				n = -1
			}
			return n, nil
		}}, "its length is said to be -1"},
		{"a length that is shorter than the fixed part", &broken{length: func(b []byte, n int) (int, error) {
			if n > 0 && b[16] == 0xff {
				n = 10
			}
			return n, nil
		}}, "panic: runtime error"},
		{"a service that is remembered", &broken{parse: func(b []byte, h *stream.Head, s stream.Span) (stream.Span, error) {
			if b[3]&1 != 0 && b[2] == 1 && remembered {
				h.RPC.Method = h.RPC.Service
			}
			remembered = h.RPC.Method.Len > 0
			return s, nil
		}}, "the codec keeps something"},
		{"a front that is written to", &broken{lent: func(b []byte) { b[0] |= 0x20 }}, "Length changes bytes that are only lent"},
		{"a frame that is written to while it is encoded", &broken{lentHead: func(h *stream.Head) {
			head, _ := h.Frame()
			head[3] ^= 0x40
		}}, "Append changes bytes that are only lent"},
		{"line breaks that end a text", &broken{answer: func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
			b := good.Answer(dst, to, a)
			if bytes.Contains(a.Text, []byte("\n")) {
				b = b[:len(b)-1]
			}
			return b
		}}, "answers of weir's own"},
		{"a text whose length wraps at 64 KiB", &broken{answer: func(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
			b := good.Answer(dst, to, a)
			if len(a.Text) > 1<<16 {
				b = b[:len(b)-1<<16]
			}
			return b
		}}, "answers of weir's own"},
		{"a field that is cut at a line break", &broken{change: func(h *stream.Head) error {
			if v, ok := h.Header.Get("x-kit-added"); ok {
				cut, _, _ := bytes.Cut(v, []byte("\n"))
				h.Header.Set("x-kit-added", string(cut))
			}
			return nil
		}}, "a text of two lines is added as a field: it does not show"},
		{"a front without an id", &broken{preview: func(call *stream.Call) { call.ID = 0 }}, "frames say what they should"},
	}
}

func TestKitFinds(t *testing.T) {
	for _, tt := range mutants() {
		t.Run(tt.name, func(t *testing.T) {
			s := plain.Spec()
			s.Codec = tt.c
			got := failures(s, plainFrames(), tt.want)
			if tt.want == "" && len(got) > 0 {
				t.Errorf("%d failures: %s", len(got), got[0])
			}
			if tt.want != "" && !found(got, tt.want) {
				t.Errorf("%d failures, and none says %q: %.300q", len(got), tt.want, got[:min(len(got), 3)])
			}
		})
	}
}

func TestKitFindsBadMatches(t *testing.T) {
	for name, match := range map[string]protocol.Match{
		"no":       func([]byte) protocol.Verdict { return protocol.No },
		"never":    func([]byte) protocol.Verdict { return protocol.More },
		"too late": func(b []byte) protocol.Verdict { return protocol.MatchPrefix(b, string(plain.Samples()[0].Bytes())) },
		"anything": func([]byte) protocol.Verdict { return protocol.Yes },
		"by letters": func(b []byte) protocol.Verdict { // takes HTTP's methods as well
			if b[0] < 'A' || b[0] > 'Z' {
				return protocol.No
			}
			return protocol.Yes
		},
		"writes": func(b []byte) protocol.Verdict {
			v := protocol.MatchPrefix(b, "PL")
			b[0] = 'p'
			return v
		},
		"not for all": func(b []byte) protocol.Verdict { return protocol.MatchPrefix(b, "PL\x01") },
	} {
		s := plain.Spec()
		s.Match = match
		if got := failures(s, plainFrames(), "the first bytes"); len(got) == 0 || !found(got, "the first bytes") {
			t.Errorf("%s: %.300q", name, got)
		}
	}
}

// unsealed is plain without the ability to make its checksums anew, and without looking at them.
type unsealed struct{ xprotocol.Codec }

// TestKitFindsChecksums finds tails that stay as they were, even if the codec does not look at them.
func TestKitFindsChecksums(t *testing.T) {
	s := plain.Spec()
	s.Codec = unsealed{plain.Codec{}}
	got := failures(s, plainFrames(), "checksum")
	if !found(got, "checksum") {
		t.Errorf("%d failures: %.300q", len(got), got[:min(len(got), 3)])
	}
}

func TestKitWantsFrames(t *testing.T) {
	all := plainFrames()
	without := func(is func(f Frame) bool) []Frame { return slices.DeleteFunc(slices.Clone(all), is) }
	for _, frames := range [][]Frame{
		nil, all[:4], all[2:],
		without(func(f Frame) bool { return f.Kind == stream.KindHeartbeat }),
		without(func(f Frame) bool { return f.Status >= 400 }),
		without(func(f Frame) bool { return f.Timeout > 0 }),
	} {
		var r recorder
		if (&kit{reporter: &r, spec: plain.Spec(), frames: frames}).enough() || len(r.errors) == 0 {
			t.Errorf("%d frames suffice", len(frames))
		}
	}
}

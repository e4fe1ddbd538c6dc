package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// TestUnchanged: what nobody touched goes out as it came, passed through or encoded
// anew.
func TestUnchanged(t *testing.T) {
	for name, b := range vectors(t) {
		h, content := parse(t, b)
		head, tail := h.Frame()
		if got := finish(bytes.Clone(head), h.RPC.ID, content, bytes.Clone(tail)); !bytes.Equal(got, b) {
			t.Errorf("%s: passed through\n%x\nwant\n%x", name, got, b)
		}
		if got := encode(t, h, content); !bytes.Equal(got, b) {
			t.Errorf("%s: encoded anew\n%x\nwant\n%x", name, got, b)
		}
	}
}

// TestPairsWithoutKey: they are kept in a frame that is passed through, and by
// nothing else. No peer makes anything of them.
func TestPairsWithoutKey(t *testing.T) {
	b := request(header("a", "b", absent, "c", "d", absent, absent, absent)).bytes()
	h, content := parse(t, b)
	head, tail := h.Frame()
	if got := finish(bytes.Clone(head), 7, content, tail); !bytes.Equal(got, b) {
		t.Errorf("passed through: %x, want %x", got, b)
	}
	want := request(header("a", "b", "d", absent)).bytes()
	if got := encode(t, h, content); !bytes.Equal(got, want) {
		t.Errorf("encoded anew: %x, want %x", got, want)
	}
}

func TestPatch(t *testing.T) {
	for _, id := range []uint64{0, 1, math.MaxInt32, 1 << 31, math.MaxUint32} {
		for ver1 := range byte(3) {
			for typ := range byte(3) {
				s := request(header("a", "b"))
				s.ver1, s.typ, s.flags = ver1, typ, 1
				if typ == typeResponse {
					s.cmd, s.timeout, s.status = cmdResponse, 0, 4
				}
				h, _ := parse(t, s.bytes())
				s.id, s.content = uint32(id), strings.Repeat("c", 70000)
				head, tail := h.Frame()
				got := finish(bytes.Clone(head), id, []byte(s.content), bytes.Clone(tail))
				if !bytes.Equal(got, s.bytes()) {
					t.Fatalf("id %d, ver1 %d, type %d: %x, want %x", id, ver1, typ, got[:60], s.bytes()[:60])
				}
				if h, _ := parse(t, got); h.RPC.ID != id {
					t.Errorf("id %d came back as %d", id, h.RPC.ID)
				}
			}
		}
	}
}

// TestSeal: the checksum is over the content's pieces as if they were one.
func TestSeal(t *testing.T) {
	s := sample{ver1: 2, flags: 1, cmd: 2, header: header("a", "b"), content: strings.Repeat("content", 3*buffer.MaxSlab/7)}
	b := s.bytes()
	h, content := parse(t, b)
	head, want := h.Frame()
	var pool buffer.Pool
	var chain buffer.Chain
	chain.Init(&pool)
	chain.Append(content)
	if n := len(chain.Pieces(make([][]byte, 0, 10))); n < 2 {
		t.Fatalf("the content is in %d pieces", n)
	}
	tail := make([]byte, 4)
	codec{}.Seal(head, &chain, tail)
	if !bytes.Equal(tail, want) {
		t.Errorf("%x, want %x", tail, want)
	}
	chain.Clear()
	codec{}.Seal(head, &chain, tail)
	if got := binary.BigEndian.Uint32(tail); got != crc32.ChecksumIEEE(head) {
		t.Errorf("without a content: %x", got)
	}
	codec{}.Seal(head, &chain, nil) // a frame without a checksum
}

func TestSetTimeout(t *testing.T) {
	tests := []struct {
		timeout time.Duration
		want    int32
	}{
		{time.Second, 1000},
		{time.Millisecond, 1},
		{1, 1},
		{1500 * time.Microsecond, 2},
		{0, -1},
		{-time.Second, -1},
		{math.MaxInt32 * time.Millisecond, math.MaxInt32},
		{math.MaxInt64, math.MaxInt32},
	}
	for _, tt := range tests {
		for ver1 := range byte(3) {
			s := request(header("a", "b"))
			s.ver1 = ver1
			b := s.bytes()
			codec{}.SetTimeout(b, &stream.Call{Kind: stream.KindRequest, Timeout: tt.timeout})
			s.timeout = tt.want
			if !bytes.Equal(b, s.bytes()) {
				t.Errorf("%v: %x, want %x", tt.timeout, b[:24], s.bytes()[:24])
			}
		}
	}
	answer := vectors(t)["bolt1-resp-pb"]
	b := bytes.Clone(answer)
	codec{}.SetTimeout(b, &stream.Call{Timeout: time.Second})
	if !bytes.Equal(b, answer) {
		t.Error("a response got a timeout")
	}
}

func TestEdits(t *testing.T) {
	const service, target, method = "service", "sofa_head_target_service", "sofa_head_method_name"
	set := func(a stream.Attribute, value string) func(*stream.Head) {
		return func(h *stream.Head) { h.SetAttribute(a, []byte(value)) }
	}
	tests := []struct {
		name   string
		codec  byte
		header []string
		edits  []func(*stream.Head)
		want   []string
		err    error
	}{
		{
			name: "fields", header: []string{service, "a.B:1", "x", "1", "y", absent, "z", ""},
			edits: []func(*stream.Head){
				func(h *stream.Head) { h.Set("x", "2"); h.Add("n", ""); h.Add("n", "3") },
				func(h *stream.Head) { h.Del("z"); h.Set("X", "4") },
			},
			want: []string{service, "a.B:1", "x", "4", "y", absent, "n", "", "n", "3"},
		},
		{
			name: "a value where there was none", header: []string{"y", absent, "x", absent},
			edits: []func(*stream.Head){func(h *stream.Head) { h.Set("y", "1") }},
			want:  []string{"y", "1", "x", absent},
		},
		{name: "all fields removed", header: []string{"x", "1"}, edits: []func(*stream.Head){func(h *stream.Head) { h.Del("x") }}},
		{
			name: "first fields", edits: []func(*stream.Head){func(h *stream.Head) { h.Add("x", "1") }},
			want: []string{"x", "1"},
		},
		{
			name: "service", header: []string{service, "a.B:1", "x", "1"},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2")},
			want:  []string{service, "c.D:2", "x", "1"},
		},
		{
			name: "both names of the service", header: []string{target, "a.B:1", "x", "1", service, "a.B:1"},
			edits: []func(*stream.Head){func(h *stream.Head) { h.Set("service", "c.D:2") }},
			want:  []string{target, "c.D:2", "x", "1", service, "c.D:2"},
		},
		{
			name: "target alone", header: []string{target, "a.B:1"},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2")},
			want:  []string{target, "c.D:2"},
		},
		{
			name: "service that was null", header: []string{service, absent},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2")},
			want:  []string{service, "c.D:2"},
		},
		{
			name: "service that was a class", header: []string{"x", "1"},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2")},
			want:  []string{"x", "1", service, "c.D:2"},
		},
		{
			name:  "service without any header map",
			edits: []func(*stream.Head){set(stream.Service, "c.D:2")},
			want:  []string{service, "c.D:2"},
		},
		{
			name: "service set several times", header: []string{service, "a.B:1"},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2"), set(stream.Service, "e.F:3"), func(h *stream.Head) { h.Add("x", "1") }},
			want:  []string{service, "e.F:3", "x", "1"},
		},
		{
			name: "service set and set back", header: []string{service, "a.B:1"},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2"), set(stream.Service, "a.B:1")},
			want:  []string{service, "a.B:1"},
		},
		{
			name: "field of the service alone", header: []string{service, "a.B:1"},
			edits: []func(*stream.Head){func(h *stream.Head) { h.SetBytes("service", []byte("c.D:2")) }},
			want:  []string{service, "c.D:2"},
		},
		{
			name: "field of the service removed", header: []string{service, "a.B:1", "x", "1"},
			edits: []func(*stream.Head){func(h *stream.Head) { h.Del("service") }},
			want:  []string{"x", "1"},
		},
		{
			name: "version", header: []string{service, "a.B:1:u:v"},
			edits: []func(*stream.Head){set(stream.Version, "2")},
			want:  []string{service, "a.B:2:u:v"},
		},
		{
			name: "version where there was none", header: []string{target, "a.B"},
			edits: []func(*stream.Head){set(stream.Version, "2")},
			want:  []string{target, "a.B:2"},
		},
		{
			name: "service and version", header: []string{service, "a.B:1:u"},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2"), set(stream.Version, "3")},
			want:  []string{service, "c.D:3"},
		},
		{
			name: "method", codec: 11, header: []string{method, "m", service, "a.B:1"},
			edits: []func(*stream.Head){set(stream.Method, "n")},
			want:  []string{method, "n", service, "a.B:1"},
		},
		{
			name: "method where there was none", codec: 12, header: []string{service, "a.B:1"},
			edits: []func(*stream.Head){set(stream.Method, "n")},
			want:  []string{service, "a.B:1", method, "n"},
		},
		{
			name: "method that the content names", codec: 1, header: []string{method, "m"},
			edits: []func(*stream.Head){set(stream.Method, "n")}, err: errMethod,
		},
		{name: "group", edits: []func(*stream.Head){set(stream.Group, "g")}, err: errGroup},
		{
			name: "as long as it may be", header: []string{"x", ""},
			edits: []func(*stream.Head){func(h *stream.Head) { h.Set("x", strings.Repeat("v", maxText-9)) }},
			want:  []string{"x", strings.Repeat("v", maxText-9)},
		},
		{
			name: "longer", header: []string{"x", ""},
			edits: []func(*stream.Head){func(h *stream.Head) { h.Set("x", strings.Repeat("v", maxText-8)) }}, err: errTooLong,
		},
		{
			name: "longer than the field can say", header: []string{"x", ""},
			edits: []func(*stream.Head){func(h *stream.Head) { h.Set("x", strings.Repeat("v", 65536)) }}, err: errTooLong,
		},
		{
			name: "longer by the service alone", header: []string{service, "a", "x", strings.Repeat("v", maxText-8-8-9)},
			edits: []func(*stream.Head){set(stream.Service, "c.D:2")}, err: errTooLong,
		},
	}
	for _, tt := range tests {
		for ver1 := range byte(3) {
			s := request(header(tt.header...))
			s.ver1, s.codec, s.flags = ver1, tt.codec, 1
			h, content := parse(t, s.bytes())
			for _, edit := range tt.edits {
				edit(h)
			}
			if tt.err != nil {
				dst := []byte("before")
				if out, _, err := (codec{}).Append(dst, h); !errors.Is(err, tt.err) || string(out) != "before" {
					t.Errorf("%s: %q, %v, want %v", tt.name, out, err, tt.err)
				}
				continue
			}
			s.header = header(tt.want...)
			if got := encode(t, h, content); !bytes.Equal(got, s.bytes()) {
				t.Errorf("%s: %q, want %q", tt.name, got, s.bytes())
			}
		}
	}
}

// TestEditsOfOthers: what calls nothing has no attributes, and its fields are
// nothing but fields.
func TestEditsOfOthers(t *testing.T) {
	for name, s := range map[string]sample{
		"response":         {cmd: cmdResponse},
		"heartbeat":        {cmd: cmdHeartbeat, typ: typeRequest},
		"heartbeat answer": {cmd: cmdHeartbeat},
		"go-away":          {cmd: cmdGoAway, typ: typeRequest},
	} {
		s.class, s.header, s.content = "C", header("service", "a", "service", "b"), "c"
		h, content := parse(t, s.bytes())
		if got := encode(t, h, content); !bytes.Equal(got, s.bytes()) {
			t.Errorf("%s: %q, want %q", name, got, s.bytes())
		}
		h.Add("x", "1")
		s.header = header("service", "a", "service", "b", "x", "1")
		if got := encode(t, h, content); !bytes.Equal(got, s.bytes()) {
			t.Errorf("%s, edited: %q, want %q", name, got, s.bytes())
		}
	}
}

func TestAppendNeedsAFrame(t *testing.T) {
	frames := map[string]func(h *stream.Head){
		"none":          func(*stream.Head) {},
		"another's":     func(h *stream.Head) { h.KeepFrame("dubbo", bytes.Repeat([]byte{0xda}, 100), stream.SpanOf(16, 100)) },
		"cut":           func(h *stream.Head) { h.KeepFrame("bolt", vectors(t)["bolt1-req-pb"], stream.SpanOf(100, 811)) },
		"fixed part":    func(h *stream.Head) { h.KeepFrame("bolt", vectors(t)["bolt1-req-pb"], stream.SpanOf(21, 811)) },
		"unknown kinds": func(h *stream.Head) { h.KeepFrame("bolt", sample{typ: 1, cmd: 7}.bytes(), stream.SpanOf(22, 22)) },
	}
	for name, keep := range frames {
		h := &stream.Head{}
		keep(h)
		h.Add("x", "1")
		if _, _, err := (codec{}).Append(nil, h); !errors.Is(err, errNoFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func drawSample(t *rapid.T) (s sample, texts []string) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab:é\x00")), 0, 20, -1)
	s = sample{
		ver1:    rapid.ByteRange(0, 2).Draw(t, "ver1"),
		typ:     rapid.ByteRange(0, 2).Draw(t, "type"),
		id:      rapid.Uint32().Draw(t, "id"),
		codec:   rapid.Byte().Draw(t, "codec"),
		flags:   rapid.ByteRange(0, 0x7f).Draw(t, "switch"),
		timeout: rapid.Int32().Draw(t, "timeout"),
		status:  rapid.Uint16().Draw(t, "status"),
		class:   text.Draw(t, "class"),
		content: rapid.StringN(0, 300, -1).Draw(t, "content"),
	}
	s.cmd = cmdRequest
	if s.typ == typeResponse {
		s.cmd = cmdResponse
	}
	names := rapid.SliceOfNDistinct(rapid.OneOf(text, rapid.Just(nameService), rapid.Just(nameTarget)), 0, 20, rapid.ID[string])
	for _, name := range names.Draw(t, "names") {
		value := rapid.OneOf(text, rapid.Just(absent)).Draw(t, "value")
		texts = append(texts, name, value)
	}
	s.header = header(texts...)
	return s, texts
}

// TestDecodeOfEncode: whatever is encoded is decoded as the same, to its last byte,
// and so is what is encoded of that.
func TestDecodeOfEncode(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, texts := drawSample(rt)
		b := s.bytes()
		if n, err := (codec{}).Length(b); n != len(b) || err != nil {
			rt.Fatalf("length %d, %v, not %d", n, err, len(b))
		}
		h, content := parse(t, b)
		if string(content) != s.content || !slices.Equal(fields(h), texts) || h.RPC.ID != uint64(s.id) || h.RPC.Serialization != s.codec {
			rt.Fatalf("%+v came back as %+v, %q, %q", s, h.RPC.Call, fields(h), content)
		}
		for i := range rapid.IntRange(0, 5).Draw(rt, "additions") {
			texts = append(texts, fmt.Sprint("new", i), "value")
			h.Add(fmt.Sprint("new", i), "value")
		}
		s.header = header(texts...)
		again := encode(t, h, content)
		if !bytes.Equal(again, s.bytes()) {
			rt.Fatalf("encoded anew: %x, want %x", again, s.bytes())
		}
	})
}

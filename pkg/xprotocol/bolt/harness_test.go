package bolt

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// vector is a frame, or a header map, that another implementation made.
type vector struct {
	Name, Kind, Origin, Note, Hex string
}

func (v vector) bytes(tb testing.TB) []byte {
	tb.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		tb.Fatal(v.Name, err)
	}
	return b
}

//go:embed testdata/frames.json
var captured []byte

// vectors returns all of them as frames: a header map becomes that of a request.
func vectors(tb testing.TB) map[string][]byte {
	tb.Helper()
	var list []vector
	if err := json.Unmarshal(captured, &list); err != nil {
		tb.Fatal(err)
	}
	frames := map[string][]byte{}
	for _, v := range list {
		b := v.bytes(tb)
		if v.Kind == "map" {
			b = sample{typ: 1, cmd: 1, class: "C", header: b, content: "body"}.bytes()
		}
		frames[v.Name] = b
	}
	return frames
}

// sample describes a frame; ver1 of 0 is one of version 1.
type sample struct {
	ver1, typ byte
	cmd       uint16
	id        uint32
	codec     byte
	flags     byte
	timeout   int32
	status    uint16
	class     string
	header    []byte
	content   string
}

func (s sample) bytes() []byte {
	b := []byte{1}
	if s.ver1 != 0 {
		b = []byte{2, s.ver1}
	}
	b = append(b, s.typ)
	b = binary.BigEndian.AppendUint16(b, s.cmd)
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, s.id)
	b = append(b, s.codec)
	if s.ver1 != 0 {
		b = append(b, s.flags)
	}
	if s.typ == 0 {
		b = binary.BigEndian.AppendUint16(b, s.status)
	} else {
		b = binary.BigEndian.AppendUint32(b, uint32(s.timeout))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.class)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.header)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.content)))
	b = append(b, s.class...)
	b = append(b, s.header...)
	b = append(b, s.content...)
	if s.ver1 == 2 && s.flags&1 != 0 {
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}
	return b
}

// request is an ordinary one with a header map.
func request(header []byte) sample {
	return sample{typ: 1, cmd: 1, id: 7, codec: 1, timeout: 3000, class: "com.example.Request", header: header, content: "content"}
}

// absent is a text that there is not.
const absent = "\x00absent"

// header makes a header map of names and values.
func header(texts ...string) (b []byte) {
	for _, s := range texts {
		if s == absent {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

// fields returns what header would be given to make h's fields.
func fields(h *stream.Head) (texts []string) {
	for i := range h.Len() {
		name, value := h.At(i)
		texts = append(texts, string(name), string(value))
		if h.NullAt(i) {
			texts[len(texts)-1] = absent
		}
	}
	return texts
}

// parse takes a whole frame apart, and lets the head keep it.
func parse(tb testing.TB, b []byte) (h *stream.Head, content []byte) {
	tb.Helper()
	h = &stream.Head{}
	s, err := codec{}.Parse(b, h)
	if err != nil {
		tb.Fatalf("Parse: %v of %x", err, b)
	}
	h.KeepFrame("bolt", b, s)
	return h, b[s.Off:s.End()]
}

// encode encodes a head anew, and makes a frame of it with the content.
func encode(tb testing.TB, h *stream.Head, content []byte) []byte {
	tb.Helper()
	b, tail, err := codec{}.Append(nil, h)
	if err != nil {
		tb.Fatal("Append:", err)
	}
	return finish(b[:len(b)-tail:len(b)-tail], h.RPC.ID, content, bytes.Clone(b[len(b)-tail:]))
}

// finish does to head and tail what a connection does before it sends them.
func finish(head []byte, id uint64, content, tail []byte) []byte {
	var pool buffer.Pool
	var c codec
	var chain buffer.Chain
	chain.Init(&pool)
	chain.Append(content)
	c.Patch(head, id, len(content), len(tail))
	c.Seal(head, &chain, tail)
	chain.Clear()
	return append(append(bytes.Clone(head), content...), tail...)
}

// attribute returns an attribute as a string.
func attribute(h *stream.Head, a stream.Attribute) string {
	v, _ := h.Attribute(a)
	return string(v)
}

// Package memo is the codec of a small RPC protocol, made up to show what the author
// of a protocol writes. Start at [Spec]. A frame is
//
//	"memo" | kind 1 | id 4 | timeout in ms, or status 4 | text length 2 | content length 4 | text | content
//
// where kind is one of the letters in kinds, and text is lines: service, method,
// then names and values in turn. A response has the two first lines too.
package memo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

const (
	kinds = "?qorha" // request, one-way, response, heartbeat, its answer: stream.Kind, as a letter
	fixed = 19       // bytes before the text
)

var (
	errFrame = errors.New("memo: not a frame")
	errLine  = errors.New("memo: a name or value has a line break, or the text is too long")
)

// Spec is the protocol as a weir is built with it.
func Spec() xprotocol.Spec {
	return xprotocol.Spec{Name: "memo", Codec: codec{}, Match: match, IDBits: 32}
}

func match(b []byte) protocol.Verdict { return protocol.MatchPrefix(b, "memo") }

type codec struct{}

var _ xprotocol.Heartbeater = codec{} // what memo can do beyond the five methods; SetTimeout is [xprotocol.Timer]

// Length tells how long a frame is from its fixed part, or asks for more.
func (codec) Length(b []byte) (int, error) {
	if match(b) == protocol.No || len(b) > 4 && strings.IndexByte(kinds[1:], b[4]) < 0 {
		return 0, errFrame
	}
	if len(b) < fixed {
		return 0, nil
	}
	return contentAt(b) + int(binary.BigEndian.Uint32(b[15:])), nil
}

func contentAt(b []byte) int { return fixed + int(binary.BigEndian.Uint16(b[13:])) }

// Parse says what the proxy must know of a frame.
func (codec) Parse(b []byte, h *stream.Head) (content stream.Span, err error) {
	number := binary.BigEndian.Uint32(b[9:])
	h.RPC.Call = stream.Call{Kind: stream.Kind(strings.IndexByte(kinds, b[4])), ID: uint64(binary.BigEndian.Uint32(b[5:]))}
	switch h.RPC.Kind {
	case stream.KindRequest:
		h.RPC.Timeout = time.Duration(number) * time.Millisecond
	case stream.KindResponse, stream.KindHeartbeatAnswer:
		h.Status, h.RPC.Native = int(number), number
	}
	text, at, ok := b[:contentAt(b)], fixed, true
	line := func() (s stream.Span) {
		n := bytes.IndexByte(text[at:], '\n')
		if ok = ok && n >= 0; ok {
			s = stream.SpanOf(at, at+n)
			at += n + 1
		}
		return s
	}
	h.RPC.Service, h.RPC.Method = line(), line()
	for ok && at < len(text) {
		h.AddSpan(line(), line(), false)
	}
	if !ok {
		return content, errFrame
	}
	return stream.SpanOf(len(text), len(b)), nil
}

// Patch sets what changes in a frame on its way.
func (codec) Patch(head []byte, id uint64, content, _ int) {
	binary.BigEndian.PutUint32(head[5:], uint32(id))
	binary.BigEndian.PutUint32(head[15:], uint32(content))
}

// SetTimeout sets how long the sender of a request waits.
func (codec) SetTimeout(head []byte, call *stream.Call) {
	binary.BigEndian.PutUint32(head[9:], uint32(min(call.Timeout.Milliseconds(), math.MaxUint32)))
}

// Append encodes a head whose text was changed. There is no tail.
func (codec) Append(dst []byte, h *stream.Head) (out []byte, tail int, err error) {
	head, _ := h.Frame()
	out = append(dst, head[:fixed]...)
	line := func(s []byte) {
		if bytes.IndexByte(s, '\n') >= 0 {
			err = errLine
		}
		out = append(append(out, s...), '\n')
	}
	service, _ := h.Attribute(stream.Service)
	method, _ := h.Attribute(stream.Method)
	line(service)
	line(method)
	for i := range h.Len() {
		name, value := h.At(i)
		line(name)
		line(value)
	}
	n := len(out) - len(dst) - fixed
	if n > math.MaxUint16 {
		err = errLine
	}
	binary.BigEndian.PutUint16(out[len(dst)+13:], uint16(n))
	return out, 0, err
}

// Answer answers a request in weir's name: the content is the text.
func (codec) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	return AppendFrame(dst, stream.KindResponse, to.ID, a.Status, "\n\n", a.Text)
}

// Heartbeat asks a host whether it is alive.
func (codec) Heartbeat(dst []byte, id uint64, _ *stream.Call) []byte {
	return AppendFrame(dst, stream.KindHeartbeat, id, 0, "\n\n", nil)
}

// HeartbeatAnswer answers a client's heartbeat.
func (codec) HeartbeatAnswer(dst []byte, to *stream.Call, content []byte, ok bool) []byte {
	status := 200
	if !ok {
		status = 503
	}
	return AppendFrame(dst, stream.KindHeartbeatAnswer, to.ID, status, "\n\n", content)
}

// AppendFrame appends a frame. number is a timeout or a status.
func AppendFrame(dst []byte, kind stream.Kind, id uint64, number int, text string, content []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(append(dst, "memo"...), kinds[kind]), uint32(id))
	dst = binary.BigEndian.AppendUint32(dst, uint32(number))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(text)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(content)))
	return append(append(dst, text...), content...)
}

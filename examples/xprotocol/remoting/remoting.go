// Package remoting is the codec of the protocol that RocketMQ's clients and brokers
// speak, with the header in JSON, which is what clients use unless they are told
// otherwise. It shows what memo does not need: ids that are text and of no fixed
// width, heartbeats that are answered like any request, and attributes that are not
// where they can be pointed at. Start at [Spec]. A frame is
//
//	length of the rest 4 | kind of header 1 | length of the header 3 | header | body
//
//	{"code":105,"extFields":{"topic":"orders"},"flag":0,"language":"JAVA","opaque":7,"version":0}
//
// where code is what is asked, or how it went; opaque the id; and flag has bit 0 set
// in a response and bit 1 in a request without one. The topic is routed by as the
// service, and the code as the method; extFields are the fields.
package remoting

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

const (
	fixed     = 8         // bytes before the header
	maxHeader = 1<<16 - 1 // bytes of a header; real ones are far shorter
	idWidth   = len("-2147483648")
	topic     = "topic"
)

// Codes that are not just passed on.
const (
	success      = 0
	systemError  = 1
	systemBusy   = 2 // not executed: there is no thread for it
	notSupported = 3
	heartBeat    = 34
)

var (
	errFrame  = errors.New("remoting: not a frame with a header in JSON")
	errHeader = errors.New("remoting: malformed header")
	errLong   = errors.New("remoting: the header would be too long")
)

// Spec is the protocol as a weir is built with it.
func Spec() xprotocol.Spec {
	return xprotocol.Spec{Name: "remoting", Codec: codec{}, Match: match, IDBits: 32}
}

// match takes frames of less than 16 MiB with a header in JSON.
func match(b []byte) protocol.Verdict {
	want := []int{0, -1, -1, -1, 0, 0, -1, -1, '{'}
	for i, c := range b[:min(len(b), len(want))] {
		if want[i] >= 0 && int(c) != want[i] {
			return protocol.No
		}
	}
	if len(b) < len(want) {
		return protocol.More
	}
	return protocol.Yes
}

type codec struct{}

var _ xprotocol.Heartbeater = codec{}

// Length tells how long a frame is from its fixed part, or asks for more.
func (codec) Length(b []byte) (int, error) {
	if len(b) < fixed {
		return 0, nil
	}
	rest, header := int(binary.BigEndian.Uint32(b)), headerLen(b)
	if b[4] != 0 || header > maxHeader || rest < 4+header {
		return 0, errFrame
	}
	return 4 + rest, nil
}

// headerLen is the header's length, without the byte that says what kind it is of.
func headerLen(b []byte) int { return int(binary.BigEndian.Uint32(b[4:]) & 0xff_ffff) }

// Parse says what the proxy must know of a frame.
func (codec) Parse(b []byte, h *stream.Head) (content stream.Span, err error) {
	end := fixed + headerLen(b)
	s := scanner{b: b[:end], at: fixed}
	var code, flag int32
	s.take('{')
	for first := true; s.more(first); first = false {
		key := s.key()
		switch string(b[key.Off:key.End()]) {
		case "code":
			h.RPC.Method = s.value()
			code = s.number(h.RPC.Method)
		case "flag":
			flag = s.number(s.value())
		case "opaque":
			h.RPC.ID = uint64(uint32(s.number(s.value())))
		case "extFields":
			s.fields(h)
		default:
			s.value()
		}
	}
	if s.bad || s.peek() != 0 {
		return content, errHeader
	}
	classify(h, code, flag)
	h.RPC.Anew = true // another id has another width
	return stream.SpanOf(end, len(b)), nil
}

// fields makes the members of extFields the head's fields.
func (s *scanner) fields(h *stream.Head) {
	if s.peek() == 'n' { // null
		s.value()
		return
	}
	s.take('{')
	for first := true; s.more(first); first = false {
		name, value := s.key(), s.text()
		if s.bad {
			return
		}
		name, value = s.plain(h, name), s.plain(h, value)
		if s.names(name, topic) {
			h.RPC.Service = value
		} else {
			h.AddSpan(name, value, false)
		}
	}
}

// names reports whether a span that is a place in the frame is a name.
func (s *scanner) names(at stream.Span, name string) bool {
	return at.End() <= len(s.b) && string(s.b[at.Off:at.End()]) == name
}

// plain returns a span of what a string stands for: itself, if nothing in it is
// escaped.
func (s *scanner) plain(h *stream.Head, at stream.Span) stream.Span {
	text := s.b[at.Off:at.End()]
	if bytes.IndexByte(text, '\\') < 0 {
		return at
	}
	var room [256]byte // longer texts cost an allocation
	return h.MakeSpan(unescape(room[:0], text))
}

// classify says what a frame is.
func classify(h *stream.Head, code, flag int32) {
	switch {
	case flag&1 != 0:
		h.RPC.Kind, h.RPC.Native = stream.KindResponse, uint32(code)
		h.RPC.Refused = code == systemBusy
		h.Status = status(code)
	case flag&2 != 0:
		h.RPC.Kind = stream.KindOneWay
	case code == heartBeat: // it says who the client is, so the broker must have it
		h.RPC.Kind, h.RPC.Forward = stream.KindHeartbeat, true
	default:
		h.RPC.Kind = stream.KindRequest
	}
}

// status says in HTTP's numbers how it went. Most codes are the broker's answer to
// what was asked, such as that there is no message.
func status(code int32) int {
	switch code {
	case systemError:
		return 500
	case systemBusy:
		return 503
	case notSupported:
		return 501
	}
	return 200
}

// Patch sets the lengths and, in the room that Append has left for it, the id.
func (codec) Patch(head []byte, id uint64, content, _ int) {
	binary.BigEndian.PutUint32(head, uint32(len(head)-4+content))
	binary.BigEndian.PutUint32(head[4:], uint32(len(head)-fixed))
	s := scanner{b: head, at: fixed}
	s.take('{')
	for first := true; s.more(first); first = false {
		key := s.key()
		if value := s.value(); string(head[key.Off:key.End()]) == "opaque" && key.End()+2+idWidth <= value.End() {
			putID(head[value.End()-idWidth:value.End()], id)
		}
	}
}

// putID writes an id, as a number with a sign, at the end of its room. JSON permits
// blanks in front of it.
func putID(room []byte, id uint64) {
	var digits [idWidth]byte
	text := strconv.AppendInt(digits[:0], int64(int32(uint32(id))), 10)
	n := len(room) - len(text)
	for i := range room[:n] {
		room[i] = ' '
	}
	copy(room[n:], text)
}

// Append encodes the header anew: members that it does not know stay as they are.
func (codec) Append(dst []byte, h *stream.Head) (out []byte, tail int, err error) {
	head, _ := h.Frame()
	out = append(append(dst, head[:fixed]...), '{')
	s := scanner{b: head, at: fixed}
	written := false
	s.take('{')
	for first := true; s.more(first); first = false {
		key, value := s.key(), s.value()
		name := head[key.Off:key.End()]
		out = append(append(append(separate(out), '"'), name...), `":`...)
		switch string(name) {
		case "code":
			method, _ := h.Attribute(stream.Method)
			if _, err := strconv.ParseInt(string(method), 10, 32); err != nil {
				return dst, 0, errHeader
			}
			out = append(out, method...)
		case "opaque":
			out = append(out, "          0"...)
		case "extFields":
			out, written = appendFields(out, h), true
		default:
			out = append(out, head[value.Off:value.End()]...)
		}
	}
	if service, _ := h.Attribute(stream.Service); !written && h.Len()+len(service) > 0 {
		out = appendFields(append(separate(out), `"extFields":`...), h)
	}
	out = append(out, '}')
	if len(out)-len(dst)-fixed > maxHeader {
		return dst, 0, errLong
	}
	return out, 0, nil
}

// separate appends what stands before the next member of an object.
func separate(out []byte) []byte {
	if out[len(out)-1] != '{' {
		out = append(out, ',')
	}
	return out
}

// appendFields appends extFields.
func appendFields(out []byte, h *stream.Head) []byte {
	out = append(out, '{')
	member := func(name, value []byte) {
		out = appendText(append(appendText(separate(out), name), ':'), value)
	}
	for i := range h.Len() {
		member(h.At(i))
	}
	if service, ok := h.Attribute(stream.Service); ok {
		member([]byte(topic), service)
	}
	return append(out, '}')
}

// Answer answers a request in weir's name: the text is the remark.
func (codec) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	code := systemError
	if a.Status == 503 || a.Status == 429 {
		code = systemBusy
	}
	return appendFrame(dst, code, 1, to.ID, a.Text, nil)
}

// Heartbeat asks a host whether it is alive: a broker answers, whatever it makes of
// a client without groups.
func (codec) Heartbeat(dst []byte, id uint64, _ *stream.Call) []byte {
	return appendFrame(dst, heartBeat, 0, id, nil, []byte(`{"clientID":"weir","consumerDataSet":[],"producerDataSet":[]}`))
}

// HeartbeatAnswer answers a client's heartbeat, for a filter that does.
func (codec) HeartbeatAnswer(dst []byte, to *stream.Call, _ []byte, ok bool) []byte {
	code := success
	if !ok {
		code = systemBusy
	}
	return appendFrame(dst, code, 1, to.ID, nil, nil)
}

// appendFrame appends a frame of weir's own.
func appendFrame(dst []byte, code, flag int, id uint64, remark, body []byte) []byte {
	from := len(dst)
	dst = append(dst, make([]byte, fixed)...)
	dst = strconv.AppendInt(append(dst, `{"code":`...), int64(code), 10)
	dst = strconv.AppendInt(append(dst, `,"flag":`...), int64(flag), 10)
	dst = strconv.AppendInt(append(dst, `,"language":"GO","opaque":`...), int64(int32(uint32(id))), 10)
	if len(remark) > 0 {
		dst = appendText(append(dst, `,"remark":`...), remark[:min(len(remark), maxRemark)])
	}
	dst = append(dst, `,"serializeTypeCurrentRPC":"JSON","version":0}`...)
	n := len(dst) - from
	binary.BigEndian.PutUint32(dst[from:], uint32(n-4+len(body)))
	binary.BigEndian.PutUint32(dst[from+4:], uint32(n-fixed))
	return append(dst, body...)
}

// maxRemark bounds a remark, which may take six times as many bytes in the header.
const maxRemark = math.MaxUint16 / 8

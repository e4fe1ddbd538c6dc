// Package plain is a protocol without a history, for the tests of what runs codecs:
// it has every ability that a codec may have, and nothing that surprises.
//
// Start at [Spec]. A frame is
//
//	'P' 'L' | kind 1 | flags 1 | id 8 | timeout in ms, or status 4 | text length 2 |
//	content length 4 | text | content | [checksum 4, if bit 0 of the flags is set]
//
// where the text is four strings, service, method, version and group, and then
// names and values in turn. Each string is a byte that says its length, and that
// many bytes. A response has the four strings too, which are empty.
package plain

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// The places of the fields in the fixed part, and its length.
const (
	atKind    = 2
	atFlags   = 3
	atID      = 4
	atNumber  = 12
	atText    = 16
	atContent = 18
	fixed     = 22
)

const (
	sealed  = 1 // the flag of a checksum
	crcLen  = 4
	refused = 503 // the status of requests that were not executed
)

var (
	errMagic = errors.New("plain: not a frame")
	errFrame = errors.New("plain: malformed")
	errCRC   = errors.New("plain: wrong checksum")
	errLong  = errors.New("plain: a string is too long")
)

// Spec is the protocol, whose connections to hosts carry many requests.
func Spec() xprotocol.Spec {
	return xprotocol.Spec{Name: "plain", Aliases: []string{"plainer"}, Codec: Codec{}, Match: match}
}

func match(b []byte) protocol.Verdict { return protocol.MatchPrefix(b, "PL") }

// Codec is how frames look.
type Codec struct{}

var (
	_ xprotocol.Heartbeater = Codec{}
	_ xprotocol.GoAwayer    = Codec{}
	_ xprotocol.Sealer      = Codec{}
	_ xprotocol.Timer       = Codec{}
	_ xprotocol.Previewer   = Codec{}
)

// Length implements [xprotocol.Codec].
func (Codec) Length(b []byte) (int, error) {
	if match(b) == protocol.No || len(b) > atKind && (b[atKind] == 0 || b[atKind] > byte(stream.KindEvent)) {
		return 0, errMagic
	}
	if len(b) < fixed {
		return 0, nil
	}
	return contentAt(b) + contentLen(b) + tailLen(b), nil
}

func contentAt(b []byte) int  { return fixed + int(binary.BigEndian.Uint16(b[atText:])) }
func contentLen(b []byte) int { return int(binary.BigEndian.Uint32(b[atContent:])) }
func tailLen(b []byte) int    { return int(b[atFlags]&sealed) * crcLen }

// Parse implements [xprotocol.Codec].
func (c Codec) Parse(b []byte, h *stream.Head) (content stream.Span, err error) {
	end := len(b) - tailLen(b)
	if tailLen(b) > 0 && crc32.ChecksumIEEE(b[:end]) != binary.BigEndian.Uint32(b[end:]) {
		return content, errCRC
	}
	c.Preview(b, &h.RPC.Call)
	switch h.RPC.Kind {
	case stream.KindResponse, stream.KindHeartbeatAnswer:
		h.Status = int(h.RPC.Native)
	}
	text := reader{b: b[:contentAt(b)], at: fixed}
	for _, s := range []*stream.Span{&h.RPC.Service, &h.RPC.Method, &h.RPC.Version, &h.RPC.Group} {
		*s = text.next()
	}
	for text.at < len(text.b) && !text.broken {
		h.AddSpan(text.next(), text.next(), false)
	}
	if text.broken {
		return content, errFrame
	}
	return stream.SpanOf(contentAt(b), end), nil
}

// reader reads the strings of a text.
type reader struct {
	b      []byte
	at     int
	broken bool
}

func (r *reader) next() (s stream.Span) {
	if r.broken = r.broken || r.at >= len(r.b); r.broken {
		return s
	}
	s = stream.Span{Off: uint32(r.at + 1), Len: uint32(r.b[r.at])}
	r.at = s.End()
	r.broken = r.at > len(r.b)
	return s
}

// Preview implements [xprotocol.Previewer].
func (Codec) Preview(b []byte, call *stream.Call) {
	number := binary.BigEndian.Uint32(b[atNumber:])
	*call = stream.Call{Kind: stream.Kind(b[atKind]), Bits: b[atFlags], ID: binary.BigEndian.Uint64(b[atID:])}
	switch call.Kind {
	case stream.KindRequest, stream.KindOneWay:
		call.Timeout = time.Duration(number) * time.Millisecond
	case stream.KindResponse, stream.KindHeartbeatAnswer:
		call.Native, call.Refused = number, number == refused
	}
}

// Patch implements [xprotocol.Codec].
func (Codec) Patch(head []byte, id uint64, content, _ int) {
	binary.BigEndian.PutUint64(head[atID:], id)
	binary.BigEndian.PutUint32(head[atContent:], uint32(content))
}

// Append implements [xprotocol.Codec].
func (Codec) Append(dst []byte, h *stream.Head) (out []byte, tail int, err error) {
	head, end := h.Frame()
	out = append(dst, head[:fixed]...)
	add := func(s []byte) {
		if len(s) > math.MaxUint8 {
			err = errLong
		}
		out = append(append(out, byte(len(s))), s...)
	}
	for _, a := range []stream.Attribute{stream.Service, stream.Method, stream.Version, stream.Group} {
		value, _ := h.Attribute(a)
		add(value)
	}
	for i := range h.Len() {
		name, value := h.At(i)
		add(name)
		add(value)
	}
	text := len(out) - len(dst) - fixed
	if text > math.MaxUint16 {
		err = errLong
	}
	binary.BigEndian.PutUint16(out[len(dst)+atText:], uint16(text))
	return append(out, end...), len(end), err
}

// Seal implements [xprotocol.Sealer].
func (Codec) Seal(head []byte, content *buffer.Chain, tail []byte) {
	if len(tail) == 0 {
		return
	}
	sum := crc32.ChecksumIEEE(head)
	content.Each(func(b []byte) { sum = crc32.Update(sum, crc32.IEEETable, b) })
	binary.BigEndian.PutUint32(tail, sum)
}

// SetTimeout implements [xprotocol.Timer].
func (Codec) SetTimeout(head []byte, call *stream.Call) {
	ms := min((call.Timeout+time.Millisecond-1)/time.Millisecond, math.MaxUint32)
	binary.BigEndian.PutUint32(head[atNumber:], uint32(ms))
}

// Answer implements [xprotocol.Codec].
func (Codec) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	return appendFrame(dst, stream.KindResponse, to.Bits, to.ID, a.Status, a.Text)
}

// Heartbeat implements [xprotocol.Heartbeater].
func (Codec) Heartbeat(dst []byte, id uint64, like *stream.Call) []byte {
	return appendFrame(dst, stream.KindHeartbeat, bitsOf(like), id, 0, nil)
}

// HeartbeatAnswer implements [xprotocol.Heartbeater].
func (Codec) HeartbeatAnswer(dst []byte, to *stream.Call, content []byte, ok bool) []byte {
	status := 200
	if !ok {
		status = refused
	}
	return appendFrame(dst, stream.KindHeartbeatAnswer, to.Bits, to.ID, status, content)
}

// GoAway implements [xprotocol.GoAwayer].
func (Codec) GoAway(dst []byte, id uint64, like *stream.Call) []byte {
	return appendFrame(dst, stream.KindGoAway, bitsOf(like), id, 0, nil)
}

func bitsOf(like *stream.Call) uint8 {
	if like == nil {
		return 0
	}
	return like.Bits
}

// appendFrame appends a frame without strings.
func appendFrame(dst []byte, kind stream.Kind, flags uint8, id uint64, number int, content []byte) []byte {
	start := len(dst)
	dst = append(dst, 'P', 'L', byte(kind), flags)
	dst = binary.BigEndian.AppendUint64(dst, id)
	dst = binary.BigEndian.AppendUint32(dst, uint32(number))
	dst = binary.BigEndian.AppendUint16(dst, 4)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(content)))
	dst = append(dst, 0, 0, 0, 0) // the four strings
	dst = append(dst, content...)
	if flags&sealed != 0 {
		dst = binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
	}
	return dst
}

package bolt

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// The names in header maps that say what is called, and how it went.
const (
	nameService = "service"
	nameTarget  = "sofa_head_target_service"
	nameMethod  = "sofa_head_method_name"
	nameFailed  = "sofa_head_response_error"
)

// maxPairs is the limit of pairs in a header map; real ones have about 15.
const maxPairs = 1000

// What is wrong with one message.
var (
	errMap      = &xprotocol.MessageError{Reason: "bolt: malformed header map"}
	errPairs    = &xprotocol.MessageError{Reason: "bolt: too many pairs in the header map"}
	errRepeated = &xprotocol.MessageError{Reason: "bolt: the header map names service or method more than once"}
	errLongMap  = &xprotocol.MessageError{Reason: "bolt: the header map exceeds 32767 bytes, the most that peers can read"}
	errSwitch   = &xprotocol.MessageError{Reason: "bolt: the switches are none that peers can read"}
)

// Parse implements [xprotocol.Codec].
func (c codec) Parse(b []byte, h *stream.Head) (content stream.Span, err error) {
	n, err := c.Length(b)
	if err != nil {
		return content, err
	}
	if n == 0 || n != len(b) {
		return content, errLength
	}
	f := frame(b)
	if f.sealed() && crc32.ChecksumIEEE(b[:n-crcLen]) != binary.BigEndian.Uint32(b[n-crcLen:]) {
		return content, errCRC
	}
	class, header, end := f.lengths()
	r := &h.RPC
	f.call(&r.Call, header, end)
	r.Anew = f.negative() // the peer might read the lengths without a sign
	switch {
	case r.Anew && f.oversized(class):
		return content, errLongMap
	case f.strange():
		return content, errSwitch
	}
	names, err := readMap(b, int(class), int(header), h)
	if err != nil {
		return content, err
	}
	switch r.Kind {
	case stream.KindRequest, stream.KindOneWay:
		if names.repeated {
			return content, errRepeated
		}
		r.Service = names.of(stream.SpanOf(f.fixed(), int(class)))
		r.Version = versionIn(b, r.Service)
		r.Method = names.method
	case stream.KindResponse, stream.KindHeartbeatAnswer:
		h.Status = httpStatus(r.Native)
		r.Exception = r.Native == statusSuccess && names.failed
	}
	return stream.SpanOf(int(header), int(end)), nil
}

// names is where a header map says what is called; it points into the frame.
type names struct {
	service, target, method stream.Span
	// repeated: one of them comes twice. Peers differ in which they take, so that
	// what is routed might not be what is called. None of them sends that.
	repeated bool
	// failed: in a response, the method threw an exception, or the server says that it
	// has no such method, although the status is a success. Java says both in the same
	// way.
	failed bool
}

// of returns what is called, where class is what stands in for it if the map has
// nothing: a server of sofa-bolt's, without SofaRPC, goes by the class.
func (n *names) of(class stream.Span) stream.Span {
	switch {
	case n.service.Len > 0:
		return n.service
	case n.target.Len > 0:
		return n.target
	}
	return class
}

// note looks whether a pair is one of those that matter.
func (n *names) note(name, value []byte, at stream.Span) {
	var place *stream.Span
	switch string(name) {
	case nameService:
		place = &n.service
	case nameTarget:
		place = &n.target
	case nameMethod:
		place = &n.method
	case nameFailed:
		n.failed = string(value) == "true"
		return
	default:
		return
	}
	n.repeated = n.repeated || place.Off != 0
	*place = at
}

// readMap reads the header map that lies between two places of b. Its pairs become
// fields of h, unless that is nil. One without a key is none to any peer, so it is
// no field; it stays in the frame for as long as that is kept.
func readMap(b []byte, from, to int, h *stream.Head) (n names, err error) {
	for pairs := 0; from < to; pairs++ {
		if pairs == maxPairs {
			return n, errPairs
		}
		name, nameless, ok := readText(b[:to], from)
		if !ok {
			return n, errMap
		}
		value, null, ok := readText(b[:to], name.End())
		if !ok {
			return n, errMap
		}
		from = value.End()
		if nameless {
			continue
		}
		n.note(b[name.Off:name.End()], b[value.Off:value.End()], value)
		if h != nil {
			h.AddSpan(name, value, null)
		}
	}
	return n, nil
}

// null is the length of a text that there is not, as it is written. Java takes every
// one below zero for that.
const null = math.MaxUint32

// readText reads a length and the text behind it. That the length is that of no
// text is told by null, and the span is empty.
func readText(b []byte, at int) (s stream.Span, isNull, ok bool) {
	if len(b)-at < 4 {
		return s, false, false
	}
	n := binary.BigEndian.Uint32(b[at:])
	at += 4
	if int32(n) < 0 {
		return stream.Span{Off: uint32(at)}, true, true
	}
	return stream.Span{Off: uint32(at), Len: n}, false, n <= uint32(len(b)-at)
}

// versionIn returns the version in a service's name, "interface:version" or
// "interface:version:unique id"; an empty span if there is none.
func versionIn(b []byte, service stream.Span) stream.Span {
	s := b[service.Off:service.End()]
	i := bytes.IndexByte(s, ':') + 1
	if i == 0 {
		return stream.Span{}
	}
	n := bytes.IndexByte(s[i:], ':')
	if n < 0 {
		n = len(s) - i
	}
	return stream.Span{Off: service.Off + uint32(i), Len: uint32(n)}
}

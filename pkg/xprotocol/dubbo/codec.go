package dubbo

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

// The header: two bytes of magic, flags, status, id, length of the body.
const (
	headerLen = 16

	magicHigh, magicLow = 0xda, 0xbb

	atFlag   = 2
	atStatus = 3
	atID     = 4
	atLength = 12
)

// The flags; the other bits are the number of the serialization.
const (
	flagRequest       = 0x80
	flagTwoWay        = 0x40
	flagEvent         = 0x20
	maskSerialization = 0x1f
)

// The numbers of the serializations that are read.
const (
	hessian2  = 2
	fastjson2 = 23
)

// maxFrame is the body that Java takes by default, and its header.
const maxFrame = 8<<20 + headerLen

var (
	errMagic  = errors.New("not a frame of dubbo")
	errLength = errors.New("a frame of dubbo has a length below zero, or over 2 GiB")
)

// Spec is the protocol as weir is built with it.
func Spec() xprotocol.Spec {
	return xprotocol.Spec{
		Name:     "dubbo",
		Codec:    New(),
		Match:    match,
		Usage:    xprotocol.Multiplexed,
		MaxFrame: maxFrame,
		IDBits:   64,
	}
}

// New returns the codec. It has all abilities that Dubbo has a form for; a request
// names its timeout in an attachment, so that is changed like any other field.
func New() xprotocol.Codec { return codec{} }

type codec struct{}

var (
	_ xprotocol.Heartbeater = codec{}
	_ xprotocol.GoAwayer    = codec{}
	_ xprotocol.Previewer   = codec{}
)

// match wants a request: that is what a client begins with.
func match(b []byte) protocol.Verdict {
	switch {
	case b[0] != magicHigh || len(b) > 1 && b[1] != magicLow || len(b) > atFlag && b[atFlag]&flagRequest == 0:
		return protocol.No
	case len(b) > atFlag:
		return protocol.Yes
	}
	return protocol.More
}

func (codec) Length(b []byte) (int, error) {
	if b[0] != magicHigh || len(b) > 1 && b[1] != magicLow {
		return 0, errMagic
	}
	if len(b) < headerLen {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(b[atLength:])
	if n > math.MaxInt32-headerLen { // Java reads it with a sign, and adds the header
		return 0, errLength
	}
	return headerLen + int(n), nil
}

func (codec) Parse(b []byte, h *stream.Head) (stream.Span, error) {
	if len(b) < headerLen || b[0] != magicHigh || b[1] != magicLow {
		return stream.Span{}, errMagic
	}
	readHeader(b, &h.RPC.Call)
	switch h.RPC.Kind {
	case stream.KindRequest, stream.KindOneWay:
		return parseRequest(b, h), nil
	case stream.KindResponse:
		return parseResponse(b, h), nil
	case stream.KindHeartbeatAnswer:
		h.Status = statusOf(byte(h.RPC.Native))
	}
	return stream.SpanOf(headerLen, len(b)), nil
}

func (codec) Preview(b []byte, call *stream.Call) { readHeader(b, call) }

func (codec) Patch(head []byte, id uint64, content, tail int) {
	binary.BigEndian.PutUint64(head[atID:], id)
	binary.BigEndian.PutUint32(head[atLength:], uint32(len(head)-headerLen+content+tail))
}

// readHeader fills call from the header of a frame, of which there may be more.
func readHeader(b []byte, call *stream.Call) {
	flag := b[atFlag]
	call.Serialization = flag & maskSerialization
	call.ID = binary.BigEndian.Uint64(b[atID:])
	switch event, twoWay := flag&flagEvent != 0, flag&flagTwoWay != 0; {
	case flag&flagRequest == 0:
		call.Native = uint32(b[atStatus])
		call.Kind = stream.KindResponse
		call.Refused = call.Native == statusNotFound || call.Native == statusExhausted
		if event {
			call.Kind = stream.KindHeartbeatAnswer
		}
	case event && twoWay:
		call.Kind = stream.KindHeartbeat
	case event && binary.BigEndian.Uint32(b[atLength:]) <= maxEvent && readOnly(b[headerLen:]):
		call.Kind = stream.KindGoAway
	case event:
		call.Kind = stream.KindEvent
	case twoWay:
		call.Kind = stream.KindRequest
	default:
		call.Kind = stream.KindOneWay
	}
}

// maxEvent is more than an event of one letter takes in any serialization.
const maxEvent = 32

// readOnly tells whether the body of an event says R: that the provider is about to
// go. Whatever the serialization, that letter is the last of it, but for what JSON
// puts behind a string.
func readOnly(body []byte) bool {
	for len(body) > 0 {
		switch last := body[len(body)-1]; last {
		case '"', '\r', '\n':
			body = body[:len(body)-1]
		default:
			return last == 'R'
		}
	}
	return false
}

// formOf returns how the values of a body are written.
func formOf(serialization uint8) serial.Form {
	switch serialization {
	case hessian2:
		return serial.Hessian2
	case fastjson2:
		return serial.FastJSON2
	}
	return serial.Unknown
}

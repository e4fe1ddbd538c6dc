package h2

import (
	"encoding/binary"
	"strconv"
)

// preface is what a client sends first.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	headerSize = 9
	// maxFrame is the longest payload that both sides may send: neither asks for more.
	maxFrame = 16 << 10
	// firstWindow is what may be sent, on a stream and on a connection, before anything else is said.
	firstWindow = 1<<16 - 1
	maxWindow   = 1<<31 - 1
	maxStream   = 1<<31 - 1
)

// kind is the type of a frame.
type kind uint8

const (
	kindData kind = iota
	kindHeaders
	kindPriority
	kindReset
	kindSettings
	kindPush
	kindPing
	kindGoAway
	kindWindow
	kindContinuation
)

// Flags, of the frames that have them.
const (
	flagEnd       = 0x1 // of the stream
	flagAck       = 0x1
	flagEndBlock  = 0x4
	flagPadded    = 0x8
	flagPriority  = 0x20
	prioritySize  = 5
	settingSize   = 6
	pingSize      = 8
	leastGoAway   = 8
	windowSize    = 4
	resetCodeSize = 4
)

// Settings that are told or looked at.
const (
	settingTable   = 1
	settingPush    = 2
	settingStreams = 3
	settingWindow  = 4
)

// code is why a stream or a connection ended.
type code uint32

const (
	noError       code = 0
	refusedStream code = 7
)

func (c code) String() string {
	names := [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return "error code " + strconv.FormatUint(uint64(c), 10)
}

// frame is one that came. Its payload is lent until the next one is read.
type frame struct {
	kind    kind
	flags   uint8
	stream  uint32
	payload []byte
}

func (f frame) has(flag uint8) bool { return f.flags&flag != 0 }

// payloadSize is the length that a header tells.
func payloadSize(header []byte) int {
	return int(header[0])<<16 | int(header[1])<<8 | int(header[2])
}

// parse takes a whole frame apart.
func parse(b []byte) frame {
	return frame{kind(b[3]), b[4], binary.BigEndian.Uint32(b[5:]) & maxStream, b[headerSize:]}
}

// appendHeader appends the header of a frame whose payload follows.
func appendHeader(dst []byte, size int, k kind, flags uint8, stream uint32) []byte {
	dst = append(dst, byte(size>>16), byte(size>>8), byte(size), byte(k), flags)
	return binary.BigEndian.AppendUint32(dst, stream)
}

func appendFrame(dst []byte, k kind, flags uint8, stream uint32, payload []byte) []byte {
	return append(appendHeader(dst, len(payload), k, flags, stream), payload...)
}

// appendNumbers appends a frame of 32-bit numbers.
func appendNumbers(dst []byte, k kind, stream uint32, numbers ...uint32) []byte {
	dst = appendHeader(dst, 4*len(numbers), k, 0, stream)
	for _, n := range numbers {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	return dst
}

func appendReset(dst []byte, stream uint32, c code) []byte {
	return appendNumbers(dst, kindReset, stream, uint32(c))
}

func appendGoAway(dst []byte, last uint32, c code) []byte {
	return appendNumbers(dst, kindGoAway, 0, last, uint32(c))
}

// setting is one of a connection's.
type setting struct {
	id    uint16
	value uint32
}

func appendSettings(dst []byte, settings ...setting) []byte {
	dst = appendHeader(dst, settingSize*len(settings), kindSettings, 0, 0)
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint16(dst, s.id)
		dst = binary.BigEndian.AppendUint32(dst, s.value)
	}
	return dst
}

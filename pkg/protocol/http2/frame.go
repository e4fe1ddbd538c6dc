package http2

import "encoding/binary"

// preface is what a client sends first.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frameType is a type of frame.
type frameType uint8

const (
	frameData frameType = iota
	frameHeaders
	framePriority
	frameRSTStream
	frameSettings
	framePushPromise
	framePing
	frameGoAway
	frameWindowUpdate
	frameContinuation
)

// Flags of frames.
const (
	flagEndStream  = 0x1 // DATA, HEADERS
	flagAck        = 0x1 // SETTINGS, PING
	flagEndHeaders = 0x4 // HEADERS, CONTINUATION
	flagPadded     = 0x8 // DATA, HEADERS
	flagPriority   = 0x20
)

// frameHeaderLen is the length of what stands before every payload.
const frameHeaderLen = 9

// goAwayLen is the length of a GOAWAY up to its text.
const goAwayLen = 8

// frameHeader is the front of a frame.
type frameHeader struct {
	length uint32 // of the payload
	stream uint32
	typ    frameType
	flags  uint8
}

func (h *frameHeader) has(flag uint8) bool { return h.flags&flag != 0 }

// check looks whether the stream and the length of a frame are such as its type has.
// Frames of header blocks are looked at by headerReader.admit.
func (h *frameHeader) check() *Error {
	switch h.typ {
	case frameData, framePriority, frameRSTStream:
		if h.stream == 0 {
			return ErrStreamID
		}
	case frameSettings:
		if h.stream != 0 {
			return ErrStreamID
		}
		if h.length%settingLen != 0 || h.has(flagAck) && h.length > 0 {
			return ErrFrameSize
		}
	case framePing, frameGoAway:
		if h.stream != 0 {
			return ErrStreamID
		}
		if h.typ == frameGoAway && h.length < goAwayLen {
			return ErrFrameSize
		}
	}
	if n, fixed := fixedLen(h.typ); fixed && h.length != n && h.typ != framePriority {
		return ErrFrameSize
	}
	return nil
}

// parseFrameHeader takes the front of a frame apart. It wants frameHeaderLen bytes.
func parseFrameHeader(b []byte) frameHeader {
	_ = b[frameHeaderLen-1]
	return frameHeader{
		length: uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		typ:    frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxStreamID,
	}
}

// putFrameHeader writes the front of a frame to the front of b.
func putFrameHeader(b []byte, length int, typ frameType, flags uint8, stream uint32) {
	_ = b[frameHeaderLen-1]
	b[0], b[1], b[2] = byte(length>>16), byte(length>>8), byte(length)
	b[3], b[4] = byte(typ), flags
	binary.BigEndian.PutUint32(b[5:], stream)
}

func appendFrameHeader(dst []byte, length int, typ frameType, flags uint8, stream uint32) []byte {
	var h [frameHeaderLen]byte
	putFrameHeader(h[:], length, typ, flags, stream)
	return append(dst, h[:]...)
}

// dependency is the stream that the front of a priority names.
func dependency(b []byte) uint32 { return binary.BigEndian.Uint32(b) & maxStreamID }

// maxStreamID is the greatest number that a stream, or a window, may have.
const maxStreamID = 1<<31 - 1

// fixedLen is the length of the payload of the types that have only one, and
// whether the type is one of them.
func fixedLen(t frameType) (n uint32, fixed bool) {
	switch t {
	case framePriority:
		return 5, true
	case frameRSTStream, frameWindowUpdate:
		return 4, true
	case framePing:
		return 8, true
	}
	return 0, false
}

func appendRST(dst []byte, stream uint32, code ErrCode) []byte {
	dst = appendFrameHeader(dst, 4, frameRSTStream, 0, stream)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

func appendWindowUpdate(dst []byte, stream, increment uint32) []byte {
	dst = appendFrameHeader(dst, 4, frameWindowUpdate, 0, stream)
	return binary.BigEndian.AppendUint32(dst, increment)
}

func appendPing(dst []byte, flags uint8, payload []byte) []byte {
	dst = appendFrameHeader(dst, 8, framePing, flags, 0)
	return append(dst, payload...)
}

// appendGoAway appends a GOAWAY; why goes to whoever debugs the peer.
func appendGoAway(dst []byte, last uint32, code ErrCode, why string) []byte {
	dst = appendFrameHeader(dst, 8+len(why), frameGoAway, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, why...)
}

// headersFragment returns what a HEADERS frame has of a block, and whether its stream
// depends on itself.
func headersFragment(h *frameHeader, payload []byte) (b []byte, broken bool, err *Error) {
	b = payload
	if h.has(flagPadded) {
		var ok bool
		if b, ok = unpad(b); !ok {
			return nil, false, ErrPadding
		}
	}
	if h.has(flagPriority) {
		if len(b) < 5 {
			return nil, false, ErrFrameSize
		}
		broken = dependency(b) == h.stream
		b = b[5:]
	}
	return b, broken, nil
}

// unpad returns the payload without its padding.
func unpad(payload []byte) (_ []byte, ok bool) {
	if len(payload) == 0 || int(payload[0]) >= len(payload) {
		return nil, false
	}
	return payload[1 : len(payload)-int(payload[0])], true
}

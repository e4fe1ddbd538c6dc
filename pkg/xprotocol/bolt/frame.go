package bolt

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// A frame, with the bytes that only version 2 has in brackets:
//
//	proto 1 | [ver1 1] | type 1 | command 2 | ver2 1 | id 4 | codec 1 | [switch 1] |
//	  a request:  timeout 4, in ms   a response: status 2
//	class length 2 | header length 2 | content length 4     - the fixed part ends here
//	class | header map | content | [CRC 4, if ver1 is 2 and bit 0 of switch is set]
//
// So the fixed part has 20 bytes, and 2 more in version 2, and 2 more in a request.
// Java reads the three lengths with a sign, and takes one below zero for none: nothing
// stands in its place. Its older versions write such a length for a header map that is
// longer than 32767 bytes. Peers in other languages have no sign there and do send such
// a map, at which Java loses the connection. What stands behind the class tells the two
// apart; the first is read as Java reads it, and the second is refused. This package
// writes no length above 32767 for class and header map, and none below zero.

// The values of type.
const (
	typeResponse = 0
	typeRequest  = 1
	typeOneWay   = 2
)

// The values of command.
const (
	cmdHeartbeat = 0
	cmdRequest   = 1
	cmdResponse  = 2
	cmdGoAway    = 100
)

const (
	// minFixed is the length of the shortest fixed part.
	minFixed = 20
	// crcLen is the length of a checksum.
	crcLen = 4
	// maxText is the longest class, or header map, that Java can read.
	maxText = math.MaxInt16
)

// What stream.Call.Form can be: proto, and behind it ver1.
const (
	version1  = 0x10
	version21 = 0x21
	version22 = 0x22
)

// What stream.Call.Bits can have.
const (
	// bitCRC: the frame has a checksum.
	bitCRC = 1 << iota
	// bitHessian: the content is an object in the dialect of Hessian that SofaRPC
	// uses by default, so its sender can read one.
	bitHessian
)

var (
	errFrame  = errors.New("bolt: not a frame")
	errKind   = errors.New("bolt: unknown type or command")
	errLength = errors.New("bolt: lengths exceed the frame")
	errCRC    = errors.New("bolt: wrong checksum")
)

// frame is a frame, or the front of one, that has at least its fixed part, or 20
// bytes and a valid first one.
type frame []byte

// skew is how many bytes the first fields lie further back than in version 1.
func (f frame) skew() int { return int(f[0]-1) & 1 }

func (f frame) kind() stream.Kind {
	s := f.skew()
	switch uint32(f[1+s])<<16 | uint32(binary.BigEndian.Uint16(f[2+s:])) {
	case typeRequest<<16 | cmdRequest:
		return stream.KindRequest
	case typeResponse<<16 | cmdResponse:
		return stream.KindResponse
	case typeOneWay<<16 | cmdRequest:
		return stream.KindOneWay
	case typeRequest<<16 | cmdHeartbeat:
		return stream.KindHeartbeat
	case typeResponse<<16 | cmdHeartbeat:
		return stream.KindHeartbeatAnswer
	case typeRequest<<16 | cmdGoAway:
		return stream.KindGoAway
	}
	return unknown
}

// unknown stands for the kinds that bolt does not have.
const unknown = stream.KindHTTP

// response tells whether the frame has a status, where a request has its timeout.
func (f frame) response() bool { return f[1+f.skew()] == typeResponse }

// fixed returns the length of the fixed part.
func (f frame) fixed() int {
	n := minFixed + 2*f.skew()
	if !f.response() {
		n += 2
	}
	return n
}

// lengths returns where class, header map and content end. In 64 bits, so that
// none of them wraps.
func (f frame) lengths() (class, header, content int64) {
	n := f.fixed()
	l := f[n-8 : n : n]
	if l[0]|l[2]|l[4] >= 0x80 {
		return f.signedLengths(int64(n))
	}
	class = int64(n) + int64(binary.BigEndian.Uint16(l))
	header = class + int64(binary.BigEndian.Uint16(l[2:]))
	return class, header, header + int64(binary.BigEndian.Uint32(l[4:]))
}

// negative reports whether a length is below zero to Java.
func (f frame) negative() bool {
	n := f.fixed()
	return f[n-8]|f[n-6]|f[n-4] >= 0x80
}

// signedLengths is lengths of a frame of which one is below zero, behind a fixed part of
// n bytes.
func (f frame) signedLengths(n int64) (class, header, content int64) {
	l := f[n-8:]
	class = n + int64(max(int16(binary.BigEndian.Uint16(l)), 0))
	header = class + int64(max(int16(binary.BigEndian.Uint16(l[2:])), 0))
	if f.oversized(class) {
		header = class + int64(binary.BigEndian.Uint16(l[2:]))
	}
	return class, header, header + f.content()
}

// content returns the length of the content.
func (f frame) content() int64 {
	return int64(max(int32(binary.BigEndian.Uint32(f[f.fixed()-4:])), 0))
}

// mapShows is how many bytes tell that they begin a header map: the length of the first
// name, and its first letter.
const mapShows = 5

// oversized reports whether a header map that is longer than Java can read stands behind
// the class, which ends at an offset. No content begins like one: there, the first two
// bytes would be zero.
func (f frame) oversized(class int64) bool {
	if f[f.fixed()-6] < 0x80 || f.content() < mapShows || int64(len(f)) < class+mapShows {
		return false
	}
	b := f[class:]
	name := binary.BigEndian.Uint32(b)
	return 0 < name && name < maxName && ' ' < b[4] && b[4] < 0x7f
}

// maxName is more than any name in a header map has in bytes.
const maxName = 1 << 10

// shows reports whether f, of which a length is below zero, is long enough to tell how
// long it is: if it is that of the header map, it takes what stands behind the class.
func (f frame) shows() bool {
	if f[f.fixed()-6] < 0x80 {
		return true
	}
	class, _, content := f.lengths()
	return int64(len(f)) >= min(class+mapShows, content)
}

// strange reports whether the switches are a number below zero, on which Java never
// comes to an end.
func (f frame) strange() bool { return f[0] == 2 && f[11]&0x80 != 0 }

// sealed tells whether there is a checksum. With ver1 of 1 there is none, whatever
// the switch says: so does Java.
func (f frame) sealed() bool { return f[0] == 2 && f[1] == 2 && f[11]&1 != 0 }

// status returns a response's status.
func (f frame) status() uint32 {
	return uint32(binary.BigEndian.Uint16(f[10+2*f.skew():]))
}

// timeout returns the place of a request's timeout.
func (f frame) timeout() []byte {
	at := 10 + 2*f.skew()
	return f[at : at+4 : at+4]
}

// valid checks the fields that decide how long a frame is and what it is for.
func (f frame) valid() error {
	switch {
	case f[0] == 1, f[0] == 2 && (f[1] == 1 || f[1] == 2):
		if f.kind() == unknown {
			return errKind
		}
		return nil
	}
	return errFrame
}

// Length implements [xprotocol.Codec].
func (codec) Length(b []byte) (int, error) {
	if len(b) < minFixed {
		if Match(b) == protocol.No {
			return 0, errFrame
		}
		return 0, nil
	}
	f := frame(b)
	if err := f.valid(); err != nil {
		return 0, err
	}
	if len(b) < f.fixed() || f.negative() && !f.shows() {
		return 0, nil
	}
	_, _, n := f.lengths()
	if f.sealed() {
		n += crcLen
	}
	if n > math.MaxInt {
		return 0, errLength
	}
	return int(n), nil
}

// Preview implements [xprotocol.Previewer].
func (codec) Preview(b []byte, call *stream.Call) {
	f := frame(b)
	_, content, end := f.lengths()
	f.call(call, content, end)
}

// call tells what the fixed part says, and of the content, which is between two
// offsets, what an answer must know. The content need not be there.
func (f frame) call(c *stream.Call, content, end int64) {
	s := f.skew()
	*c = stream.Call{
		Kind:          f.kind(),
		Serialization: f[9+s],
		Form:          f[0] << 4,
		ID:            uint64(binary.BigEndian.Uint32(f[5+s:])),
	}
	if s == 1 {
		c.Form |= f[1]
	}
	if f.sealed() {
		c.Bits = bitCRC
	}
	switch c.Kind {
	case stream.KindResponse, stream.KindHeartbeatAnswer:
		c.Native = f.status()
		// No thread for it, or nobody: the work was not done.
		c.Refused = c.Native == statusBusy || c.Native == statusNoProcessor
	case stream.KindRequest:
		if ms := int32(binary.BigEndian.Uint32(f.timeout())); ms > 0 {
			c.Timeout = time.Duration(ms) * time.Millisecond
		}
		if c.Serialization == codecHessian && content < min(end, int64(len(f))) && f[content] == hessianDefinition {
			c.Bits |= bitHessian
		}
	}
}

package bolt

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/weirproxy/weir/pkg/stream"
)

// noTimeout is the timeout of requests that have none.
const noTimeout = 0xffffffff

// Heartbeat implements [xprotocol.Heartbeater]. It is what Java sends: codec 1, no
// timeout, and never a checksum.
func (codec) Heartbeat(dst []byte, id uint64, like *stream.Call) []byte {
	dst = appendFront(dst, versionOf(like), typeRequest, cmdHeartbeat, id, codecHessian, 0)
	dst = binary.BigEndian.AppendUint32(dst, noTimeout)
	return append(dst, noLengths...)
}

// HeartbeatAnswer implements [xprotocol.Heartbeater]. It has a checksum if the
// heartbeat had one. Of a proxy that is not well, Java clients count the status as
// a failed heartbeat, and close the connection after three.
func (codec) HeartbeatAnswer(dst []byte, to *stream.Call, _ []byte, ok bool) []byte {
	start, status, flags := len(dst), uint16(statusSuccess), to.Bits&bitCRC
	if !ok {
		status = statusError
	}
	dst = appendFront(dst, to.Form, typeResponse, cmdHeartbeat, to.ID, to.Serialization, flags)
	dst = binary.BigEndian.AppendUint16(dst, status)
	dst = append(dst, noLengths...)
	if flags != 0 {
		dst = binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
	}
	return dst
}

// GoAway implements [xprotocol.GoAwayer].
func (c codec) GoAway(dst []byte, id uint64, like *stream.Call) []byte {
	if !c.goAway {
		return dst
	}
	dst = appendFront(dst, versionOf(like), typeRequest, cmdGoAway, id, codecHessian, 0)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	return append(dst, noLengths...)
}

// versionOf returns the form of a request, and version 1 if there was none.
func versionOf(like *stream.Call) uint8 {
	if like == nil {
		return version1
	}
	return like.Form
}

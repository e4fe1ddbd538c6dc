package h2

import (
	"encoding/binary"
	"strings"
)

const (
	smallBody = 128
	largeBody = 8 << 10
	// prefixSize is that of a gRPC message: a byte for compression and four for the length.
	prefixSize = 5
	tagSize    = 16
)

// message is a gRPC message that a request sends and its answer has to bring back. The begin of its body is the number of its caller
// and its number with this caller, so that no other is the same.
type message []byte

func newMessage(body int) message {
	m := binary.BigEndian.AppendUint32([]byte{0}, uint32(body))
	return append(m, strings.Repeat("abcdefghijklmnopqrstuvwxyz", body/26+1)[:body]...)
}

// tag makes the message that of a call.
func (m message) tag(caller, call uint32) message {
	const digits = "0123456789abcdef"
	n := uint64(caller)<<32 | uint64(call)
	for i := range tagSize {
		m[prefixSize+i] = digits[n>>60]
		n <<= 4
	}
	return m
}

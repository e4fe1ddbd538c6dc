package main

import (
	"encoding/binary"
	"errors"
	"io"
)

// Numbers of the fields that matter, in connectrpc/conformance/v1.
const (
	requestProtocol = 1 // of ServerCompatRequest
	requestVersion  = 2
	responsePort    = 2 // of ServerCompatResponse
	clientVersion   = 2 // of ClientCompatRequest
	clientPort      = 7
)

// Values of the enumerations.
const (
	http1    = 1 // of HTTPVersion
	http2    = 2
	protocol = 2 // gRPC, of Protocol
)

// readMessage reads a message behind its length; io.EOF is the end of them.
func readMessage(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	m := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(r, m); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return m, nil
}

// writeMessage writes a message behind its length.
func writeMessage(w io.Writer, m []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(m))), m...))
	return err
}

var errMessage = errors.New("a message is no protobuf")

// number returns a field that is a number, 0 if it is not there.
func number(m []byte, field uint64) (value uint64, err error) {
	err = each(m, func(id uint64, n uint64, _ []byte) {
		if id == field {
			value = n
		}
	})
	return value, err
}

// setNumber returns the message with another value of a field that is a number.
func setNumber(m []byte, field, value uint64) (out []byte, err error) {
	err = each(m, func(id uint64, _ uint64, whole []byte) {
		if id != field {
			out = append(out, whole...)
		}
	})
	out = binary.AppendUvarint(out, field<<3)
	return binary.AppendUvarint(out, value), err
}

// each calls fn with every field: its number, its value if that is a varint, and all
// of its bytes.
func each(m []byte, fn func(id, number uint64, whole []byte)) error {
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		if n <= 0 {
			return errMessage
		}
		value, size := uint64(0), n
		switch tag & 7 {
		case 0, 2:
			v, k := binary.Uvarint(m[n:])
			if k <= 0 {
				return errMessage
			}
			value, size = v, n+k
			if tag&7 == 2 {
				if v > uint64(len(m)) {
					return errMessage
				}
				size += int(v)
			}
		case 1:
			size += 8
		case 5:
			size += 4
		default:
			return errMessage
		}
		if size > len(m) {
			return errMessage
		}
		fn(tag>>3, value, m[:size])
		m = m[size:]
	}
	return nil
}

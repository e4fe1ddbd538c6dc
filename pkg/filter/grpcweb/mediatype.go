package grpcweb

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// form is how a body of gRPC-Web is written.
type form uint8

const (
	notWeb form = iota // not gRPC-Web
	binary             // frames as they are
	text               // frames in base64
)

// The media types, and what may follow the second before a subtype.
const (
	binaryType = "application/grpc-web"
	textType   = "application/grpc-web-text"
	textBase64 = "-base64" // the only encoding of text there is
)

// parseType reads a media type. subtype is how messages are encoded, "" if it
// leaves that open.
func parseType(value []byte) (f form, subtype []byte) {
	if i := bytes.IndexByte(value, ';'); i >= 0 {
		value = value[:i]
	}
	value = bytes.Trim(value, " \t")
	rest, ok := cutPrefix(value, textType)
	if ok {
		f = text
		rest, _ = cutPrefix(rest, textBase64)
	} else if rest, ok = cutPrefix(value, binaryType); ok {
		f = binary
	}
	switch {
	case f == notWeb, len(rest) == 0:
		return f, nil
	case rest[0] == '+' && len(rest) > 1:
		return f, rest[1:]
	}
	return notWeb, nil
}

// cutPrefix cuts a prefix off, without regard to case.
func cutPrefix(b []byte, prefix string) (rest []byte, ok bool) {
	if len(b) < len(prefix) || !stream.EqualFold(b[:len(prefix)], prefix) {
		return b, false
	}
	return b[len(prefix):], true
}

// formOfRequest returns how the body of a request is written.
func formOfRequest(h *stream.Head) form {
	if h.RPC.Kind != stream.KindHTTP || string(h.Method()) != "POST" {
		return notWeb
	}
	value, _ := h.GetID(stream.ContentType)
	f, _ := parseType(value)
	return f
}

// formAccepted returns how the client wants the response: as the first type of
// gRPC-Web says that it accepts, or as it wrote the request.
func formAccepted(h *stream.Head, request form) form {
	list, _ := h.Get("Accept")
	for len(list) > 0 {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte{','})
		if f, _ := parseType(one); f != notWeb {
			return f
		}
	}
	return request
}

// subtypeOf returns how a head says that messages are encoded, whether it is of
// gRPC or of gRPC-Web.
func subtypeOf(h *stream.Head) []byte {
	value, _ := h.GetID(stream.ContentType)
	if subtype, ok := grpc.Subtype(value); ok {
		return subtype
	}
	_, subtype := parseType(value)
	return subtype
}

// setType sets a head's content type.
func setType(h *stream.Head, mediaType string, subtype []byte) {
	var memory [64]byte
	value := append(memory[:0], mediaType...)
	if len(subtype) > 0 {
		value = append(append(value, '+'), subtype...)
	}
	h.SetBytes("Content-Type", value)
}

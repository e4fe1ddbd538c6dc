package grpc

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/stream"
)

// The headers of a Triple request that say, beside its path, which service it is
// for. Either may be absent.
const (
	HeaderServiceGroup   = "tri-service-group"
	HeaderServiceVersion = "tri-service-version"
)

// ContentType is the type of gRPC messages, to which "+" and how they are encoded
// may be added.
const ContentType = "application/grpc"

// IsRequest tells whether a head is that of a gRPC request.
func IsRequest(h *stream.Head) bool { return h.Status == 0 && isMessage(h) }

// IsResponse tells whether a head begins a gRPC response. What has another status
// than 200 is an answer of HTTP, whatever its type.
func IsResponse(h *stream.Head) bool { return h.Status == 200 && isMessage(h) }

func isMessage(h *stream.Head) bool {
	if h.RPC.Kind != stream.KindHTTP {
		return false
	}
	value, _ := h.GetID(stream.ContentType)
	_, ok := Subtype(value)
	return ok
}

// Subtype returns what a content type says of how gRPC messages are encoded, such
// as "proto", in the sender's own spelling and without parameters; "" if it leaves
// that open. ok is false for what is no content type of gRPC. That of gRPC-Web is
// none.
func Subtype(contentType []byte) (subtype []byte, ok bool) {
	n := len(ContentType)
	if len(contentType) < n || !stream.EqualFold(contentType[:n], ContentType) {
		return nil, false
	}
	rest := contentType[n:]
	if i := bytes.IndexByte(rest, ';'); i >= 0 {
		rest = rest[:i]
	}
	rest = bytes.TrimRight(rest, " \t")
	switch {
	case len(rest) == 0:
		return nil, true
	case rest[0] == '+' && len(rest) > 1:
		return rest[1:], true
	}
	return nil, false
}

// SplitPath returns the service and the method that a path names: its last two
// parts. Those before them, if there are any, are where a Triple server has its
// services. A query does not belong to it.
func SplitPath(path []byte) (service, method []byte, ok bool) {
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	last := bytes.LastIndexByte(path, '/')
	if last < 0 {
		return nil, nil, false
	}
	service, method = path[:last], path[last+1:]
	first := bytes.LastIndexByte(service, '/')
	if first < 0 {
		return nil, nil, false
	}
	service = service[first+1:]
	if path[0] != '/' || len(service) == 0 || len(method) == 0 {
		return nil, nil, false
	}
	return service, method, true
}

// Attribute returns an attribute of a gRPC request, by which it may be routed as
// requests of other RPC protocols are, and whether it has it.
func Attribute(h *stream.Head, a stream.Attribute) (value []byte, ok bool) {
	switch a {
	case stream.Service:
		value, _, ok = SplitPath(h.Path())
	case stream.Method:
		_, value, ok = SplitPath(h.Path())
	case stream.Version:
		value, ok = h.Header.Get(HeaderServiceVersion)
	case stream.Group:
		value, ok = h.Header.Get(HeaderServiceGroup)
	case stream.NoAttribute:
	}
	return value, ok && len(value) > 0
}

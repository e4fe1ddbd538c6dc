package variable

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/stream"
)

func requestHeader(v *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	return appendHeader(v, dst, in.Request)
}

func responseHeader(v *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	return appendHeader(v, dst, in.Response)
}

func appendHeader(v *parsed, dst []byte, h *stream.Head) ([]byte, bool) {
	if h == nil {
		return dst, false
	}
	var value []byte
	var ok bool
	if v.id != stream.Other {
		value, ok = h.GetID(v.id)
	} else {
		value, ok = h.Get(v.key)
	}
	return append(dst, value...), ok
}

func requestPath(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	if in.Request == nil {
		return dst, false
	}
	path, _, _ := bytes.Cut(in.Request.Path(), question)
	return append(dst, path...), len(path) > 0
}

func requestPathOriginal(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	path := in.PathOriginal
	if len(path) == 0 && in.Request != nil {
		path = in.Request.Path()
	}
	path, _, _ = bytes.Cut(path, question)
	return append(dst, path...), len(path) > 0
}

var question = []byte{'?'}

func query(in *stream.Info) (q []byte, ok bool) {
	if in.Request == nil {
		return nil, false
	}
	_, q, ok = bytes.Cut(in.Request.Path(), question)
	return q, ok
}

func requestArgs(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	q, ok := query(in)
	return append(dst, q...), ok
}

// requestArg appends the first value of one argument of the query, decoded. Its
// name is compared decoded, too: what the host takes for the argument is what is
// seen here.
func requestArg(v *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	q, ok := query(in)
	for ok {
		var arg []byte
		arg, q, ok = bytes.Cut(q, ampersand)
		name, value, _ := bytes.Cut(arg, equals)
		if !decodesTo(name, v.key) {
			continue
		}
		for len(value) > 0 {
			c, n := decode(value)
			dst, value = append(dst, c), value[n:]
		}
		return dst, true
	}
	return dst, false
}

var (
	ampersand = []byte{'&'}
	equals    = []byte{'='}
)

func decodesTo(encoded []byte, s string) bool {
	for i := range len(s) {
		if len(encoded) == 0 {
			return false
		}
		c, n := decode(encoded)
		if c != s[i] {
			return false
		}
		encoded = encoded[n:]
	}
	return len(encoded) == 0
}

// decode returns the first byte that a part of a query stands for, and how many
// bytes stand for it. A percent sign that begins no escape stands for itself.
func decode(b []byte) (c byte, n int) {
	switch {
	case b[0] == '+':
		return ' ', 1
	case b[0] == '%' && len(b) >= 3:
		hi, ok1 := unhex(b[1])
		lo, ok2 := unhex(b[2])
		if ok1 && ok2 {
			return hi<<4 | lo, 3
		}
	}
	return b[0], 1
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// requestLength is the size that the request has in HTTP/1, without the chunks'
// own lines.
func requestLength(in *stream.Info) (uint64, bool) {
	h := in.Request
	if h == nil {
		return 0, false
	}
	n := len(h.Method()) + len(" ") + len(h.Path()) + len(" HTTP/1.1\r\n") + len("\r\n")
	for i := range h.Len() {
		name, value := h.At(i)
		n += len(name) + len(": ") + len(value) + len("\r\n")
	}
	return uint64(n) + in.BytesReceived, true
}

// cookie appends the first value of one cookie, as it came.
func cookie(v *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	if in.Request == nil {
		return dst, false
	}
	for i := range in.Request.Len() {
		if in.Request.IDAt(i) != stream.Cookie {
			continue
		}
		_, pairs := in.Request.At(i)
		for len(pairs) > 0 {
			var pair []byte
			pair, pairs, _ = bytes.Cut(pairs, semicolon)
			name, value, ok := bytes.Cut(bytes.Trim(pair, " \t"), equals)
			if ok && string(name) == v.key {
				return append(dst, value...), true
			}
		}
	}
	return dst, false
}

var semicolon = []byte{';'}

// traceID appends what ties the request to those it belongs with: the trace id
// of W3C, of Zipkin or of SOFATracer, in this order; failing them, X-Request-Id.
func traceID(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
	if in.Request == nil {
		return dst, false
	}
	var found []byte
	best := 0
	take := func(rank int, value []byte) {
		if rank > best && len(value) > 0 {
			best, found = rank, value
		}
	}
	for i := range in.Request.Len() {
		name, value := in.Request.At(i)
		switch {
		case in.Request.IDAt(i) == stream.XRequestID:
			take(1, value)
		case stream.EqualFold(name, "SOFA-TraceId"):
			take(2, value)
		case stream.EqualFold(name, "X-B3-TraceId"):
			take(3, value)
		case stream.EqualFold(name, "traceparent"):
			take(4, w3cTraceID(value))
		}
	}
	return append(dst, found...), best > 0
}

// w3cTraceID returns the second part of version-trace-parent-flags.
func w3cTraceID(v []byte) []byte {
	const begin, end = 3, 3 + 32
	if len(v) < end+1 || v[begin-1] != '-' || v[end] != '-' {
		return nil
	}
	return v[begin:end]
}

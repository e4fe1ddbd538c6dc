package http2

import (
	"strconv"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// Names of fields, as the encoder wants them.
var (
	nameMethod        = []byte(":method")
	nameScheme        = []byte(":scheme")
	nameAuthority     = []byte(":authority")
	namePath          = []byte(":path")
	nameProtocol      = []byte(":protocol")
	nameStatus        = []byte(":status")
	nameContentLength = []byte("content-length")
	nameTE            = []byte("te")
	valueTrailers     = []byte("trailers")
	valueConnect      = []byte("CONNECT")
)

// blockSlack is more than pseudo-headers and a Content-Length of weir's own take.
const blockSlack = 96

// blockWriter puts a header block together, at the end of what is to be sent.
type blockWriter struct {
	w     *frameWriter
	room  []byte
	bytes []byte
}

// beginBlock begins a block that will hold about the fields of h.
func (w *frameWriter) beginBlock(h *stream.Header) blockWriter {
	n := frameHeaderLen + h.Size() + 6*h.Len() + blockSlack
	room := w.link.Out().Reserve(min(n, buffer.MaxSlab))
	return blockWriter{w, room, w.encoder.Begin(room[:frameHeaderLen])}
}

func (b *blockWriter) add(name, value []byte, how hpack.Indexing) {
	b.bytes = b.w.encoder.Append(b.bytes, name, value, how)
}

func (b *blockWriter) addLength(n int64) {
	var digits [20]byte
	b.add(nameContentLength, strconv.AppendInt(digits[:0], n, 10), hpack.NoIndex)
}

func (b *blockWriter) addStatus(status int) {
	digits := [3]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)}
	b.add(nameStatus, digits[:], hpack.Index)
}

// addCallStatus makes a head the whole answer to a call of gRPC. message is ASCII.
func (b *blockWriter) addCallStatus(code grpc.Code, message string) {
	var digits [4]byte
	b.addStatus(200)
	b.add([]byte("content-type"), []byte(grpc.ContentType), hpack.Index)
	b.add([]byte(grpc.HeaderStatus), strconv.AppendUint(digits[:0], uint64(code), 10), hpack.NoIndex)
	b.add([]byte(grpc.HeaderMessage), []byte(message), hpack.NoIndex)
}

// commit makes the block a part of what is sent: a HEADERS frame, and CONTINUATION
// if it is too long for one.
func (b *blockWriter) commit(id uint32, end bool) {
	out := b.w.link.Out()
	flags := uint8(0)
	if end {
		flags = flagEndStream
	}
	n := len(b.bytes) - frameHeaderLen
	if n <= maxDataFrame {
		putFrameHeader(b.bytes, n, frameHeaders, flags|flagEndHeaders, id)
		if len(b.bytes) <= cap(b.room) {
			out.Commit(len(b.bytes))
			return
		}
		out.Commit(0) // the room was too small, and append has taken other memory
		out.Append(b.bytes)
		return
	}
	rest := append([]byte(nil), b.bytes[frameHeaderLen:]...)
	out.Commit(0)
	typ := frameHeaders
	for len(rest) > 0 {
		part := rest[:min(len(rest), maxDataFrame)]
		rest = rest[len(part):]
		if len(rest) == 0 {
			flags |= flagEndHeaders
		}
		var front [frameHeaderLen]byte
		putFrameHeader(front[:], len(part), typ, flags, id)
		out.Append(front[:])
		out.Append(part)
		typ, flags = frameContinuation, 0
	}
}

// fieldPlan says what of a head's fields is not sent as it is.
type fieldPlan struct {
	length  int64 // of Content-Length; -1 without it
	request bool
	upgrade bool // it is about an upgrade, whose fields HTTP/2 does without
}

// addFields adds the fields of a head. Left out is what belongs to HTTP/1, and what
// is not fit to be sent, because a filter made it: the next hop would refuse the
// whole message.
func (b *blockWriter) addFields(h *stream.Head, p *fieldPlan) {
	length := p.length
	hidden := h.RPC.Kind == stream.KindHTTP && h.RPC.Bits&hiddenFields != 0
	_, nominates := h.GetID(stream.Connection)
	for i := range h.Len() {
		name, value := h.At(i)
		id := h.IDAt(i)
		switch id {
		case stream.Other:
			if !validToken(name) || p.upgrade && upgradeField(name) {
				continue
			}
		case stream.Connection, stream.KeepAlive, stream.ProxyConnection, stream.TransferEncoding, stream.Upgrade, stream.HTTP2Settings:
			continue
		case stream.TE:
			if p.request && stream.EqualFold(value, "trailers") {
				b.add(nameTE, valueTrailers, hpack.Index)
			}
			continue
		case stream.ContentLength:
			if length >= 0 {
				b.addLength(length)
				length = -1
			}
			continue
		case stream.Host:
			if p.request {
				continue
			}
		}
		if !validValue(value) || padded(value) || nominates && nominated(h, name) {
			continue
		}
		how := indexing(id, name, value)
		if hidden {
			how = hpack.Never
		}
		b.add(name, value, how)
	}
	if length >= 0 {
		b.addLength(length)
	}
}

// nominated tells whether a head's Connection lists a field, as one that goes no
// further than the next hop.
func nominated(h *stream.Head, name []byte) bool {
	names := 0
	for i := range h.Len() {
		if h.IDAt(i) != stream.Connection {
			continue
		}
		_, list := h.At(i)
		for list != nil {
			var item []byte
			item, list = nextItem(list)
			if names++; names > maxNominated {
				return false
			}
			if stream.EqualFold(item, name) {
				return !httprule.Protected(name)
			}
		}
	}
	return false
}

// indexing says what of a field an encoder may remember: nothing of a secret that
// could be guessed, and not what will not come again.
func indexing(id stream.ID, name, value []byte) hpack.Indexing {
	switch id {
	case stream.Other:
		return otherIndexing(name)
	case stream.Cookie:
		if len(value) < 20 {
			return hpack.Never
		}
	case stream.ContentLength, stream.XRequestID:
		return hpack.NoIndex
	}
	return hpack.Index
}

func otherIndexing(name []byte) hpack.Indexing {
	for i := range indexingRules {
		rule := indexingRules[i]
		if len(name) == len(rule.name) && stream.EqualFold(name, rule.name) {
			return rule.how
		}
	}
	return hpack.Index
}

var indexingRules = [...]struct {
	name string
	how  hpack.Indexing
}{
	{"authorization", hpack.Never},
	{"proxy-authorization", hpack.Never},
	{"set-cookie", hpack.Never},
	{"age", hpack.NoIndex},
	{"etag", hpack.NoIndex},
	{"location", hpack.NoIndex},
	{"if-none-match", hpack.NoIndex},
	{"if-modified-since", hpack.NoIndex},
	{"content-range", hpack.NoIndex},
	{"traceparent", hpack.NoIndex},
	{"x-b3-traceid", hpack.NoIndex},
	{"x-b3-spanid", hpack.NoIndex},
	{"grpc-timeout", hpack.NoIndex},
	{"grpc-message", hpack.NoIndex},
}

// trailers writes the trailers that end a message. It returns false, and writes
// nothing, if there are none that can be sent.
func (w *frameWriter) trailers(id uint32, t *stream.Header) bool {
	b := w.beginBlock(t)
	front := len(b.bytes)
	for i := range t.Len() {
		name, value := t.At(i)
		if httprule.AllowedInTrailers(t.IDAt(i), name) && validToken(name) && validValue(value) && !padded(value) {
			b.add(name, value, indexing(t.IDAt(i), name, value))
		}
	}
	if len(b.bytes) == front { // an empty block would do, but older peers know of none
		w.link.Out().Commit(0)
		return false
	}
	b.commit(id, true)
	return true
}

// request writes the head of a request. protocol is what an upgrade asks for.
func (w *frameWriter) request(id uint32, h *stream.Head, protocol []byte, end bool) {
	p := fieldPlan{length: -1, request: true, upgrade: protocol != nil}
	b := w.beginBlock(&h.Header)
	if p.upgrade {
		b.add(nameMethod, valueConnect, hpack.Index)
		b.add(nameProtocol, protocol, hpack.Index)
	} else {
		b.add(nameMethod, h.Method(), hpack.Index)
		if !h.Opaque && h.ContentLength >= 0 && (!end || announcesNone(h)) {
			p.length = h.ContentLength
		}
	}
	plainConnect := h.Opaque && !p.upgrade
	if !plainConnect {
		b.add(nameScheme, h.Scheme(), hpack.Index)
	}
	b.add(nameAuthority, h.Authority(), hpack.Index)
	if !plainConnect {
		b.add(namePath, h.Path(), pathIndexing(h.Path()))
	}
	b.addFields(h, &p)
	b.commit(id, end)
}

// pathIndexing keeps paths with a query, which hardly come again, out of the table.
func pathIndexing(path []byte) hpack.Indexing {
	for _, c := range path {
		if c == '?' {
			return hpack.NoIndex
		}
	}
	return hpack.Index
}

// announcesNone tells whether a request without a body says so: if it did when it
// came, or if its method lets a server expect one.
func announcesNone(h *stream.Head) bool {
	switch string(h.Method()) {
	case "POST", "PUT", "PATCH":
		return true
	}
	_, ok := h.GetID(stream.ContentLength)
	return ok
}

// response writes the head of a response, under the status that HTTP/2 has for
// it.
func (w *frameWriter) response(id uint32, h *stream.Head, status int, end bool) {
	p := fieldPlan{length: -1, upgrade: h.Status == 101}
	if h.ContentLength >= 0 && h.Status >= 200 && h.Status != 204 && !h.Opaque {
		if _, explicit := h.GetID(stream.ContentLength); explicit || !end || h.ContentLength > 0 {
			p.length = h.ContentLength
		}
	}
	b := w.beginBlock(&h.Header)
	b.addStatus(status)
	b.addFields(h, &p)
	b.commit(id, end)
}

// answer writes a response of weir's own, without a body. call tells that the request
// is one of gRPC.
func (w *frameWriter) answer(id uint32, r *refusal, call bool) {
	var none stream.Header
	b := w.beginBlock(&none)
	switch {
	case call:
		b.addCallStatus(grpc.FromAnswer(r.status, 0), r.cause.Reason)
	case r.status == 405:
		b.addStatus(405)
		b.add([]byte("allow"), nil, 0) // for this target, which is no resource, there is no other method
		b.addLength(0)
	default:
		b.addStatus(r.status)
		b.addLength(0)
	}
	b.commit(id, true)
}

package http1

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// write adds d to out as a part of the body. It takes everything out of d. false
// tells that the data is not as long as was announced: nothing more may be sent
// then, so that the peer sees that the message is broken.
func (w *writer) write(out, d *buffer.Chain, end bool) bool {
	switch w.framing {
	case noBody:
		d.Clear()
	case byLength:
		w.left -= int64(d.Len())
		if w.left < 0 || end && w.left > 0 {
			d.Clear()
			return false
		}
		out.Move(d)
	case openHead:
		if d.Len() > 0 {
			d.Clear()
			return false
		}
		if end {
			out.AppendString("Content-Length: 0\r\n\r\n")
		}
	case chunked:
		writeChunk(out, d, end)
	case raw:
		out.Move(d)
	default:
		d.Clear()
		return false
	}
	return true
}

// framingOf returns how a message with a body, or trailers, is framed whose head
// announces a length, or none. A length leaves no place for trailers, so that a
// message that will have some is sent in chunks; and one without content waits for
// what comes instead of it.
func framingOf(h *stream.Head) framing {
	switch {
	case h.ContentLength < 0 || h.ContentLength > 0 && willHaveTrailers(h):
		return chunked
	case h.ContentLength == 0:
		return openHead
	}
	return byLength
}

// willHaveTrailers reports whether a head says that trailers follow its body: by
// their names, or by being gRPC's, where the status of the call is one.
func willHaveTrailers(h *stream.Head) bool {
	if _, ok := h.GetID(stream.Trailer); ok {
		return true
	}
	contentType, _ := h.GetID(stream.ContentType)
	return httprule.HasPrefixFold(contentType, "application/grpc") &&
		!httprule.HasPrefixFold(contentType, "application/grpc-web")
}

func writeChunk(out, d *buffer.Chain, end bool) {
	tail := "\r\n0\r\n\r\n"
	if n := d.Len(); n > 0 {
		var line [18]byte
		out.Append(appendChunkSize(line[:0], uint64(n)))
		out.Move(d)
	} else {
		tail = tail[2:]
		d.Clear()
	}
	switch {
	case end:
		out.AppendString(tail)
	case len(tail) == 7:
		out.AppendString("\r\n")
	}
}

// appendChunkSize appends the line before a chunk of n bytes.
func appendChunkSize(dst []byte, n uint64) []byte {
	shift := 0
	for n>>shift > 15 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[n>>shift&15])
	}
	return append(dst, '\r', '\n')
}

// writeTrailers ends the message. Trailers are dropped where the framing has no
// place for them; those that no parser would let pass are dropped everywhere.
func (w *writer) writeTrailers(out *buffer.Chain, t *stream.Header) bool {
	switch w.framing {
	case unsent:
		return false
	case byLength:
		return w.left == 0
	case noBody, raw:
		return true
	case openHead:
		out.AppendString("Transfer-Encoding: chunked\r\n\r\n")
	}
	out.AppendString("0\r\n")
	for i := range t.Len() {
		name, value := t.At(i)
		if !validToken(name) || !validValue(value) || !httprule.AllowedInTrailers(t.IDAt(i), name) {
			continue
		}
		out.Append(name)
		out.AppendString(": ")
		out.Append(value)
		out.AppendString("\r\n")
	}
	out.AppendString("\r\n")
	return true
}

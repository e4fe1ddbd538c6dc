package dubbo

import (
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

// What the body of a response with status ok begins with. Each comes with
// attachments if withAttachments is added.
const (
	typeException = iota
	typeValue
	typeNull
	withAttachments
	lastType = typeNull + withAttachments
)

// parseResponse fills h with what a response tells, and returns its content.
func parseResponse(b []byte, h *stream.Head) (content stream.Span) {
	content = stream.SpanOf(headerLen, len(b))
	h.Status = statusOf(byte(h.RPC.Native))
	form := formOf(h.RPC.Serialization)
	if h.RPC.Native != statusOK || form == serial.Unknown {
		return content
	}
	var r serial.Reader
	r.Reset(form, b, headerLen, responseSteps)
	tail, ok := readResponse(b, &r, h)
	if !ok && r.Ambiguous() {
		r.Reset(form, b, headerLen, responseSteps)
		r.Narrow()
		tail, _ = readResponse(b, &r, h)
	}
	return stream.SpanOf(headerLen, tail)
}

// readResponse returns where the attachments of a response begin: at its end if it
// has none. false says that they cannot be read.
func readResponse(b []byte, r *serial.Reader, h *stream.Head) (tail int, ok bool) {
	var t serial.Value
	if !r.Next(&t) || t.Kind != serial.Int || t.Int < 0 || t.Int > lastType {
		return len(b), false
	}
	what := int(t.Int) % withAttachments
	h.RPC.Exception = what == typeException
	if t.Int < withAttachments {
		return len(b), true
	}
	from := r.Pos()
	if what != typeNull && !r.Skip() {
		return len(b), false
	}
	tail = r.Pos()
	ok = readAttachments(b, r, h)
	if ok && r.Bound() {
		tail = from // the value is kept with the attachments
		ok = len(b)-tail <= maxPart
	}
	if !ok {
		h.Header.Clear()
		return len(b), false
	}
	return tail, true
}

package dubbo

import (
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

// What reading a body may cost, in values: a request's, whose group it may be
// routed by, about a millisecond at worst; a response's, whose attachments are only
// to look at, a sixteenth of that.
const (
	requestSteps  = 1 << 18
	responseSteps = 1 << 14
)

// maxPart is the most bytes that a head or a tail may have: they are copied, and
// kept as long as the request.
const maxPart = 1 << 20

// request is how the body of a request divides.
type request struct {
	r       serial.Reader
	strings preface
	tail    int // where the attachments begin
}

// parseRequest fills h with what a request's body tells, and returns its
// arguments.
func parseRequest(b []byte, h *stream.Head) (content stream.Span) {
	if formOf(h.RPC.Serialization) == serial.Unknown {
		h.RPC.Unread = true
		return stream.SpanOf(headerLen, len(b))
	}
	var q request
	ok := q.read(b, h, false)
	if !ok && q.r.Ambiguous() {
		ok = q.read(b, h, true)
	}
	h.RPC.Unread = !ok
	return stream.SpanOf(q.strings.end, q.tail)
}

// read reads a body; false says that it could not do so to its end. Then there is
// no tail, and if not even the strings could be read, no head.
func (q *request) read(b []byte, h *stream.Head, narrow bool) bool {
	q.r.Reset(formOf(h.RPC.Serialization), b, headerLen, requestSteps)
	if narrow {
		q.r.Narrow()
	}
	q.tail = len(b)
	ok := q.strings.read(b, &q.r)
	q.attributes(h)
	if !ok || !q.skipArguments(b) {
		return false
	}
	if q.r.Done() { // it has no attachments
		return true
	}
	tail := q.r.Pos()
	ok = readAttachments(b, &q.r, h)
	if ok && q.r.Bound() {
		tail = q.strings.end // the arguments are kept with the attachments
		ok = len(b)-tail <= maxPart
	}
	if !ok {
		q.attributes(h)
		return false
	}
	q.tail = tail
	return true
}

// attributes tells h what the strings say, and nothing else.
func (q *request) attributes(h *stream.Head) {
	h.Header.Clear()
	c := &h.RPC
	c.Service = q.strings.span(posPath)
	c.Version = q.strings.span(posVersion)
	c.Method = q.strings.span(q.strings.method())
	c.Group, c.Timeout = stream.Span{}, 0
}

func (q *request) skipArguments(b []byte) bool {
	n, ok := q.strings.arguments(b)
	for ; ok && n > 0; n-- {
		ok = q.r.Skip()
	}
	return ok
}

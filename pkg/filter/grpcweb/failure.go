package grpcweb

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// maxText is how much of a body is told as a status's message.
const maxText = 512

// failure is a response that is no gRPC, on its way to become a status.
type failure struct {
	code  grpc.Code
	http  int
	reads bool // the body is text, to be told
	text  []byte
}

// begin notes what the head says.
func (f *failure) begin(h *stream.Head) {
	f.http = h.Status
	f.text = f.text[:0]
	if code, ok := grpc.ReadStatus(&h.Header); ok && code != grpc.OK { // a host may do both
		message, _ := h.Get(grpc.HeaderMessage)
		f.code, f.text, f.reads = code, grpc.AppendText(f.text, message), false
		return
	}
	f.code = grpc.FromAnswer(h.Status, h.Flags)
	value, typed := h.GetID(stream.ContentType)
	_, encoded := h.Get("Content-Encoding")
	_, plain := cutPrefix(value, "text/plain")
	f.reads = (plain || !typed) && !encoded
}

// take drops a piece of the body, and notes what fits of its text.
func (f *failure) take(d *buffer.Chain) {
	for f.reads && len(f.text) < maxText && d.Len() > 0 {
		piece := d.Front()
		f.text = append(f.text, piece[:min(len(piece), maxText-len(f.text))]...)
		d.Discard(len(piece))
	}
	d.Clear()
}

// setStatus sets the status that the client gets. Its message is made valid UTF-8:
// browsers refuse to decode any other.
func (f *failure) setStatus(h *stream.Header) {
	message := bytes.TrimSpace(f.text)
	switch {
	case len(message) == 0:
		message = append(f.text[:0], "the answer is not gRPC: HTTP status "...)
		message = strconv.AppendInt(message, int64(f.http), 10)
	case !utf8.Valid(message):
		message = bytes.ToValidUTF8(message, []byte{'?'})
	}
	grpc.SetStatus(h, f.code, message)
}

// clear forgets everything but the memory, if it is of an ordinary size.
func (f *failure) clear() {
	if cap(f.text) > 2*maxText {
		f.text = nil
	}
	*f = failure{text: f.text[:0]}
}

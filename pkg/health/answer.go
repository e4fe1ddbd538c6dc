package health

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// maxBody is how much of an answer's body is looked at. The rest is not waited for.
const maxBody = 64 << 10

// answer is what a host answers, as it comes.
type answer struct {
	status  int
	code    grpc.Code
	hasCode bool
	body    []byte
	long    bool  // there is more of the body
	over    bool  // it is complete
	err     error // it ended before
}

var _ stream.End = (*answer)(nil)

// settled tells whether there is nothing more to wait for.
func (a *answer) settled() bool { return a.over || a.long || a.err != nil }

// Head takes the head. Informational ones say nothing.
func (a *answer) Head(h *stream.Head, end bool) {
	if h.Interim() {
		return
	}
	a.status, a.over = h.Status, end
	if end {
		a.code, a.hasCode = grpc.ReadStatus(&h.Header)
	}
}

// Data takes a piece of the body.
func (a *answer) Data(d *buffer.Chain, end bool) {
	if room := maxBody - len(a.body); d.Len() > room {
		a.long = true
		d.Each(func(b []byte) { a.body = append(a.body, b[:min(len(b), maxBody-len(a.body))]...) })
	} else {
		a.body = d.AppendTo(a.body)
	}
	d.Clear()
	a.over = end
}

// Trailers ends the answer.
func (a *answer) Trailers(t *stream.Header) {
	a.over = true
	a.code, a.hasCode = grpc.ReadStatus(t)
}

// Reset ends the answer before its end.
func (a *answer) Reset(r stream.Reset) {
	if !a.over {
		a.err = r
	}
}

// Pause does nothing: a question is short.
func (a *answer) Pause() {}

// Resume does nothing.
func (a *answer) Resume() {}

package grpcweb

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// What a client is told that did not get a gRPC status from the host.
const (
	noStatus  = "the response ended without a status"
	notBase64 = "the request's body is not base64\n"
)

// bridge is one call. It is used again for others.
type bridge struct {
	owner    *grpcweb
	request  form // of the request; notWeb before it has come
	response form // that the client wants
	state    state
	in       decoder
	frames   frames
	out      encoder
	tail     buffer.Chain // the end of the body, made of trailers; empty between calls
	failure  failure
}

// state is what is to become of the response.
type state uint8

const (
	waiting state = iota // its head has not come
	passing              // it stays as it is
	open                 // messages follow, then the status
	told                 // messages may follow; the status was in the head
	failing              // it is no gRPC: its body is dropped, and a status takes its place
	over                 // the client has everything
)

var (
	_ filter.Request  = (*bridge)(nil)
	_ filter.Response = (*bridge)(nil)
	_ filter.Finisher = (*bridge)(nil)
)

// Finished lets the bridge be used again.
func (b *bridge) Finished(*filter.Stream) {
	b.failure.clear()
	*b = bridge{owner: b.owner, failure: b.failure}
	b.owner.bridges.Put(b)
}

// RequestHead makes the request one of gRPC.
func (b *bridge) RequestHead(_ *filter.Stream, h *stream.Head, _ bool) filter.Status {
	if !b.begin(h) { // another filter changed it
		b.state = passing
		return filter.Continue
	}
	setType(h, grpc.ContentType, subtypeOf(h))
	h.Set("TE", "trailers")
	if b.request == text {
		h.ContentLength = -1
		h.DelID(stream.ContentLength)
	}
	return filter.Continue
}

// begin notes what the client sends and wants. It returns false if that is not
// gRPC-Web.
func (b *bridge) begin(h *stream.Head) bool {
	b.request = formOfRequest(h)
	b.response = formAccepted(h, b.request)
	return b.request != notWeb
}

// RequestData decodes text.
func (b *bridge) RequestData(s *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	if b.request == text && (!b.decode(d) || end && !b.in.between()) {
		refuse(s)
	}
	return filter.Continue
}

// RequestTrailers looks whether the body has ended well.
func (b *bridge) RequestTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	if b.request == text && !b.in.between() {
		refuse(s)
	}
	return filter.Continue
}

// refuse answers a request that is not what it says. The bridge may be another
// call's when it returns.
func refuse(s *filter.Stream) {
	s.Reply(filter.Reply{Status: 400, Body: notBase64, Flags: stream.DownstreamProtocolError})
}

func (b *bridge) decode(d *buffer.Chain) bool {
	var out buffer.Chain
	out.Init(d.Pool())
	ok := true
	for ok && d.Len() > 0 {
		piece := d.Front()
		ok = b.in.write(&out, piece)
		d.Discard(len(piece))
	}
	d.Clear()
	d.Move(&out)
	return ok
}

// ResponseHead makes the response one of gRPC-Web.
func (b *bridge) ResponseHead(s *filter.Stream, h *stream.Head, end bool) filter.Status {
	request := s.Info().Request
	if b.state != waiting || b.request == notWeb && (request == nil || !b.begin(request)) {
		b.state = passing
		return filter.Continue
	}
	if value, _ := h.GetID(stream.ContentType); h.Status == 200 {
		if f, _ := parseType(value); f != notWeb { // the host speaks it itself
			b.state = passing
			return filter.Continue
		}
	}
	h.ContentLength = -1
	h.DelID(stream.ContentLength)
	h.DelID(stream.Trailer)
	if grpc.IsResponse(h) {
		b.open(h, end)
	} else {
		b.fail(h, end)
	}
	subtype := subtypeOf(h)
	if len(subtype) == 0 && request != nil {
		subtype = subtypeOf(request)
	}
	setType(h, [...]string{binary: binaryType, text: textType}[b.response], subtype)
	return filter.Continue
}

// open begins a gRPC response.
func (b *bridge) open(h *stream.Head, end bool) {
	_, has := grpc.ReadStatus(&h.Header)
	switch {
	case has:
		b.state = told
	case end:
		grpc.SetStatus(&h.Header, grpc.FromHTTP(h.Status), noStatus)
		b.state = told
	default:
		b.state = open
	}
}

// fail begins a response that is no gRPC.
func (b *bridge) fail(h *stream.Head, end bool) {
	b.failure.begin(h)
	h.Status = 200
	h.Del("Content-Encoding")
	if !end {
		h.Del(grpc.HeaderStatus)
		h.Del(grpc.HeaderMessage)
		b.state = failing
		return
	}
	b.failure.setStatus(&h.Header)
	b.state = told
}

// ResponseData encodes text, and adds the status to a body that no trailers follow.
func (b *bridge) ResponseData(_ *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	switch b.state {
	case open, told:
		if b.response == text {
			b.encode(d)
		}
	case failing:
		b.failure.take(d)
	case waiting, passing, over:
		return filter.Continue
	}
	if end {
		var t stream.Header
		b.finish(d, &t)
	}
	return filter.Continue
}

// ResponseTrailers moves the trailers into the body, behind everything else.
func (b *bridge) ResponseTrailers(s *filter.Stream, t *stream.Header) filter.Status {
	switch b.state {
	case open, told, failing:
		b.tail.Init(s.Buffers())
		b.finish(&b.tail, t)
		t.Clear()
		s.AppendResponse(&b.tail)
	case waiting, passing, over:
	}
	return filter.Continue
}

// finish appends the rest of the response to d. t is its trailers.
func (b *bridge) finish(d *buffer.Chain, t *stream.Header) {
	if b.state == failing {
		t.Clear()
		b.failure.setStatus(t)
	} else if _, has := grpc.ReadStatus(t); !has && b.state == open {
		grpc.SetStatus(t, grpc.Unknown, noStatus)
	}
	b.state = over
	b.out.flush(d) // of a message that was cut off
	switch {
	case t.Len() == 0:
	case b.response == binary:
		writeTrailers(d, t)
	default:
		var plain buffer.Chain
		plain.Init(d.Pool())
		writeTrailers(&plain, t)
		for plain.Len() > 0 {
			piece := plain.Front()
			b.out.write(d, piece)
			plain.Discard(len(piece))
		}
		b.out.flush(d)
	}
}

// encode makes text of d. Every message is padded to its end, so that the client
// has it as soon as it has come, and what is sent does not depend on how the body
// came in pieces.
func (b *bridge) encode(d *buffer.Chain) {
	var out buffer.Chain
	out.Init(d.Pool())
	for d.Len() > 0 {
		piece := d.Front()
		for rest := piece; len(rest) > 0; {
			n, whole := b.frames.next(rest)
			b.out.write(&out, rest[:n])
			if whole {
				b.out.flush(&out)
			}
			rest = rest[n:]
		}
		d.Discard(len(piece))
	}
	d.Move(&out)
}

package xprotocol

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// serverStream is one request of the peer, and where its answer goes.
type serverStream struct {
	callee  *callee
	peer    stream.End // nil once it may not be called any more
	call    stream.Call
	parts   parts        // of the answer; of a heartbeat, before, its content
	request buffer.Chain // content of the request, while it is passed on
	content buffer.Chain // of the answer, until it is complete
	status  int          // of an answer that is not a frame of the protocol; 0: it is
	flags   stream.Flags

	asked    bool // the request is complete
	answered bool // the answer is
	refused  bool // the answer is weir's own: that of the host cannot be sent
	entered  bool // a call to peer is under way, whose end ends the stream
}

var _ stream.End = (*serverStream)(nil)

// Head begins the answer.
func (s *serverStream) Head(h *stream.Head, end bool) {
	if s.answered || h.Interim() {
		return
	}
	switch {
	case s.call.Kind == stream.KindOneWay:
	case s.answers(h):
		s.keep(h)
	case s.call.Kind == stream.KindHeartbeat: // its content is in the parts, and goes back
		s.status = h.Status
	default:
		s.status, s.flags = h.Status, h.Flags
		s.parts.bytes = s.parts.bytes[:0]
	}
	if end {
		s.answer(&s.content)
	}
}

// answers reports whether a head is that of a frame which answers the request.
func (s *serverStream) answers(h *stream.Head) bool {
	beat := h.RPC.Kind == stream.KindHeartbeatAnswer && s.call.Kind == stream.KindHeartbeat
	return h.RPC.Protocol == s.callee.name && (h.RPC.Kind == stream.KindResponse || beat)
}

// keep keeps the parts of the answer until its content is there. A change that the
// protocol cannot express is left out, because the answer matters more; but where
// the frame cannot be sent as it came either, because there is no room for the
// client's id in it, the client is told that there is no answer.
func (s *serverStream) keep(h *stream.Head) {
	err := s.parts.set(s.callee.codec, h)
	switch {
	case err == nil:
	case h.RPC.Anew:
		s.status, s.flags = 502, 0
		s.parts.bytes = append(s.parts.bytes[:0], "the response was changed in a way that its protocol cannot express"...)
		s.parts.tail = 0
		s.refused = true
	default:
		s.parts.keep(h)
	}
}

// Data adds to the answer's content.
func (s *serverStream) Data(d *buffer.Chain, end bool) {
	switch {
	case s.answered || s.refused || s.call.Kind == stream.KindOneWay, s.call.Kind == stream.KindHeartbeat && s.status != 0:
		d.Clear()
	case s.status != 0:
		s.parts.bytes = d.AppendTo(s.parts.bytes)
		s.parts.bytes = s.parts.bytes[:min(len(s.parts.bytes), maxText)]
		d.Clear()
	case !end:
		s.content.Move(d)
	case s.content.Len() > 0:
		s.content.Move(d)
		d = &s.content
	}
	if end && !s.answered {
		s.answer(d)
	}
}

// Trailers end the answer. There is no place for them in a frame.
func (s *serverStream) Trailers(*stream.Header) {
	if !s.answered {
		s.answer(&s.content)
	}
}

// answer sends the answer, which is complete.
func (s *serverStream) answer(content *buffer.Chain) {
	c := s.callee
	switch {
	case s.call.Kind == stream.KindOneWay:
	case s.call.Kind == stream.KindHeartbeat && s.status != 0:
		c.answerHeartbeat(&s.call, s.parts.bytes, s.status < 400)
	case s.status == 0:
		c.write(&s.parts, content, s.call.ID)
	default:
		c.send(func(dst []byte) []byte {
			return c.codec.Answer(dst, &s.call, Answer{Status: s.status, Flags: s.flags, Text: text(s.parts.bytes)})
		})
	}
	s.over()
}

// text is an answer's sentence, without the end of its line.
func text(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
}

// Reset gives the answer up. The client is told that there is none.
func (s *serverStream) Reset(r stream.Reset) {
	s.asked, s.peer = true, nil
	if s.answered {
		s.callee.endIfOver(s)
		return
	}
	a := answerTo(r)
	if a.Status == 502 && a.Flags == stream.UpstreamRemoteReset {
		a.Text = []byte("the answer was broken off")
	}
	s.status, s.flags = a.Status, a.Flags
	s.parts.bytes = append(s.parts.bytes[:0], a.Text...)
	s.answer(&s.content)
}

// over ends the stream, now or with the call that it is in.
func (s *serverStream) over() {
	s.answered = true
	s.callee.endIfOver(s)
}

// Pause does nothing: requests come whole.
func (s *serverStream) Pause() {}

// Resume does nothing.
func (s *serverStream) Resume() {}

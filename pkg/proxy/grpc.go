package proxy

import (
	"errors"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// beginGRPC takes note of a gRPC request, or one that a filter makes such of: routes see
// its service and method, and what it was answered is counted for them.
func (s *activeStream) beginGRPC() {
	switch {
	case !s.proto.RPC && grpc.IsRequest(s.req) && (s.proto.Multiplexed || takesTrailers(s.req)):
		s.flags |= isGRPC
	case s.cfg.CallMaker != nil && s.cfg.CallMaker.MakesCall(s.req):
		s.flags |= isGRPC | isBridged
	default:
		return
	}
	service, method, _ := grpc.SplitPath(s.req.Path())
	version, _ := grpc.Attribute(s.req, stream.Version)
	group, _ := grpc.Attribute(s.req, stream.Group)
	s.req.Describe(service, method, version, group)
}

// takesTrailers reports whether a call that comes in HTTP/1, as over a hop of another
// proxy, can be told its status: behind the response, where gRPC has it.
func takesTrailers(h *stream.Head) bool {
	_, ok := h.GetID(stream.TE) // the codec keeps nothing else of it
	return ok && h.Minor > 0
}

// callDeadline lets the client's own deadline count, for the whole call. If the
// configuration gives the route a timeout, that counts as well, for the response to
// begin; otherwise who says nothing waits for as long as its stream is not idle: weir
// cannot know which streams are meant to last.
func (s *activeStream) callDeadline() {
	if s.route == nil {
		return
	}
	if !s.route.TimeoutGiven {
		s.timeout = 0
	}
	if value, ok := s.req.Get(grpc.HeaderTimeout); ok {
		if asked, ok := grpc.ParseTimeout(value); ok {
			s.callEnds = s.start + int64(min(max(asked, leastTimeout), mostTimeout))
		}
	}
}

// atDeadline tells whether a host has given a call up because its time is over: it
// was told what is left, and its clock may be a little ahead of the loop's timers.
func (s *activeStream) atDeadline(r stream.Reset) bool {
	const ahead = 20 * time.Millisecond
	return s.callEnds > 0 && r.Reason == stream.RemoteReset && s.w.Loop.Now()+int64(ahead) >= s.callEnds
}

// passDeadline tells the host what is left of the time that the client waits.
func (s *activeStream) passDeadline() {
	left := time.Duration(s.callEnds - s.w.Loop.Now())
	b := grpc.AppendTimeout(s.w.scratch[:0], max(left, leastTimeout))
	s.w.scratch = b[:0]
	s.req.SetBytes(grpc.HeaderTimeout, b)
}

// answerCode is what an answer of weir's own says of the call: what the host said
// when it reset the last try, or what the answer's status and flags mean.
func (s *activeStream) answerCode(status int) grpc.Code {
	if s.resetCode != grpc.OK && s.info.Flags&(stream.UpstreamRemoteReset|stream.UpstreamTimeout) == stream.UpstreamRemoteReset {
		return s.resetCode
	}
	return grpc.FromAnswer(status, s.info.Flags)
}

// noteReset takes note of why a host reset the try.
func (s *activeStream) noteReset(r stream.Reset) {
	var coded interface{ ResetCode() uint32 }
	if s.resetCode = grpc.OK; r.Reason == stream.RemoteReset && errors.As(r.Err, &coded) {
		s.resetCode = grpc.FromReset(coded.ResetCode())
	}
}

// answerGRPC makes an answer of weir's own one that gRPC's clients understand. It
// has no body.
func (s *activeStream) answerGRPC(status int, text []byte) {
	contentType, _ := s.req.GetID(stream.ContentType)
	message := strings.TrimSuffix(string(text), "\n")
	grpc.Answer(s.resp, contentType, s.answerCode(status), message)
}

// endGRPC ends a response that has begun and cannot go on: the call's status says
// so, where other protocols can only break off. It returns false if that cannot be told.
func (s *activeStream) endGRPC() bool {
	if !s.has(isGRPC) || s.pauses&pausesResponse != 0 { // who takes nothing is told nothing
		return false
	}
	status, text := 502, "the response was broken off"
	if s.info.Flags&(stream.UpstreamTimeout|stream.StreamIdleTimeout) != 0 {
		status, text = 504, "the response took too long"
	}
	s.code = s.answerCode(status)
	var t stream.Header
	grpc.SetStatus(&t, s.code, text)
	if !s.has(isBridged) {
		s.down.Trailers(&t)
		return true
	}
	if s.has(answered | noCall) { // and so a filter holds it, or it has no status
		return false
	}
	s.flags &^= responseOver
	s.filters.Trailers(filter.ResponseDirection, &t)
	over := s.has(responseOver)
	s.flags |= responseOver
	return over
}

// noteStatus takes note of what became of a call, as its trailers, or the only head
// of its response, say.
func (s *activeStream) noteStatus(h *stream.Header) {
	if code, ok := grpc.ReadStatus(h); s.has(isGRPC) && (ok || !s.has(isBridged)) {
		s.code = code
	}
}

// countCall counts the response of a host by the call's status.
func (t *try) countCall(h *stream.Header) {
	code, _ := grpc.ReadStatus(h)
	t.countResponse(grpc.ToHTTP(code))
	t.outcome = callOutcome(code)
	t.s.code = code
}

// namesCall tells whether the policy of retries names a response, as far as it is
// one of gRPC: only one that has nothing but a head tells in time.
func (s *activeStream) namesCall(h *stream.Head, end bool) bool {
	if !end || !s.has(isGRPC) {
		return false
	}
	code, ok := grpc.ReadStatus(&h.Header)
	return ok && s.policy().Call(uint32(code))
}

// recordCall counts a call that a host was given. Names of methods that hosts do not
// have are a client's inventions, and not counted by themselves.
func (s *activeStream) recordCall(took time.Duration) {
	if s.info.Tries == 0 {
		return
	}
	service, _ := s.req.Attribute(stream.Service)
	method, _ := s.req.Attribute(stream.Method)
	if s.code == grpc.Unimplemented {
		service = nil
	}
	c := s.w.Stats.Call(service, method)
	c.RequestTotal++
	c.CountStatus(uint32(s.code))
	c.Latency.Record(took)
}

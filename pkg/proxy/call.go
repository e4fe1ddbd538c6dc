package proxy

import (
	"errors"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
)

// grpcCall is what is known of a request as a call of gRPC.
type grpcCall struct {
	x         *exchange
	kind      callKind
	plain     bool      // the host's answer to a bridged call is no response of gRPC
	code      grpc.Code // what became of it
	resetCode grpc.Code // what a host said when it reset the last attempt; OK: nothing
}

type callKind uint8

const (
	notCall callKind = iota
	nativeCall
	bridgedCall // one that a filter makes of another request
)

// reset makes it no call.
func (c *grpcCall) reset() { *c = grpcCall{x: c.x, code: grpc.Unknown} }

// is reports whether the request is a call.
func (c *grpcCall) is() bool { return c.kind != notCall }

// tells reports whether its answer ends with the call's status.
func (c *grpcCall) tells() bool { return c.kind != notCall && !c.plain }

// begin takes note of a gRPC request, or one that a filter makes such of: routes see
// its service and method, and what it was answered is counted for them.
func (c *grpcCall) begin() {
	x := c.x
	switch {
	case !x.proto.RPC && grpc.IsRequest(x.req) && (x.proto.Multiplexed || takesTrailers(x.req)):
		c.kind = nativeCall
	case x.cfg.CallMaker != nil && x.cfg.CallMaker.MakesCall(x.req):
		c.kind = bridgedCall
	default:
		return
	}
	service, method, _ := grpc.SplitPath(x.req.Path())
	version, _ := grpc.Attribute(x.req, stream.Version)
	group, _ := grpc.Attribute(x.req, stream.Group)
	x.req.Describe(service, method, version, group)
}

// takesTrailers reports whether a call that comes in HTTP/1, as over a hop of another
// proxy, can be told its status: behind the response, where gRPC has it.
func takesTrailers(h *stream.Head) bool {
	_, ok := h.GetID(stream.TE) // the codec keeps nothing else of it
	return ok && h.Minor > 0
}

// setDeadline lets the client's own deadline count, for the whole call. If the
// configuration gives the route a timeout, that counts as well, for the response to
// begin; otherwise who says nothing waits for as long as its stream is not idle: weir
// cannot know which streams are meant to last.
func (c *grpcCall) setDeadline() {
	x := c.x
	if x.target.route == nil {
		return
	}
	if !x.target.route.TimeoutGiven {
		x.deadlines.timeout = 0
	}
	if value, ok := x.req.Get(grpc.HeaderTimeout); ok {
		if asked, ok := grpc.ParseTimeout(value); ok {
			x.deadlines.call = x.deadlines.start + int64(min(max(asked, leastTimeout), mostTimeout))
		}
	}
}

// atDeadline reports whether a host has given a call up because its time is over: it
// was told what is left, and its clock may be a little ahead of the loop's timers.
func (c *grpcCall) atDeadline(r stream.Reset) bool {
	x := c.x
	const ahead = 20 * time.Millisecond
	return x.deadlines.call > 0 && r.Reason == stream.RemoteReset && x.w.Loop.Now()+int64(ahead) >= x.deadlines.call
}

// passDeadline tells the host what is left of the time that the client waits.
func (c *grpcCall) passDeadline() {
	x := c.x
	left := time.Duration(x.deadlines.call - x.w.Loop.Now())
	b := grpc.AppendTimeout(x.w.scratch[:0], max(left, leastTimeout))
	x.w.scratch = b[:0]
	x.req.SetBytes(grpc.HeaderTimeout, b)
}

// answerCode is what an answer of weir's own says of the call: what the host said
// when it reset the last attempt, or what the answer's status and flags mean.
func (c *grpcCall) answerCode(status int) grpc.Code {
	x := c.x
	if c.resetCode != grpc.OK && x.info.Flags&(stream.UpstreamRemoteReset|stream.UpstreamTimeout) == stream.UpstreamRemoteReset {
		return c.resetCode
	}
	return grpc.FromAnswer(status, x.info.Flags)
}

// noteReset takes note of why a host reset the attempt.
func (c *grpcCall) noteReset(r stream.Reset) {
	var coded interface{ ResetCode() uint32 }
	if c.resetCode = grpc.OK; r.Reason == stream.RemoteReset && errors.As(r.Err, &coded) {
		c.resetCode = grpc.FromReset(coded.ResetCode())
	}
}

// answer makes an answer of weir's own one that gRPC's clients understand. It
// has no body.
func (c *grpcCall) answer(status int, text []byte) {
	x := c.x
	contentType, _ := x.req.GetID(stream.ContentType)
	message := strings.TrimSuffix(string(text), "\n")
	grpc.Answer(x.resp, contentType, c.answerCode(status), message)
}

// endResponse ends a response that has begun and cannot go on: the call's status says
// so, where other protocols can only break off. It returns false if that cannot be told.
func (c *grpcCall) endResponse() bool {
	x := c.x
	if !c.is() || x.pauses&pausesResponse != 0 { // who takes nothing is told nothing
		return false
	}
	status, text := 502, "the response was broken off"
	if x.info.Flags&(stream.UpstreamTimeout|stream.StreamIdleTimeout) != 0 {
		status, text = 504, "the response took too long"
	}
	c.code = c.answerCode(status)
	var t stream.Header
	grpc.SetStatus(&t, c.code, text)
	if c.kind == nativeCall {
		x.down.Trailers(&t)
		return true
	}
	if x.attempts.answered || c.plain { // and so a filter holds it, or it has no status
		return false
	}
	x.phase = responseBegun // the one step back: for the status, behind what was broken off
	x.filters.Trailers(filter.ResponseDirection, &t)
	over := x.phase == responseOver
	x.phase = responseOver
	return over
}

// noteStatus takes note of what became of a call, as its trailers, or the only head
// of its response, say.
func (c *grpcCall) noteStatus(h *stream.Header) {
	if code, ok := grpc.ReadStatus(h); c.is() && (ok || c.kind == nativeCall) {
		c.code = code
	}
}

// retriable reports whether the policy of retries names a response, as far as it is
// one of gRPC: only one that has nothing but a head tells in time.
func (c *grpcCall) retriable(h *stream.Head, end bool, p *router.RetryPolicy) bool {
	if !end || !c.is() {
		return false
	}
	code, ok := grpc.ReadStatus(&h.Header)
	return ok && p.Call(uint32(code))
}

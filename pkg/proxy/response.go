package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// responseSink is where the response goes that has passed all filters.
type responseSink exchange

// Head gives the response's head to the client's codec.
func (k *responseSink) Head(h *stream.Head, end bool) {
	x := (*exchange)(k)
	x.enter()
	x.advance(responseBegun)
	x.info.Response = h
	x.info.Status = h.Status
	if end {
		x.advance(responseOver)
		x.call.noteStatus(&h.Header)
	}
	(*recorder)(x).responded()
	x.conn.lastResponse()
	x.down.Head(h, end)
	x.leave()
}

// Data gives the codec a piece of the response.
func (k *responseSink) Data(d *buffer.Chain, end bool) {
	x := (*exchange)(k)
	x.enter()
	x.info.BytesSent += uint64(d.Len())
	if end {
		x.advance(responseOver)
	}
	x.down.Data(d, end)
	x.leave()
}

// Trailers ends the response.
func (k *responseSink) Trailers(t *stream.Header) {
	x := (*exchange)(k)
	x.enter()
	x.advance(responseOver)
	x.call.noteStatus(t)
	x.down.Trailers(t)
	x.leave()
}

// Reset is never called: what resets a response ends its exchange.
func (k *responseSink) Reset(stream.Reset) {}

// Reply answers the request in weir's own name, for filters and for weir itself.
// If a response has begun already, there is nothing left but to break it off.
func (x *exchange) Reply(r filter.Reply) {
	x.enter()
	x.info.Flags |= r.Flags
	switch {
	case x.phase == responseOver:
	case x.phase >= responseBegun:
		x.breakResponse()
	default:
		x.response().Clear()
		if r.Header != nil {
			x.resp.AddAll(r.Header)
		}
		x.answer(r.Status, []byte(r.Body))
	}
	x.leave()
}

// setResponse makes a head that is the exchange's to put back that of the response.
func (x *exchange) setResponse(h *stream.Head) {
	if x.resp != nil { // of an earlier attempt
		x.w.heads.Put(x.resp)
	}
	x.resp = h
}

// response returns the head of the response, for one of weir's own.
func (x *exchange) response() *stream.Head {
	if x.resp == nil {
		x.resp = x.w.heads.Get()
	}
	return x.resp
}

// answer sends a response of weir's own, whose fields so far are in x.resp, through
// the response filters.
func (x *exchange) answer(status int, body []byte) {
	x.advance(responseChosen)
	x.attempts.cancel(stream.Reset{Reason: stream.Cancelled})
	x.attempts.body.drop()
	h := x.resp
	h.Status = status
	h.Flags = x.info.Flags
	h.ContentLength = int64(len(body))
	switch {
	case x.call.is():
		x.call.answer(status, body)
		body = nil
	case x.req.RPC.Kind == stream.KindHTTP:
		x.answerFields(len(body) > 0)
	}
	x.editResponse()
	if len(body) == 0 || x.req.RPC.Kind == stream.KindHTTP && string(x.req.Method()) == "HEAD" {
		x.filters.Head(filter.ResponseDirection, h, true)
		return
	}
	x.filters.Head(filter.ResponseDirection, h, false)
	var d buffer.Chain
	d.Init(x.w.Loop.Buffers())
	d.Append(body)
	x.filters.Data(filter.ResponseDirection, &d, true)
	d.Clear()
}

// editResponse makes the changes to the response that its route wants.
func (x *exchange) editResponse() {
	if r := x.target.route; r != nil && r.EditsResponse() {
		x.w.request.Reset(x.req, &x.info)
		r.RewriteResponse(x.resp, &x.w.request)
	}
}

// answerFields sets the fields that HTTP wants in a response of weir's own.
func (x *exchange) answerFields(body bool) {
	h := x.resp
	if _, ok := h.GetID(stream.ContentType); !ok && body {
		h.Add("Content-Type", "text/plain")
	}
	x.w.now()
	h.SetID(stream.Date, x.w.date)
}

// breakResponse ends a response in its middle, so that the client notices. What came
// before it gets; an RPC response it gets whole or not at all.
func (x *exchange) breakResponse() {
	x.flags |= requestOver
	x.advance(responseOver)
	x.attempts.cancel(stream.Reset{Reason: stream.Cancelled})
	if !x.call.endResponse() {
		x.down.Reset(stream.Reset{Reason: stream.RemoteReset})
	}
}

// failed answers a request whose last attempt has failed, or ends the response that has
// begun.
func (x *exchange) failed(r stream.Reset) {
	if x.phase >= responseBegun {
		x.info.Flags |= flagOf(r.Reason)
		x.breakResponse()
		return
	}
	status, text := statusOf(r)
	x.filters.Reply(filter.Reply{Status: status, Body: text, Flags: flagOf(r.Reason)})
}

// flagOf is the response flag of an attempt's failure.
func flagOf(r stream.Reason) stream.Flags {
	switch r {
	case stream.ConnectFailed:
		return stream.UpstreamConnectFailure
	case stream.ConnectionLost:
		return stream.UpstreamConnectionLost
	case stream.TimedOut:
		return stream.UpstreamTimeout
	case stream.Overflow, stream.TooLarge:
		return stream.UpstreamOverflow
	case stream.ProtocolError:
		return stream.UpstreamProtocolError
	case stream.Unsendable, stream.Panicked:
		return stream.LocalReset
	}
	return stream.UpstreamRemoteReset
}

// statusOf is how an attempt's failure is answered.
func statusOf(r stream.Reset) (status int, text string) {
	switch r.Reason {
	case stream.ConnectFailed:
		return 503, "no connection to the upstream\n"
	case stream.TimedOut:
		return 504, "the upstream did not answer in time\n"
	case stream.Overflow:
		return 503, "too many requests to the cluster\n"
	case stream.Refused:
		return 503, "the upstream refused the request\n"
	case stream.ProtocolError:
		return 502, "the upstream broke its protocol\n"
	case stream.Panicked:
		return 500, "the proxy failed on the connection to the upstream\n"
	case stream.Unsendable:
		return 500, "the request cannot be sent to the upstream: " + r.Err.Error() + "\n"
	case stream.TooLarge:
		if r.Unprocessed {
			return 413, "the request is over a limit: " + r.Err.Error() + "\n"
		}
		return 502, "the response is over a limit: " + r.Err.Error() + "\n"
	}
	return 502, "the upstream ended the connection\n"
}

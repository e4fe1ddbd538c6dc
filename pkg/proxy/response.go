package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// responseSink is where the response goes that has passed all filters.
type responseSink activeStream

// Head gives the response's head to the client's codec.
func (k *responseSink) Head(h *stream.Head, end bool) {
	s := (*activeStream)(k)
	s.enter()
	s.flags |= responseBegun
	s.info.Response = h
	s.info.Status = h.Status
	if end {
		s.flags |= responseOver
		s.noteStatus(&h.Header)
	}
	s.conn.lastResponse()
	s.down.Head(h, end)
	s.leave()
}

// Data gives the codec a piece of the response.
func (k *responseSink) Data(d *buffer.Chain, end bool) {
	s := (*activeStream)(k)
	s.enter()
	s.info.BytesSent += uint64(d.Len())
	if end {
		s.flags |= responseOver
	}
	s.down.Data(d, end)
	s.leave()
}

// Trailers ends the response.
func (k *responseSink) Trailers(t *stream.Header) {
	s := (*activeStream)(k)
	s.enter()
	s.flags |= responseOver
	s.noteStatus(t)
	s.down.Trailers(t)
	s.leave()
}

// Reset is never called: what resets a response ends its stream.
func (k *responseSink) Reset(stream.Reset) {}

// Reply answers the request in weir's own name, for filters and for weir itself.
// If a response has begun already, there is nothing left but to break it off.
func (s *activeStream) Reply(r filter.Reply) {
	s.enter()
	s.info.Flags |= r.Flags
	switch {
	case s.has(responseOver):
	case s.has(responseBegun):
		s.breakResponse()
	default:
		s.response().Clear()
		if r.Header != nil {
			s.resp.AddAll(r.Header)
		}
		s.answer(r.Status, []byte(r.Body))
	}
	s.leave()
}

// setResponse makes a head that is the stream's to put back that of the response.
func (s *activeStream) setResponse(h *stream.Head) {
	if s.resp != nil { // of an earlier try
		s.w.heads.Put(s.resp)
	}
	s.resp = h
}

// response returns the head of the response, for one of weir's own.
func (s *activeStream) response() *stream.Head {
	if s.resp == nil {
		s.resp = s.w.heads.Get()
	}
	return s.resp
}

// answer sends a response of weir's own, whose fields so far are in s.resp, through
// the response filters.
func (s *activeStream) answer(status int, body []byte) {
	s.flags |= committed
	s.cancelTries(stream.Reset{Reason: stream.Cancelled})
	s.body.drop()
	h := s.resp
	h.Status = status
	h.Flags = s.info.Flags
	h.ContentLength = int64(len(body))
	switch {
	case s.has(isGRPC):
		s.answerGRPC(status, body)
		body = nil
	case s.req.RPC.Kind == stream.KindHTTP:
		s.answerFields(len(body) > 0)
	}
	if s.route != nil {
		if s.route.EditsResponse() {
			s.w.request.Reset(s.req, &s.info)
			s.route.RewriteResponse(h, &s.w.request)
		}
	}
	if len(body) == 0 || s.req.RPC.Kind == stream.KindHTTP && string(s.req.Method()) == "HEAD" {
		s.filters.Head(filter.ResponseDirection, h, true)
		return
	}
	s.filters.Head(filter.ResponseDirection, h, false)
	var d buffer.Chain
	d.Init(s.w.Loop.Buffers())
	d.Append(body)
	s.filters.Data(filter.ResponseDirection, &d, true)
	d.Clear()
}

// answerFields sets the fields that HTTP wants in a response of weir's own.
func (s *activeStream) answerFields(body bool) {
	h := s.resp
	if _, ok := h.GetID(stream.ContentType); !ok && body {
		h.Add("Content-Type", "text/plain")
	}
	s.w.now()
	h.SetID(stream.Date, s.w.date)
}

// breakResponse ends a response in its middle, so that the client notices. What came
// before it gets; an RPC response it gets whole or not at all.
func (s *activeStream) breakResponse() {
	s.flags |= responseOver | requestOver | committed
	s.cancelTries(stream.Reset{Reason: stream.Cancelled})
	if !s.endGRPC() {
		s.down.Reset(stream.Reset{Reason: stream.RemoteReset})
	}
}

// flagOf is the response flag of a try's failure.
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
	case stream.Unsendable:
		return stream.LocalReset
	}
	return stream.UpstreamRemoteReset
}

// statusOf is how a try's failure is answered.
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

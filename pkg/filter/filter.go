package filter

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// Status is what becomes of a part of a message that a filter has seen.
type Status uint8

const (
	// Continue passes the part on.
	Continue Status = iota
	// Pause keeps this part, and everything behind it, until the filter calls
	// ResumeRequest or ResumeResponse. The parts behind it have not been seen by
	// any filter. Once a buffer's worth waits, the sender is slowed down.
	Pause
	// Buffer keeps this part and collects what follows until the body is complete;
	// then the filter's Data hook is called with all of it and end, even if
	// trailers follow. A head that was kept goes on after that, with the length
	// that the body has then. A body over the buffer limit is answered with 413 (a
	// response's: 502). Where nothing follows, Buffer means Continue.
	Buffer
)

// Filter is one entry of a listener's stream_filters, or of a per_filter_config
// that replaces it for some routes: made when the configuration is loaded, shared
// by all workers, never changed.
type Filter interface {
	// Attach is called when a stream begins, before any part of it is passed to a
	// filter. It returns what sees the request and what sees the response, nil for
	// a direction that does not interest it. A filter that keeps nothing per
	// stream returns the same values every time, and costs no allocation. Of the
	// stream, it uses Info and Rand.
	Attach(s *Stream) (Request, Response)
}

// Request is the half of a filter that sees requests. Heads, data and trailers
// are lent for the call, and may be changed in it. It runs on the stream's
// worker and must not block, unless the filter is [Blocking]. Data need not keep
// its length, but a filter that changes it without having kept the head sets the
// head's ContentLength to -1 when it passes.
type Request interface {
	RequestHead(s *Stream, h *stream.Head, end bool) Status
	RequestData(s *Stream, d *buffer.Chain, end bool) Status
	RequestTrailers(s *Stream, t *stream.Header) Status
}

// Response is the half of a filter that sees responses, in the reverse order of
// the requests: the filter next to the upstream first. Interim responses (1xx)
// are not shown. The same rules hold as for Request.
type Response interface {
	ResponseHead(s *Stream, h *stream.Head, end bool) Status
	ResponseData(s *Stream, d *buffer.Chain, end bool) Status
	ResponseTrailers(s *Stream, t *stream.Header) Status
}

// Blocking is implemented by filters whose hooks may block: they call out, or
// compute for long. Their hooks run on the goroutine pool while the stream waits
// and its worker does not. Within a hook they may use what they are given and
// call Reply; nothing else touches the stream meanwhile.
type Blocking interface {
	Filter
	// Blocks has no body: that it is there says it.
	Blocks()
}

// Heartbeats is implemented by filters that want to see the heartbeats of clients.
// On listeners that have one of them, heartbeats pass the filters as requests do,
// those of other kinds included, and whether there is a route for them or not. A
// heartbeat that passes them all is answered by weir, unless its head says
// RPC.Forward. On other listeners no filter sees any.
type Heartbeats interface {
	Filter
	// SeesHeartbeats has no body: that it is there says it.
	SeesHeartbeats()
}

// Converter is implemented by filters that have requests of HTTP go on in another
// version of it.
type Converter interface {
	Filter
	// Converts returns the name of the protocol that hosts are spoken to, "" for the
	// request's own. It never changes.
	Converts() string
}

// CallMaker is implemented by filters that make calls of gRPC of other requests. Such
// requests are routed, counted and given their deadlines as calls are.
type CallMaker interface {
	Filter
	// MakesCall reports whether it makes a call of a request with a head that has come.
	MakesCall(h *stream.Head) bool
}

// Finisher is implemented by a Request or Response half that wants to know when
// its stream is over, however it ended. If one value is both halves, it is told
// once. It may be told inside a call of Reply, ResumeRequest or ResumeResponse
// that the filter makes itself; no hook of the stream is called after it.
type Finisher interface {
	Finished(s *Stream)
}

// PassRequest is embedded by request halves that do not look at every part.
type PassRequest struct{}

// RequestHead continues.
func (PassRequest) RequestHead(*Stream, *stream.Head, bool) Status { return Continue }

// RequestData continues.
func (PassRequest) RequestData(*Stream, *buffer.Chain, bool) Status { return Continue }

// RequestTrailers continues.
func (PassRequest) RequestTrailers(*Stream, *stream.Header) Status { return Continue }

// PassResponse is embedded by response halves that do not look at every part.
type PassResponse struct{}

// ResponseHead continues.
func (PassResponse) ResponseHead(*Stream, *stream.Head, bool) Status { return Continue }

// ResponseData continues.
func (PassResponse) ResponseData(*Stream, *buffer.Chain, bool) Status { return Continue }

// ResponseTrailers continues.
func (PassResponse) ResponseTrailers(*Stream, *stream.Header) Status { return Continue }

// Make makes a filter from its configuration, which may be nil. What is wrong
// with it goes to the report, and the result does not matter then.
type Make func(c *config.Node, r *config.Report) Filter

// Registry is the filters that a build of weir has, by the type that
// configurations name them by.
type Registry map[string]Make

// Chain is the filters of a stream, in the order in which requests pass them. It
// is made when the configuration is loaded, and not changed.
type Chain []Link

// Link is one filter of a chain.
type Link struct {
	Name   string // its type in the configuration
	Filter Filter
	blocks bool
}

// NewLink makes a chain's link.
func NewLink(name string, f Filter) Link {
	_, blocks := f.(Blocking)
	return Link{Name: name, Filter: f, blocks: blocks}
}

// SeesHeartbeats tells whether one of the filters wants to see heartbeats.
func (c Chain) SeesHeartbeats() bool {
	for i := range c {
		if _, ok := c[i].Filter.(Heartbeats); ok {
			return true
		}
	}
	return false
}

// CallMaker returns the first filter of the chain that is one, nil if there is none.
func (c Chain) CallMaker() CallMaker {
	for i := range c {
		if m, ok := c[i].Filter.(CallMaker); ok {
			return m
		}
	}
	return nil
}

// Converts returns what the last converter of the chain says; "" if there is none.
func (c Chain) Converts() string {
	name := ""
	for i := range c {
		if f, ok := c[i].Filter.(Converter); ok {
			name = f.Converts()
		}
	}
	return name
}

// Replace returns the chain with the filters of some names replaced: how a route
// overrides what its listener says. Without any it returns c itself. A name that
// the chain does not have changes nothing.
func (c Chain) Replace(by map[string]Filter) Chain {
	out := c
	for i, l := range c {
		f, ok := by[l.Name]
		if !ok {
			continue
		}
		if &out[0] == &c[0] {
			out = append(Chain(nil), c...)
		}
		out[i] = NewLink(l.Name, f)
	}
	return out
}

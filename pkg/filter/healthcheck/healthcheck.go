package healthcheck

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// What HTTP clients are told. Heartbeats have no place for it.
const (
	alive    = "alive\n"
	draining = "draining\n"
)

// healthcheck is the filter. It keeps nothing per stream.
type healthcheck struct {
	filter.PassRequest
	passThrough bool
	endpoint    string // "": none
	failOnDrain bool
}

var (
	_ filter.Filter     = (*healthcheck)(nil)
	_ filter.Heartbeats = (*healthcheck)(nil)
)

// SeesHeartbeats implements [filter.Heartbeats].
func (*healthcheck) SeesHeartbeats() {}

// Attach looks at requests only.
func (f *healthcheck) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, nil }

// RequestHead answers health checks.
func (f *healthcheck) RequestHead(s *filter.Stream, h *stream.Head, _ bool) filter.Status {
	heartbeat := h.RPC.Kind == stream.KindHeartbeat
	switch {
	case !heartbeat && !f.asks(h):
	case f.passThrough:
		h.RPC.Forward = heartbeat
	case f.failOnDrain && s.Draining():
		s.Reply(filter.Reply{Status: 503, Body: draining, Flags: stream.Draining})
	default:
		s.Reply(filter.Reply{Status: 200, Body: alive})
	}
	return filter.Continue
}

// asks tells whether an HTTP request is for the endpoint.
func (f *healthcheck) asks(h *stream.Head) bool {
	if f.endpoint == "" || h.RPC.Kind != stream.KindHTTP {
		return false
	}
	path, _, _ := bytes.Cut(h.Path(), []byte{'?'})
	return string(path) == f.endpoint
}

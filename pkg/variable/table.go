package variable

import (
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// entry is one known name, or, if keyed, the beginning of many.
type entry struct {
	name   string
	keyed  bool
	kind   Kind
	append func(v *parsed, dst []byte, in *stream.Info) ([]byte, bool)
	// span is the value of an entry of kind Duration.
	span func(in *stream.Info) time.Duration
}

// table holds all names. A keyed name comes after the plain ones that begin like
// it.
var table = [...]entry{
	// When, and how long.
	{name: "start_time", kind: Token, append: startTime},
	span("request_received_duration", func(in *stream.Info) time.Duration { return in.RequestReceived }),
	span("response_received_duration", func(in *stream.Info) time.Duration { return in.ResponseReceived }),
	span("request_finished_duration", func(in *stream.Info) time.Duration { return in.Duration }),
	span("duration", func(in *stream.Info) time.Duration { return in.Duration }),
	span("process_time_duration", processTime),

	// The outcome.
	number("response_code", func(in *stream.Info) (uint64, bool) { return uint64(in.Status), true }),
	number("x-mosn-status", func(in *stream.Info) (uint64, bool) { return uint64(in.Status), in.Status != 0 }),
	{name: "response_flag", kind: Token, append: responseFlag},
	{name: "response_flags", kind: Token, append: responseFlags},
	text("upstream_transport_failure_reason", func(in *stream.Info) string { return in.Failure }),
	number("bytes_sent", func(in *stream.Info) (uint64, bool) { return in.BytesSent, true }),
	number("bytes_received", func(in *stream.Info) (uint64, bool) { return in.BytesReceived, true }),
	number("tries", func(in *stream.Info) (uint64, bool) { return uint64(in.Tries), true }),
	number("retries", func(in *stream.Info) (uint64, bool) { return uint64(max(0, in.Tries-1)), true }),

	// Connections.
	text("protocol", func(in *stream.Info) string { return in.Protocol }),
	text("downstream_protocol", func(in *stream.Info) string { return in.Protocol }),
	text("upstream_protocol", func(in *stream.Info) string { return in.UpstreamProtocol }),
	number("connection_id", func(in *stream.Info) (uint64, bool) { return in.ConnectionID(), in.ConnectionID() != 0 }),
	number("upstream_connection_id", func(in *stream.Info) (uint64, bool) {
		return in.UpstreamConnectionID(), in.UpstreamConnectionID() != 0
	}),
	{name: "upstream_local_address", kind: Token, append: upstreamLocal},
	{name: "downstream_local_address", kind: Token, append: downstreamLocal},
	{name: "downstream_remote_address", kind: Token, append: downstreamRemote},
	number("listener_port", listenerPort),
	// Connections carry no TLS as yet, and so no server name.
	{name: "requested_server_name", append: absent},

	// Where the request went.
	text("listener", func(in *stream.Info) string { return in.Listener }),
	text("listener_name", func(in *stream.Info) string { return in.Listener }),
	text("virtual_host", func(in *stream.Info) string { return in.VirtualHost }),
	text("route_name", func(in *stream.Info) string { return in.Route }),
	text("upstream_cluster", func(in *stream.Info) string { return in.Cluster }),
	text("upstream_host", func(in *stream.Info) string { return in.UpstreamHost }),

	// The request.
	part("request_method", (*stream.Head).Method),
	part("x-mosn-method", (*stream.Head).Method),
	part("request_scheme", (*stream.Head).Scheme),
	part("x-mosn-scheme", (*stream.Head).Scheme),
	part("x-mosn-host", (*stream.Head).Authority),
	part("authority", (*stream.Head).Authority),
	part("request_uri", (*stream.Head).Path),
	{name: "request_path", append: requestPath},
	{name: "x-mosn-path", append: requestPath},
	{name: "request_path_original", append: requestPathOriginal},
	{name: "x-mosn-path-original", append: requestPathOriginal},
	{name: "request_arg", append: requestArgs},
	{name: "x-mosn-querystring", append: requestArgs},
	{name: "request_arg_", keyed: true, append: requestArg},
	number("request_length", requestLength),
	{name: "request_header_", keyed: true, append: requestHeader},
	{name: "cookie_", keyed: true, append: cookie},
	{name: "trace_id", append: traceID},
	// What an RPC protocol, or gRPC, calls; other requests have neither.
	attribute("x-mosn-rpc-service", stream.Service),
	attribute("x-mosn-rpc-method", stream.Method),

	// The response.
	{name: "response_header_", keyed: true, append: responseHeader},
}

// text is a name whose value is a string; an empty one is none.
func text(name string, get func(*stream.Info) string) entry {
	return entry{name: name, append: func(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
		s := get(in)
		return append(dst, s...), s != ""
	}}
}

func number(name string, get func(*stream.Info) (uint64, bool)) entry {
	return entry{name: name, kind: Number, append: func(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
		n, ok := get(in)
		if !ok {
			return dst, false
		}
		return appendUint(dst, n), true
	}}
}

func span(name string, get func(*stream.Info) time.Duration) entry {
	return entry{name: name, kind: Duration, span: get, append: func(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
		return appendDuration(dst, get(in)), true
	}}
}

// part is a name for a part of the request's first line; an empty one is none.
func part(name string, get func(*stream.Head) []byte) entry {
	return entry{name: name, append: func(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
		if in.Request == nil {
			return dst, false
		}
		b := get(in.Request)
		return append(dst, b...), len(b) > 0
	}}
}

// attribute is a name for an attribute of what is called.
func attribute(name string, a stream.Attribute) entry {
	return entry{name: name, append: func(_ *parsed, dst []byte, in *stream.Info) ([]byte, bool) {
		if in.Request == nil {
			return dst, false
		}
		value, ok := in.Request.Attribute(a)
		return append(dst, value...), ok
	}}
}

func absent(_ *parsed, dst []byte, _ *stream.Info) ([]byte, bool) { return dst, false }

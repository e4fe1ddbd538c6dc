package config

import "time"

// ProxyConfig is the config of the network filter proxy.
type ProxyConfig struct {
	Source
	// Name of this proxy in statistics. Absent: the listener's name.
	Name string `json:"name"`
	// Protocol of downstream connections: one name, several separated by commas (tried in that order), or Auto. X takes the names
	// from extend_config.sub_protocol.
	DownstreamProtocol string `json:"downstream_protocol"`
	// Protocol spoken to upstream hosts, if a route does not say; absent or Auto means the downstream's. What weir cannot do (X, a name
	// that it does not know, an RPC protocol other than the downstream's) is warned about, and means the downstream's too: MOSN does not
	// read this key.
	UpstreamProtocol string `json:"upstream_protocol"`
	// true: a connection in a protocol that is not recognised goes to the tcp_proxy behind this filter instead of being closed.
	FallbackForUnknownProtocol bool `json:"fallback_for_unknown_protocol"`
	// How RPC requests share connections to hosts: shared (all clients' requests on few connections), bound (each client's connection has
	// connections of its own, so that hosts can call the client back).
	UpstreamConnections ConnectionsMode `json:"upstream_connections"`
	// Time for the first bytes of a connection to tell its protocol, where there are several: from the first byte on, or, with
	// fallback_for_unknown_protocol, from the connection's begin.
	DetectTimeout time.Duration `json:"detect_timeout"`
	// Name of the router (servers[].routers) whose routes are used.
	RouterConfigName string `json:"router_config_name"`
	// Settings of the downstream protocol, or one object per protocol name; see below.
	ExtendConfig *Node `json:"extend_config"`
	// Bytes that each worker keeps, for another try, of requests over 64 KiB (see the route's retry_policy): of all that are under way.
	// A request for which there is no room is not tried again.
	RetryBufferLimit int `json:"retry_buffer_limit_bytes" min:"0"`
	// What happens to X-Forwarded-For: append (the peer's address is added), replace (it is all there is), keep (untouched).
	XForwardedFor ForwardedMode `json:"x_forwarded_for"`
	// X-Request-Id: off (untouched), keep (made when there is none), replace (always made).
	RequestID RequestIDMode `json:"request_id"`
	// true: a request may shorten its own timeouts, in milliseconds, by x-mosn-global-timeout and x-mosn-try-timeout.
	TimeoutHeaders bool `json:"timeout_headers"`
	// true: several slashes in a row in a path are one, before it is routed and forwarded.
	MergeSlashes bool `json:"merge_slashes"`
	// true: a path with an escaped slash or backslash (%2F, %5C) is answered 400.
	RejectEscapedSlashes bool `json:"reject_escaped_slashes"`

	// Protocols are the names of DownstreamProtocol, in MOSN's spelling and in order; just "Auto" for Auto.
	Protocols []string `json:"-"`
	// HTTP1 is what ExtendConfig says about Http1, over the defaults.
	HTTP1 HTTP1Config `json:"-"`
	// HTTP2 is what ExtendConfig says about Http2, over the defaults.
	HTTP2 HTTP2Config `json:"-"`
	// RPC is what ExtendConfig says about RPC protocols, over the defaults, by name.
	RPC map[string]*RPCConfig `json:"-"`
	// HeartbeatStreams is set, in a copy, for a listener with a filter that sees the heartbeats of clients.
	HeartbeatStreams bool `json:"-"`

	_ struct{} `ignored:"validate_clusters: that the clusters of all routes exist is always checked"`
	_ struct{} `ignored:"router_handler_name: weir has one way to look up a route"`
	_ struct{} `ignored:"concurrency_num: a request runs on its connection's worker"`
	_ struct{} `ignored:"stat_prefix: statistics carry the listener's name"`
	_ struct{} `later:"transparent_proxy: original destinations"`
	_ struct{} `ignored:"SupportDynamicRoute, DownstreamProtocol, UpstreamProtocol, VirtualHosts, routes: a name of MOSN's first versions, which it does not read any more"`
}

// ForwardedMode says what happens to X-Forwarded-For.
type ForwardedMode string

// The modes of X-Forwarded-For.
const (
	ForwardedAppend  ForwardedMode = "append"
	ForwardedReplace ForwardedMode = "replace"
	ForwardedKeep    ForwardedMode = "keep"
)

// Values lists the accepted modes.
func (ForwardedMode) Values() []string { return []string{"append", "replace", "keep"} }

// ConnectionsMode says how RPC requests share connections to hosts.
type ConnectionsMode string

// The modes of upstream connections.
const (
	ConnectionsShared ConnectionsMode = "shared"
	ConnectionsBound  ConnectionsMode = "bound"
)

// Values lists the accepted modes.
func (ConnectionsMode) Values() []string { return []string{"shared", "bound"} }

// RequestIDMode says what happens to X-Request-Id.
type RequestIDMode string

// The modes of X-Request-Id.
const (
	RequestIDOff     RequestIDMode = "off"
	RequestIDKeep    RequestIDMode = "keep"
	RequestIDReplace RequestIDMode = "replace"
)

// Values lists the accepted modes.
func (RequestIDMode) Values() []string { return []string{"off", "keep", "replace"} }

// HTTP1Config is extend_config for HTTP/1.
type HTTP1Config struct {
	Source
	// Bytes of a request's head, in lines of any length; a bigger request is answered 431.
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576" clamp:""`
	// Fields of a head; a request with more is answered 431.
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
	// Bytes of the first line, which has the URL; a longer one is answered 414.
	MaxLineSize int `json:"max_line_size" min:"64" max:"1048576"`
	// Bytes of a request's body; a bigger one is answered 413. 0 means without limit: bodies are streamed, not kept.
	MaxRequestBodySize int64 `json:"max_request_body_size" min:"0"`
	HTTPTimeouts
	// true: the CONNECT method is accepted.
	AllowConnect bool `json:"allow_connect"`
	// true: a request to upgrade to one of the protocols in upgrades is forwarded as such, and after a 101 the connection carries bytes
	// untouched.
	AllowUpgrade bool `json:"allow_upgrade"`
	// Protocols that may be upgraded to; by default websocket, and what kubectl (SPDY/3.1) and docker (tcp) speak when they execute
	// commands and attach. A request for another one is forwarded without its Upgrade. In a tunnel nothing is routed, checked or counted
	// as a request: that is why h2c, in which there could be other requests, is not among them.
	Upgrades []string `json:"upgrades"`

	_ struct{} `ignored:"http2_use_stream: messages are always streamed"`
}

// HTTPTimeouts are the times that clients are given, in either version of HTTP.
type HTTPTimeouts struct {
	// Time for a request's head to arrive, from its first byte on.
	RequestHeaderTimeout time.Duration `json:"request_header_timeout"`
	// Time for a whole request to arrive; 0s means without limit.
	RequestTimeout time.Duration `json:"request_timeout"`
	// A request on which nothing moves in either direction for this long is given up; 0s means without limit. What a slow client or
	// host takes of what waits for it moves as well.
	StreamIdleTimeout time.Duration `json:"stream_idle_timeout"`
	// A connection without a request for this long is closed; 0s takes the listener's connection_idle_timeout.
	IdleTimeout time.Duration `json:"idle_timeout"`
}

// RPCTimeouts are the times that clients of RPC protocols are given.
type RPCTimeouts struct {
	// Time in which something of a frame must come that has begun; otherwise its connection is closed.
	FrameTimeout time.Duration `json:"frame_timeout"`
	// A call on which nothing moves for this long is answered with a timeout; 0s means without limit: the call's own timeout and the
	// route's decide.
	StreamIdleTimeout time.Duration `json:"stream_idle_timeout"`
	// A connection without a call for this long is closed; 0s takes the listener's connection_idle_timeout.
	IdleTimeout time.Duration `json:"idle_timeout"`
}

// HTTP2Config is extend_config for HTTP/2.
type HTTP2Config struct {
	Source
	// Streams that a client may have open at a time; further ones are refused.
	MaxConcurrentStreams int `json:"max_concurrent_streams" min:"1" max:"100000"`
	// Bytes that may be on their way on one stream without the upstream having taken them.
	StreamWindowSize int `json:"stream_window_size" min:"16384" max:"2147483647"`
	// Bytes that may be on their way on all streams of a connection together.
	ConnectionWindowSize int `json:"connection_window_size" min:"65535" max:"2147483647"`
	// Bytes of a request's head, with 32 for each field; a bigger request is answered 431.
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576"`
	// Fields of a head; a request with more is answered 431.
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
	// Bytes that a connection may hold: heads of requests that are under way, and responses that the client has no window for. Further
	// requests are refused (REFUSED_STREAM) until some of it is gone; clients may send them again. What hosts have on their way counts
	// when it comes: up to a stream window for each stream may come above the limit.
	MaxBufferedSize int `json:"max_buffered_size" min:"65536" max:"2147483647"`
	// Bytes of a request's body; a bigger one is answered 413. 0 means without limit: bodies are streamed, not kept.
	MaxRequestBodySize int64 `json:"max_request_body_size" min:"0"`
	HTTPTimeouts
	// true: the CONNECT method is accepted.
	AllowConnect bool `json:"allow_connect"`
	// true: the protocols in upgrades may be spoken on a stream (extended CONNECT, RFC 8441).
	AllowUpgrade bool `json:"allow_upgrade"`
	// Protocols that a stream may be used for; by default websocket. A request for another one is answered 501.
	Upgrades []string `json:"upgrades"`
	// true: where the listener speaks Http1 as well, the first request on a connection may ask to go on in HTTP/2 (Upgrade: h2c), as
	// Java's HttpClient does. Clients with prior knowledge do not need it.
	AllowH2CUpgrade bool `json:"allow_h2c_upgrade"`

	_ struct{} `ignored:"http2_use_stream: messages are always streamed"`
}

// ClusterProtocols is extend_config of a cluster: what weir takes from its hosts.
type ClusterProtocols struct {
	HTTP1 HTTP1ClusterConfig           `json:"-"`
	HTTP2 HTTP2ClusterConfig           `json:"-"`
	RPC   map[string]*RPCClusterConfig `json:"-"` // by protocol name
}

// HTTP1ClusterConfig is a cluster's extend_config for HTTP/1.
type HTTP1ClusterConfig struct {
	Source
	// Bytes of a response's head; a bigger response is answered 502, and a line of the log names this key. Not given: what the listeners
	// take from clients, if that is more than the default.
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576"`
	// Fields of a response's head; one with more is answered 502. Not given: as with max_header_size.
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
}

// HTTP2ClusterConfig is a cluster's extend_config for HTTP/2.
type HTTP2ClusterConfig struct {
	Source
	// Bytes of a response's head, with 32 for each field; a bigger response is answered 502, and a line of the log names this key. Not
	// given: what the listeners take from clients, if that is more than the default.
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576"`
	// Fields of a response's head; one with more is answered 502. Not given: as with max_header_size.
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
}

// RPCClusterConfig is a cluster's extend_config for an RPC protocol: bolt, dubbo.
type RPCClusterConfig struct {
	Source
	// Bytes of a frame, in both directions: a bigger request is not sent to a host, and a bigger response is stepped over. The call is
	// answered with an error, and the connection goes on. What a listener takes is set in the extend_config of its proxy.
	MaxFrameSize int `json:"max_frame_size" min:"1024" max:"1073741824"`
}

// RPCConfig is extend_config for an RPC protocol: bolt, dubbo.
type RPCConfig struct {
	Source
	// Bytes of a frame; a bigger request is answered with an error and stepped over, and its connection goes on. What a cluster takes is
	// set in its own extend_config.
	MaxFrameSize int `json:"max_frame_size" min:"1024" max:"1073741824"`
	// Requests under way on one connection; a client that sends more is not read from until some are answered.
	MaxConcurrentRequests int `json:"max_concurrent_requests" min:"1" max:"1000000"`
	RPCTimeouts
	// true: at the begin of a drain, bolt clients are sent a GoAway, which clients that do not know it answer by closing.
	EnableBoltGoaway bool `json:"enable_bolt_goaway"`
	// What the protocol itself lets one set; see its documentation. bolt and Dubbo have nothing here.
	Settings *Node `json:"settings"`
}

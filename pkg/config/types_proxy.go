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
	// Settings are what ExtendConfig says about each protocol of the program, over its defaults, by the protocol's name.
	Settings map[string]any `json:"-"`

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

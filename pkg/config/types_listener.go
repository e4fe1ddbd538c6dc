package config

import "time"

// Listener is one socket that downstream connections arrive on.
type Listener struct {
	Source
	// Name, unique in the file. Absent: the address.
	Name string `json:"name"`
	// ingress (traffic to the service beside this proxy) or egress (traffic from it).
	Type ListenerType `json:"type" other:"ingress"`
	// IP address or localhost, and port; or for network unix a path. An empty host means all addresses, of IPv6 (where there is any) and
	// IPv4.
	Address string `json:"address"`
	// false: the listener opens no socket.
	BindPort bool `json:"bind_port"`
	// tcp or unix.
	Network Network `json:"network"`
	// true: every worker accepts on a socket of its own (SO_REUSEPORT), which suits a high rate of new connections.
	ReusePort bool `json:"reuseport"`
	// Access logs of this listener's requests.
	AccessLogs []AccessLog `json:"access_logs"`
	// The network filters of the listener: exactly one chain.
	FilterChains []FilterChain `json:"filter_chains"`
	// The stream filters, in the order in which a request passes them.
	StreamFilters []Filter `json:"stream_filters"`
	// A connection without a request for this long is closed; 0s keeps it for ever. Those of a tcp_proxy have its idle_timeout.
	ConnectionIdleTimeout time.Duration `json:"connection_idle_timeout"`
	// Connections served at a time, which bounds the memory in use; one more is closed at once. 0 means without limit.
	MaxConnections int `json:"max_connections" min:"0"`
	// Bytes buffered per connection and direction before reading from the other side pauses.
	PerConnectionBufferLimit int `json:"per_connection_buffer_limit_bytes" min:"1024" max:"1073741824"`

	// Proxy and TCP are the decoded configs of the chain's filters proxy and tcp_proxy, nil if it has none. Both are nil when the
	// chain ends in a filter that weir does not have yet (which was warned about): such a listener must not be opened.
	Proxy *ProxyConfig    `json:"-"`
	TCP   *TCPProxyConfig `json:"-"`

	_ struct{} `ignored:"log_path: a listener's log is in access_logs"`
	_ struct{} `ignored:"log_level: the level is default_log_level"`
	_ struct{} `ignored:"disable_conn_io: a name of MOSN's first versions, which it does not read any more"`
	_ struct{} `ignored:"default_read_buffer_size: a worker reads into one buffer of its own"`
	_ struct{} `later:"listener_filters: listener filters (original_dst)"`
	_ struct{} `later:"use_original_dst: original destinations"`
	_ struct{} `later:"inspector: TLS and plain text on one port"`
	_ struct{} `later:"tunnel_listener: tunnels"`
	_ struct{} `later:"handoff_restoreddestination: original destinations"`
}

// ListenerType says which side of the service a listener is on.
type ListenerType string

// The listener types.
const (
	Ingress ListenerType = "ingress"
	Egress  ListenerType = "egress"
)

// Values lists the accepted types.
func (ListenerType) Values() []string { return []string{"ingress", "egress"} }

// Network is the kind of socket a listener opens.
type Network string

// The networks of a listener.
const (
	TCP  Network = "tcp"
	Unix Network = "unix"
)

// AccessLog is one access log of a listener.
type AccessLog struct {
	Source
	// File, or stdout or stderr; a relative path starts where weir is started. Absent or empty: none is written, which is warned about.
	Path string `json:"log_path"`
	// One line of the log, with %variables%. Absent or empty: the default format.
	Format string `json:"log_format"`
	// Fields of a log of JSON objects, one per line: name to format. Not together with log_format.
	JSONFormat FormatFields `json:"json_format"`
}

// FormatFields are the fields of a JSON access log, in the order of the file.
type FormatFields []FormatField

// FormatField is one field of a JSON access log.
type FormatField struct {
	Name   string
	Format string
}

// FilterChain is the chain of network filters of a listener.
type FilterChain struct {
	Source
	// TLS of the listener. Empty, or with status false: plain text.
	TLS *TLSContext `json:"tls_context"`
	// Several TLS contexts, chosen by server name.
	TLSSet []TLSContext `json:"tls_context_set"`
	// The network filters: proxy or tcp_proxy, or one behind the other; and for old files connection_manager.
	Filters []Filter `json:"filters"`

	_ struct{} `ignored:"match: a listener has one chain, which takes every connection"`
}

// Filter is a network or stream filter: a type and what that type makes of its config.
type Filter struct {
	Source
	// Name of the filter.
	Type string `json:"type"`
	// Settings of the filter.
	Config *Node `json:"config"`

	_ struct{} `later:"go_plugin_config: filters loaded from shared objects"`
}

// TLSContext is TLS on a listener or towards a cluster. weir does not have it yet: a context with status true is an error, because
// plain text in its place would be unsafe.
type TLSContext struct {
	Source
	// true: TLS is on.
	Status bool `json:"status"`
	// Name of a certificate extension.
	Type string `json:"type"`
	// Server name asked for, or matched.
	ServerName string `json:"server_name"`
	// Certificates of the authorities that are trusted (PEM, or a file).
	CACert string `json:"ca_cert"`
	// The own certificate (PEM, or a file).
	CertChain string `json:"cert_chain"`
	// The key of the own certificate (PEM, or a file).
	PrivateKey string `json:"private_key"`
	// true: a client's certificate is verified, if it sends one.
	VerifyClient bool `json:"verify_client"`
	// true: a client must send a certificate.
	RequireClientCert bool `json:"require_client_cert"`
	// true: a server's certificate is not verified.
	InsecureSkip bool `json:"insecure_skip"`
	// Cipher suites, in order of preference, separated by colons.
	CipherSuites string `json:"cipher_suites"`
	// Curves, separated by commas.
	ECDHCurves string `json:"ecdh_curves"`
	// Oldest version accepted.
	MinVersion string `json:"min_version"`
	// Newest version accepted.
	MaxVersion string `json:"max_version"`
	// Application protocols, separated by commas.
	ALPN string `json:"alpn"`
	// Session ticket key.
	Ticket string `json:"ticket"`
	// true: plain text if TLS cannot be set up.
	Fallback bool `json:"fall_back"`
	// Settings of a verification extension.
	ExtendVerify *Node `json:"extend_verify"`
	// Certificates from a control plane.
	SDSSource *Node `json:"sds_source"`
	// Settings of a TLS callback extension.
	Callbacks *Node `json:"callbacks"`

	_ struct{} `ignored:"inspector: it is a key of the listener"`
	_ struct{} `ignored:"cacert, certchain, privateKey, verifyClient, cipherSuites, ecdhCurves: a name of MOSN's first versions, which it does not read any more"`
}

// Enabled reports whether the context asks for TLS. A nil context does not.
func (c *TLSContext) Enabled() bool { return c != nil && c.Status }

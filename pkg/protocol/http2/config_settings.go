package http2

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// ListenerSettings are a listener's extend_config for HTTP/2.
type ListenerSettings struct {
	config.Source
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
	protocol.HTTPTimeouts
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

var _ protocol.ListenerSettings = (*ListenerSettings)(nil)

// SetDefaults sets what a configuration does not give.
func (s *ListenerSettings) SetDefaults() {
	s.MaxConcurrentStreams = DefaultMaxConcurrentStreams
	s.StreamWindowSize = DefaultStreamWindow
	s.ConnectionWindowSize = DefaultConnWindow
	s.MaxHeaderSize = DefaultMaxHeaderBytes
	s.MaxHeaderCount = DefaultMaxHeaderCount
	s.MaxBufferedSize = DefaultMaxBuffered
	s.HTTPTimeouts.SetDefaults()
	s.AllowUpgrade = true
	s.Upgrades = []string{"websocket"}
}

func decodeListener(n *config.Node, r *config.Report) protocol.ListenerSettings {
	s := new(ListenerSettings)
	n.DecodeInto(s, r)
	s.CheckTimeouts(s.Source, r)
	protocol.CheckUpgradeTokens(s.Source, s.Upgrades, r)
	return s
}

// Config returns the limits and switches that the settings stand for.
func (s *ListenerSettings) Config() *Config {
	c := &Config{
		MaxConcurrentStreams: uint32(s.MaxConcurrentStreams),
		StreamWindow:         uint32(s.StreamWindowSize),
		ConnWindow:           uint32(s.ConnectionWindowSize),
		MaxHeaderBytes:       s.MaxHeaderSize,
		MaxHeaderCount:       s.MaxHeaderCount,
		MaxBuffered:          s.MaxBufferedSize,
		MaxBody:              s.MaxRequestBodySize,
		AllowConnect:         s.AllowConnect,
	}
	c.Upgrades = []string{}
	if s.AllowUpgrade {
		c.Upgrades = append(c.Upgrades, s.Upgrades...)
	}
	return c
}

// Server returns the maker of codecs for the listener's connections.
func (s *ListenerSettings) Server(*protocol.Listener) protocol.ServerMaker {
	cfg := s.Config()
	return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
		return NewServerConn(cfg, link, a, heads)
	}
}

// ClusterSettings are a cluster's extend_config for HTTP/2.
type ClusterSettings struct {
	config.Source
	// Bytes of a response's head, with 32 for each field; a bigger response is answered 502, and a line of the log names this key. Not
	// given: what the listeners take from clients, if that is more than the default.
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576"`
	// Fields of a response's head; one with more is answered 502. Not given: as with max_header_size.
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
}

// SetDefaults sets what a configuration does not give.
func (s *ClusterSettings) SetDefaults() {
	s.MaxHeaderSize = DefaultMaxHeaderBytes
	s.MaxHeaderCount = DefaultMaxHeaderCount
}

// headLimited is the settings of a listener, perhaps inside those of another package.
type headLimited interface{ headLimits() (size, count int) }

func (s *ListenerSettings) headLimits() (size, count int) { return s.MaxHeaderSize, s.MaxHeaderCount }

func decodeCluster(n *config.Node, listeners []protocol.ListenerSettings, r *config.Report) protocol.ClusterSettings {
	s := new(ClusterSettings)
	n.DecodeInto(s, r)
	limits := protocol.HTTPLimits{Size: &s.MaxHeaderSize, Count: &s.MaxHeaderCount}
	for _, l := range listeners {
		if l, ok := l.(headLimited); ok {
			size, count := l.headLimits()
			limits.Widen(n, size, count)
		}
	}
	return s
}

// Client returns the maker of codecs for the connections to the cluster's hosts.
func (s *ClusterSettings) Client() protocol.ClientMaker {
	cfg := &Config{MaxHeaderBytes: s.MaxHeaderSize, MaxHeaderCount: s.MaxHeaderCount}
	return func(link stream.Link, heads *stream.Pool) stream.ClientCodec {
		return NewClientConn(cfg, link, heads)
	}
}

package http1

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// ListenerSettings are a listener's extend_config for HTTP/1.
type ListenerSettings struct {
	config.Source
	// Bytes of a request's head, in lines of any length; a bigger request is answered 431.
	MaxHeaderSize int `json:"max_header_size" min:"256" max:"1048576" clamp:""`
	// Fields of a head; a request with more is answered 431.
	MaxHeaderCount int `json:"max_header_count" min:"1" max:"10000"`
	// Bytes of the first line, which has the URL; a longer one is answered 414.
	MaxLineSize int `json:"max_line_size" min:"64" max:"1048576"`
	// Bytes of a request's body; a bigger one is answered 413. 0 means without limit: bodies are streamed, not kept.
	MaxRequestBodySize int64 `json:"max_request_body_size" min:"0"`
	protocol.HTTPTimeouts
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

var _ protocol.ListenerSettings = (*ListenerSettings)(nil)

// SetDefaults sets what a configuration does not give.
func (s *ListenerSettings) SetDefaults() {
	s.MaxHeaderSize = DefaultMaxHeaderBytes
	s.MaxHeaderCount = DefaultMaxHeaderCount
	s.MaxLineSize = DefaultMaxLine
	s.HTTPTimeouts.SetDefaults()
	s.AllowUpgrade = true
	s.Upgrades = []string{"websocket", "SPDY/3.1", "tcp"}
}

func decodeListener(n *config.Node, r *config.Report) protocol.ListenerSettings {
	s := new(ListenerSettings)
	n.DecodeInto(s, r)
	s.CheckTimeouts(s.Source, r)
	protocol.CheckUpgradeNames(s.Source, s.Upgrades, r)
	return s
}

// Config returns the limits and switches that the settings stand for.
func (s *ListenerSettings) Config() *Config {
	c := &Config{
		MaxLine:        s.MaxLineSize,
		MaxHeaderBytes: s.MaxHeaderSize,
		MaxHeaderCount: s.MaxHeaderCount,
		MaxBody:        s.MaxRequestBodySize,
		AllowConnect:   s.AllowConnect,
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

// ClusterSettings are a cluster's extend_config for HTTP/1.
type ClusterSettings struct {
	config.Source
	// Bytes of a response's head; a bigger response is answered 502, and a line of the log names this key. Not given: what the listeners
	// take from clients, if that is more than the default.
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

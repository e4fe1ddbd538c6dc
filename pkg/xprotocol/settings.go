package xprotocol

import (
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// ListenerSettings are a listener's extend_config for an RPC protocol.
type ListenerSettings struct {
	config.Source
	// Bytes of a frame; a bigger request is answered with an error and stepped over, and its connection goes on. What a cluster takes is
	// set in its own extend_config.
	MaxFrameSize int `json:"max_frame_size" min:"1024" max:"1073741824"`
	// Requests under way on one connection; a client that sends more is not read from until some are answered.
	MaxConcurrentRequests int `json:"max_concurrent_requests" min:"1" max:"1000000"`
	// Time in which something of a frame must come that has begun; otherwise its connection is closed.
	FrameTimeout time.Duration `json:"frame_timeout"`
	// A call on which nothing moves for this long is answered with a timeout; 0s means without limit: the call's own timeout and the
	// route's decide.
	StreamIdleTimeout time.Duration `json:"stream_idle_timeout"`
	// A connection without a call for this long is closed; 0s takes the listener's connection_idle_timeout.
	IdleTimeout time.Duration `json:"idle_timeout"`

	spec  *Spec
	codec Codec
}

// OwnSettings are a listener's settings for a protocol with keys of its own: a pointer
// to a struct that embeds [ListenerSettings].
//
//	type settings struct {
//		xprotocol.ListenerSettings
//		// What texts are encoded in.
//		Charset string `json:"charset"`
//	}
//
//	func (s *settings) Codec(*config.Report) xprotocol.Codec { return codec{s.Charset} }
//
// Keys that there are not, and values of another type, are errors with their line.
type OwnSettings interface {
	// Codec returns the codec for the listener's connections. What is wrong with the
	// settings beyond that it reports to r: then the codec is not used.
	Codec(r *config.Report) Codec
	// Common returns the settings that all RPC protocols have.
	Common() *ListenerSettings
}

var _ protocol.ListenerSettings = (*ListenerSettings)(nil)

// Common returns s, of settings that embed it too.
func (s *ListenerSettings) Common() *ListenerSettings { return s }

// SetDefaults sets what a configuration does not give.
func (s *ListenerSettings) SetDefaults() {
	s.MaxFrameSize = DefaultMaxFrame
	s.MaxConcurrentRequests = DefaultMaxStreams
	s.FrameTimeout = 10 * time.Second
}

// decodeListener returns what a listener says about the protocol.
func (s *Spec) decodeListener(n *config.Node, r *config.Report) protocol.ListenerSettings {
	if s.Settings == nil {
		all := &ListenerSettings{}
		n.DecodeInto(all, r)
		all.complete(s, s.Codec)
		return all
	}
	all := s.Settings()
	n.DecodeInto(all, r)
	all.Common().complete(s, all.Codec(r))
	return all.(protocol.ListenerSettings)
}

// complete sets what the protocol's author says.
func (s *ListenerSettings) complete(spec *Spec, codec Codec) {
	s.spec, s.codec = spec, codec
	if s.Node().Get("max_frame_size") == nil {
		s.MaxFrameSize = spec.maxFrame()
	}
}

// Server returns the maker of codecs for the listener's connections.
func (s *ListenerSettings) Server(l *protocol.Listener) protocol.ServerMaker {
	e := newEngine(s.spec, s.codec)
	e.heartbeats = l.HeartbeatStreams
	e.maxFrame, e.maxStreams = s.MaxFrameSize, s.MaxConcurrentRequests
	return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
		return newServerConn(e, link, a, heads)
	}
}

// Timeouts returns the times that clients are given.
func (s *ListenerSettings) Timeouts() protocol.Timeouts {
	return protocol.Timeouts{Header: s.FrameTimeout, StreamIdle: s.StreamIdleTimeout, Idle: s.IdleTimeout}
}

// ClusterSettings are a cluster's extend_config for an RPC protocol.
type ClusterSettings struct {
	config.Source
	// Bytes of a frame, in both directions: a bigger request is not sent to a host, and a bigger response is stepped over. The call is
	// answered with an error, and the connection goes on. What a listener takes is set in the extend_config of its proxy.
	MaxFrameSize int `json:"max_frame_size" min:"1024" max:"1073741824"`

	spec *Spec
}

// SetDefaults sets what a configuration does not give.
func (s *ClusterSettings) SetDefaults() { s.MaxFrameSize = DefaultMaxFrame }

// decodeCluster returns what a cluster says about the protocol.
func (s *Spec) decodeCluster(n *config.Node, _ []protocol.ListenerSettings, r *config.Report) protocol.ClusterSettings {
	all := &ClusterSettings{spec: s}
	n.DecodeInto(all, r)
	if n.Get("max_frame_size") == nil {
		all.MaxFrameSize = s.maxFrame()
	}
	return all
}

// Client returns the maker of codecs for the connections to the cluster's hosts.
func (s *ClusterSettings) Client() protocol.ClientMaker {
	e := newEngine(s.spec, s.spec.Codec)
	e.maxFrame, e.maxStreams = s.MaxFrameSize, upstreamStreams
	return func(link stream.Link, heads *stream.Pool) stream.ClientCodec {
		return newClientConn(e, link, heads)
	}
}

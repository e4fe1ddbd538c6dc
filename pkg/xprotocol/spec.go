package xprotocol

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// Usage is how the upstream connections of a protocol are used.
type Usage uint8

const (
	// Multiplexed: many requests at a time, whose answers come in any order and are
	// told apart by their ids.
	Multiplexed Usage = iota
	// PingPong: one request at a time, for protocols whose ids peers do not keep to.
	PingPong
)

// DefaultMaxFrame is the limit of a frame's bytes, head, content and tail, that
// stands for a zero.
const DefaultMaxFrame = 8 << 20

// Spec is a protocol as its author describes it.
type Spec struct {
	// Name is how configurations spell it.
	Name string
	// Aliases are further names, such as those of versions that the codec tells
	// apart by itself.
	Aliases []string
	// Codec says how its frames look.
	Codec Codec
	// Configure returns the codec for the downstream connections of a listener that
	// has an extend_config for the protocol; nil if the codec is the same for all. What
	// is wrong in c.Settings, which are the protocol's own, it reports to r: then the
	// configuration is refused, and the codec not used.
	//
	//	func configure(c *config.RPCConfig, r *config.Report) xprotocol.Codec {
	//		s := settings{Charset: "utf-8"} // struct { Charset string `json:"charset"` }
	//		c.Settings.DecodeInto(&s, r)
	//		return codec{s}
	//	}
	Configure func(c *config.RPCConfig, r *config.Report) Codec
	// Match tells the protocol from the first bytes of a connection; nil if it can
	// only be named.
	Match protocol.Match
	// Usage is how upstream connections are used.
	Usage Usage
	// MaxFrame is the limit of a frame's bytes where the configuration sets none; 0
	// is DefaultMaxFrame.
	MaxFrame int
	// MinID is the least id that is given to messages, for protocols in which the
	// width of an id depends on it.
	MinID uint64
	// IDBits is how many bits a message's id has: 32 or 64. 0 is 64.
	IDBits int
}

// DefaultMaxStreams is how many requests may be under way on one connection where
// the configuration does not say.
const DefaultMaxStreams = 1024

// upstreamStreams is how many requests an upstream connection carries: more than a
// cluster's circuit breaker lets there be.
const upstreamStreams = 1 << 20

// Protocol makes the protocol that weir is built with.
func (s Spec) Protocol() protocol.Protocol {
	return protocol.Protocol{
		Name:        s.Name,
		Aliases:     s.Aliases,
		Match:       s.Match,
		RPC:         true,
		Multiplexed: s.Usage == Multiplexed,
		Server: func(p *config.ProxyConfig) protocol.ServerMaker {
			e := newEngine(&s, s.codecFor(p, new(config.Report)))
			e.heartbeats = p.HeartbeatStreams
			e.configure(named(&s, p.RPC))
			return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
				return newServerConn(e, link, a, heads)
			}
		},
		Check: s.check,
		Client: func(c *config.ClusterProtocols) protocol.ClientMaker {
			e := newEngine(&s, s.Codec)
			e.maxStreams = upstreamStreams
			if rpc := named(&s, c.RPC); rpc != nil {
				e.maxFrame = rpc.MaxFrameSize
			}
			return func(link stream.Link, heads *stream.Pool) stream.ClientCodec {
				return newClientConn(e, link, heads)
			}
		},
	}
}

// codecFor returns the codec for a listener's connections.
func (s *Spec) codecFor(p *config.ProxyConfig, r *config.Report) Codec {
	if c := named(s, p.RPC); c != nil && s.Configure != nil {
		return s.Configure(c, r)
	}
	return s.Codec
}

// check reports what is wrong with a listener's settings of the protocol.
func (s *Spec) check(p *config.ProxyConfig, r *config.Report) {
	switch c := named(s, p.RPC); {
	case c == nil:
	case s.Configure != nil:
		s.Configure(c, r)
	default:
		NoSettings(c, r)
	}
}

// NoSettings reports settings that a protocol does not have, for a Configure that
// looks at the other keys alone.
func NoSettings(c *config.RPCConfig, r *config.Report) {
	if c.Settings != nil {
		r.Errorf(c.At("settings"), "the protocol has no settings of its own")
	}
}

// named returns what a configuration says about the protocol, under whichever of its
// names; nil if nothing.
func named[T any](s *Spec, by map[string]*T) *T {
	if c := by[s.Name]; c != nil {
		return c
	}
	for _, name := range s.Aliases {
		if c := by[name]; c != nil {
			return c
		}
	}
	return nil
}

// configure sets the limits of a listener's connections.
func (e *engine) configure(c *config.RPCConfig) {
	e.maxStreams = DefaultMaxStreams
	if c != nil {
		e.maxFrame, e.maxStreams = c.MaxFrameSize, c.MaxConcurrentRequests
	}
}

func (s *Spec) maxFrame() int {
	if s.MaxFrame > 0 {
		return s.MaxFrame
	}
	return DefaultMaxFrame
}

package xprotocol

import "github.com/weirproxy/weir/pkg/protocol"

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
	// Settings returns new settings of listeners, for a protocol that has keys of its own
	// or whose codec depends on them; nil if it has none.
	Settings func() OwnSettings
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
		Listener:    s.decodeListener,
		Cluster:     s.decodeCluster,
	}
}

func (s *Spec) maxFrame() int {
	if s.MaxFrame > 0 {
		return s.MaxFrame
	}
	return DefaultMaxFrame
}

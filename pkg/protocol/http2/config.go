package http2

import (
	"math/rand/v2"

	"github.com/weirproxy/weir/pkg/stream"
)

// The limits that a zero in [Config] stands for.
const (
	DefaultMaxConcurrentStreams = 1024 // of a server's
	DefaultClientStreams        = 100  // of a client: more connections are divided among more threads of the host
	DefaultStreamWindow         = 64 << 10
	DefaultConnWindow           = 1 << 20
	DefaultMaxFrameSize         = 16 << 10
	DefaultHeaderTableSize      = 4096
	DefaultMaxHeaderBytes       = 60 << 10
	DefaultMaxHeaderCount       = 100
	DefaultMaxCookieCrumbs      = 128
	DefaultMaxBuffered          = 16 << 20
)

// Limits that no one has a reason to change.
const (
	// maxBlockFrames is how many frames a header block may come in.
	maxBlockFrames = 8
	// maxNominated is how many names Connection may list in a message that is sent.
	maxNominated = 32
	// maxDataFrame is how much of a stream is sent before others have their turn.
	maxDataFrame = 16 << 10
	// maxUnread is how many answers to PING, SETTINGS and resets may be due to a peer
	// that does not read.
	maxUnread = 1000
)

// Config holds the limits and switches of connections. It is shared and must not
// change while a connection uses it. The zero Config is the secure default.
type Config struct {
	// MaxConcurrentStreams is how many streams a connection may have at a time: what
	// a server announces, and what a client keeps to even if the server allows more.
	MaxConcurrentStreams uint32
	// StreamWindow is how many bytes of a stream's data may be under way to a sink
	// that does not take them; and, the other way, how many wait for the peer before
	// their source is paused.
	StreamWindow uint32
	// ConnWindow is the same for all streams of a connection together; at least
	// 65535, with which every connection begins.
	ConnWindow uint32
	// MaxFrameSize is the longest frame that is accepted: 16384 to 65535 bytes.
	MaxFrameSize uint32
	// HeaderTableSize is how much the peer may make the connection remember for the
	// sake of header compression.
	HeaderTableSize uint32
	// MaxHeaderBytes bounds the fields of a head, or of trailers, each as long as its
	// name and value and 32 bytes more, and the block that they come in (431). A block
	// of several times that ends the connection.
	MaxHeaderBytes int
	// MaxHeaderCount bounds the fields of a head, or of trailers; all Cookie fields
	// together are one (431).
	MaxHeaderCount int
	// MaxCookieCrumbs bounds the Cookie fields of a request (431).
	MaxCookieCrumbs int
	// MaxBuffered bounds what a server's connection keeps for its client: the heads of
	// requests that are under way, and data of responses that the client has no window
	// for. Requests above it are refused (REFUSED_STREAM) before anything is done for
	// them, and hosts are stopped sooner above half of it.
	MaxBuffered int
	// MaxBody bounds the body of a message (413); 0 leaves it unbounded.
	MaxBody int64
	// AllowConnect passes CONNECT on; without it the method is 405.
	AllowConnect bool
	// Upgrades lists the protocols that extended CONNECT (RFC 8441) may ask for; nil
	// means websocket alone. If there are none, it is not announced.
	Upgrades []string
	// Scheme is the scheme of requests that come on the connection; "" is "http".
	Scheme string
	// Rand makes the keys of upgrades, which no secret depends on; nil takes the
	// process's generator.
	Rand func() uint64
}

func orDefault[T uint32 | int](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

func (c *Config) maxStreams() uint32 {
	return orDefault(c.MaxConcurrentStreams, DefaultMaxConcurrentStreams)
}

func (c *Config) clientStreams() uint32 {
	return orDefault(c.MaxConcurrentStreams, DefaultClientStreams)
}

func (c *Config) streamWindow() int32 {
	return int32(min(orDefault(c.StreamWindow, DefaultStreamWindow), maxWindow))
}

func (c *Config) connWindow() int32 {
	return int32(min(max(orDefault(c.ConnWindow, DefaultConnWindow), initialWindow), maxWindow))
}

func (c *Config) maxFrameSize() uint32 {
	return min(max(orDefault(c.MaxFrameSize, DefaultMaxFrameSize), minMaxFrame), 1<<16-1)
}

func (c *Config) headerTableSize() uint32 {
	return orDefault(c.HeaderTableSize, DefaultHeaderTableSize)
}

func (c *Config) maxBuffered() int     { return orDefault(c.MaxBuffered, DefaultMaxBuffered) }
func (c *Config) maxHeaderBytes() int  { return orDefault(c.MaxHeaderBytes, DefaultMaxHeaderBytes) }
func (c *Config) maxHeaderCount() int  { return orDefault(c.MaxHeaderCount, DefaultMaxHeaderCount) }
func (c *Config) maxCookieCrumbs() int { return orDefault(c.MaxCookieCrumbs, DefaultMaxCookieCrumbs) }

func (c *Config) scheme() string {
	if c.Scheme != "" {
		return c.Scheme
	}
	return "http"
}

func (c *Config) random() uint64 {
	if c.Rand != nil {
		return c.Rand()
	}
	return rand.Uint64()
}

// upgrades tells whether any upgrade is allowed.
func (c *Config) upgrades() bool { return c.Upgrades == nil || len(c.Upgrades) > 0 }

// upgrade tells whether a protocol may be upgraded to.
func (c *Config) upgrade(name []byte) bool {
	if c.Upgrades == nil {
		return stream.EqualFold(name, "websocket")
	}
	for _, allowed := range c.Upgrades {
		if stream.EqualFold(name, allowed) {
			return true
		}
	}
	return false
}

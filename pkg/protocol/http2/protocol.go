package http2

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// Name is how configurations spell the protocol.
const Name = "Http2"

// Protocol returns HTTP/2 as an entry of a protocol registry.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Name:        Name,
		Multiplexed: true,
		Server: func(p *config.ProxyConfig) protocol.ServerMaker {
			cfg := FromConfig(&p.HTTP2)
			return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
				return NewServerConn(cfg, link, a, heads)
			}
		},
		Client: func(c *config.ClusterProtocols) protocol.ClientMaker {
			cfg := &Config{MaxHeaderBytes: c.HTTP2.MaxHeaderSize, MaxHeaderCount: c.HTTP2.MaxHeaderCount}
			return func(link stream.Link, heads *stream.Pool) stream.ClientCodec {
				return NewClientConn(cfg, link, heads)
			}
		},
		Match: protocol.MatchHTTP2,
	}
}

// FromConfig returns the limits that a configuration sets for clients.
func FromConfig(c *config.HTTP2Config) *Config {
	cfg := &Config{
		MaxConcurrentStreams: uint32(c.MaxConcurrentStreams),
		StreamWindow:         uint32(c.StreamWindowSize),
		ConnWindow:           uint32(c.ConnectionWindowSize),
		MaxHeaderBytes:       c.MaxHeaderSize,
		MaxHeaderCount:       c.MaxHeaderCount,
		MaxBuffered:          c.MaxBufferedSize,
		MaxBody:              c.MaxRequestBodySize,
		AllowConnect:         c.AllowConnect,
	}
	cfg.Upgrades = []string{}
	if c.AllowUpgrade {
		cfg.Upgrades = append(cfg.Upgrades, c.Upgrades...)
	}
	return cfg
}

package http1

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// Name is how configurations spell the protocol.
const Name = "Http1"

// Protocol returns HTTP/1 as an entry of a protocol registry.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Name: Name,
		Server: func(p *config.ProxyConfig) protocol.ServerMaker {
			cfg := FromConfig(&p.HTTP1)
			return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
				return NewServerConn(cfg, link, a, heads)
			}
		},
		Client: func(c *config.ClusterProtocols) protocol.ClientMaker {
			cfg := &Config{MaxHeaderBytes: c.HTTP1.MaxHeaderSize, MaxHeaderCount: c.HTTP1.MaxHeaderCount}
			return func(link stream.Link, heads *stream.Pool) stream.ClientCodec {
				return NewClientConn(cfg, link, heads)
			}
		},
		Match: protocol.MatchHTTP1,
	}
}

// FromConfig returns the limits and switches that a configuration sets.
func FromConfig(c *config.HTTP1Config) *Config {
	cfg := &Config{
		MaxLine:        c.MaxLineSize,
		MaxHeaderBytes: c.MaxHeaderSize,
		MaxHeaderCount: c.MaxHeaderCount,
		MaxBody:        c.MaxRequestBodySize,
		AllowConnect:   c.AllowConnect,
	}
	cfg.Upgrades = []string{}
	if c.AllowUpgrade {
		cfg.Upgrades = append(cfg.Upgrades, c.Upgrades...)
	}
	return cfg
}

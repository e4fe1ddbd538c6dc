package h2c

import (
	"slices"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/stream"
)

// maker is what the connections of a listener share.
type maker struct {
	http1   *http1.Config // which has h2c for the one upgrade that is understood
	http2   *http2.Config
	maxHead int // bytes of a request in which its end is looked for
}

// Protocol returns HTTP/1 as an entry of a protocol registry whose connections may
// be upgraded, on listeners that speak both versions and allow it.
func Protocol() protocol.Protocol {
	p := http1.Protocol()
	plain := p.Server
	p.Server = func(c *config.ProxyConfig) protocol.ServerMaker {
		both := slices.Contains(c.Protocols, protocol.Auto) || slices.Contains(c.Protocols, http2.Name)
		if !c.HTTP2.AllowH2CUpgrade || !both {
			return plain(c)
		}
		m := maker{http1: http1.FromConfig(&c.HTTP1), http2: http2.FromConfig(&c.HTTP2)}
		m.http1.Upgrades = []string{"h2c"}
		m.maxHead = min(c.HTTP1.MaxHeaderSize, buffer.MaxSlab/2)
		newHTTP1 := plain(c)
		return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
			return &conn{ServerCodec: newHTTP1(link, a, heads), maker: m, link: link, acceptor: a, heads: heads}
		}
	}
	return p
}

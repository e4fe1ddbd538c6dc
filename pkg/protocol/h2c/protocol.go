package h2c

import (
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
	plain := p.Listener
	p.Listener = func(n *config.Node, r *config.Report) protocol.ListenerSettings {
		s := plain(n, r).(*http1.ListenerSettings)
		return &listenerSettings{ListenerSettings: *s}
	}
	return p
}

// listenerSettings are those of HTTP/1: the permission stands among those of HTTP/2.
type listenerSettings struct{ http1.ListenerSettings }

// Server returns the maker of codecs for the listener's connections.
func (s *listenerSettings) Server(l *protocol.Listener) protocol.ServerMaker {
	newHTTP1 := s.ListenerSettings.Server(l)
	next, ok := l.Settings[http2.Name].(*http2.ListenerSettings)
	if !ok || !next.AllowH2CUpgrade {
		return newHTTP1
	}
	m := maker{http1: s.Config(), http2: next.Config()}
	m.http1.Upgrades = []string{"h2c"}
	m.maxHead = min(s.MaxHeaderSize, buffer.MaxSlab/2)
	return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
		return &conn{ServerCodec: newHTTP1(link, a, heads), maker: m, link: link, acceptor: a, heads: heads}
	}
}

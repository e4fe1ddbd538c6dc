package http2

import "github.com/weirproxy/weir/pkg/protocol"

// Name is how configurations spell the protocol.
const Name = "Http2"

// Protocol returns HTTP/2 as an entry of a protocol registry.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Name:        Name,
		ALPN:        "h2",
		Multiplexed: true,
		Listener:    decodeListener,
		Cluster:     decodeCluster,
		Match:       protocol.MatchHTTP2,
	}
}

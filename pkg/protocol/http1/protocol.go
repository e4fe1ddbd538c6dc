package http1

import "github.com/weirproxy/weir/pkg/protocol"

// Name is how configurations spell the protocol.
const Name = "Http1"

// Protocol returns HTTP/1 as an entry of a protocol registry.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Name:     Name,
		ALPN:     "http/1.1",
		Listener: decodeListener,
		Cluster:  decodeCluster,
		Match:    protocol.MatchHTTP1,
	}
}

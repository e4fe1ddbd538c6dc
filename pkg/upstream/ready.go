package upstream

import (
	"fmt"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol"
)

// secure puts the cluster's transport, if it has one, between a connection that is being
// made and what it is to speak, which is nil if that is not known.
func (h *Host) secure(io *eventloop.Conn, p *protocol.Protocol) {
	if t := h.cluster.Transport; t != nil {
		io.SetTransport(t(io, h.Host, p), 0)
	}
}

// Session returns what the transport knows, nil if the connection is plain.
func (c *Conn) Session() *eventloop.Session { return c.io.Session() }

// AgreedError ends a connection whose handshake agreed on a protocol that weir does not
// want to speak on it. Both are named as ALPN does (RFC 7301).
type AgreedError struct {
	Protocol, Wanted string
}

// Error says which protocols they are.
func (e *AgreedError) Error() string {
	return fmt.Sprintf("upstream: the host agreed to speak %q, and not %q", e.Protocol, e.Wanted)
}

// speak makes the codec.
func (c *Conn) speak() {
	h := c.host
	c.codec = h.cluster.env.Codec(c.io, h.cluster.maker(c.key.Protocol))
	f := c.codec.Features()
	c.pinger, c.leaver, c.limiter, c.orphans = f.Pinger, f.Leaver, f.StreamLimiter, f.OrphanCounter
	if c.limiter != nil {
		c.limiter.SetMaxStreams(h.width)
	}
	if f.Former != nil {
		f.Former.SetForm(c.key.Variant)
	}
	if f.Binder != nil && c.key.Owner != nil {
		f.Binder.Bind(c.key.Owner)
	}
}

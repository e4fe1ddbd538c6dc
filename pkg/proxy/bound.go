package proxy

import (
	"slices"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// binding is a downstream connection with connections to hosts of its own: what a
// host asks on one of them goes to the client. They end together, because what was
// agreed on a connection, such as a callback, ends with it.
type binding struct {
	conn  *downConn // nil once it is gone
	conns []*upstream.Conn
}

var _ upstream.Owner = (*binding)(nil)

func (c *downConn) binding() *binding {
	if c.bound == nil {
		c.bound = &binding{conn: c}
	}
	return c.bound
}

// NewStream opens a stream to the client, for a request of a host's.
func (b *binding) NewStream(sender stream.End) stream.End {
	return b.conn.codec.Features().Acceptor.NewStream(sender)
}

// Bound notes a connection to a host.
func (b *binding) Bound(c *upstream.Conn) { b.conns = append(b.conns, c) }

// Unbound ends the client's connection, after the answers that it is due.
func (b *binding) Unbound(c *upstream.Conn, stood bool) {
	b.conns = slices.DeleteFunc(b.conns, func(other *upstream.Conn) bool { return other == c })
	if stood && b.conn != nil {
		b.conn.io.Close()
	}
}

// end closes the connections to hosts of a client that is gone.
func (b *binding) end() {
	b.conn = nil
	for _, c := range b.conns {
		c.Disown()
	}
	b.conns = nil
}

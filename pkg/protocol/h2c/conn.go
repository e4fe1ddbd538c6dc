package h2c

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/stream"
)

// conn is the codec of a connection that begins in HTTP/1: that version's, and
// after an upgrade the other's. It keeps the first request back until its head is
// there, and looks whether it asks for an upgrade. What the codec can do besides is
// the embedded one's to say (Features), before the upgrade and after.
type conn struct {
	stream.ServerCodec
	maker
	link     stream.Link
	acceptor stream.Acceptor
	heads    *stream.Pool
	decided  bool // which version it is
	begun    bool // a part of the first request has come
}

var _ stream.ServerCodec = (*conn)(nil)

// Feed passes bytes to the codec, once it is known which.
func (c *conn) Feed(in buffer.View) (int, error) {
	if c.decided {
		return c.ServerCodec.Feed(in)
	}
	n := bytes.Index(in.Bytes(), []byte("\r\n\r\n")) + 4
	if n < 4 && in.Len() < c.maxHead {
		c.begun = in.Len() > 0
		return 0, nil
	}
	c.decided = true
	if n >= 4 && mentions(in.Bytes()[:n]) {
		if h, settings := c.request(in.Slice(0, n)); h != nil {
			c.upgrade(h, settings)
			more, err := c.ServerCodec.Feed(in.From(n))
			return n + more, err
		}
	}
	return c.ServerCodec.Feed(in)
}

// mentions tells whether a head may ask for an upgrade. Few do.
func mentions(head []byte) bool { return bytes.Contains(head, []byte("h2c")) }

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

// upgrade makes the connection one of HTTP/2. The request is answered on its first
// stream.
func (c *conn) upgrade(h *stream.Head, settings []byte) {
	c.link.Out().AppendString(switching)
	next := http2.NewServerConn(c.http2, c.link, c.acceptor, c.heads)
	c.ServerCodec = next
	if s, ok := c.acceptor.(stream.Switcher); ok {
		s.Switched(http2.Name)
	}
	next.Upgraded(h, settings)
	c.heads.Put(h)
}

// Phase tells what the connection is in the middle of.
func (c *conn) Phase() stream.Phase {
	if !c.decided && c.begun && c.ServerCodec.Phase() == stream.Idle {
		return stream.ReadingHead
	}
	return c.ServerCodec.Phase()
}

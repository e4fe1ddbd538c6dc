package h2c

import (
	"encoding/base64"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/stream"
)

// request parses a request by the rules of HTTP/1, and returns it with its settings
// if it asks for HTTP/2 and nothing speaks against that. Otherwise h is nil, nothing
// has happened, and what there is to say about the request is for the codec to say.
func (c *conn) request(in buffer.View) (h *stream.Head, settings []byte) {
	l := listener{Link: c.link, heads: c.heads}
	l.out.Init(c.link.Out().Pool())
	_, err := http1.NewServerConn(c.http1, &l, &l, c.heads).Feed(in)
	l.out.Clear()
	h = l.head
	if h == nil {
		return nil, nil
	}
	upgrade, _ := h.GetID(stream.Upgrade)
	if err == nil && h.Opaque && h.ContentLength <= 0 && stream.EqualFold(upgrade, "h2c") {
		if settings = settingsOf(h); settings != nil {
			h.Opaque = false
			h.DelID(stream.Upgrade)
			h.DelID(stream.HTTP2Settings)
			return h, settings
		}
	}
	c.heads.Put(h)
	return nil, nil
}

// settingsOf returns the payload of a SETTINGS frame that a request has in a field;
// nil if it has not exactly one that is right.
func settingsOf(h *stream.Head) (settings []byte) {
	const settingLen = 6
	for i := range h.Len() {
		if h.IDAt(i) != stream.HTTP2Settings {
			continue
		}
		_, value := h.At(i)
		b, err := base64.RawURLEncoding.DecodeString(string(value))
		if err != nil || len(b)%settingLen != 0 || settings != nil {
			return nil
		}
		settings = append([]byte{}, b...)
	}
	return settings
}

// listener is the link and the acceptor of a codec that parses one request: it keeps
// the head, and lets nothing out.
type listener struct {
	stream.Link
	out   buffer.Chain
	heads *stream.Pool
	head  *stream.Head
}

func (l *listener) Out() *buffer.Chain              { return &l.out }
func (l *listener) Pause()                          {}
func (l *listener) Resume()                         {}
func (l *listener) NewStream(stream.End) stream.End { return l }
func (l *listener) Head(h *stream.Head, _ bool)     { l.head = h.Keep() }
func (l *listener) Data(d *buffer.Chain, _ bool)    { d.Clear() }
func (l *listener) Trailers(*stream.Header)         {}
func (l *listener) Reset(stream.Reset)              {}

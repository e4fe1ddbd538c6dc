package http1

import (
	"slices"
	"strconv"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// framing is how the end of the message that is written can be told.
type framing uint8

const (
	unsent   framing = iota // its head is not written
	noBody                  // it has no body; data for it is dropped
	openHead                // it announces that it has no body, but trailers may come: its head is not ended
	byLength                // Content-Length
	chunked                 // Transfer-Encoding: chunked
	raw                     // the end of the connection, or of a tunnel's direction
)

// writer puts messages together.
type writer struct {
	// left counts the bytes to come, of a body with a Content-Length. Once a response
	// is over, those of the request that may still be discarded.
	left    int64
	framing framing
}

// fieldPlan is what appendFields puts in place of the fields that belong to this
// hop.
type fieldPlan struct {
	length     int64  // of Content-Length; -1 without it
	chunked    bool   // Transfer-Encoding: chunked
	open       bool   // what frames the message, and the end of the head, come later
	host       []byte // of Host, in requests
	request    bool
	upgrade    bool   // Upgrade stays
	connection string // a whole field line, or ""
}

// headSlack is more than a start line without its method and path, and all the
// fields that a plan may add, take.
const headSlack = 160

// bodyRoom is up to which length of a body the slab of its head is made large
// enough for both: they then leave as one piece.
const bodyRoom = 1 << 10

// reserve returns free bytes at the end of out for a head, and perhaps for the
// short body that comes next.
func reserve(out *buffer.Chain, h *stream.Head, body int64) []byte {
	n := h.Size() + 4*h.Len() + headSlack
	if body > 0 && body <= bodyRoom {
		n += int(body)
	}
	return out.Reserve(min(n, buffer.MaxSlab))[:0]
}

// commit makes what was appended to the bytes of reserve a part of out. If they
// were too few, append has taken other memory.
func commit(out *buffer.Chain, reserved, b []byte) {
	if len(b) <= cap(reserved) {
		out.Commit(len(b))
		return
	}
	out.Commit(0)
	out.Append(b)
}

// appendFields appends the fields of a head and the empty line behind them. A
// field that is not fit to be sent, because a filter made it, is left out: it
// could end the field, or the head, where it should not.
func appendFields(dst []byte, h *stream.Head, p *fieldPlan) []byte {
	length, host, te := p.length, p.request, false
	for i := range h.Len() {
		name, value := h.At(i)
		switch h.IDAt(i) {
		case stream.Other:
			if h.LineAt(i) == nil && !validToken(name) {
				continue
			}
		case stream.Connection, stream.KeepAlive, stream.ProxyConnection, stream.TransferEncoding, stream.HTTP2Settings:
			continue
		case stream.TE:
			if !te && p.request && !p.upgrade && equalFold(value, "trailers") {
				dst = append(dst, "TE: trailers\r\n"...)
				te = true
			}
			continue
		case stream.Upgrade:
			if !p.upgrade {
				continue
			}
		case stream.Trailer:
			if !p.chunked && !p.open {
				continue
			}
		case stream.ContentLength:
			if length >= 0 {
				dst = appendLength(dst, name, length)
				length = -1
			}
			continue
		case stream.Host:
			if p.request {
				if host {
					dst = appendField(dst, name, p.host)
					host = false
				}
				continue
			}
		}
		if line := h.LineAt(i); line != nil {
			dst = append(dst, line...)
		} else if validValue(value) {
			dst = appendField(dst, name, value)
		}
	}
	if length >= 0 {
		dst = appendLength(dst, []byte("Content-Length"), length)
	}
	if p.chunked {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	if te { // the next hop has to be told that it is for that hop alone
		dst = append(dst, "Connection: TE\r\n"...)
	}
	dst = append(dst, p.connection...)
	if p.open {
		return dst
	}
	return append(dst, '\r', '\n')
}

func appendField(dst, name, value []byte) []byte {
	n := len(dst)
	end := n + len(name) + len(value) + 4
	if end > cap(dst) {
		dst = slices.Grow(dst, end-n)
	}
	dst = dst[:end]
	n += copy(dst[n:], name)
	dst[n], dst[n+1] = ':', ' '
	n += 2
	n += copy(dst[n:], value)
	dst[n], dst[n+1] = '\r', '\n'
	return dst
}

func appendLength(dst, name []byte, n int64) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':', ' ')
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

const (
	connectionClose     = "Connection: close\r\n"
	connectionKeepAlive = "Connection: keep-alive\r\n"
	connectionUpgrade   = "Connection: Upgrade\r\n"
)

func (c *ServerConn) writeHead(h *stream.Head, p *fieldPlan) {
	out := c.link.Out()
	room := reserve(out, h, c.out.left)
	b := appendStatusLine(room, h.Status)
	commit(out, room, appendFields(b, h, p))
}

func (c *ServerConn) writeInterim(h *stream.Head) {
	c.writeHead(h, &fieldPlan{length: -1})
}

// writeAccept writes the head that turns the connection into a tunnel.
func (c *ServerConn) writeAccept(h *stream.Head) {
	p := fieldPlan{length: -1}
	if h.Status == 101 {
		p.upgrade, p.connection = true, connectionUpgrade
	}
	c.writeHead(h, &p)
}

func (c *ServerConn) writeResponse(h *stream.Head) {
	p := fieldPlan{length: -1, chunked: c.out.framing == chunked, open: c.out.framing == openHead}
	switch {
	case c.out.framing == byLength:
		p.length = c.out.left
	case c.out.framing == noBody && h.Status != 204:
		// What it would be, had the request not been HEAD, or conditional.
		p.length = h.ContentLength
	}
	switch {
	case c.has(mustClose):
		p.connection = connectionClose
	case c.has(isOld):
		p.connection = connectionKeepAlive
	}
	c.writeHead(h, &p)
}

// answer writes the codec's own response to a request that it does not pass on.
func (c *ServerConn) answer(e *Error) {
	b := make([]byte, 0, 512)
	b = appendStatusLine(b, e.Status)
	b = append(b, "Content-Type: text/plain\r\n"...)
	if e.Status == 405 {
		// For this target, which is no resource, there is no other method.
		b = append(b, "Allow:\r\n"...)
	}
	b = appendLength(b, []byte("Content-Length"), int64(len(e.Reason)+1))
	b = append(b, connectionClose+"\r\n"...)
	if !c.has(isHead) {
		b = append(b, e.Reason...)
		b = append(b, '\n')
	}
	c.link.Out().Append(b)
}

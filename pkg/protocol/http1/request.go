package http1

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// readRequest reads lines up to the end of a request's head. complete tells that
// c.head is whole and checked.
func (c *ServerConn) readRequest(b []byte, pos int) (_ int, complete bool, err *Error) {
	for {
		var n int
		if c.state == idle {
			n, err = c.requestLine(b[pos:])
		} else {
			var l line
			l, n, err = c.fieldLine(b[pos:])
			switch {
			case len(l.name) > 0:
				err = c.field(&l, true)
			case n > 0 && !l.part:
				return pos + n, true, c.checkRequest()
			}
		}
		pos += n
		if n == 0 || err != nil {
			return pos, false, err
		}
	}
}

func (c *ServerConn) requestLine(b []byte) (int, *Error) {
	line, n, err := c.cut(b, c.cfg.maxLine(), ErrLineTooLong)
	if err != nil || line == nil {
		return n, err
	}
	if len(line) == 0 {
		if c.has(sawEmptyLine) {
			return 0, ErrEmptyLine
		}
		c.flags |= sawEmptyLine
		return n, nil
	}
	method := line[:span(line, inToken)]
	if len(method) == 0 || len(method) == len(line) || line[len(method)] != ' ' {
		return 0, ErrMethod
	}
	target := line[len(method)+1:]
	k := span(target, inTarget)
	if k == 0 || k == len(target) || target[k] != ' ' {
		return 0, ErrTarget
	}
	minor, err := version(target[k+1:])
	if err != nil {
		return 0, err
	}
	if minor == 0 {
		c.flags |= isOld
	}
	c.size += uint32(len(line) + len("\r\n"))
	c.head = c.heads.Get()
	c.head.Minor = minor
	c.head.SetMethod(method)
	c.head.SetScheme(c.cfg.scheme())
	c.state = inFields
	return n, c.target(method, target[:k])
}

// target brings the four forms of a request target to authority and path.
func (c *ServerConn) target(method, target []byte) *Error {
	switch string(method) {
	case "CONNECT":
		c.flags |= isConnect | absolute
		if !c.cfg.AllowConnect {
			return ErrConnect
		}
		return c.connectTarget(target)
	case "HEAD":
		c.flags |= isHead
	}
	switch {
	case target[0] == '/':
		c.head.SetPath(target)
		return nil
	case target[0] != '*':
		return c.absoluteTarget(method, target)
	case len(target) == 1 && string(method) == "OPTIONS":
		c.head.SetPath(target)
		return nil
	}
	return ErrTarget
}

func (c *ServerConn) connectTarget(target []byte) *Error {
	auth, upper, ok := httprule.Authority(target)
	if !ok || bytes.IndexByte(auth[bytes.IndexByte(auth, ']')+1:], ':') < 0 {
		return ErrTarget
	}
	httprule.SetAuthority(c.head, auth, upper)
	return nil
}

// absoluteTarget takes the authority of the target in place of Host's, as a proxy
// must, and leaves the rest as the path.
func (c *ServerConn) absoluteTarget(method, target []byte) *Error {
	switch {
	case httprule.HasPrefixFold(target, "http://"):
		target = target[len("http://"):]
	case httprule.HasPrefixFold(target, "https://"):
		target = target[len("https://"):]
	default:
		return ErrTarget
	}
	end := bytes.IndexAny(target, "/?")
	if end < 0 {
		end = len(target)
	}
	auth, upper, ok := httprule.Authority(target[:end])
	if !ok {
		return ErrTarget
	}
	c.flags |= absolute
	httprule.SetAuthority(c.head, auth, upper)
	switch path := target[end:]; {
	case len(path) == 0 && string(method) == "OPTIONS":
		c.head.SetPath([]byte("*"))
	case len(path) == 0:
		c.head.SetPath([]byte("/"))
	case path[0] == '?':
		c.head.SetPath(append([]byte{'/'}, path...))
	default:
		c.head.SetPath(path)
	}
	return nil
}

// checkRequest looks at the head as a whole: how its body is framed, and what of
// it is for this hop.
func (c *ServerConn) checkRequest() *Error {
	h := c.head
	if !c.has(sawHost | isOld) {
		return ErrHost
	}
	if c.has(sawCoding) {
		switch {
		case c.has(sawLength):
			return ErrFraming
		case c.has(isOld):
			return ErrTransferEncoding
		}
		h.ContentLength = -1
	} else if !c.has(sawLength) {
		h.ContentLength = 0
	}
	if c.tooLarge(h.ContentLength) {
		return ErrBodyTooLarge
	}
	if c.has(expects) && c.has(isOld) {
		h.DelID(stream.Expect)
		c.flags &^= expects
	}
	if !c.keepsAlive() {
		c.flags |= mustClose
	}
	if c.has(isConnect) && h.ContentLength != 0 {
		return ErrContentLength
	}
	if h.ContentLength >= 0 && (c.has(isConnect) || c.upgrades()) {
		h.Opaque = true
		h.DelID(stream.TE) // there will be no trailers
		c.flags |= isOpaque
	}
	return c.stripHop(h.Opaque && !c.has(isConnect))
}

package http1

import "github.com/weirproxy/weir/pkg/stream"

// readResponse reads lines up to the end of a response's head. complete tells
// that c.head is whole and checked.
func (c *ClientConn) readResponse(b []byte, pos int) (_ int, complete bool, err *Error) {
	for {
		var n int
		if c.state == inStatus {
			n, err = c.statusLine(b[pos:])
		} else {
			var l line
			l, n, err = c.fieldLine(b[pos:])
			switch {
			case len(l.name) > 0:
				err = c.field(&l, false)
			case n > 0 && !l.part:
				return pos + n, true, c.checkResponse()
			}
		}
		pos += n
		if n == 0 || err != nil {
			return pos, false, err
		}
	}
}

func (c *ClientConn) statusLine(b []byte) (int, *Error) {
	line, n, err := c.cut(b, c.cfg.maxHeaderBytes(), ErrHeaderTooLarge)
	if err != nil || line == nil {
		return n, err
	}
	if len(line) < len("HTTP/1.1 200") || line[8] != ' ' {
		return 0, ErrStatusLine
	}
	minor, err := version(line[:8])
	if err != nil {
		return 0, err
	}
	status := 0
	for _, d := range line[9:12] {
		if d < '0' || d > '9' {
			return 0, ErrStatusLine
		}
		status = status*10 + int(d-'0')
	}
	if rest := line[12:]; status < 100 || len(rest) > 0 && rest[0] != ' ' || !validValue(rest) {
		return 0, ErrStatusLine
	}
	if minor == 0 {
		c.flags |= isOld
	}
	c.size, c.count = uint32(len(line)+len("\r\n")), 0
	c.head = c.heads.Get()
	c.head.Minor = minor
	c.head.Status = status
	c.state = inFields
	return n, nil
}

// checkResponse looks at the head as a whole: how its body is framed, and what of
// it is for this hop.
func (c *ClientConn) checkResponse() *Error {
	h := c.head
	if c.has(sawCoding) {
		switch {
		case c.has(sawLength):
			return ErrFraming
		case c.has(isOld):
			return ErrTransferEncoding
		}
	}
	if c.misframed(h) {
		c.flags |= mustClose
	}
	switch {
	case h.Interim():
		if !c.interim() {
			return ErrInterim
		}
		h.ContentLength = -1
	case h.Status == 101:
		if !c.upgrades() || !c.asked(h) {
			return ErrUpgrade
		}
		h.Opaque = true
	case c.has(isConnect) && h.Status/100 == 2:
		if !c.has(isOpaque) {
			return ErrUpgrade
		}
		h.Opaque = true
	}
	if h.Opaque || h.Status == 204 {
		h.ContentLength = -1 // whatever it says
	}
	if !c.has(isHead) && h.Status != 304 && c.tooLarge(h.ContentLength) {
		return ErrBodyTooLarge
	}
	return c.stripHop(h.Status == 101)
}

// asked reports whether a response grants the upgrade that the request asked for,
// once the server can have read all of it.
func (c *ClientConn) asked(h *stream.Head) bool {
	protocol, _ := h.GetID(stream.Upgrade)
	return c.has(isOpaque) && !c.has(isConnect) && c.out.left == 0 && equalFold(protocol, c.upgrade)
}

// misframed reports whether a response that has no body announces one. A server
// that does so is likely to send that body, a little later: where the response to
// the next request is looked for. A length is fine in answer to HEAD and with 304,
// where it says what the body would be; a coding is as well, but servers have been
// seen to end it with its last chunk all the same.
func (c *ClientConn) misframed(h *stream.Head) bool {
	switch {
	case h.Status < 200 || h.Status == 204:
		return c.has(sawCoding) || h.ContentLength > 0
	case h.Status == 304 || c.has(isHead):
		return c.has(sawCoding)
	}
	return false
}

// bodyState is how the body of the response is to be read; awaiting is none.
func (c *ClientConn) bodyState(h *stream.Head) state {
	switch {
	case h.Opaque:
		return tunnel
	case h.Status == 204 || h.Status == 304 || c.has(isHead):
		return awaiting
	case c.has(sawCoding):
		return inChunkSize
	case h.ContentLength > 0:
		return inLength
	case h.ContentLength == 0:
		return awaiting
	}
	return untilEOF
}

package http2

import "github.com/weirproxy/weir/pkg/buffer"

// read takes whole frames off in, and DATA as it comes.
func (c *conn) read(in buffer.View, pos int) (_ int, err *Error) {
	for err == nil && !c.closing() {
		var n int
		switch rest := in.Len() - pos; {
		case c.recv.left > 0:
			n = min(int(c.recv.left), rest)
			c.recv.content(in.Slice(pos, pos+n))
		case c.recv.skip > 0:
			n = min(int(c.recv.skip), rest)
			c.recv.skip -= uint32(n)
		default:
			if n, err = c.frame(in.Bytes()[pos:]); n > 0 {
				c.received++
			}
		}
		if n == 0 {
			break
		}
		pos += n
	}
	if err != nil {
		return pos, err
	}
	c.recv.pass()
	c.send.pump()
	if c.closing() {
		return in.Len(), nil
	}
	c.flags &^= partialHead
	if !c.has(linkPaused) && beginsHead(in.Bytes()[pos:], c.streams.live == 0) {
		c.flags |= partialHead
	}
	return pos, nil
}

// beginsHead reports whether what is left of the input is, or may be, the front of a
// header block. idle tells that no stream is open.
func beginsHead(b []byte, idle bool) bool {
	if len(b) > 3 {
		t := frameType(b[3])
		return t == frameHeaders || t == frameContinuation || idle
	}
	return len(b) > 0 && idle
}

// frame deals with the first frame of b, if it is whole, and returns its length. Of
// DATA, and of what is ignored, the front is enough.
func (c *conn) frame(b []byte) (n int, err *Error) {
	if len(b) < frameHeaderLen {
		return 0, nil
	}
	h := parseFrameHeader(b)
	if err := c.admit(&h); err != nil {
		return 0, err
	}
	switch h.typ {
	case frameData:
		return c.dataFrame(&h, b)
	case frameHeaders, frameContinuation, framePriority, frameRSTStream, frameSettings, framePing, frameWindowUpdate:
		n = frameHeaderLen + int(h.length)
		if len(b) < n {
			return 0, nil
		}
	case frameGoAway: // what is behind the code is for people
		n = frameHeaderLen + goAwayLen
		if len(b) < n {
			return 0, nil
		}
		c.recv.skip = h.length - goAwayLen
	case framePushPromise:
		return 0, ErrPush
	default:
		c.recv.skip = h.length
		return frameHeaderLen, flood(c.useless(1))
	}
	if h.typ == frameHeaders {
		if !c.has(client) && c.frames.pressed && h.stream > c.streams.lastID {
			// Its answer would wait with the others, which the peer does not read.
			c.pauseLink()
			return 0, nil
		}
		c.recv.pass()
		if c.closing() {
			return 0, nil
		}
	}
	return n, c.whole(&h, b[frameHeaderLen:n])
}

func (c *conn) pauseLink() {
	if !c.has(linkPaused) {
		c.flags |= linkPaused
		c.frames.link.Pause()
	}
}

// admit checks what can be told of a frame by its front.
func (c *conn) admit(h *frameHeader) *Error {
	switch {
	case h.length > c.cfg.maxFrameSize():
		return ErrFrameSize
	case c.headers.interrupted(h):
		return ErrContinuation
	case !c.has(sawSettings) && (h.typ != frameSettings || h.has(flagAck)):
		return ErrFirstFrame
	case h.typ == frameHeaders || h.typ == frameContinuation:
		return c.headers.admit(h)
	}
	return h.check()
}

// whole deals with a frame that is there as a whole.
func (c *conn) whole(h *frameHeader, payload []byte) *Error {
	switch h.typ {
	case frameHeaders:
		return c.headersFrame(h, payload)
	case frameContinuation:
		return c.fragment(payload, h.has(flagEndHeaders))
	case framePriority:
		return c.priorityFrame(h, payload)
	case frameRSTStream:
		return c.resetFrame(h, payload)
	case frameSettings:
		return c.settingsFrame(h, payload)
	case framePing:
		return c.pingFrame(h, payload)
	case frameGoAway:
		if !c.useless(1) {
			return ErrFlood
		}
		return c.side.control(frameGoAway, payload)
	}
	return c.windowFrame(h, payload)
}

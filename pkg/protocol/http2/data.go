package http2

import "github.com/weirproxy/weir/pkg/buffer"

// dataFrame begins a DATA frame, which has passed the checks of its front. n is 0
// if the length of its padding is not there yet.
func (c *conn) dataFrame(h *frameHeader, b []byte) (n int, err *Error) {
	n = frameHeaderLen
	content, padding := h.length, uint32(0)
	if h.has(flagPadded) {
		switch {
		case h.length == 0:
			return 0, ErrFrameSize
		case len(b) == frameHeaderLen:
			return 0, nil
		}
		n++
		padding = uint32(b[frameHeaderLen])
		if padding >= h.length {
			return 0, ErrPadding
		}
		content -= 1 + padding
	}
	if int64(h.length) > int64(c.recvWindow) {
		return 0, ErrWindow
	}
	if c.current != nil && c.current.id != h.stream {
		c.pass()
		if c.has(closing) {
			return 0, nil
		}
	}
	s := c.streams.get(h.stream)
	if !h.has(flagEndStream) {
		full := h.length == uint32(c.recvWindow) || s != nil && h.length == uint32(max(s.recvWindow, 0))
		if err := c.budget.data(content, full, c.sharing(), c.link.Now()); err != nil {
			return 0, err
		}
	}
	c.recvWindow -= int32(h.length)
	c.left, c.skip = content, padding
	if s == nil {
		c.ignoreRest(int(h.length - content))
		return n, c.dataForNobody(h)
	}
	c.creditConn(int(h.length - content))
	if err := c.admitData(s, h, content); err != nil {
		c.ignoreRest(0)
		return n, c.streamError(s, err)
	}
	s.recvWindow -= int32(h.length)
	s.got += int64(content)
	if h.has(flagEndStream) {
		s.flags |= recvEnd
	}
	c.creditStream(s, int(h.length-content))
	switch {
	case s.has(inOver):
		c.ignoreRest(0)
		c.creditStream(s, int(content))
		c.inputEnded(s)
	case c.cfg.MaxBody > 0 && s.got > c.cfg.MaxBody && !s.has(isOpaque):
		c.ignoreRest(0)
		c.tooLarge(s)
	default:
		c.current = s
		if content == 0 && s.has(recvEnd) {
			c.pass()
		}
	}
	return n, nil
}

// admitData checks whether a stream may get n bytes of data, in a frame.
func (c *conn) admitData(s *h2stream, h *frameHeader, n uint32) *Error {
	switch {
	case s.has(recvEnd):
		return ErrHalfClosed
	case c.has(client) && !s.has(gotHead):
		return ErrNoHead
	case int64(h.length) > int64(s.recvWindow)+c.slack():
		return ErrStreamWindow
	}
	if got := s.got + int64(n); s.announced >= 0 && (got > s.announced || h.has(flagEndStream) && got < s.announced) {
		return ErrLength
	}
	return nil
}

// slack is how much more a peer may send on a stream that has not seen yet that the
// window is smaller than the initial one.
func (c *conn) slack() int64 {
	if c.has(acknowledged) {
		return 0
	}
	return int64(max(initialWindow-c.cfg.streamWindow(), 0))
}

// firstWindow is what a peer may send on a stream of which we take nothing.
func (c *conn) firstWindow() int64 { return int64(c.cfg.streamWindow()) + c.slack() }

// dataForNobody deals with DATA on a stream that there is not.
func (c *conn) dataForNobody(h *frameHeader) *Error {
	if c.idle(h.stream) {
		return ErrIdleStream
	}
	switch how := c.closed.fate(h.stream); {
	case how == ordinary:
		return ErrStreamOver
	case how != resetByPeer && c.closed.spend(h.stream, int64(h.length)):
		return nil
	case how == resetByUs || c.has(client) && how == unknown:
		return ErrFlood // it cannot have been under way
	}
	return c.refuse(h.stream, ErrClosed)
}

// sharing is how many streams share a host's connection, none of whose clients is to
// pay for what another's does. A client has its own to itself.
func (c *conn) sharing() int32 {
	if c.has(client) {
		return c.live
	}
	return 1
}

// content takes a part of a DATA frame's content.
func (c *conn) content(v buffer.View) {
	c.left -= uint32(v.Len())
	s := c.current
	if s.opening != nil && s.opening.waits {
		s.opening.held.AppendView(v)
		if c.left == 0 {
			c.current = nil
		}
		return
	}
	c.data.Lend(v)
	if c.left == 0 && s.has(recvEnd) {
		c.pass()
	}
}

// pass passes on the content that was not passed on yet, and the end of the message
// if it is there. Small frames that follow one another go in one call.
func (c *conn) pass() {
	s := c.current
	if s == nil {
		return
	}
	n, end := c.data.Len(), s.has(recvEnd) && c.left == 0
	if n == 0 && !end || s.opening != nil && s.opening.waits {
		if c.left == 0 {
			c.current = nil
		}
		return
	}
	peer := s.peer
	c.current = nil
	s.enter()
	if end {
		c.inputOver(s)
	}
	peer.Data(&c.data, end)
	c.data.Clear()
	c.delivered(s, n)
	if s.peer != nil && c.left > 0 {
		c.current = s
	} else {
		c.ignoreRest(0)
	}
	c.settle(s)
	s.leave()
}

// delivered gives back the window of n bytes that were passed on, unless the sink
// wants no more for now. A host's connection is shared by many clients, so that those
// who take nothing must not close its window for the others: there, only the stream's
// is held back.
func (c *conn) delivered(s *h2stream, n int) {
	if !s.has(sinkPaused) || s.peer == nil {
		c.creditConn(n)
		c.creditStream(s, n)
		return
	}
	s.kept += int32(n)
	if c.has(client) {
		c.creditConn(n)
	}
}

// taken returns how much of the connection's window is to be given back for what a
// stream has kept of its own, and forgets that.
func (s *h2stream) taken() (stream, conn int) {
	stream, s.kept = int(s.kept), 0
	if s.conn.has(client) {
		return stream, 0
	}
	return stream, stream
}

// creditConn gives back n bytes of the connection's window, as soon as it is worth
// a frame.
func (c *conn) creditConn(n int) {
	c.owed += int32(n)
	if c.owed > 0 && c.owed >= c.cfg.connWindow()/2 && !c.has(closing) {
		c.writeWindowUpdate(0, uint32(c.owed))
		c.recvWindow += c.owed
		c.owed = 0
	}
}

// creditStream gives back n bytes of a stream's window, unless it needs none.
func (c *conn) creditStream(s *h2stream, n int) {
	if s.has(recvEnd | dead) {
		return
	}
	s.owed += int32(n)
	if s.owed > 0 && s.owed >= c.cfg.streamWindow()/2 && !c.has(closing) {
		c.writeWindowUpdate(s.id, uint32(s.owed))
		s.recvWindow += s.owed
		s.owed = 0
	}
}

func (c *conn) writeWindowUpdate(id, n uint32) {
	out := c.link.Out()
	out.Commit(len(appendWindowUpdate(out.Reserve(frameHeaderLen + 4)[:0], id, n)))
}

// holdData makes the peer's windows stay closed for what comes, by request of the
// sink.
func (s *h2stream) holdData() {
	if !s.has(dead) {
		s.flags |= sinkPaused
	}
}

// releaseData gives back what the sink has taken meanwhile.
func (s *h2stream) releaseData() {
	if s.has(dead) || !s.has(sinkPaused) {
		return
	}
	s.flags &^= sinkPaused
	stream, conn := s.taken()
	s.conn.creditConn(conn)
	s.conn.creditStream(s, stream)
}

// inputOver notes that the message in is over, before the other end is told of it:
// within that call, there may already be the next request for the connection.
func (c *conn) inputOver(s *h2stream) {
	s.flags |= inOver
	if s.has(sentEnd) {
		c.endOrdinary(s)
	}
}

// inputEnded looks whether a stream is over whose message in nobody wants.
func (c *conn) inputEnded(s *h2stream) {
	if s.has(recvEnd) && s.has(sentEnd) {
		c.endOrdinary(s)
	}
}

// endOrdinary forgets a stream both of whose messages are over.
func (c *conn) endOrdinary(s *h2stream) {
	c.closed.add(s.id, ordinary)
	c.budget.ended()
	c.end(s)
}

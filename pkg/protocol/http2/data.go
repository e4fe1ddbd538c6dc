package http2

// incoming is what a stream knows of the message that comes.
type incoming struct {
	got       int64 // bytes of data that came
	announced int64 // how many there will be, -1: not known
	window    recvWindow
	held      int32 // of window: passed on to a sink that wants no more for now
	discarded int32 // bytes that came when nobody wanted them any more
	waiting   uint8 // informational responses that came while the other end wanted nothing
	interims  rate  // of all of them
}

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
	if int64(h.length) > int64(c.recv.window.window) {
		return 0, ErrWindow
	}
	if c.recv.current != nil && c.recv.current.id != h.stream {
		c.recv.pass()
		if c.closing() {
			return 0, nil
		}
	}
	s := c.streams.get(h.stream)
	if !h.has(flagEndStream) {
		full := h.length == uint32(c.recv.window.window) || s != nil && h.length == uint32(max(s.in.window.window, 0))
		if err := c.budget.data(content, full, c.now()); err != nil {
			return 0, err
		}
	}
	c.recv.window.take(int(h.length))
	c.recv.left, c.recv.skip = content, padding
	if s == nil {
		c.recv.ignoreRest(int(h.length - content))
		return n, c.dataForNobody(h)
	}
	c.recv.credit(int(h.length - content))
	return n, s.data(h, content)
}

// dataForNobody deals with DATA on a stream that there is not.
func (c *conn) dataForNobody(h *frameHeader) *Error {
	if c.streams.idle(h.stream) {
		return ErrIdleStream
	}
	switch why := c.streams.closed.reason(h.stream); {
	case why == ordinary:
		return ErrStreamOver
	case why != resetByPeer && c.streams.closed.spend(h.stream, int64(h.length)):
		return nil
	case why == resetByUs || c.has(client) && why == unknown:
		return ErrFlood // it cannot have been under way
	}
	return c.refuse(h.stream, ErrClosed)
}

// data begins a DATA frame of the stream that has so many bytes of content.
func (s *h2stream) data(h *frameHeader, content uint32) *Error {
	r := &s.conn.recv
	if err := s.admitData(h, content); err != nil {
		r.ignoreRest(0)
		return s.fail(err)
	}
	s.in.window.take(int(h.length))
	s.in.got += int64(content)
	if h.has(flagEndStream) {
		s.flags |= recvEnd
	}
	s.credit(int(h.length - content))
	most := s.conn.cfg.MaxBody
	switch {
	case s.has(inOver):
		r.ignoreRest(0)
		s.discard(int(content))
		s.inputEnded()
	case most > 0 && s.in.got > most && !s.has(isOpaque):
		r.ignoreRest(0)
		s.abort(errLongBody, Cancel)
	default:
		r.current = s
		if content == 0 && s.has(recvEnd) {
			r.pass()
		}
	}
	return nil
}

// admitData checks whether the stream may get n bytes of data, in a frame.
func (s *h2stream) admitData(h *frameHeader, n uint32) *Error {
	switch {
	case s.has(recvEnd):
		return ErrHalfClosed
	case s.conn.has(client) && !s.has(gotHead):
		return ErrNoHead
	case int64(h.length) > int64(s.in.window.window)+int64(s.conn.recv.slack):
		return ErrStreamWindow
	}
	got := s.in.got + int64(n)
	if s.in.announced >= 0 && (got > s.in.announced || h.has(flagEndStream) && got < s.in.announced) {
		return ErrLength
	}
	return nil
}

// delivered gives back the window of n bytes that were passed on, unless the sink
// wants no more for now. A host's connection is shared by many clients, so that those
// who take nothing must not close its window for the others: there, only the stream's
// is held back.
func (s *h2stream) delivered(n int) {
	if !s.has(sinkPaused) || s.peer == nil {
		s.conn.recv.credit(n)
		s.credit(n)
		return
	}
	s.in.held += int32(n)
	if s.conn.has(client) {
		s.conn.recv.credit(n)
	}
}

// heldCredit returns how much of both windows is to be given back for what the
// stream has held of its own, and forgets that.
func (s *h2stream) heldCredit() (stream, conn int) {
	stream, s.in.held = int(s.in.held), 0
	if s.conn.has(client) {
		return stream, 0
	}
	return stream, stream
}

// credit gives back n bytes of the stream's window, unless it needs none.
func (s *h2stream) credit(n int) {
	if n > 0 && !s.has(recvEnd|dead) {
		s.conn.frames.credit(s.id, &s.in.window, n, s.conn.recv.streamSize)
	}
}

// maxDiscard is for how much data that nobody wants a stream's window is given back: as
// much as HTTP/1's codec throws away of a request.
const maxDiscard = 256 << 10

// discard gives back the stream's window for n bytes of a request that are not wanted
// because its response is there, and waits. A client may well send all of its request
// before it takes anything of the response. One that has more to send must take the
// response first: behind the end of that it is told to send no more (RFC 9113,
// section 8.1). The window of the connection is for others too, and is given back in
// any case.
func (s *h2stream) discard(n int) {
	if s.in.discarded < maxDiscard {
		s.in.discarded += int32(n)
		s.credit(n)
	}
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
	stream, conn := s.heldCredit()
	s.conn.recv.credit(conn)
	s.credit(stream)
}

// inputOver notes that the message in is over, before the other end is told of it:
// within that call, there may already be the next request for the connection.
func (s *h2stream) inputOver() {
	s.flags |= inOver
	if s.has(sentEnd) {
		s.endOrdinary()
	}
}

// inputEnded looks whether a stream is over whose message in nobody wants.
func (s *h2stream) inputEnded() {
	if s.has(recvEnd) && s.has(sentEnd) {
		s.endOrdinary()
	}
}

// endByTrailers ends the message in with its trailers.
func (s *h2stream) endByTrailers(end bool, r *fieldReader) *Error {
	err := r.err
	switch {
	case s.has(recvEnd):
		err = ErrHalfClosed
	case err != nil:
	case !end || s.has(isOpaque) && !s.conn.has(client) || s.has(tunnelled):
		err = ErrTrailers
	case r.tooLarge:
		err = r.overLimit()
	case s.in.announced >= 0 && s.in.got < s.in.announced:
		err = ErrLength
	}
	if err != nil {
		return s.fail(err)
	}
	s.flags |= recvEnd
	if s.has(inOver) {
		s.inputEnded()
		return nil
	}
	peer := s.peer
	s.enter()
	s.inputOver()
	peer.Trailers(&r.head.Header)
	s.settle()
	s.leave()
	return nil
}

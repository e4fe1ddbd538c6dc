package http2

import (
	"encoding/binary"
	"math"
)

// headersFrame begins a header block. Most are whole with it.
func (c *conn) headersFrame(h *frameHeader, payload []byte) *Error {
	b, broken, err := headersFragment(h, payload)
	if err != nil {
		return err
	}
	last := h.has(flagEndHeaders)
	if last && len(b) <= c.headers.maxBlock() {
		return c.wholeBlock(h.stream, h.flags, broken, b)
	}
	c.headers.begin(h, broken)
	return c.fragment(b, last)
}

// fragment takes the next part of a header block.
func (c *conn) fragment(b []byte, last bool) *Error {
	if len(b) == 0 && !last && !c.budget.emptyFrame(c.now()) {
		return ErrFlood
	}
	whole, err := c.headers.add(b, last)
	if err != nil || !last {
		return err
	}
	k := c.headers.end()
	if k.long != nil && !c.useless(1+int64(k.total>>14)) {
		err = ErrFlood
	} else {
		err = c.wholeBlock(k.id, k.flags, k.broken, whole)
	}
	c.headers.release(&k)
	return err
}

// wholeBlock hands on a header block that is whole. broken tells that its stream depends
// on itself.
func (c *conn) wholeBlock(id uint32, flags uint8, broken bool, b []byte) *Error {
	if broken {
		return c.brokenBlock(id, b)
	}
	return c.side.block(id, flags, b)
}

// brokenBlock refuses the head of a stream that depends on itself.
func (c *conn) brokenBlock(id uint32, b []byte) *Error {
	if err := c.headers.ignore(b); err != nil {
		return err
	}
	if s := c.streams.get(id); s != nil {
		return s.fail(ErrDependency)
	}
	if id&1 == 0 || c.has(client) {
		return ErrStreamID
	}
	c.streams.lastID = max(c.streams.lastID, id)
	return c.refuse(id, ErrDependency)
}

// headersForNobody deals with a header block on a stream that is over, or was
// passed over.
func (c *conn) headersForNobody(id uint32, b []byte) *Error {
	if err := c.headers.ignore(b); err != nil {
		return err
	}
	switch why := c.streams.closed.reason(id); {
	case why == ordinary:
		return ErrStreamOver
	case why == resetByPeer:
		return c.refuse(id, ErrClosed)
	case why == resetByUs || c.has(client): // what was cancelled arrives all the same
		return flood(c.useless(1 + int64(len(b))>>10))
	}
	return ErrStreamID
}

// settingsFrame applies what the peer wants, and acknowledges it.
func (c *conn) settingsFrame(h *frameHeader, payload []byte) *Error {
	if h.has(flagAck) {
		if c.has(acknowledged) {
			return ErrSettingsAck
		}
		c.flags |= acknowledged
		c.recv.slack = 0
		c.headers.decoder.Acknowledged()
		return nil
	}
	if !c.useless(1 + int64(len(payload)/(8*settingLen))) {
		return ErrFlood
	}
	before := c.peer.window
	if !c.has(sawSettings) {
		c.peer.maxStreams = math.MaxUint32 // unless it says otherwise
	}
	if err := c.peer.take(payload, !c.has(client), c.frames.encoder); err != nil {
		return err
	}
	if err := c.streams.growWindows(int64(c.peer.window) - int64(before)); err != nil {
		return err
	}
	c.frames.settingsAck()
	if err := c.frames.countAnswer(); err != nil {
		return err
	}
	c.flags |= sawSettings
	return c.side.control(frameSettings, payload)
}

// pingFrame answers a PING.
func (c *conn) pingFrame(h *frameHeader, payload []byte) *Error {
	if !c.useless(1) {
		return ErrFlood
	}
	if h.has(flagAck) {
		return c.side.control(framePing, payload)
	}
	c.frames.ping(flagAck, payload)
	return c.frames.countAnswer()
}

// priorityFrame ignores a priority, as RFC 9113 allows, unless it makes no sense.
func (c *conn) priorityFrame(h *frameHeader, payload []byte) *Error {
	if !c.useless(1) {
		return ErrFlood
	}
	err := ErrPrioritySize
	if n, _ := fixedLen(framePriority); h.length == n {
		if dependency(payload) != h.stream {
			return nil
		}
		err = ErrDependency
	}
	if s := c.streams.get(h.stream); s != nil {
		return s.fail(err)
	}
	return c.refuse(h.stream, err)
}

// resetFrame ends a stream that the peer has no more use for.
func (c *conn) resetFrame(h *frameHeader, payload []byte) *Error {
	if c.streams.idle(h.stream) {
		return ErrIdleStream
	}
	c.recv.pass()
	s := c.streams.get(h.stream)
	if s == nil {
		return flood(c.useless(1))
	}
	if !c.has(client) && !c.budget.thrownAway(s.weight(), c.now()) {
		return ErrResets
	}
	c.streams.closed.add(s.id, resetByPeer)
	code := ErrCode(binary.BigEndian.Uint32(payload))
	r := resetOf(code)
	if own, ok := c.side.(*ClientConn); ok && code == RefusedStream {
		own.refused() // ahead of the reset: the request looks for another connection within it
		r = refusedByPeer()
	}
	s.endWith(r)
	return nil
}

// windowFrame opens a window.
func (c *conn) windowFrame(h *frameHeader, payload []byte) *Error {
	if !c.budget.windowUpdate(c.now()) {
		return ErrFlood
	}
	more := binary.BigEndian.Uint32(payload) & maxStreamID
	if h.stream == 0 {
		switch {
		case more == 0:
			return ErrNoIncrement
		case !c.send.window.grow(int64(more)):
			return ErrWindowGrowth
		}
		return nil
	}
	if c.streams.idle(h.stream) {
		return ErrIdleStream
	}
	s := c.streams.get(h.stream)
	switch {
	case s == nil:
		return nil
	case more == 0:
		return s.fail(ErrZeroIncrement)
	case !s.out.window.grow(int64(more)):
		return s.fail(ErrStreamGrowth)
	}
	c.send.schedule(s)
	return nil
}

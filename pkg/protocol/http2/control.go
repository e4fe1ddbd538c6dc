package http2

import (
	"encoding/binary"
	"math"
)

// settingsFrame applies what the peer wants, and acknowledges it.
func (c *conn) settingsFrame(h *frameHeader, payload []byte) *Error {
	if h.has(flagAck) {
		if c.has(acknowledged) {
			return ErrSettingsAck
		}
		c.flags |= acknowledged
		c.decoder.Acknowledged()
		return nil
	}
	if !c.useless(1 + int64(len(payload)/(8*settingLen))) {
		return ErrFlood
	}
	before := c.peer.window
	if !c.has(sawSettings) {
		c.peer.maxStreams = math.MaxUint32 // unless it says otherwise
	}
	var table tableChange
	if err := c.peer.take(payload, !c.has(client), &table); err != nil {
		return err
	}
	if table.changed {
		c.encoder.SetMaxTable(table.lowest)
		c.encoder.SetMaxTable(table.last)
	}
	if err := c.shiftWindows(int64(c.peer.window) - int64(before)); err != nil {
		return err
	}
	out := c.link.Out()
	out.Commit(len(appendFrameHeader(out.Reserve(frameHeaderLen)[:0], 0, frameSettings, flagAck, 0)))
	if err := c.wrote(); err != nil {
		return err
	}
	c.flags |= sawSettings
	return c.side.control(frameSettings, payload)
}

// shiftWindows changes the windows of all streams, as the initial one has changed.
func (c *conn) shiftWindows(by int64) *Error {
	if by == 0 || c.streams.n == 0 {
		return nil
	}
	for _, s := range c.streams.slots {
		if s == nil {
			continue
		}
		w := int64(s.sendWindow) + by
		if w > maxWindow {
			return ErrWindowGrowth
		}
		s.sendWindow = int32(max(w, -maxWindow))
		c.schedule(s)
	}
	return nil
}

// pingFrame answers a PING.
func (c *conn) pingFrame(h *frameHeader, payload []byte) *Error {
	if !c.useless(1) {
		return ErrFlood
	}
	if h.has(flagAck) {
		return c.side.control(framePing, payload)
	}
	out := c.link.Out()
	out.Commit(len(appendPing(out.Reserve(frameHeaderLen + 8)[:0], flagAck, payload)))
	return c.wrote()
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
		return c.streamError(s, err)
	}
	return c.refuse(h.stream, err)
}

// dependency is the stream that the front of a priority names.
func dependency(b []byte) uint32 { return binary.BigEndian.Uint32(b) & maxStreamID }

// resetFrame ends a stream that the peer has no more use for.
func (c *conn) resetFrame(h *frameHeader, payload []byte) *Error {
	if c.idle(h.stream) {
		return ErrIdleStream
	}
	c.pass()
	s := c.streams.get(h.stream)
	if s == nil {
		return flood(c.useless(1))
	}
	if !c.has(client) && !c.thrownAway(s.weight()) {
		return ErrResets
	}
	c.closed.add(s.id, resetByPeer)
	code := ErrCode(binary.BigEndian.Uint32(payload))
	r := resetOf(code)
	if own, ok := c.side.(*ClientConn); ok && code == RefusedStream {
		own.refused() // ahead of the reset: the request looks for another connection within it
		r = refusedByPeer()
	}
	c.endWith(s, r)
	return nil
}

// idle tells whether a stream of this number was never opened. Even numbers are a
// server's, and no server opens streams here.
func (c *conn) idle(id uint32) bool { return id&1 == 0 || id > c.lastID }

// windowFrame opens a window.
func (c *conn) windowFrame(h *frameHeader, payload []byte) *Error {
	if !c.budget.updates.take(peerLimits[c.budget.peer].updates, 1, c.link.Now()) {
		return ErrFlood
	}
	more := binary.BigEndian.Uint32(payload) & maxStreamID
	if h.stream == 0 {
		switch {
		case more == 0:
			return ErrNoIncrement
		case int64(c.sendWindow)+int64(more) > maxWindow:
			return ErrWindowGrowth
		}
		c.sendWindow += int32(more)
		return nil
	}
	if c.idle(h.stream) {
		return ErrIdleStream
	}
	s := c.streams.get(h.stream)
	switch {
	case s == nil:
		return nil
	case more == 0:
		return c.streamError(s, ErrZeroIncrement)
	case int64(s.sendWindow)+int64(more) > maxWindow:
		return c.streamError(s, ErrStreamGrowth)
	}
	s.sendWindow += int32(more)
	c.schedule(s)
	return nil
}

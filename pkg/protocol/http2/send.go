package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// send sends a part of a stream's message: what the windows and the link take, at
// once. The rest waits, and its source is paused once it is too much.
func (c *conn) send(s *h2stream, d *buffer.Chain, end bool) {
	if end {
		s.flags |= outOver
	}
	if s.queue.Len() == 0 && !s.has(parked) {
		for d.Len() > 0 {
			n := c.room(s)
			if n == 0 {
				break
			}
			n = min(n, d.Len())
			c.writeData(s, d, n, end && n == d.Len())
		}
		if end && d.Len() == 0 && !s.has(sentEnd) {
			c.writeData(s, d, 0, true)
		}
	}
	if d.Len() > 0 {
		if s.queue.Len() == 0 {
			s.sentAt = c.link.Now()
		}
		c.waiting += d.Len()
		s.queue.Move(d)
		c.schedule(s)
		c.pauseSource(s)
	}
	d.Clear()
	if s.has(sentEnd) {
		c.outputOver(s)
	}
}

// room is how many bytes of a stream's data may be sent now, in one frame.
func (c *conn) room(s *h2stream) int {
	if c.has(pressed) || c.sendWindow <= 0 || s.sendWindow <= 0 {
		return 0
	}
	return min(int(c.sendWindow), int(s.sendWindow), int(c.peer.maxFrame), maxDataFrame)
}

// contiguous is up to which length the content of a frame is copied behind its
// header: a longer one is moved, and is a piece of its own.
const contiguous = 2 << 10

// writeData writes the first n bytes of d as a frame, for which there is room.
func (c *conn) writeData(s *h2stream, d *buffer.Chain, n int, end bool) {
	flags := uint8(0)
	if end {
		flags = flagEndStream
		s.flags |= sentEnd
	}
	s.flags |= sentData
	c.sendWindow -= int32(n)
	s.sendWindow -= int32(n)
	c.budget.sent(n, n < d.Len())
	out := c.link.Out()
	if n == d.Len() && n <= contiguous {
		b := out.Reserve(frameHeaderLen + n)
		putFrameHeader(b, n, frameData, flags, s.id)
		d.AppendTo(b[frameHeaderLen:frameHeaderLen])
		out.Commit(frameHeaderLen + n)
		d.Clear()
		return
	}
	putFrameHeader(out.Reserve(frameHeaderLen), n, frameData, flags, s.id)
	out.Commit(frameHeaderLen)
	if n == d.Len() {
		out.Move(d)
	} else {
		out.MoveN(d, n)
	}
}

// schedule gives a stream whose data waits for nothing of its own a place among
// those that take turns.
func (c *conn) schedule(s *h2stream) {
	if s.queue.Len() > 0 && s.sendWindow > 0 && s.flags&(isReady|parked|dead) == 0 {
		s.flags |= isReady
		link(&c.ready, s)
	}
}

func (c *conn) unready(s *h2stream) {
	if s.has(isReady) {
		s.flags &^= isReady
		unlink(&c.ready, s)
	}
}

// pump lets the streams that wait take turns, a frame each, until the windows or the
// link take no more.
func (c *conn) pump() {
	for c.ready != nil && !c.has(closing) {
		s := c.ready
		n := min(c.room(s), s.queue.Len())
		if n == 0 {
			return
		}
		c.ready = s.next
		whole := s.has(outOver) && n == s.queue.Len()
		c.writeData(s, &s.queue, n, whole && s.trailers == nil && !s.has(cutOff))
		c.waiting -= n
		s.sentAt = c.link.Now()
		if s.queue.Len() == 0 || s.sendWindow <= 0 {
			c.unready(s)
		}
		if whole && s.trailers != nil {
			c.writeTrailers(s, &s.trailers.Header)
		}
		switch {
		case s.has(sentEnd):
			c.outputOver(s)
		case whole && s.has(cutOff):
			c.abandon(s, s.resetCode, stream.Reset{})
		default:
			c.resumeSource(s)
		}
	}
}

// hold is how much of a stream may wait before its source is paused: little, on a
// connection of a client on which much waits already.
func (c *conn) hold() int {
	if !c.has(client) && c.waiting > c.cfg.maxBuffered()/2 {
		return littleHold
	}
	return int(c.cfg.streamWindow())
}

// littleHold is enough for a stream to go on by itself once its turn comes.
const littleHold = 4 << 10

// pauseSource pauses where a stream's data comes from, if too much of it waits, or
// if the peer does not read.
func (c *conn) pauseSource(s *h2stream) {
	if s.flags&(sourcePaused|outOver|dead) != 0 || s.peer == nil {
		return
	}
	if s.queue.Len() >= c.hold() || c.has(pressed) {
		s.flags |= sourcePaused
		s.enter()
		s.peer.Pause()
		s.leave()
	}
}

// resumeSource lets it go on once half of it is gone.
func (c *conn) resumeSource(s *h2stream) {
	if !s.has(sourcePaused) || c.has(pressed) || s.queue.Len() > c.hold()/2 {
		return
	}
	s.flags &^= sourcePaused
	if s.has(outOver) || s.peer == nil {
		return
	}
	s.enter()
	s.peer.Resume()
	s.leave()
}

// pressure follows the link: while the peer does not read, what is to be sent
// waits in its stream.
func (c *conn) pressure(high bool) {
	if high == c.has(pressed) || c.has(closing) {
		return
	}
	c.flags ^= pressed
	if high {
		return
	}
	c.unread = 0
	c.pump()
	c.resumeLink()
}

package http2

import (
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// A drain has two steps, so that no request is lost that the client sent before it
// knew. Announce tells it to open no more streams, by a GOAWAY whose last stream is
// the greatest there can be, and sends a PING behind it: once that is answered, no
// request can be on its way that was sent in ignorance. Then Drain names the last
// stream, and the connection ends with it.

const (
	drainPing = "weir end"
	// drainWait is for how long the answer to the PING is waited for if nothing else
	// is to be waited for.
	drainWait = 900 * time.Millisecond
	// stalled is after how long a client that takes nothing of the last responses is
	// given up in a drain.
	stalled = 10 * time.Second
)

// NotifyDrain tells the client to send no more requests. Those that it sends all the
// same are served.
func (c *ServerConn) NotifyDrain() {
	if c.announced || c.closing() {
		return
	}
	c.announced = true
	c.announcedAt = c.now()
	if c.begun < uint8(len(preface)) {
		c.ponged = true // there is nobody to be told
		return
	}
	c.frames.goAway(maxStreamID, NoError, "")
	c.frames.ping(0, []byte(drainPing))
}

// Drain ends the connection with its last stream.
func (c *ServerConn) Drain() {
	if c.closing() {
		return
	}
	c.flags |= draining
	if c.streams.count > 0 && !c.announced {
		c.NotifyDrain()
	}
	if c.streams.live == 0 && c.streams.count > 0 && c.now()-c.moved >= int64(stalled) {
		c.lastGoAway()
		c.shut(stream.Reset{Reason: stream.TimedOut})
		return
	}
	c.drain()
}

// drain names the last stream once the client has seen that there are to be no
// more, or had the time to.
func (c *ServerConn) drain() {
	if !c.has(draining) {
		return
	}
	patient := c.streams.count > 0 || c.now()-c.announcedAt < int64(drainWait)
	if c.announced && !c.ponged && patient {
		return
	}
	if !c.has(refusing) {
		c.lastGoAway()
	}
	if c.streams.count == 0 {
		c.shut(stream.Reset{})
	}
}

func (c *ServerConn) lastGoAway() {
	c.flags |= refusing
	if c.begun == uint8(len(preface)) {
		c.frames.goAway(c.streams.lastID, NoError, "")
	}
}

// streamOver ends a connection with its last stream, if it is to.
func (c *ServerConn) streamOver() {
	if c.streams.count == 0 && c.has(draining) && !c.closing() {
		c.drain()
	}
}

// control takes the answer to the PING of a drain.
func (c *ServerConn) control(t frameType, payload []byte) *Error {
	if t == framePing && c.announced && string(payload) == drainPing {
		c.ponged = true
		c.drain()
	}
	return nil
}

// TimedOut ends a connection whose preface, or header block, is not complete in
// time.
func (c *ServerConn) TimedOut() {
	if c.closing() {
		return
	}
	if c.begun == uint8(len(preface)) {
		c.frames.goAway(c.streams.lastID, NoError, "a request did not arrive in time")
	}
	c.shut(stream.Reset{Reason: stream.TimedOut})
}

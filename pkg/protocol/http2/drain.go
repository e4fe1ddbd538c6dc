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
	if c.has(announced | closing) {
		return
	}
	c.flags |= announced
	c.announcedAt = c.link.Now()
	if c.begun < uint8(len(preface)) {
		c.flags |= ponged // there is nobody to be told
		return
	}
	c.writeGoAway(maxStreamID, NoError, "")
	out := c.link.Out()
	out.Commit(len(appendPing(out.Reserve(frameHeaderLen + 8)[:0], 0, []byte(drainPing))))
}

// Drain ends the connection with its last stream.
func (c *ServerConn) Drain() {
	if c.has(closing) {
		return
	}
	c.flags |= draining
	if c.count > 0 && !c.has(announced) {
		c.NotifyDrain()
	}
	if c.live == 0 && c.count > 0 && c.link.Now()-c.moved >= int64(stalled) {
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
	patient := c.count > 0 || c.link.Now()-c.announcedAt < int64(drainWait)
	if c.has(announced) && !c.has(ponged) && patient {
		return
	}
	if !c.has(refusing) {
		c.lastGoAway()
	}
	if c.count == 0 {
		c.shut(stream.Reset{})
	}
}

func (c *ServerConn) lastGoAway() {
	c.flags |= refusing
	if c.begun == uint8(len(preface)) {
		c.writeGoAway(c.lastID, NoError, "")
	}
}

// streamOver ends a connection with its last stream, if it is to.
func (c *ServerConn) streamOver() {
	if c.count == 0 && c.has(draining) && !c.has(closing) {
		c.drain()
	}
}

// control takes the answer to the PING of a drain.
func (c *ServerConn) control(t frameType, payload []byte) *Error {
	if t == framePing && c.has(announced) && string(payload) == drainPing {
		c.flags |= ponged
		c.drain()
	}
	return nil
}

// TimedOut ends a connection whose preface, or header block, is not complete in
// time.
func (c *ServerConn) TimedOut() {
	if c.has(closing) {
		return
	}
	if c.begun == uint8(len(preface)) {
		c.writeGoAway(c.lastID, NoError, "a request did not arrive in time")
	}
	c.shut(stream.Reset{Reason: stream.TimedOut})
}

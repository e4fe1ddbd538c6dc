package http1

import "github.com/weirproxy/weir/pkg/stream"

// maxRest bounds the rest of a request, as it goes over the wire, that is read and
// thrown away behind a response that was over first: so much costs about what a new
// connection does. How long it may take is bounded by who watches
// [stream.Discarding].
const maxRest = 256 << 10

// keepsRest reports whether the connection is to outlive a response that begins, and
// might be over, before its request. If not, the response says so.
func (c *ServerConn) keepsRest(h *stream.Head, end bool) bool {
	switch {
	case c.has(expects) && !c.has(bodyBegun):
		return false // the client may send the body or, having its answer, the next request
	case h.Status == 408:
		return false // what did not come in time is not waited for again
	case h.Status == 413 && c.state != inLength:
		return false // nobody knows how much more than too much it is
	case c.left <= maxRest:
		return true
	}
	// A response that streams may well go on until the request is over.
	return !end && c.out.framing == chunked && h.Status < 400
}

// discardRest ends a stream whose response is over before its request. What is still
// to come of the request is read by the same rules, and thrown away, so that the next
// one is found exactly behind it; or the connection ends, if it was to end anyway or
// the rest is too long.
func (c *ServerConn) discardRest() {
	cancelled := stream.Reset{Reason: stream.Cancelled}
	if c.has(mustClose|draining) || c.left > maxRest {
		c.shut(cancelled)
		return
	}
	c.flags |= discards
	c.flags &^= sinkPaused
	c.out.left = maxRest
	c.resumeLink() // a client may well send all of it before it reads anything
	sink := c.sink
	c.sink = nil
	sink.Reset(cancelled)
}

// discard throws away n bytes of the input, which were taken apart. over tells that
// the request ends with them.
func (c *ServerConn) discard(n int, over bool) {
	c.data.Clear()
	c.out.left -= int64(n)
	switch {
	case c.out.left < c.left: // or below 0
		c.shut(stream.Reset{})
	case over:
		c.drop() // its trailers
		c.finish()
	}
}

package upstream

// WriteOffset returns where in the bytes that are sent on the connection the next
// request begins, at the earliest.
func (c *Conn) WriteOffset() uint64 { return c.io.WriteOffset() }

// Undelivered tells, of a connection that is lost, that a request that began at a
// position provably did not reach the peer: nothing of it was sent; or the peer
// ended the connection, and its system had confirmed no byte of the request when
// it said so. It may be asked within the receiver's Reset, before Release.
//
// With a transport positions are those of its bytes, and of a request the earliest that
// it can have: what was not confirmed beyond it is not there.
//
// A connection that was reset proves nothing: systems confirm bytes with a delay,
// and the peer may have read what it had not confirmed yet.
func (c *Conn) Undelivered(position uint64) bool {
	if c.io.WireWritten() <= position {
		return true
	}
	if !c.fin {
		return false
	}
	d, ok := c.io.Delivery()
	return ok && d.Acked <= position
}

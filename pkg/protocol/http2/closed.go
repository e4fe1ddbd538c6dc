package http2

// closedStreams knows how streams that are over came to their end, of late: what the
// peer sends on them may have been sent before it knew, or breaks the protocol.
type closedStreams struct {
	// Streams that ended in the ordinary way, or were reset by the peer: each its
	// number, doubled, and 1 for the latter.
	ended [16]uint32
	// Streams that we reset, the oldest of which are replaced; nil before the first.
	// There are more of them, as the peer may send on them for as long as the reset is
	// on its way.
	resets []resetStream
	// strays is how much may be under way to streams that were replaced in resets.
	strays int32
	oldest uint16 // in resets, once it is full
	n      uint8  // entries written to ended, modulo its length
}

// resetStream is a stream that we reset.
type resetStream struct {
	id   uint32
	left int64 // bytes that the peer may have sent before it knew
}

const (
	keptResets = 256
	// mostStrays bounds strays: what the windows of two connections hold.
	mostStrays = 2 * DefaultConnWindow
)

// closeReason is how a stream came to its end.
type closeReason uint8

const (
	unknown closeReason = iota
	ordinary
	resetByPeer
	resetByUs
)

// add notes the end of a stream that was not reset by us.
func (c *closedStreams) add(id uint32, how closeReason) {
	entry := id << 1
	if how == resetByPeer {
		entry |= 1
	}
	c.ended[c.n%uint8(len(c.ended))] = entry
	c.n++
}

// addReset notes a stream that we reset, on which that many bytes may be under way.
func (c *closedStreams) addReset(id uint32, left int64) {
	entry := resetStream{id, left}
	if len(c.resets) < keptResets {
		c.resets = append(c.resets, entry)
		return
	}
	place := &c.resets[c.oldest]
	c.strays = int32(min(int64(c.strays)+place.left, mostStrays))
	*place = entry
	c.oldest = (c.oldest + 1) % keptResets
}

// reason returns how a stream came to its end, as far as that is remembered.
func (c *closedStreams) reason(id uint32) closeReason {
	if c.find(id) != nil {
		return resetByUs
	}
	for _, e := range c.ended {
		if e>>1 == id {
			return ordinary + closeReason(e&1)
		}
	}
	return unknown
}

// spend takes n bytes of what may be under way to a stream that was reset by us, or
// of whose end nothing is known. It reports false if it cannot be so much.
func (c *closedStreams) spend(id uint32, n int64) bool {
	r := c.find(id)
	switch {
	case r != nil && n <= r.left:
		r.left -= n
	case r == nil && n <= int64(c.strays):
		c.strays -= int32(n)
	default:
		return false
	}
	return true
}

func (c *closedStreams) find(id uint32) *resetStream {
	for i := range c.resets {
		if c.resets[i].id == id {
			return &c.resets[i]
		}
	}
	return nil
}

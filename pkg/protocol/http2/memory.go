package http2

// memory knows how streams that are over came to their end, of late: what the peer
// sends on them may have been sent before it knew, or breaks the protocol.
type memory struct {
	// Streams that ended in the ordinary way, or were reset by the peer: each its
	// number, doubled, and 1 for the latter.
	ended [16]uint32
	// Streams that we reset, the oldest of which are replaced; nil before the first.
	// There are more of them, as the peer may send on them for as long as the reset is
	// on its way.
	resets []resetStream
	// strays is how much may be under way to streams that were replaced in resets.
	strays int64
	n      uint8  // entries written to ended, modulo its length
	oldest uint16 // in resets, once it is full
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

// fate is how a stream came to its end.
type fate uint8

const (
	unknown fate = iota
	ordinary
	resetByPeer
	resetByUs
)

// add notes the end of a stream that was not reset by us.
func (m *memory) add(id uint32, how fate) {
	entry := id << 1
	if how == resetByPeer {
		entry |= 1
	}
	m.ended[m.n%uint8(len(m.ended))] = entry
	m.n++
}

// addReset notes a stream that we reset, on which that many bytes may be under way.
func (m *memory) addReset(id uint32, left int64) {
	entry := resetStream{id, left}
	if len(m.resets) < keptResets {
		m.resets = append(m.resets, entry)
		return
	}
	place := &m.resets[m.oldest]
	m.strays = min(m.strays+place.left, mostStrays)
	*place = entry
	m.oldest = (m.oldest + 1) % keptResets
}

// fate returns how a stream came to its end, as far as that is remembered.
func (m *memory) fate(id uint32) fate {
	if m.find(id) != nil {
		return resetByUs
	}
	for _, e := range m.ended {
		if e>>1 == id {
			return ordinary + fate(e&1)
		}
	}
	return unknown
}

// spend takes n bytes of what may be under way to a stream that was reset by us, or
// whose fate is not known. It reports false if it cannot be so much.
func (m *memory) spend(id uint32, n int64) bool {
	left := &m.strays
	if r := m.find(id); r != nil {
		left = &r.left
	}
	if n > *left {
		return false
	}
	*left -= n
	return true
}

func (m *memory) find(id uint32) *resetStream {
	for i := range m.resets {
		if m.resets[i].id == id {
			return &m.resets[i]
		}
	}
	return nil
}

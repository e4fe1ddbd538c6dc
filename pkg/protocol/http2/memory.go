package http2

// memory knows how streams that are over came to their end, of late: what the peer
// sends on them may have been sent before it knew, or breaks the protocol.
type memory struct {
	// Streams that ended in the ordinary way, or were reset by the peer: each its
	// number, doubled, and 1 for the latter.
	ended [16]uint32
	// Streams that we reset; nil before the first. There are more of them, as the peer
	// may send on them for as long as the reset is on its way.
	reset *[64]uint32
	n, r  uint8 // entries written, modulo the lengths
}

// fate is how a stream came to its end.
type fate uint8

const (
	unknown fate = iota
	ordinary
	resetByPeer
	resetByUs
)

// add notes the end of a stream.
func (m *memory) add(id uint32, how fate) {
	switch how {
	case resetByUs:
		if m.reset == nil {
			m.reset = new([64]uint32)
		}
		m.reset[m.r%uint8(len(m.reset))] = id
		m.r++
	case resetByPeer:
		m.put(id<<1 | 1)
	default:
		m.put(id << 1)
	}
}

func (m *memory) put(entry uint32) {
	m.ended[m.n%uint8(len(m.ended))] = entry
	m.n++
}

// fate returns how a stream came to its end, as far as that is remembered.
func (m *memory) fate(id uint32) fate {
	if m.reset != nil {
		for _, r := range m.reset {
			if r == id {
				return resetByUs
			}
		}
	}
	for _, e := range m.ended {
		if e>>1 == id {
			return ordinary + fate(e&1)
		}
	}
	return unknown
}

package h2

import "golang.org/x/net/http2/hpack"

// heading is a head that is sent many times on a connection: as soon as the peer's table has all its fields, it is the same bytes.
type heading struct {
	fields []hpack.HeaderField
	block  []byte
	table  int // the one that block is right for
}

// newHeading makes one of names and values.
func newHeading(pairs ...string) heading {
	var h heading
	for i := 0; i < len(pairs); i += 2 {
		h.fields = append(h.fields, hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return h
}

// sendHead appends a head.
func (c *conn) sendHead(id uint32, h *heading, end bool) {
	if h.table != c.table {
		c.encoded.Reset()
		for _, f := range h.fields {
			_ = c.encoder.WriteField(f) // the buffer takes everything
		}
		h.block = append(h.block[:0], c.encoded.Bytes()...)
		if allIndexed(h.block) {
			h.table = c.table
		} else {
			c.table++ // it has new fields, and indices are others
		}
	}
	flags := uint8(flagEndBlock)
	if end {
		flags |= flagEnd
	}
	c.out = appendFrame(c.out, kindHeaders, flags, id, h.block)
}

// allIndexed says whether a block only refers to tables.
func allIndexed(block []byte) bool {
	const indexed, most = 0x80, 0x7f
	for i := 0; i < len(block); i++ {
		if block[i]&indexed == 0 {
			return false
		}
		if block[i]&most != most {
			continue
		}
		for i++; i < len(block) && block[i]&indexed != 0; i++ { // the rest of a large index
		}
	}
	return true
}

// outflow is what was sent on a stream, and what the peer gave credit for besides the first window.
type outflow struct{ sent, credit int64 }

// sendData appends as much of b as may be sent, in frames, and returns how much that is. The last frame ends the stream if that is
// asked for and nothing is left.
func (c *conn) sendData(id uint32, o *outflow, b []byte, end bool) int {
	n := 0
	for n < len(b) {
		size := int(min(c.room, c.window+o.credit-o.sent, maxFrame, int64(len(b)-n)))
		if size <= 0 {
			return n
		}
		flags := uint8(0)
		if end && n+size == len(b) {
			flags = flagEnd
		}
		c.out = appendFrame(c.out, kindData, flags, id, b[n:n+size])
		c.room -= int64(size)
		o.sent += int64(size)
		n += size
	}
	return n
}

// inflow is what came on a stream and was not given credit for.
type inflow int

// credit counts what came, and gives credit for it when it is much.
func (c *conn) credit(id uint32, in *inflow, n int) {
	if *in += inflow(n); *in >= window/2 {
		c.out = appendNumbers(c.out, kindWindow, id, uint32(*in))
		*in = 0
	}
}

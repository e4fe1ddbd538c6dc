package h2

import "bytes"

// period is a prime, so that bytes that come at the wrong place are seen whatever the sizes of buffers are.
const period = 65521

// pattern is what large streams carry: bytes that tell where they belong. It is long enough for a frame to begin anywhere in its
// first period.
type pattern []byte

func newPattern() pattern {
	p := make(pattern, period+maxFrame)
	n := uint32(1)
	for i := range period {
		n = n*1664525 + 1013904223
		p[i] = byte(n >> 24)
	}
	copy(p[period:], p)
	return p
}

// at is a frame's worth of the bytes from an offset on.
func (p pattern) at(offset int64) []byte {
	from := offset % period
	return p[from : from+maxFrame]
}

// right says whether b are the bytes from an offset on.
func (p pattern) right(b []byte, offset int64) bool {
	return len(b) <= maxFrame && bytes.Equal(b, p.at(offset)[:len(b)])
}

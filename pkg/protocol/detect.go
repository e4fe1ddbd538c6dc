package protocol

import "slices"

// Detector tells which of some protocols a connection speaks. It does no I/O and
// never changes, so that any number of goroutines may share one.
type Detector struct {
	protocols []*Protocol
}

// NewDetector returns a detector of some protocols, the preferred ones first.
// Those without a Match are left out: they are never detected.
func NewDetector(ps []*Protocol) *Detector {
	ps = slices.Clone(ps)
	return &Detector{slices.DeleteFunc(ps, func(p *Protocol) bool { return p.Match == nil })}
}

// Detect returns the protocol of a connection from b, all the bytes that have come
// so far, which it does not keep. The answer is final with Yes and No, which says
// that no protocol is possible; it is never More from [MaxSignature] bytes on, and
// does not depend on how the bytes came in pieces. Detect does not allocate.
//
// Of several protocols that say Yes the one with the longest signature is meant:
// who asks for "PRI * HTTP/2.0" speaks HTTP/2, although PRI could be a method of
// HTTP/1. A Yes is therefore held back as long as another protocol says More, as
// that one's signature can only turn out longer. The order of the list decides
// between signatures of one length.
func (d *Detector) Detect(b []byte) (*Protocol, Verdict) {
	if len(b) == 0 {
		return nil, More
	}
	b = b[:min(len(b), MaxSignature)]
	var found *Protocol
	undecided := false
	for _, p := range d.protocols {
		switch p.Match(b) {
		case More:
			undecided = true
		case Yes:
			if found == nil || signature(p, b) > signature(found, b) {
				found = p
			}
		}
	}
	switch {
	case undecided && len(b) < MaxSignature:
		return nil, More
	case found == nil:
		return nil, No
	}
	return found, Yes
}

// signature returns how many bytes of b protocol p needed to say Yes to b. It is
// only asked about bytes that two protocols claim, which is rare.
func signature(p *Protocol, b []byte) int {
	for n := 1; n < len(b); n++ {
		if p.Match(b[:n]) == Yes {
			return n
		}
	}
	return len(b)
}

package protocol

// Verdict is what the first bytes of a connection say about a protocol.
type Verdict uint8

const (
	// More: the bytes may begin the protocol, and do not suffice to tell.
	More Verdict = iota
	// No: whatever follows, it is not this protocol.
	No
	// Yes: it is this protocol.
	Yes
)

// Match tells whether a connection whose first bytes are b speaks a protocol. It
// says No at the first byte that is impossible, and decides within [MaxSignature]
// bytes. b is lent for the call and never empty.
type Match func(b []byte) Verdict

// MaxSignature is the number of bytes within which every Match decides: the
// connection preface of HTTP/2 is the longest signature.
const MaxSignature = 24

// MatchPrefix returns the verdict on a signature whose bytes are fixed.
func MatchPrefix(b []byte, signature string) Verdict {
	n := min(len(b), len(signature))
	switch {
	case string(b[:n]) != signature[:n]:
		return No
	case n < len(signature):
		return More
	}
	return Yes
}

package protocol

import "slices"

// Signature is the first bytes by which a protocol is told. Those that this build
// does not speak are listed as well, so that what a new protocol claims is checked
// against all of them.
type Signature struct {
	// Name as documentation spells it.
	Name string
	// Pattern is the first bytes as documentation shows them: one item for each, in
	// hexadecimal, as a list, a range, ?? for any, or quoted text for several.
	Pattern string
	// Match tells it; never nil.
	Match Match
}

// Signatures returns the signatures that this package knows, in an order of no
// meaning. Protocols that have a package of their own bring their Match along.
func Signatures() []Signature { return slices.Clone(signatures) }

// The lengths in front of frames are taken for such only below 16 MiB, so their
// first byte is 00. No client opens with more, and larger ones would be taken out
// of the first bytes of others: a TLS record of 384 bytes with the right content
// is a call of framed Thrift of 352 MiB.
//
// Only what clients begin with is claimed: calls, not replies.
var signatures = []Signature{
	// RFC 9112, with an empty line or without.
	{Name: "HTTP/1", Pattern: `[0d 0a] method 20`, Match: MatchHTTP1},
	{Name: "HTTP/2", Pattern: `"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"`, Match: MatchHTTP2},
	// A handshake record of SSL 3.0 to TLS 1.3, of about 16 KiB at most, with a client hello.
	made("TLS", `16 03 00-04 00-40 ?? 01`),
	// The first version goes on with TCP4, TCP6 or UNKNOWN, where a request of a
	// method PROXY has a path.
	made("PROXY protocol 1", `"PROXY " 54,55`),
	made("PROXY protocol 2", `"\r\n\r\n\x00\r\nQUIT\n"`),
	// Version, direction, serialization, way of calling, reserved.
	made("TR", `0d 00-01 01-04 00-02 00`),
	// Magic, kind of message, then version and status.
	made("Motan 1", `f1 f1 00 00-01`),
	made("Motan 2", `f1 f1 00-1f 08-09`),
	// Version and kind of message: call or oneway.
	made("Thrift binary", `80 01 00 01,04`),
	made("Thrift compact", `82 21,81`),
	made("Thrift framed binary", `00 ?? ?? ?? 80 01 00 01,04`),
	made("Thrift framed compact", `00 ?? ?? ?? 82 21,81`),
	// Length, magic.
	made("THeader", `00 ?? ?? ?? 0f ff`),
	made("TTHeader", `00 ?? ?? ?? 10 00`),
	made("Dubbo Thrift", `00 ?? ?? ?? da bc`),
	// Length, then a field of tag 1 that is one byte: the version.
	made("Tars", `00 ?? ?? ?? 10 01-05`),
	made("bRPC", `"PRPC"`),
	// An array and its number of elements; inline commands are not told from text.
	made("Redis", `"*" 30-39`),
	// A client that waits for its server's greeting shows by sending nothing.
	{Name: "MySQL, SMTP and others whose server speaks first", Pattern: ``, Match: matchNone},
}

func made(name, pattern string) Signature {
	return Signature{Name: name, Pattern: pattern, Match: compile(pattern)}
}

func matchNone([]byte) Verdict { return No }

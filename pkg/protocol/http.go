package protocol

import "strings"

// preface begins every HTTP/2 connection whose client knows that the server speaks
// it (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// MatchHTTP2 tells HTTP/2 with prior knowledge by its connection preface.
func MatchHTTP2(b []byte) Verdict { return MatchPrefix(b, preface) }

// MatchHTTP1 tells HTTP/1 by a method and the space behind it. A method is any
// token of RFC 9110, for there are more of them than are registered, as long as
// its space comes within [MaxSignature] bytes; the longest that is registered has
// 17. One empty line may precede the request, as RFC 9112 wants it: its CR cannot
// be mistaken, since TR, which has 0d in front too, goes on with 00 or 01, and the
// PROXY protocol's second version with a second CR LF.
func MatchHTTP1(b []byte) Verdict {
	start := 0
	if b[0] == '\r' {
		if v := MatchPrefix(b, "\r\n"); v != Yes {
			return v
		}
		start = 2
	}
	for i := start; i < min(len(b), MaxSignature); i++ {
		switch {
		case b[i] == ' ' && i > start:
			return Yes
		case !inToken(b[i]), i == MaxSignature-1:
			return No
		}
	}
	return More
}

// inToken tells whether c is a tchar of RFC 9110, section 5.6.2.
func inToken(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

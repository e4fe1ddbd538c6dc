package httprule

import "github.com/weirproxy/weir/pkg/stream"

// keptNames can not be removed by listing them in Connection: a client would
// otherwise take away what says who it is, where the request goes, or how its
// body is to be read.
var keptNames = [...]string{
	"Authorization", "Proxy-Authorization", "Set-Cookie", "Cache-Control", "Forwarded",
	"X-Real-Ip", "Range", "Origin", "Traceparent", "Tracestate", "Age", "Allow",
	"WWW-Authenticate", "Location", "Vary",
}

// Protected tells whether a name that Connection lists is to stay nevertheless.
func Protected(name []byte) bool {
	switch stream.IDOf(name) {
	case stream.Other:
	case stream.Connection, stream.Upgrade:
		// They have rules of their own, and an accepted upgrade needs the field.
		return true
	case stream.Trailer, stream.UserAgent, stream.Server, stream.Date, stream.HTTP2Settings:
		return false
	default:
		return true
	}
	return oneOf(name, keptNames[:]) || framingPrefix(name)
}

func oneOf(name []byte, names []string) bool {
	for _, n := range names {
		if stream.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// framingPrefix tells the families of names that describe the body or the hops
// the message took.
func framingPrefix(name []byte) bool {
	return HasPrefixFold(name, "content-") || HasPrefixFold(name, "x-forwarded-") ||
		HasPrefixFold(name, "proxy-") || HasPrefixFold(name, "transfer-")
}

// HasPrefixFold tells whether a name begins with a prefix, without regard to case.
func HasPrefixFold(name []byte, prefix string) bool {
	return len(name) >= len(prefix) && stream.EqualFold(name[:len(prefix)], prefix)
}

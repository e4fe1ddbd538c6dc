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

// headOnly are the names that mean something only in a head: in trailers, which
// come when the message was already routed, authorised and passed on, they could
// only deceive whoever merges the two.
var headOnly = [...]string{
	"Authorization", "WWW-Authenticate", "Set-Cookie", "Forwarded", "X-Real-Ip",
	"Cache-Control", "Pragma", "Age", "Expires", "Vary", "Location", "Retry-After",
	"Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
	"If-Range", "Max-Forwards", "Warning", "Origin", "HTTP2-Settings", "Accept-Encoding",
	"Allow", "Refresh", "Status", "Authentication-Info", "Traceparent",
}

// AllowedInTrailers tells whether a trailer is passed on; id is that of its name.
func AllowedInTrailers(id stream.ID, name []byte) bool {
	return id == stream.Other && !oneOf(name, headOnly[:]) && !framingPrefix(name)
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

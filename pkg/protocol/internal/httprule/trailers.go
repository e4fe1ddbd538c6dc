package httprule

import "github.com/weirproxy/weir/pkg/stream"

// AllowedInTrailers reports whether a trailer is passed on; id is that of its name.
//
// Trailers come when the message was already framed, routed, authorised and passed
// on. One that would have had a say in that could only deceive whoever merges
// trailers with the head. Everything else is the peers' own: the metadata of a gRPC
// call may have any name.
func AllowedInTrailers(id stream.ID, name []byte) bool {
	switch id {
	case stream.Date, stream.Server, stream.UserAgent, stream.Via, stream.XRequestID:
		return true
	case stream.Other:
		return len(name) > 0 && !oneOf(name, headOnly[:]) && !headOnlyFamily(name)
	}
	return false // the names that weir looks at itself, each of them for one of the reasons below
}

// headOnly are the names that mean something only in a head, besides those with a
// [stream.ID].
var headOnly = [...]string{
	// They say how the content is to be read, which was read by then.
	"Content-Encoding",
	"Content-Range",

	// They say where the request goes, or where requests go from now on.
	"Max-Forwards",
	"X-HTTP-Method-Override",
	"X-Original-URL",
	"X-Rewrite-URL",
	"Alt-Svc",

	// They say who sends the request, or from where.
	"Authorization",
	"Forwarded",
	"Origin",
	"X-Real-IP",

	// They say who the peer is from now on, or has to show that it is.
	"Set-Cookie",
	"WWW-Authenticate",

	// They say to whom else a cache may give the response.
	"Cache-Control",
	"Expires",
}

// headOnlyFamily reports whether a name is of a family that means something only in a
// head.
func headOnlyFamily(name []byte) bool {
	switch name[0] | 0x20 {
	case 'a': // which sites may read the response
		return HasPrefixFold(name, "access-control-")
	case 'p': // who may use a proxy; but what a proxy has to say of the message may come behind it (RFC 9209)
		return HasPrefixFold(name, "proxy-") && !stream.EqualFold(name, "Proxy-Status")
	case 'x': // where the request comes from; what weir itself is to do with it
		return HasPrefixFold(name, "x-forwarded-") || HasPrefixFold(name, "x-mosn-")
	}
	return false
}

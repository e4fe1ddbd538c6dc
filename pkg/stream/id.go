package stream

// ID is a header name that weir itself looks at. Names are recognised once, when
// a field is added, so that asking for one later compares small numbers.
type ID uint8

// The well-known names.
const (
	Other ID = iota
	Connection
	ContentLength
	ContentType
	Cookie
	Date
	Expect
	Host
	HTTP2Settings
	KeepAlive
	ProxyConnection
	Server
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	Via
	XForwardedFor
	XForwardedProto
	XRequestID
	numIDs
)

var idNames = [numIDs]string{
	Connection:       "Connection",
	ContentLength:    "Content-Length",
	ContentType:      "Content-Type",
	Cookie:           "Cookie",
	Date:             "Date",
	Expect:           "Expect",
	Host:             "Host",
	HTTP2Settings:    "HTTP2-Settings",
	KeepAlive:        "Keep-Alive",
	ProxyConnection:  "Proxy-Connection",
	Server:           "Server",
	TE:               "TE",
	Trailer:          "Trailer",
	TransferEncoding: "Transfer-Encoding",
	Upgrade:          "Upgrade",
	UserAgent:        "User-Agent",
	Via:              "Via",
	XForwardedFor:    "X-Forwarded-For",
	XForwardedProto:  "X-Forwarded-Proto",
	XRequestID:       "X-Request-Id",
}

// String returns the name in its usual spelling, "" for Other.
func (id ID) String() string {
	if id >= numIDs {
		return ""
	}
	return idNames[id]
}

// IDOf returns the ID of a name in any case, Other if it is none of them.
func IDOf[T text](name T) ID {
	if len(name) < 2 {
		return Other
	}
	id := candidate(len(name), name[0]|0x20)
	if id == Other || string(name) != idNames[id] && !EqualFold(name, idNames[id]) {
		return Other
	}
	return id
}

// candidate is the one well-known name that a length and a first letter leave.
func candidate(n int, first byte) ID {
	switch first {
	case 'c':
		switch n {
		case 6:
			return Cookie
		case 10:
			return Connection
		case 12:
			return ContentType
		case 14:
			return ContentLength
		}
	case 'd':
		return Date
	case 'e':
		return Expect
	case 'h':
		switch n {
		case 4:
			return Host
		case 14:
			return HTTP2Settings
		}
	case 'k':
		return KeepAlive
	case 'p':
		return ProxyConnection
	case 's':
		return Server
	case 't':
		switch n {
		case 2:
			return TE
		case 7:
			return Trailer
		case 17:
			return TransferEncoding
		}
	case 'u':
		switch n {
		case 7:
			return Upgrade
		case 10:
			return UserAgent
		}
	case 'v':
		return Via
	case 'x':
		switch n {
		case 12:
			return XRequestID
		case 15:
			return XForwardedFor
		case 17:
			return XForwardedProto
		}
	}
	return Other
}

// EqualFold compares two names without regard to ASCII case.
func EqualFold[A, B text](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && lower(x) != lower(y) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

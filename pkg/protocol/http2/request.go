package http2

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// requestPseudo takes a pseudo-header of a request.
func (r *fieldReader) requestPseudo(f *hpack.Field) *Error {
	switch string(f.Name) {
	case ":method":
		if !r.once(seenMethod) {
			return ErrPseudo
		}
		if !validToken(f.Value) {
			return ErrMethod
		}
		r.head.SetMethod(f.Value)
	case ":scheme":
		if !r.once(seenScheme) {
			return ErrPseudo
		}
		if !stream.EqualFold(f.Value, "http") && !stream.EqualFold(f.Value, "https") {
			return ErrScheme
		}
	case ":path":
		if !r.once(seenPath) {
			return ErrPseudo
		}
		if !validTarget(f.Value) {
			return ErrPath
		}
		r.head.SetPath(f.Value)
	case ":authority":
		if !r.once(seenAuthority) {
			return ErrPseudo
		}
		auth, upper, ok := httprule.Authority(f.Value)
		if !ok {
			return ErrAuthority
		}
		httprule.SetAuthority(r.head, auth, upper)
	case ":protocol":
		if !r.cfg.upgrades() || !r.once(seenProtocol) {
			return ErrPseudo
		}
		if !validToken(f.Value) {
			return ErrProtocol
		}
		r.protocol = append(r.protocol, f.Value...)
	default:
		return ErrPseudo
	}
	return nil
}

// host takes a Host field: it says the same as :authority, or stands for it.
func (r *fieldReader) host(value []byte) *Error {
	if !r.once(seenHost) {
		return ErrAuthority
	}
	auth, upper, ok := httprule.Authority(value)
	switch {
	case !ok:
		return ErrAuthority
	case r.has(seenAuthority):
		if !stream.EqualFold(auth, r.head.Authority()) {
			return ErrAuthority
		}
		return nil
	}
	httprule.SetAuthority(r.head, auth, upper)
	return nil
}

// request looks at a request's head as a whole. end tells that it has no body. A
// request that is well-formed but for what weir takes is refused by an answer.
func (r *fieldReader) request(end bool) (*refusal, *Error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.tooLarge {
		return errLongHeader, nil
	}
	h := r.head
	h.Minor = 1
	h.SetScheme(r.cfg.scheme())
	if string(h.Method()) == "CONNECT" {
		return r.connect()
	}
	const all = seenMethod | seenScheme | seenPath
	switch {
	case r.seen&(all|seenProtocol) != all:
		return nil, ErrPseudo
	case !r.has(seenAuthority | seenHost):
		return nil, ErrAuthority
	case h.Path()[0] != '/' && (string(h.Path()) != "*" || string(h.Method()) != "OPTIONS"):
		return nil, ErrPath
	case end && h.ContentLength > 0:
		return nil, ErrLength
	case r.has(badExpect):
		return errExpectation, nil
	case r.cfg.MaxBody > 0 && h.ContentLength > r.cfg.MaxBody:
		return errLongBody, nil
	}
	if end {
		h.ContentLength = 0
	}
	return nil, nil
}

// connect looks at the head of a CONNECT, plain or extended (RFC 8441).
func (r *fieldReader) connect() (*refusal, *Error) {
	h := r.head
	target := r.seen & (seenScheme | seenPath)
	switch {
	case r.has(seenProtocol):
		if target != seenScheme|seenPath || h.Path()[0] != '/' {
			return nil, ErrPseudo
		}
	case target != 0:
		return nil, ErrPseudo
	}
	if !r.has(seenAuthority) && (!r.has(seenProtocol) || !r.has(seenHost)) {
		return nil, ErrAuthority
	}
	if r.has(seenLength) && h.ContentLength != 0 {
		return nil, ErrContentLength
	}
	h.Opaque = true
	h.ContentLength = 0
	if r.has(seenProtocol) {
		if !r.cfg.upgrade(r.protocol) {
			return errOtherProtocols, nil
		}
		r.asUpgrade()
		return nil, nil
	}
	if !r.cfg.AllowConnect {
		return errNoConnect, nil
	}
	auth := h.Authority()
	if bytes.IndexByte(auth[bytes.IndexByte(auth, ']')+1:], ':') < 0 {
		return nil, ErrAuthority
	}
	return nil, nil
}

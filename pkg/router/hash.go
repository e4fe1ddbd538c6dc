package router

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// hashPolicy is one thing that requests are hashed by.
type hashPolicy struct {
	kind   hashKind
	header headerName // a header, or metadata
	cookie *cookie
	param  string
}

type hashKind uint8

const (
	byAddress hashKind = iota // the downstream's, without its port
	byHeader
	byCookie
	byParam
	byService
	byMethod // the service and the method
)

type cookie struct {
	name, attributes string
}

// Hash returns a number that is the same for requests that belong together, on
// every worker, in every process and version; false if the request has nothing of
// what it is to be hashed by. Of the route's hash_policy, the first entry that the
// request has a value for counts, alone; a route without any hashes by the
// downstream's address. Of a value that is given several times, the first counts. An
// address is hashed without its port, and the same whether it came in as IPv4 or as
// IPv6.
//
// If newCookie is true, the request lacks the cookie it is hashed by: draw, a
// random number, takes its place, and the response must get the Set-Cookie field
// that [Route.AppendCookie] makes of the same draw.
func (rt *Route) Hash(r *Request, draw uint64) (sum uint64, newCookie, ok bool) {
	if len(rt.hash) == 0 {
		sum, ok = hashAddress(r.Info)
		return sum, false, ok
	}
	for i := range rt.hash {
		p := &rt.hash[i]
		if p.kind == byCookie {
			if value, ok := cookieValue(r.Head, p.cookie.name); ok {
				return hashBytes(value), false, true
			}
			var value [16]byte
			return hashBytes(appendHex(value[:0], draw)), true, true
		}
		if sum, ok := p.hash(r); ok {
			return sum, false, true
		}
	}
	return 0, false, false
}

// hash hashes a request by anything but a cookie, which alone is there always.
func (p *hashPolicy) hash(r *Request) (sum uint64, ok bool) {
	switch p.kind {
	case byHeader:
		value, ok := p.header.get(r)
		return hashBytes(value), ok
	case byParam:
		value, ok := r.param(p.param)
		return hashBytes(value), ok
	case byService:
		service, ok := r.Head.Attribute(stream.Service)
		return hashBytes(service), ok
	case byMethod:
		return hashCall(r.Head)
	default:
		return hashAddress(r.Info)
	}
}

// AppendCookie appends the value of a Set-Cookie field; nothing if the route does
// not hash by a cookie.
func (rt *Route) AppendCookie(dst []byte, draw uint64) []byte {
	for i := range rt.hash {
		if c := rt.hash[i].cookie; c != nil {
			dst = append(append(dst, c.name...), '=')
			return append(appendHex(dst, draw), c.attributes...)
		}
	}
	return dst
}

func (c *compiler) hashPolicies(a *config.RouteAction) []hashPolicy {
	var all []hashPolicy
	for i := range a.HashPolicy {
		switch conf := &a.HashPolicy[i]; {
		case conf.Header != nil:
			all = append(all, hashPolicy{kind: byHeader, header: headerNameOf(conf.Header.Key)})
		case conf.Metadata != nil:
			name := headerNameOf(conf.Metadata.Key)
			name.method = false // a key like any other
			all = append(all, hashPolicy{kind: byHeader, header: name})
		case conf.Cookie != nil:
			all = append(all, hashPolicy{kind: byCookie, cookie: c.cookie(conf.Cookie)})
		case conf.QueryParameter != nil:
			all = append(all, hashPolicy{kind: byParam, param: conf.QueryParameter.Name})
		case conf.Service != nil && conf.Service.Method:
			all = append(all, hashPolicy{kind: byMethod})
		case conf.Service != nil:
			all = append(all, hashPolicy{kind: byService})
		case conf.SourceIP != nil:
			all = append(all, hashPolicy{kind: byAddress})
		}
	}
	return all
}

func (c *compiler) cookie(conf *config.CookieHashPolicy) *cookie {
	var b strings.Builder
	if strings.ContainsFunc(conf.Path, func(r rune) bool { return r < ' ' || r == ';' || r > '~' }) {
		c.errorf(conf.At("path"), "%q is not a cookie's path", conf.Path)
	} else if conf.Path != "" {
		b.WriteString("; Path=" + conf.Path)
	}
	if conf.TTL > 0 {
		b.WriteString("; Max-Age=" + strconv.FormatInt(max(1, int64(conf.TTL/time.Second)), 10))
	}
	b.WriteString("; HttpOnly")
	return &cookie{name: conf.Name, attributes: b.String()}
}

// cookieValue returns the value of the first cookie of a name.
func cookieValue(h *stream.Head, name string) ([]byte, bool) {
	for i := range h.Len() {
		if h.IDAt(i) != stream.Cookie {
			continue
		}
		_, rest := h.At(i)
		for len(rest) > 0 {
			var one []byte
			one, rest, _ = bytes.Cut(rest, []byte(";"))
			key, value, ok := bytes.Cut(bytes.TrimLeft(one, " \t"), []byte("="))
			if ok && string(key) == name {
				return bytes.TrimRight(value, " \t"), true
			}
		}
	}
	return nil, false
}

func hashAddress(in *stream.Info) (uint64, bool) {
	if in == nil || !in.DownstreamRemote().IsValid() {
		return 0, false
	}
	// An IPv4 address that came in through an IPv6 socket is the same address.
	a := in.DownstreamRemote().Addr().As16()
	return hashBytes(a[:]), true
}

// hashCall hashes what is called as SERVICE/METHOD.
func hashCall(h *stream.Head) (uint64, bool) {
	service, ok := h.Attribute(stream.Service)
	method, _ := h.Attribute(stream.Method)
	sum := fnv(fnvOffset, service)
	sum = fnv(sum, []byte{'/'})
	return mix(fnv(sum, method)), ok
}

// hashBytes is FNV-1a, finished with the mixer of MurmurHash3 so that short
// values that differ little spread over all 64 bits.
func hashBytes(b []byte) uint64 { return mix(fnv(fnvOffset, b)) }

const fnvOffset = 14695981039346656037

func fnv(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// appendHex appends 16 hexadecimal digits.
func appendHex(dst []byte, v uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[v>>shift&15])
	}
	return dst
}

package proxy

import (
	"bytes"
	"net/netip"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// aim takes note of what the choice of a host depends on: of the request as the
// filters left it, before the route rewrites it.
func (s *activeStream) aim() {
	if s.cluster.Hashes() {
		draw := s.w.rng.Uint64()
		sum, lacks, ok := s.route.Hash(&s.w.request, draw)
		s.choice.Hash, s.choice.Hashed = sum, ok
		if lacks && s.req.RPC.Kind == stream.KindHTTP {
			s.flags |= newCookie
			s.draw = draw
		}
	}
	if header, ok := s.cluster.WantsDestination(); ok {
		s.choice.Destination = s.destination(header)
	}
}

// destination returns where the request was meant to go, not valid if that is not
// known: what a header says, or, if that is "", the connection.
func (s *activeStream) destination(header string) netip.AddrPort {
	switch header {
	case "":
		return s.conn.originalDst()
	case "host":
		return parseAddrPort(s.req.Authority())
	}
	value, _ := s.req.Get(header)
	return parseAddrPort(value)
}

// originalDst returns where the client meant its connection to go, not valid if that
// is the listener: weir would send its requests to itself, again and again.
func (c *downConn) originalDst() netip.AddrPort {
	at, own := c.l.worker.OriginalDst(c.io), c.l.Local
	if at.Port() == own.Port() && (own.Addr().IsUnspecified() || at.Addr().Unmap() == own.Addr().Unmap()) {
		return netip.AddrPort{}
	}
	return at
}

// pick chooses a host, nil if there is none; for another try one that was not
// tried, if there is one.
func (s *activeStream) pick() *upstream.Host {
	ch := &s.choice
	if n := s.past.ntried; n > 0 {
		ch.Tried = s.past.tried[:n]
		if p := s.policy(); p != nil {
			ch.AvoidZone, ch.AvoidPriority = p.AvoidZone, p.AvoidPriority
		}
	}
	return s.cluster.Pick(ch)
}

// setCookie makes the client send the cookie with its next requests that this one
// was hashed by.
func (s *activeStream) setCookie() {
	b := s.route.AppendCookie(s.w.scratch[:0], s.draw)
	s.w.scratch = b[:0]
	if len(b) > 0 {
		s.resp.AddBytes([]byte("Set-Cookie"), b)
	}
}

// parseAddrPort reads IP:PORT, without memory for what is IPv4. The result is not
// valid if it is something else.
func parseAddrPort(b []byte) netip.AddrPort {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return netip.AddrPort{}
	}
	port, ok := parseNumber(b[i+1:], 1<<16-1)
	if !ok {
		return netip.AddrPort{}
	}
	if v4, ok := parseIPv4(b[:i]); ok {
		return netip.AddrPortFrom(netip.AddrFrom4(v4), uint16(port))
	}
	at, err := netip.ParseAddrPort(string(b))
	if err != nil {
		return netip.AddrPort{}
	}
	return at
}

func parseIPv4(b []byte) (v4 [4]byte, ok bool) {
	for i := range v4 {
		part := b
		if i < 3 {
			dot := bytes.IndexByte(b, '.')
			if dot < 0 {
				return v4, false
			}
			part, b = b[:dot], b[dot+1:]
		}
		n, ok := parseNumber(part, 255)
		if !ok {
			return v4, false
		}
		v4[i] = byte(n)
	}
	return v4, true
}

// parseNumber reads a decimal number without leading zeros.
func parseNumber(b []byte, most int) (n int, ok bool) {
	if len(b) == 0 || len(b) > 5 || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= most
}

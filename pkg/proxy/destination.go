package proxy

import (
	"bytes"
	"net/netip"
)

// originalDst returns where the client meant its connection to go, not valid if that
// is the listener: weir would send its requests to itself, again and again.
func (c *downConn) originalDst() netip.AddrPort {
	at, own := c.l.worker.OriginalDst(c.io), c.l.Shared.Local
	if at.Port() == own.Port() && (own.Addr().IsUnspecified() || at.Addr().Unmap() == own.Addr().Unmap()) {
		return netip.AddrPort{}
	}
	return at
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

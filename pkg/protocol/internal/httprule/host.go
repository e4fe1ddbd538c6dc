package httprule

import "github.com/weirproxy/weir/pkg/stream"

// MaxHost is the 255 bytes of a host name, with a colon and a port.
const MaxHost = 255 + 6

// Classes of bytes.
const (
	inHost  = 1 << iota // a registered name or an IPv4 address, '%' apart
	isHex               // a hexadecimal digit
	isUpper             // a capital letter
)

var classes = classify()

func classify() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		alpha := 'a' <= b|0x20 && b|0x20 <= 'z'
		digit := '0' <= b && b <= '9'
		if alpha || digit {
			t[c] |= inHost
		}
		if digit || 'a' <= b|0x20 && b|0x20 <= 'f' {
			t[c] |= isHex
		}
		if 'A' <= b && b <= 'Z' {
			t[c] |= isUpper
		}
	}
	for _, b := range []byte("-._~!$&'()*+,;=") {
		t[b] |= inHost
	}
	return t
}

// span returns the length of the part at the front of b that is in a class.
func span(b []byte, class uint8) int {
	for i, c := range b {
		if classes[c]&class == 0 {
			return i
		}
	}
	return len(b)
}

// Authority checks uri-host [":" port] and returns it without an empty port.
// upper tells that it has capital letters.
func Authority(b []byte) (auth []byte, upper, ok bool) {
	if len(b) == 0 || len(b) > MaxHost {
		return nil, false, false
	}
	n, upper := hostLen(b)
	if n == 0 {
		return nil, false, false
	}
	if n == len(b) {
		return b, upper, true
	}
	if b[n] != ':' || !validPort(b[n+1:]) {
		return nil, false, false
	}
	if n+1 == len(b) {
		b = b[:n]
	}
	return b, upper, true
}

// hostLen returns the length of the host at the front of b, 0 if it is invalid.
func hostLen(b []byte) (n int, upper bool) {
	if b[0] == '[' {
		for i, c := range b {
			if c == ']' {
				if validIPv6(b[1:i]) {
					return i + 1, true
				}
				break
			}
		}
		return 0, false
	}
	var seen uint8
	for n < len(b) {
		c := b[n]
		class := classes[c]
		switch {
		case class&inHost != 0:
			seen |= class
			n++
		case c == '%' && n+2 < len(b) && classes[b[n+1]]&classes[b[n+2]]&isHex != 0:
			seen |= classes[b[n+1]] | classes[b[n+2]]
			n += 3
		case c == ':':
			return n, seen&isUpper != 0
		default:
			return 0, false
		}
	}
	return n, seen&isUpper != 0
}

func validPort(b []byte) bool {
	if len(b) > 5 {
		return false
	}
	port := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port <= 65535
}

// validIPv6 checks the IPv6address of RFC 3986: eight groups, one run of which
// may be left out, the last two of which may be an IPv4 address.
func validIPv6(b []byte) bool {
	groups, gap := 0, false
	if len(b) >= 2 && b[0] == ':' {
		if b[1] != ':' {
			return false
		}
		gap = true
		b = b[2:]
		if len(b) == 0 {
			return true
		}
	}
	for {
		n := span(b, isHex)
		if n < len(b) && b[n] == '.' {
			return validIPv4(b) && (groups == 6) != gap && groups <= 6
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		if n == len(b) {
			return (groups == 8) != gap && groups <= 8
		}
		if b[n] != ':' || n+1 == len(b) {
			return false
		}
		b = b[n+1:]
		if b[0] == ':' {
			if gap {
				return false
			}
			gap = true
			b = b[1:]
			if len(b) == 0 {
				return groups < 8
			}
		}
	}
}

func validIPv4(b []byte) bool {
	for part := range 4 {
		n, v := 0, 0
		for n < len(b) && n < 4 && '0' <= b[n] && b[n] <= '9' {
			v = v*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || v > 255 || n > 1 && b[0] == '0' {
			return false
		}
		b = b[n:]
		if part == 3 {
			return len(b) == 0
		}
		if len(b) == 0 || b[0] != '.' {
			return false
		}
		b = b[1:]
	}
	return false
}

// SetAuthority makes b, checked by Authority, the authority of h, in small
// letters.
func SetAuthority(h *stream.Head, b []byte, upper bool) {
	if !upper {
		h.SetAuthority(b)
		return
	}
	var small [MaxHost]byte
	for i, c := range b {
		if classes[c]&isUpper != 0 {
			c |= 0x20
		}
		small[i] = c
	}
	h.SetAuthority(small[:len(b)])
}

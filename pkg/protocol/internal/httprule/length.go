package httprule

import "bytes"

// ParseLength reads a Content-Length: digits alone, up to 2^63-1.
func ParseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	const most = 1<<63 - 1
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (most-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// ParseLengths reads a Content-Length that may be a list of equal ones, as servers
// send that add theirs to one that is there (RFC 9110, 8.6). There is no other way to
// read such a list; but in a request it is a sign of somebody who tries.
func ParseLengths(b []byte) (n int64, ok bool) {
	if b == nil {
		return 0, false
	}
	for first := true; b != nil; first = false {
		item := b
		if i := bytes.IndexByte(b, ','); i >= 0 {
			item, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		m, valid := ParseLength(bytes.Trim(item, " \t"))
		if !valid || !first && m != n {
			return 0, false
		}
		n = m
	}
	return n, true
}

package proxy

import "bytes"

// PathRules say how paths are normalised, once, before anything looks at them.
type PathRules struct {
	// KeepSlashes leaves several slashes in a row as they are. By default they are
	// one, so that //admin does not pass by the route of /admin.
	KeepSlashes bool
	// RejectEscapedSlashes refuses %2F and %5C in paths, which some servers take
	// for slashes.
	RejectEscapedSlashes bool
}

// plain tells whether a path is already in its normal form, in one pass over its
// bytes: most are.
func plain(path []byte) bool {
	prev := byte(0)
	for _, c := range path {
		switch c {
		case '?':
			return prev != '.'
		case '%', '\\':
			return false
		case '/':
			if prev == '/' || prev == '.' {
				return false
			}
		case '.':
			if prev == '/' || prev == '.' {
				return false
			}
		}
		prev = c
	}
	return prev != '.'
}

// normalise appends the normal form of a path with its query to dst: escapes of
// unreserved characters are undone, and those that stay are in upper case; dot
// segments are resolved; slashes in a row are one. It returns false for a path
// that is to be refused: a bad escape, an escaped control character, or what the
// rules refuse. The query is left as it is.
func (r PathRules) normalise(dst, path []byte) ([]byte, bool) {
	query := []byte(nil)
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	if len(path) == 0 || path[0] != '/' {
		return append(append(dst, path...), query...), true // * of OPTIONS
	}
	start := len(dst)
	for i := 0; i < len(path); {
		c := path[i]
		if c != '%' {
			dst = append(dst, c)
			i++
			continue
		}
		if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
			return dst, false
		}
		b := byte(unhex(path[i+1])<<4 | unhex(path[i+2]))
		switch {
		case b < ' ' || b == 0x7f:
			return dst, false
		case r.RejectEscapedSlashes && (b == '/' || b == '\\'):
			return dst, false
		case unreserved(b):
			dst = append(dst, b)
		default:
			dst = append(dst, '%', hexDigits[b>>4], hexDigits[b&15])
		}
		i += 3
	}
	dst = dst[:start+r.resolve(dst[start:])]
	return append(dst, query...), true
}

// resolve removes dot segments and doubled slashes in place and returns the new
// length.
func (r PathRules) resolve(p []byte) int {
	w := 0 // p[:w] is done; it is empty, or ends where a segment's slash belongs
	for i := 0; i < len(p); {
		j := i + 1
		for j < len(p) && p[j] != '/' {
			j++
		}
		segment, last := p[i+1:j], j == len(p)
		switch {
		case string(segment) == "." || string(segment) == "..":
			if len(segment) == 2 {
				if k := bytes.LastIndexByte(p[:w], '/'); k >= 0 {
					w = k
				}
			}
			if last {
				p[w] = '/'
				w++
			}
		case len(segment) == 0 && !last && !r.KeepSlashes:
		case len(segment) == 0 && last && !r.KeepSlashes && w > 0 && p[w-1] == '/':
		default:
			w += copy(p[w:], p[i:j])
		}
		i = j
	}
	if w == 0 {
		p[0] = '/'
		w = 1
	}
	return w
}

const hexDigits = "0123456789ABCDEF"

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unreserved tells whether a character means the same escaped or not (RFC 3986,
// 2.3).
func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case c == '-', c == '.', c == '_', c == '~':
		return true
	}
	return false
}

package router

import "bytes"

// query is a parsed query string: application/x-www-form-urlencoded. A pair that
// is malformed is left out, as net/url does. Its memory is as large as the largest
// query so far, which the limit on a request's head bounds.
type query struct {
	parsed bool
	text   []byte // names and values, decoded
	pairs  []pair
}

// pair is a name and a value, one after the other in the text.
type pair struct{ name, value, end uint32 }

// parse parses a query string, with or without its question mark.
func (q *query) parse(s []byte) {
	q.parsed, q.text, q.pairs = true, q.text[:0], q.pairs[:0]
	s = bytes.TrimPrefix(s, []byte("?"))
	for len(s) > 0 {
		var part []byte
		part, s, _ = bytes.Cut(s, []byte("&"))
		if len(part) > 0 && bytes.IndexByte(part, ';') < 0 {
			q.add(part)
		}
	}
}

func (q *query) add(part []byte) {
	name, value, _ := bytes.Cut(part, []byte("="))
	start := len(q.text)
	text, ok := appendUnescaped(q.text, name)
	middle := len(text)
	if ok {
		text, ok = appendUnescaped(text, value)
	}
	if !ok {
		q.text = text[:start]
		return
	}
	q.text = text
	q.pairs = append(q.pairs, pair{uint32(start), uint32(middle), uint32(len(text))})
}

// get returns the first value of a name.
func (q *query) get(name string) ([]byte, bool) {
	for _, p := range q.pairs {
		if string(q.text[p.name:p.value]) == name {
			return q.text[p.value:p.end], true
		}
	}
	return nil, false
}

// appendUnescaped appends s with %XX and + decoded; false if a % is not followed
// by two hexadecimal digits.
func appendUnescaped(dst, s []byte) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			dst = append(dst, ' ')
		case '%':
			if i+2 >= len(s) {
				return dst, false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high > 15 || low > 15 {
				return dst, false
			}
			dst = append(dst, high<<4|low)
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}

// unhex returns the value of a hexadecimal digit, 255 if it is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

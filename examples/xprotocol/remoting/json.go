package remoting

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/weirproxy/weir/pkg/stream"
)

// maxDepth bounds how deep values of a header may be nested.
const maxDepth = 16

// scanner reads JSON in place, without allocation. Once it has met an error,
// everything that it returns is empty.
type scanner struct {
	b   []byte
	at  int
	bad bool
}

// peek returns the next byte that is no white space; 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.b); s.at++ {
		switch c := s.b[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take consumes a byte that must come next.
func (s *scanner) take(c byte) {
	if s.peek() != c || s.bad {
		s.bad = true
		return
	}
	s.at++
}

// more consumes what separates members: it reports whether there is a next one, and
// consumes the end otherwise.
func (s *scanner) more(first bool) bool {
	switch c := s.peek(); {
	case s.bad:
		return false
	case c == '}':
		s.at++
		return false
	case !first:
		s.take(',')
	}
	return !s.bad
}

// text consumes a string and returns what is between its quotes.
func (s *scanner) text() stream.Span {
	s.take('"')
	from := s.at
	for ; s.at < len(s.b) && !s.bad; s.at++ {
		switch s.b[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return stream.SpanOf(from, s.at-1)
		}
	}
	s.bad = true
	return stream.Span{}
}

// key consumes a member's name and its colon.
func (s *scanner) key() stream.Span {
	k := s.text()
	s.take(':')
	return k
}

// value consumes any value and returns where it is.
func (s *scanner) value() stream.Span {
	s.peek()
	from := s.at
	for depth := 0; !s.bad; {
		switch c := s.peek(); c {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.at++
			s.bad = s.bad || depth > maxDepth
			continue
		case '}', ']', ',', ':', 0:
			if depth == 0 || c == 0 {
				s.bad = true
				continue
			}
			s.at++
			if c == ',' || c == ':' {
				continue
			}
			depth--
		default:
			s.at += max(bytes.IndexAny(s.b[s.at:], " \t\r\n,:]}\"[{"), 1)
		}
		if depth == 0 {
			return stream.SpanOf(from, s.at)
		}
	}
	return stream.Span{}
}

// number returns a whole number of 32 bits.
func (s *scanner) number(at stream.Span) int32 {
	n, err := strconv.ParseInt(string(s.b[at.Off:at.End()]), 10, 32) // the conversion is not kept, and costs nothing
	if err != nil {
		s.bad = true
	}
	return int32(n)
}

// unescape appends what a string stands for.
func unescape(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			dst = append(dst, b[i])
			continue
		}
		i++
		switch c := b[i]; c {
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, "\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
		case 'u':
			r := hex4(b[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+2 < len(b) && b[i+1] == '\\' && b[i+2] == 'u' {
				r = utf16.DecodeRune(r, hex4(b[i+3:]))
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func hex4(b []byte) rune {
	n, err := strconv.ParseUint(string(b[:min(len(b), 4)]), 16, 32)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// appendText appends a string with its quotes. Bytes that are no UTF-8 stay as they
// are: they came so.
func appendText(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

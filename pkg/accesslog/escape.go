package accesslog

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// clean returns how many bytes b begins with that stand for themselves in a
// record of text as well as in JSON.
func clean(b []byte) int {
	for i, c := range b {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return i
		}
	}
	return len(b)
}

// appendText appends a value to a record of text. Bytes that could end the
// record, close a quoted field, or act on a terminal are escaped.
func appendText(dst, b []byte) []byte {
	from := 0
	for i := clean(b); i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
				dst = append(dst, b[from:i]...)
				dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
				from = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			dst = append(dst, b[from:i]...)
			for _, c := range b[i : i+n] {
				dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
			from = i + n
		}
		i += n
	}
	return append(dst, b[from:]...)
}

// appendJSON appends the inside of a string of JSON. What is not UTF-8 becomes
// the replacement character; control characters are escaped, and so are the
// line ends of JavaScript and the characters that steer a terminal.
func appendJSON(dst, b []byte) []byte {
	from := 0
	for i := clean(b); i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == 0x7f {
				dst = append(dst, b[from:i]...)
				dst = appendJSONEscape(dst, c)
				from = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, b[from:i]...)
			dst = append(dst, `\ufffd`...)
			from = i + n
		case r < 0xa0 || r == '\u2028' || r == '\u2029':
			dst = append(dst, b[from:i]...)
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			from = i + n
		}
		i += n
	}
	return append(dst, b[from:]...)
}

func appendJSONEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

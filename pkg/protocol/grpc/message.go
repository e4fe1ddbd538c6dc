package grpc

const upperHex = "0123456789ABCDEF"

// AppendMessage appends a text as grpc-message has it: bytes outside of printable
// ASCII, and the percent sign, as a percent sign and two hexadecimal digits.
func AppendMessage[T ~string | ~[]byte](dst []byte, text T) []byte {
	for i := range len(text) {
		if c := text[i]; plain(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// AppendText appends the text that a value of grpc-message stands for. A percent
// sign without two digits behind it stands for itself: a broken message is better
// than none.
func AppendText[T ~string | ~[]byte](dst []byte, message T) []byte {
	for i := 0; i < len(message); i++ {
		c := message[i]
		if c == '%' && i+2 < len(message) {
			high, low := unhex(message[i+1]), unhex(message[i+2])
			if high|low < 16 {
				c = high<<4 | low
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// plain tells whether a byte stands for itself.
func plain(c byte) bool { return c >= 0x20 && c <= 0x7e && c != '%' }

// unhex is the value of a hexadecimal digit, or one with a higher bit set.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

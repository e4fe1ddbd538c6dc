package bolt

import (
	"encoding/binary"
	"unicode/utf8"
)

// SofaRPC's Hessian is a draft between versions 1 and 2, which nobody else speaks.
// The proxy writes one kind of object in it and reads none.

// hessianDefinition is the byte that a content begins with if it begins with an
// object, as those of SofaRPC's requests do. In Hessian 2 it would be 'C'.
const hessianDefinition = 'O'

// exception is the class of what a server of sofa-bolt answers with when it fails.
const exception = "com.alipay.remoting.rpc.exception.RpcServerException"

// exceptionPrefix is an exception up to its text: a class's definition (52 bytes of
// name, 2 fields), an object of class 0, the mark of a text.
//
// The number of the fields is on purpose. sofa-rpc-node remembers, per connection,
// the definition of a class by its name and the number of its fields, and skips the
// next one of them by the length of the first. Java servers have 4 and Node servers
// 3, in orders of their own, and their answers come over the same connection.
const exceptionPrefix = "O\xc8\x34" + exception + "\x92\x0ddetailMessage\x0astackTrace" + "o\x90" + "S"

// appendException appends an exception with a text and no stack.
func appendException(dst, text []byte) []byte {
	dst = append(dst, exceptionPrefix...)
	at := len(dst)
	dst = append(dst, 0, 0)
	// A text's length is in UTF-16 units. What takes two of them is not written:
	// Hessian has surrogates encoded one by one, which is not UTF-8.
	dst, n := appendPlain(dst, text, 0xffff)
	binary.BigEndian.PutUint16(dst[at:], uint16(n))
	return append(dst, 'N')
}

// maxPlain is how many bytes of a text an answer has at most.
const maxPlain = 4 << 10

// appendPlain appends a text as valid UTF-8 and tells how many characters it has.
// Those above highest, and what is none, become replacement characters.
func appendPlain(dst, text []byte, highest rune) (out []byte, n int) {
	for i := 0; i < min(len(text), maxPlain); n++ {
		r, size := utf8.DecodeRune(text[i:])
		if r > highest {
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return dst, n
}

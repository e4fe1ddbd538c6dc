package http1

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// The spans that look at eight bytes at a time agree with the table, for every
// byte at every place among bytes that are in the class, and among hits.
func TestSpans(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for c := range 256 {
				for _, other := range []byte{0, '\t', '\r', 0x7f, 0x80, ':'} {
					b := bytes.Repeat([]byte{'-'}, n)
					b[at] = byte(c)
					b[n-1] ^= other
					expect(t, "valueSpan", valueSpan(b), span(b, inValue))
					expect(t, "tokenSpan", tokenSpan(b), span(b, inToken))
				}
			}
		}
	}
}

func TestNoLetters(t *testing.T) {
	for c := range 256 {
		want := uint64(0x80)
		if b := byte(c); b == '-' || 'a' <= b|0x20 && b|0x20 <= 'z' {
			want = 0
		}
		for i := range 8 {
			var w [8]byte
			copy(w[:], "aZ-qAz-b")
			w[i] = byte(c)
			expect(t, string(w[:]), noLetters(binary.LittleEndian.Uint64(w[:])), want<<(8*i))
		}
	}
}

func TestParseChunkSize(t *testing.T) {
	for n := uint64(1); n < 1<<62; n = n*3 + 1 {
		line := appendChunkSize(nil, n)
		got, ext, ok := parseChunkSize(line[:len(line)-2])
		if !ok || got != int64(n) || ext != 0 {
			t.Errorf("%d becomes %q becomes %d", n, line, got)
		}
	}
	expect(t, "zero", string(appendChunkSize(nil, 0)), "0\r\n")
}

package http2

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The checks that look at eight bytes at a time agree with those of one, for every
// byte at every place.
func TestWordsAgreeWithBytes(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := bytes.Repeat([]byte("e"), 20)
			b[at] = byte(c)
			expect(t, fmt.Sprintf("name %q", b), validName(b), classes[c]&inName != 0)
			expect(t, fmt.Sprintf("value %q", b), validValue(b), classes[c]&inValue != 0)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.ByteRange('a', 'z'), rapid.Just(byte('-')))).Draw(t, "b")
		if got, want := validName(b), len(b) > 0 && span(b, inName) == len(b); got != want {
			t.Fatalf("name %q: %v", b, got)
		}
		if got, want := validValue(b), span(b, inValue) == len(b); got != want {
			t.Fatalf("value %q: %v", b, got)
		}
	})
}

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

func TestAuthority(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "a:80": "a:80", "a:": "a", "1.2.3.4": "1.2.3.4", "[::1]": "[::1]", "[::1]:1": "[::1]:1", "a%20b": "a%20b",
		"[1:2:3:4:5:6:7:8]": "[1:2:3:4:5:6:7:8]", "[::1.2.3.4]": "[::1.2.3.4]", "[1::]": "[1::]", "[::]": "[::]",
		"": "", "a:x": "", "a:99999": "", "a:123456": "", "[::1": "", "[::1]x": "", "a b": "", "a%2": "", "[1:2]": "", "[::1.2.3]": "",
		"[1.2.3.4]": "", "[::1.2.3.256]": "", "[::01.2.3.4]": "", "[1::2::3]": "", "[12345::]": "", "[:1]": "", "[1:]": "", "a@b": "",
		"[1:2:3:4:5:6:7:8:9]": "", "[1:2:3:4:5:6:7::]": "[1:2:3:4:5:6:7::]", "[::1.2.3.4.5]": "", "[::1.2.3.]": "",
	} {
		got, _, ok := authority([]byte(in))
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
}

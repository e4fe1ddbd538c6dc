package http1

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
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

func TestAuthority(t *testing.T) {
	for _, tt := range []struct {
		in, want string // "" is refused
	}{
		{"a", "a"}, {"a:80", "a:80"}, {"a:", "a"}, {"a.b-c_d~e", "a.b-c_d~e"}, {"a!$&'()*+,;=", "a!$&'()*+,;="},
		{"%41b", "%41b"}, {"a:0", "a:0"}, {"a:65535", "a:65535"}, {"a:00080", "a:00080"},
		{"", ""}, {":", ""}, {":1", ""}, {"a:65536", ""}, {"a:000080", ""}, {"a:8a", ""}, {"a:-1", ""},
		{"%", ""}, {"%4", ""}, {"%4g", ""}, {"a%", ""}, {"a b", ""}, {"a\"", ""}, {"a<", ""}, {"a@b", ""}, {"a#", ""},
		{"\xc3\xa9", ""}, {"[]", ""}, {"[::1]", "[::1]"}, {"[::1]:1", "[::1]:1"}, {"[::1]:", "[::1]"}, {"[::1]x", ""},
		{"[::1", ""}, {"::1", ""}, {"[v1.a]", ""}, {"[1.2.3.4]", ""}, {strings.Repeat("a", maxHost), strings.Repeat("a", maxHost)},
		{strings.Repeat("a", maxHost+1), ""},
	} {
		got, _, ok := authority([]byte(tt.in))
		if ok != (tt.want != "") || string(got) != tt.want {
			t.Errorf("authority(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
		}
	}
}

// FuzzIPv6 compares with the standard library, which takes zones beside.
func FuzzIPv6(f *testing.F) {
	for _, s := range []string{"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8:",
		":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":::", "1:::2", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "0:0:0:0:0::0:0:0", "0:0:0::0:0:0:1.2.3.4", "0:0:0::0:0:0:0:0:0", "::1.2.3", "::1.2.3.256", "::1.2.3.04", "::1.2.3.4:5", "12345::", "g::", "1.2.3.4", "1:"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.IndexByte(b, '%') >= 0 {
			return
		}
		addr, err := netip.ParseAddr(string(b))
		if want := err == nil && addr.Is6(); validIPv6(b) != want {
			t.Errorf("validIPv6(%q) = %v", b, !want)
		}
	})
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

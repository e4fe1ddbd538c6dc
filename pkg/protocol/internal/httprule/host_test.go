package httprule

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestAuthority(t *testing.T) {
	for _, tt := range []struct {
		in, want string // "" is refused
	}{
		{"a", "a"}, {"a:80", "a:80"}, {"a:", "a"}, {"a.b-c_d~e", "a.b-c_d~e"}, {"a!$&'()*+,;=", "a!$&'()*+,;="},
		{"%41b", "%41b"}, {"a:0", "a:0"}, {"a:65535", "a:65535"}, {"a:00080", "a:00080"},
		{"", ""}, {":", ""}, {":1", ""}, {"a:65536", ""}, {"a:000080", ""}, {"a:8a", ""}, {"a:-1", ""},
		{"%", ""}, {"%4", ""}, {"%4g", ""}, {"a%", ""}, {"a b", ""}, {"a\"", ""}, {"a<", ""}, {"a@b", ""}, {"a#", ""},
		{"\xc3\xa9", ""}, {"[]", ""}, {"[::1]", "[::1]"}, {"[::1]:1", "[::1]:1"}, {"[::1]:", "[::1]"}, {"[::1]x", ""},
		{"[::1", ""}, {"::1", ""}, {"[v1.a]", ""}, {"[1.2.3.4]", ""}, {strings.Repeat("a", MaxHost), strings.Repeat("a", MaxHost)},
		{strings.Repeat("a", MaxHost+1), ""},
	} {
		got, _, ok := Authority([]byte(tt.in))
		if ok != (tt.want != "") || string(got) != tt.want {
			t.Errorf("Authority(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
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

func TestMoreAuthorities(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "a:80": "a:80", "a:": "a", "1.2.3.4": "1.2.3.4", "[::1]": "[::1]", "[::1]:1": "[::1]:1", "a%20b": "a%20b",
		"[1:2:3:4:5:6:7:8]": "[1:2:3:4:5:6:7:8]", "[::1.2.3.4]": "[::1.2.3.4]", "[1::]": "[1::]", "[::]": "[::]",
		"": "", "a:x": "", "a:99999": "", "a:123456": "", "[::1": "", "[::1]x": "", "a b": "", "a%2": "", "[1:2]": "", "[::1.2.3]": "",
		"[1.2.3.4]": "", "[::1.2.3.256]": "", "[::01.2.3.4]": "", "[1::2::3]": "", "[12345::]": "", "[:1]": "", "[1:]": "", "a@b": "",
		"[1:2:3:4:5:6:7:8:9]": "", "[1:2:3:4:5:6:7::]": "[1:2:3:4:5:6:7::]", "[::1.2.3.4.5]": "", "[::1.2.3.]": "",
	} {
		got, _, ok := Authority([]byte(in))
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
}

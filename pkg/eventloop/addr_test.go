package eventloop

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseAddr(t *testing.T) {
	long := strings.Repeat("x", 107)
	for _, tc := range []struct {
		in, text, path string
		family         int
		size           uint32
	}{
		{"127.0.0.1:80", "127.0.0.1:80", "", unix.AF_INET, 16},
		{":8080", "0.0.0.0:8080", "", unix.AF_INET, 16},
		{"[::1]:443", "[::1]:443", "", unix.AF_INET6, 28},
		{"[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1", "", unix.AF_INET, 16},
		{"unix:/run/x.sock", "unix:/run/x.sock", "/run/x.sock", unix.AF_UNIX, 14},
		{"unix:@name", "unix:@name", "", unix.AF_UNIX, 7},
		{"unix:" + long, "unix:" + long, long, unix.AF_UNIX, 110},
	} {
		a, err := ParseAddr(tc.in)
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		path, isUnix := a.Unix()
		if a.String() != tc.text || a.family() != tc.family || a.size != tc.size || path != tc.path || isUnix != (tc.family == unix.AF_UNIX) {
			t.Errorf("%s: %s, family %d, size %d, path %q", tc.in, &a, a.family(), a.size, path)
		}
		if a.AddrPort().IsValid() == isUnix {
			t.Errorf("%s: AddrPort is %v", tc.in, a.AddrPort())
		}
	}
	for _, in := range []string{"", "80", "localhost:80", "1.2.3.4", "1.2.3.4:x", "1.2.3.4:65536", "[::1]", "unix:",
		"unix:" + long + "x", "[fe80::1%eth0]:80"} {
		if a, err := ParseAddr(in); err == nil {
			t.Errorf("%q is %s", in, &a)
		} else if !strings.Contains(err.Error(), in) {
			t.Errorf("the error does not name %q: %v", in, err)
		}
	}
}

func TestAddressesKeepTheirForm(t *testing.T) {
	for _, s := range []string{"127.0.0.1:80", "[2001:db8::1]:65535", "0.0.0.0:1"} {
		a := AddrFrom(netip.MustParseAddrPort(s))
		if got := addrPortOfRaw(&a.raw).String(); got != s {
			t.Errorf("%s became %s", s, got)
		}
	}
	if (addrPortOfRaw(&unix.RawSockaddrAny{})).IsValid() || addrPortOf(&unix.SockaddrUnix{}).IsValid() {
		t.Error("an address that is none is valid")
	}
}

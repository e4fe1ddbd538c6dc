package eventloop

import (
	"fmt"
	"net"
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

// TestListenOnBothFamilies: ":port" is listened at for IPv6 and IPv4, by each of the
// sockets; "0.0.0.0:port" for IPv4 only. Connections of IPv4 have addresses of IPv4.
func TestListenOnBothFamilies(t *testing.T) {
	six, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		six.Close()
	}
	for text, want := range map[string]bool{":0": err == nil, "0.0.0.0:0": false} {
		for _, reuse := range []bool{false, true} {
			addr, err := ParseListenAddr(text)
			if err != nil {
				t.Fatal(err)
			}
			g := newGroup(t, 2)
			remotes := make(chan netip.AddrPort, 2)
			ls, err := g.Listen(addr, ListenOptions{ReusePort: reuse}, func(c *Conn) Handler {
				remotes <- c.RemoteAddr()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			at := ls.Addr().AddrPort()
			if at.Port() == 0 || !at.Addr().IsUnspecified() {
				t.Errorf("%s became %s", text, at)
			}
			for _, host := range []string{"127.0.0.1", "::1"} {
				ip := netip.MustParseAddr(host)
				c, err := net.Dial("tcp", netip.AddrPortFrom(ip, at.Port()).String())
				if (err == nil) != (want || ip.Is4()) {
					t.Errorf("%s, from %s: %v", text, host, err)
				}
				if err != nil {
					continue
				}
				if got := <-remotes; got.Addr() != ip {
					t.Errorf("a client of %s is seen as %s", host, got)
				}
				c.Close()
			}
			ls.Close()
		}
	}
	if _, err := ParseListenAddr(":x"); err == nil || !strings.Contains(err.Error(), ":x") {
		t.Errorf("a port that is none: %v", err)
	}
}

// TestNoIPv6: where there is no IPv6, ":port" is that of IPv4.
func TestNoIPv6(t *testing.T) {
	for _, err := range []error{unix.EAFNOSUPPORT, fmt.Errorf("bind: %w", unix.EADDRNOTAVAIL)} {
		if !noIPv6(err) {
			t.Errorf("%v does not say so", err)
		}
	}
	if noIPv6(nil) || noIPv6(unix.EADDRINUSE) {
		t.Error("anything says so")
	}
}

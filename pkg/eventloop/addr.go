package eventloop

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addr is where a socket listens or connects to: an IP address and port, or the
// path of a unix socket. It holds the system's form, so that connecting costs no
// allocation. The zero Addr is invalid.
type Addr struct {
	text string
	ip   netip.AddrPort
	raw  unix.RawSockaddrAny
	size uint32
	both bool // to listen on all addresses, of IPv6 and IPv4
}

// ParseAddr reads "host:port" with an IP address as host ("" for all addresses),
// or "unix:" and a path; a path that begins with @ is in the abstract namespace.
// It resolves no names.
func ParseAddr(s string) (Addr, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return unixAddr(s, path)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Addr{}, fmt.Errorf("address %q: want host:port or unix:path", s)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	ap, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil || ap.Addr().Zone() != "" {
		return Addr{}, fmt.Errorf("address %q: want an IP address, without a zone, and a port", s)
	}
	return AddrFrom(ap), nil
}

// ParseListenAddr is ParseAddr for an address to listen on: ":port" is that of both
// IPv6 and IPv4, on a system that has both.
func ParseListenAddr(s string) (Addr, error) {
	port, ok := strings.CutPrefix(s, ":")
	if !ok {
		return ParseAddr(s)
	}
	a, err := ParseAddr("[::]:" + port)
	if err != nil {
		return ParseAddr(s) // whose error names it
	}
	a.both = true
	return a, nil
}

// AddrFrom returns the Addr of an IP address and port.
func AddrFrom(ap netip.AddrPort) Addr {
	a := Addr{text: ap.String(), ip: ap}
	if ap.Addr().Unmap().Is4() {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		sa.Family = unix.AF_INET
		sa.Addr = ap.Addr().Unmap().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], ap.Port())
		a.size = unix.SizeofSockaddrInet4
		return a
	}
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.raw))
	sa.Family = unix.AF_INET6
	sa.Addr = ap.Addr().As16()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], ap.Port())
	a.size = unix.SizeofSockaddrInet6
	return a
}

func unixAddr(text, path string) (Addr, error) {
	a := Addr{text: text}
	sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(&a.raw))
	if path == "" || len(path) >= len(sa.Path) {
		return Addr{}, fmt.Errorf("address %q: a unix socket's path has 1 to %d bytes", text, len(sa.Path)-1)
	}
	sa.Family = unix.AF_UNIX
	for i := range len(path) {
		sa.Path[i] = int8(path[i])
	}
	a.size = uint32(2 + len(path) + 1)
	if path[0] == '@' {
		sa.Path[0] = 0
		a.size--
	}
	return a, nil
}

// String returns the address as it was written.
func (a *Addr) String() string { return a.text }

// AddrPort returns the IP address and port; it is not valid for unix sockets.
func (a *Addr) AddrPort() netip.AddrPort { return a.ip }

// Unix reports whether it is a unix socket's address, and its path in the file
// system, which is empty for an abstract one.
func (a *Addr) Unix() (path string, ok bool) {
	path, ok = strings.CutPrefix(a.text, "unix:")
	if !ok || strings.HasPrefix(path, "@") {
		return "", ok
	}
	return path, true
}

func (a *Addr) family() int { return int(a.raw.Addr.Family) }

func addrPortOf(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func addrPortOfRaw(raw *unix.RawSockaddrAny) netip.AddrPort {
	switch raw.Addr.Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), port)
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), port)
	}
	return netip.AddrPort{}
}

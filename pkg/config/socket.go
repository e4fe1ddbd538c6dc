package config

import (
	"net"
	"net/netip"
	"path/filepath"
)

// socketAt is where a listener has its socket.
type socketAt struct {
	*Listener
	path string // of a unix socket
	ip   netip.Addr
	port string
}

// socketOf returns where a listener has its socket; false if it has none, or any port.
func socketOf(l *Listener) (p socketAt, ok bool) {
	switch {
	case !l.BindPort || l.Address == "":
		return p, false
	case l.Network == Unix:
		return socketAt{Listener: l, path: filepath.Clean(l.Address)}, true
	}
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil || port == "0" {
		return p, false
	}
	ip := netip.IPv6Unspecified()
	if host != "" {
		if ip, err = netip.ParseAddr(host); err != nil {
			return p, false
		}
	}
	return socketAt{Listener: l, ip: ip.Unmap(), port: port}, true
}

// overlaps reports whether the system does not let both places be listened at. All
// addresses of IPv6 are those of IPv4 as well.
func (p socketAt) overlaps(q socketAt) bool {
	switch {
	case p.path != "" || q.path != "":
		return p.path == q.path
	case p.port != q.port:
		return false
	case p.ip == q.ip, p.ip.IsUnspecified() && q.ip.IsUnspecified():
		return true
	}
	return (!p.ReusePort || !q.ReusePort) && (p.covers(q.ip) || q.covers(p.ip))
}

func (p socketAt) covers(ip netip.Addr) bool {
	return p.ip.IsUnspecified() && (p.ip.Is6() || ip.Is4())
}

package dns

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// entry is one host of the configuration: an address, a name with a port, or a
// service.
type entry struct {
	host    *config.Host
	address netip.AddrPort // valid: it is an address
	name    string         // otherwise
	port    uint16
	service bool // the port is that of the records
	wrong   error
}

// parseEntry reads a host's address. One that cannot be read is an entry that is
// wrong, and has no hosts.
func parseEntry(h *config.Host) entry {
	e := entry{host: h}
	var err error
	if e.address, err = netip.ParseAddrPort(h.Address); err == nil {
		return e
	}
	if name := strings.TrimSuffix(h.Address, ":0"); isService(name) {
		e.name, e.service = name, true
		return e
	}
	name, port, err := net.SplitHostPort(h.Address)
	number, badPort := strconv.ParseUint(port, 10, 16)
	if err != nil || badPort != nil || number == 0 || !isName(name) {
		e.wrong = fmt.Errorf("%q is not an address or a name, and a port", h.Address)
		return e
	}
	e.name, e.port = name, uint16(number)
	return e
}

// isService reports whether a name is that of a service: _SERVICE._PROTO.NAME.
func isService(name string) bool {
	first, rest, _ := strings.Cut(name, ".")
	second, rest, _ := strings.Cut(rest, ".")
	return len(first) > 1 && first[0] == '_' && len(second) > 1 && second[0] == '_' && isName(name) && isName(rest)
}

// isName reports whether a text can be a name: labels of 1 to 63 bytes, 253 in all.
func isName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if len(name) >= longestName || strings.Contains(name, ":") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// make returns a host of this entry.
func (e *entry) make(address netip.Addr, port uint16, name string) discovery.Host {
	h := discovery.FromConfig(e.host)
	h.Address = netip.AddrPortFrom(address, port).String()
	if h.Hostname == "" {
		h.Hostname = strings.TrimSuffix(name, ".")
	}
	return h
}

package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// resolveTime bounds how long looking up one name may take.
const resolveTime = 5 * time.Second

// resolve turns a host's address into a socket address, looking its name up if it
// is one, which named reports. Of several addresses it takes the first, one of IPv4 if
// there is any.
func resolve(address string) (at eventloop.Addr, named bool, err error) {
	a, err := eventloop.ParseAddr(address)
	if err == nil {
		return a, false, nil
	}
	host, port, split := net.SplitHostPort(address)
	if split != nil || host == "" {
		return a, false, err
	}
	number, bad := strconv.ParseUint(port, 10, 16)
	if bad != nil {
		return a, false, fmt.Errorf("address %q: %q is not a port", address, port)
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime) //nolint:forbidigo // loading a configuration has no context
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return a, true, fmt.Errorf("address %q: %w", address, err)
	}
	best := ips[0].Unmap()
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			best = ip
			break
		}
	}
	return eventloop.AddrFrom(netip.AddrPortFrom(best, uint16(number))), true, nil
}

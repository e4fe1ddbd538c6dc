package proxy

import (
	"net/netip"
	"slices"

	"github.com/weirproxy/weir/pkg/config"
)

// clusterFor returns the name of the cluster that a tcp_proxy has for a connection,
// "" if it has none.
func clusterFor(c *config.TCPProxyConfig, source, destination netip.AddrPort) string {
	for i := range c.Routes {
		r := &c.Routes[i]
		if matches(r.SourceAddrs, r.SourcePorts, source) && matches(r.DestinationAddrs, r.DestinationPorts, destination) {
			return r.Cluster
		}
	}
	return c.Cluster
}

// matches tells whether an address is in one of the networks and one of the ranges
// of ports. None of them is all of them. A unix socket's is in none.
func matches(networks []config.AddressRange, ports []config.PortRange, at netip.AddrPort) bool {
	inNetwork := func(a config.AddressRange) bool { return a.Prefix.Contains(at.Addr()) }
	inRange := func(p config.PortRange) bool { return at.IsValid() && p.First <= at.Port() && at.Port() <= p.Last }
	return (len(networks) == 0 || slices.ContainsFunc(networks, inNetwork)) &&
		(len(ports) == 0 || slices.ContainsFunc(ports, inRange))
}

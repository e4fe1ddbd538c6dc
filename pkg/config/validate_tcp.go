package config

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// checkTCP checks a listener's tcp_proxy, and whether connections reach it.
func (v *validator) checkTCP(l *Listener) {
	c := l.TCP
	switch {
	case l.Proxy != nil && !l.Proxy.FallbackForUnknownProtocol:
		v.report.Warnf(c.Node(), "no connection reaches it: the proxy before it has no fallback_for_unknown_protocol")
	case l.Proxy == nil:
		if len(l.AccessLogs) > 0 {
			v.report.Warnf(l.At("access_logs"), "not there yet: access logs of connections: a tcp_proxy has no requests to log")
		}
		if len(l.StreamFilters) > 0 {
			v.report.Warnf(l.At("stream_filters"), "a tcp_proxy has no requests to filter")
		}
	}
	if c.Cluster == "" && len(c.Routes) == 0 {
		v.report.Errorf(c.At("cluster"), "cluster is missing")
	}
	if c.Cluster != "" {
		v.checkTCPCluster(c.At("cluster"), c.Cluster)
		if len(c.Routes) > 0 {
			v.report.WarnHint(c.At("routes"), "a last route with nothing but a cluster takes what the others leave", "not used: cluster takes all connections")
			c.Routes = nil
		}
	}
	if n := c.At("idle_timeout"); n.Kind() == Number && 0 < c.IdleTimeout && c.IdleTimeout < time.Millisecond {
		usual := Default[TCPProxyConfig]().IdleTimeout
		v.report.WarnHint(n, "write "+quote(n.Text()+"s")+" for seconds", "a number is one of nanoseconds, and %s would end every connection: %s is used", c.IdleTimeout, usual)
		c.IdleTimeout = usual
	}
	for i := range c.Routes {
		v.checkTCPRoute(&c.Routes[i])
	}
}

// checkTCPCluster checks that there is a cluster. There are none on demand: a connection has no service that could be asked for.
func (v *validator) checkTCPCluster(n *Node, name string) {
	if strings.HasPrefix(name, OnDemandPrefix) {
		v.report.Errorf(n, "%q: a tcp_proxy has no clusters on demand", name)
		return
	}
	v.checkClusterExists(n, name)
}

// checkTCPRoute checks a route of a tcp_proxy, and sets what it has in the form of texts.
func (v *validator) checkTCPRoute(r *TCPRoute) {
	if r.Cluster == "" {
		v.report.Errorf(r.At("cluster"), "cluster is missing")
	} else {
		v.checkTCPCluster(r.At("cluster"), r.Cluster)
	}
	for i := range r.SourceAddrs {
		v.checkAddressRange(&r.SourceAddrs[i])
	}
	for i := range r.DestinationAddrs {
		v.checkAddressRange(&r.DestinationAddrs[i])
	}
	r.SourcePorts = v.checkPorts(r.At("source_port"), r.SourcePort)
	r.DestinationPorts = v.checkPorts(r.At("destination_port"), r.DestinationPort)
}

// checkAddressRange sets the network of an address and a length, both of which must be given: no length would be none of the
// address, and so every one.
func (v *validator) checkAddressRange(a *AddressRange) {
	addr, err := netip.ParseAddr(a.Address)
	switch {
	case a.Address == "":
		v.report.Errorf(a.At("address"), "address is missing")
	case err != nil || addr.Zone() != "":
		v.report.Errorf(a.At("address"), "%q is not an IP address", a.Address)
	case a.Node().Get("length") == nil:
		v.report.ErrorHint(a.Node(), "write "+strconv.Itoa(addr.BitLen())+" for one address", "length is missing")
	case a.Length > addr.BitLen():
		v.report.Errorf(a.At("length"), "the address has %d bits, not %d", addr.BitLen(), a.Length)
	default:
		a.Prefix = netip.PrefixFrom(addr, a.Length).Masked()
	}
}

// checkPorts reads ports and ranges of ports, separated by commas.
func (v *validator) checkPorts(n *Node, text string) (ports []PortRange) {
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, badFrom := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
		to, badTo := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
		if badFrom != nil || badTo != nil || from > to {
			v.report.ErrorHint(n, `write it like "80,443,8080-8089"`, "%q is not a port or a range of ports", strings.TrimSpace(part))
			return nil
		}
		ports = append(ports, PortRange{uint16(from), uint16(to)})
	}
	return ports
}

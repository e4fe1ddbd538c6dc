package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// checkSource checks that a cluster says where its hosts come from, and in one way.
func (v *validator) checkSource(c *Cluster) {
	if given := c.Node().Get("type"); c.Type == ClusterSimple && given.Text() != "" && len(c.Hosts) == 0 {
		if _, ok := canonical(given.Text(), c.Type.Values()); !ok {
			v.report.Errorf(given, "there are no hosts for the type %s", c.Type)
		}
	}
	switch c.Type {
	case ClusterSimple, ClusterStatic:
		if len(c.Hosts) == 0 && c.Name != "" {
			v.report.Warnf(c.At("hosts"), "the cluster %q has no hosts: its requests are answered 503", c.Name)
		}
	case ClusterStrictDNS, ClusterLogicalDNS:
		v.checkDNS(c)
	case ClusterFile:
		v.checkNoHosts(c, "they are those of hosts_file")
		if c.HostsFile.Path == "" {
			v.report.Errorf(c.At("hosts_file"), "a cluster of type %s needs hosts_file.path", c.Type)
		}
		v.checkGreater0(c.HostsFile.At("refresh"), c.HostsFile.Refresh)
	case ClusterConsul:
		v.checkNoHosts(c, "they are those of Consul")
	case ClusterOriginalDst:
		v.checkNoHosts(c, "they are where requests go anyway")
		v.checkOriginalDst(&c.OriginalDst)
	default:
		v.report.Warnf(c.At("type"), "not there yet: clusters of type %s: the hosts are those of the file", c.Type)
	}
	v.checkOtherSources(c)
}

// checkNoHosts refuses hosts beside another source of them: one of the two is not meant.
func (v *validator) checkNoHosts(c *Cluster, hint string) {
	if len(c.Hosts) > 0 {
		v.report.ErrorHint(c.At("hosts"), hint, "a cluster of type %s must have no hosts", c.Type)
	}
}

// checkOtherSources warns about settings of a source that is not the cluster's.
func (v *validator) checkOtherSources(c *Cluster) {
	warn := func(given bool, key string, of ClusterType) {
		if given && c.Type != of {
			v.report.Warnf(c.At(key), "the type is %s: it is not used", c.Type)
		}
	}
	warn(c.HostsFile.Path != "", "hosts_file", ClusterFile)
	warn(c.Consul.Service != "" || len(c.Consul.Tags) > 0 || c.Consul.Filter != "", "consul", ClusterConsul)
	warn(c.OriginalDst.UseHeader, "original_dst_lb_config", ClusterOriginalDst)
	dns := len(c.DNSResolvers.Servers) > 0 || c.DNSResolverFile != ""
	if dns && c.Type != ClusterLogicalDNS {
		warn(true, "dns_resolvers", ClusterStrictDNS)
	}
}

// checkDNS checks a cluster whose hosts are names.
func (v *validator) checkDNS(c *Cluster) {
	d := Default[Cluster]()
	if c.DNSRefreshRate == 0 { // MOSN stores it for "not given"
		c.DNSRefreshRate = d.DNSRefreshRate
	}
	if c.DNSResolvers.Timeout == 0 {
		c.DNSResolvers.Timeout = d.DNSResolvers.Timeout
	}
	switch {
	case len(c.Hosts) == 0:
		v.report.ErrorHint(c.At("hosts"), `write hosts like {"address": "shop.example:8080"}`, "a cluster of type %s needs hosts: the names that are looked up", c.Type)
	case c.Type == ClusterLogicalDNS && len(c.Hosts) > 1:
		v.report.ErrorHint(c.At("hosts"), "STRICT_DNS takes more", "a cluster of type %s must have one host, not %d", c.Type, len(c.Hosts))
	}
	for i, server := range c.DNSResolvers.Servers {
		if _, err := netip.ParseAddr(server); err == nil {
			continue
		}
		if addr, err := netip.ParseAddrPort(server); err != nil || addr.Port() == 0 {
			v.report.ErrorHint(item(c.DNSResolvers.At("servers"), i), `write it like "10.0.0.53" or "10.0.0.53:5353"`,
				"%q is not an IP address, with or without a port", server)
		}
	}
}

// checkOriginalDst checks how the hosts of an ORIGINAL_DST cluster are told.
func (v *validator) checkOriginalDst(o *OriginalDst) {
	if o.HeaderName == "" { // MOSN stores it for "not given"
		o.HeaderName = Default[OriginalDst]().HeaderName
	}
	if o.UseHeader {
		v.checkHeaderName(o.At("header_name"), o.HeaderName)
	}
	v.checkGreater0(o.At("host_ttl"), o.HostTTL)
}

func (v *validator) checkHosts(c *Cluster) {
	seen := make(map[string]*Host, len(c.Hosts))
	for i := range c.Hosts {
		h := &c.Hosts[i]
		v.checkWeight(c, h)
		n := h.At("address")
		switch srv, dns := isSRV(h.Address), c.Type == ClusterStrictDNS || c.Type == ClusterLogicalDNS; {
		case srv && dns:
			v.checkHostName(n, strings.TrimSuffix(h.Address, ":0"))
		case srv:
			v.report.Errorf(n, "%q asks for SRV records: the type must be %s or %s", h.Address, ClusterStrictDNS, ClusterLogicalDNS)
		case strings.HasPrefix(h.Address, unixPrefix) && dns:
			v.report.Errorf(n, "%q is a unix socket: a cluster of type %s has names", h.Address, c.Type)
		case !v.checkHost(n, h.Address):
			continue
		}
		if first := seen[h.Address]; first != nil {
			v.report.Warnf(n, "the host %s is in %s already: it gets two shares", h.Address, placeOf(first.Node(), n))
		} else {
			seen[h.Address] = h
		}
	}
}

// checkWeight brings a host's weight into MOSN's range, as MOSN does. Only a source of hosts that come and go can say that one of them
// is to get no requests.
func (v *validator) checkWeight(c *Cluster, h *Host) {
	const most = 128
	switch {
	case h.Weight > most:
		v.report.Warnf(h.At("weight"), "is taken for %d, the greatest weight", most)
		h.Weight = most
	case h.Weight == 0 && c.Type != ClusterFile:
		v.report.WarnHint(h.At("weight"), "leave the host out", "is taken for 1: a host here gets requests")
		h.Weight = 1
	}
}

// isSRV reports whether an address asks for SRV records: _SERVICE._PROTO.NAME, without a port or with the port 0.
func isSRV(address string) bool {
	service, rest, _ := strings.Cut(strings.TrimSuffix(address, ":0"), ".")
	proto, name, _ := strings.Cut(rest, ".")
	return len(service) > 1 && service[0] == '_' && len(proto) > 1 && proto[0] == '_' && name != "" && !strings.Contains(name, ":")
}

// checkHost reports whether an address has a host and a port, which it checks.
func (v *validator) checkHost(n *Node, address string) bool {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return v.checkSocketPath(n, path)
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case address == "":
		v.report.Errorf(n, "address is missing")
		return false
	case err != nil || host == "":
		v.report.ErrorHint(n, `write it like "127.0.0.1:8080"`, "%q is not an address and a port", address)
		return false
	}
	v.checkHostName(n, host)
	v.checkPort(n, port, 1)
	return true
}

// unixPrefix begins the address of a host that is a unix socket; its path follows, with @ in front if it is in the abstract namespace.
const unixPrefix = "unix:"

// checkSocketPath reports whether a path can be that of a unix socket.
func (v *validator) checkSocketPath(n *Node, path string) bool {
	// The kernel's limit of a socket's path, its final zero included.
	const limit = 108
	switch {
	case path == "":
		v.report.ErrorHint(n, `write it like "unix:/run/shop.sock"`, "the path of a unix socket is missing")
	case len(path) >= limit:
		v.report.Errorf(n, "the path of a unix socket must be shorter than %d bytes, is %d", limit, len(path))
	case strings.ContainsRune(path, 0):
		v.report.Errorf(n, "the path of a unix socket must not have a zero in it")
	default:
		return true
	}
	return false
}

// checkHostName refuses what is neither an IP address nor a name.
func (v *validator) checkHostName(n *Node, host string) {
	if host == "" || strings.ContainsAny(host, " \t\r\n/@\x00") {
		v.report.Errorf(n, "%q is not an IP address or a name", host)
	}
}

// checkHostPort checks an address and a port that are not a cluster's host. The port may not be left out.
func (v *validator) checkHostPort(n *Node, address, example string) {
	host, port, err := net.SplitHostPort(address)
	p, badPort := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || badPort != nil || p == 0 || strings.ContainsAny(host, " \t\r\n/@\x00") {
		v.report.ErrorHint(n, "write it like "+quote(example), "%q is not an address and a port", address)
	}
}

package config

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// checkListeners checks the listeners of a server, once their filters are decoded and the routers are known.
func (v *validator) checkListeners(s *Server) {
	names := make(map[string]*Listener)
	var taken []socketAt
	for i := range s.Listeners {
		l := &s.Listeners[i]
		if l.Name == "" {
			l.Name = l.Address
		}
		v.checkAddress(l)
		if first := names[l.Name]; first != nil {
			v.report.Errorf(l.At("name"), "the listener of %s is called %q already", placeOf(first.Node(), l.Node()), l.Name)
		} else {
			names[l.Name] = l
		}
		if at, ok := socketOf(l); ok {
			if k := slices.IndexFunc(taken, at.overlaps); k >= 0 {
				v.report.Errorf(l.At("address"), "the listener %q has this address already", taken[k].Name)
			}
			taken = append(taken, at)
		}
		v.checkListener(l)
	}
}

// checkListener checks what a listener says by itself.
func (v *validator) checkListener(l *Listener) {
	if !l.BindPort {
		v.report.Warnf(l.At("bind_port"), "bind_port is not true: the listener opens no socket")
	}
	if l.ReusePort && l.Network == Unix {
		v.report.Errorf(l.At("reuseport"), "a unix socket has no ports to reuse")
	}
	for i := range l.AccessLogs {
		a := &l.AccessLogs[i]
		if a.Path == "" {
			v.report.WarnHint(a.At("log_path"), "MOSN writes ../logs/LISTENER_access.log", "log_path is missing: no access log is written")
		}
		if a.Format != "" && len(a.JSONFormat) > 0 {
			v.report.Errorf(a.At("json_format"), "log_format and json_format are both given: only one of them may be")
		}
	}
	for i := range l.StreamFilters {
		f := &l.StreamFilters[i]
		if f.Type == "" {
			v.report.Errorf(f.Node(), "type is missing")
			continue
		}
		v.checkStreamFilter(f.Type, func(sev Severity, message, hint string) {
			v.report.Add(problemAt(f.At("type"), sev, message, hint))
		})
	}
	if l.Proxy != nil {
		v.checkProxy(l)
	}
	if l.TCP != nil {
		v.checkTCP(l)
	}
}

// checkAddress checks a listener's address against its network.
func (v *validator) checkAddress(l *Listener) {
	switch {
	case l.Address == "":
		v.report.Errorf(l.At("address"), "address is missing")
	case l.Network == Unix:
		v.checkSocketPath(l.At("address"), l.Address)
	default:
		host, port, err := net.SplitHostPort(l.Address)
		if err != nil {
			v.report.ErrorHint(l.At("address"), `write it like "127.0.0.1:2045"`, "%q is not an address and a port", l.Address)
			return
		}
		if is := ofLocalhost(host); is != host {
			host, l.Address = is, net.JoinHostPort(is, port)
		}
		if _, err := netip.ParseAddr(host); err != nil && host != "" {
			v.report.ErrorHint(l.At("address"), "of names, only localhost is taken", "%q is not an IP address", host)
		}
		v.checkPort(l.At("address"), port, 0)
	}
}

// ofLocalhost returns the address that localhost means to whoever listens there, which is no matter of a name server (RFC 6761, 6.3).
// Any other text it returns as it is.
func ofLocalhost(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return host
}

func (v *validator) checkPort(n *Node, port string, least uint64) {
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p < least {
		v.report.Errorf(n, "the port must be from %d to 65535, is %q", least, port)
	}
}

// decodeFilters decodes the network filters of a listener: its proxies, and the routers that old files keep in a connection_manager.
func (v *validator) decodeFilters(l *Listener) {
	if len(l.FilterChains) != 1 {
		v.report.Errorf(l.At("filter_chains"), "there must be one entry in filter_chains, there are %d", len(l.FilterChains))
	}
	replaced := false // a filter that is not there yet stands where the proxy would
	for i := range l.FilterChains {
		chain := &l.FilterChains[i]
		v.checkTLS(chain.TLS)
		for j := range chain.TLSSet {
			v.checkTLS(&chain.TLSSet[j])
		}
		for j := range chain.Filters {
			replaced = v.decodeFilter(l, &chain.Filters[j]) || replaced
		}
	}
	if l.Proxy == nil && l.TCP == nil && !replaced && len(l.FilterChains) == 1 {
		v.report.Errorf(l.FilterChains[0].At("filters"), "there is no proxy and no tcp_proxy filter")
	}
}

// decodeFilter decodes one network filter. It reports whether the filter is one that may stand for a proxy.
func (v *validator) decodeFilter(l *Listener, f *Filter) bool {
	switch {
	case f.Type == "":
		v.report.Errorf(f.Node(), "type is missing")
	case f.Type == "proxy" && l.Proxy != nil:
		v.report.Errorf(f.Node(), "there is a proxy filter already")
	case f.Type == "proxy" && l.TCP != nil:
		v.report.ErrorHint(f.Node(), "put it before the tcp_proxy", "no connection would reach it: the tcp_proxy takes all")
	case f.Type == "tcp_proxy" && l.TCP != nil:
		v.report.Errorf(f.Node(), "there is a tcp_proxy filter already")
	case f.Type == "tcp_proxy":
		l.TCP = new(TCPProxyConfig)
		DecodeDefaults(l.TCP)
		f.Config.DecodeInto(l.TCP, v.report)
	case f.Type == "proxy":
		l.Proxy = new(ProxyConfig)
		DecodeDefaults(l.Proxy)
		f.Config.DecodeInto(l.Proxy, v.report)
	case f.Type == "connection_manager":
		var rc RouterConfig
		f.Config.DecodeInto(&rc, v.report)
		v.report.Warnf(f.At("type"), "deprecated: move the router to servers[].routers")
		v.oldRouters = append(v.oldRouters, rc)
	case slices.Contains(v.options.NetworkFilters, f.Type):
		return true
	case slices.Contains(knownNetworkFilters(), f.Type):
		v.report.Warnf(f.At("type"), "not there yet: the network filter %s", f.Type)
		return true
	default:
		names := slices.Concat(networkFilters(), v.options.NetworkFilters, knownNetworkFilters())
		v.report.ErrorHint(f.At("type"), DidYouMean(f.Type, names), "there is no network filter %q", f.Type)
		return true
	}
	return false
}

// checkProxy checks a listener's proxy.
func (v *validator) checkProxy(l *Listener) {
	p := l.Proxy
	if p.Name == "" {
		p.Name = l.Name
	}
	switch {
	case p.RouterConfigName == "":
		v.report.Errorf(p.At("router_config_name"), "router_config_name is missing")
	case v.routers[p.RouterConfigName] == nil:
		hint := nameHint(p.RouterConfigName, v.routers)
		v.report.ErrorHint(p.At("router_config_name"), hint, "there is no router %q", p.RouterConfigName)
	}
	if p.DetectTimeout <= 0 {
		v.report.Errorf(p.At("detect_timeout"), "must be greater than 0s")
	}
	if p.FallbackForUnknownProtocol && l.TCP == nil {
		v.report.WarnKey(p.Node(), "fallback_for_unknown_protocol", "there is no tcp_proxy behind the proxy: connections that are not recognised are closed")
	}
	v.checkProtocols(p)
	p.UpstreamProtocol = v.upstreamProtocol(p)
	v.checkExtendConfig(p)
}

// upstreamProtocol returns the protocol that hosts are spoken to, or Auto for the downstream's. MOSN does not read the key, so that any
// text stands there in its files: what cannot be done is no error, but the downstream's protocol.
func (v *validator) upstreamProtocol(p *ProxyConfig) string {
	n, text := p.At("upstream_protocol"), p.UpstreamProtocol
	if text == "" || strings.EqualFold(text, Auto) {
		return Auto
	}
	up, ok := canonical(text, v.protocolNames())
	if !ok {
		if strings.EqualFold(text, p.DownstreamProtocol) { // it means the downstream's, in whatever spelling
			return Auto
		}
		names := slices.Concat([]string{Auto}, v.protocolNames())
		v.report.WarnHint(n, DidYouMean(text, names), "there is no protocol %q: hosts are spoken to in the downstream's, as by MOSN, which does not read this key", text)
		return Auto
	}
	v.checkConversion(p, up)
	return up
}

// checkConversion warns about requests that cannot go on in the protocol that hosts are spoken to. They go on in their own: there
// are conversions from one version of HTTP to another only.
func (v *validator) checkConversion(p *ProxyConfig, up string) {
	for _, name := range p.Protocols {
		if name != up && (v.isRPC(up) || v.isRPC(name)) {
			v.report.Warnf(p.At("upstream_protocol"), "requests of %s cannot go on in %s: they go on in their own protocol, as for MOSN, which does not read this key", name, up)
			return
		}
	}
}

// checkProtocols sets the list of a proxy's protocols.
func (v *validator) checkProtocols(p *ProxyConfig) {
	if p.DownstreamProtocol == "" {
		p.DownstreamProtocol = Auto
	}
	n, text := p.At("downstream_protocol"), p.DownstreamProtocol
	if strings.EqualFold(text, legacyX) {
		sub := p.ExtendConfig.Get("sub_protocol")
		if sub == nil {
			v.report.Errorf(n, "the protocol X needs extend_config.sub_protocol")
			return
		}
		if !sub.Expect(String, v.report) {
			return
		}
		n, text = sub, sub.Text()
	}
	if strings.EqualFold(text, oldBolt) {
		v.report.Warnf(n, "an old name of bolt, which is used")
		text = "bolt"
	}
	for name := range strings.SplitSeq(text, ",") {
		name = v.checkProtocol(n, strings.TrimSpace(name))
		if slices.Contains(p.Protocols, name) {
			v.report.Errorf(n, "the protocol %s is named twice", name)
		}
		p.Protocols = append(p.Protocols, name)
	}
	if len(p.Protocols) > 1 && slices.Contains(p.Protocols, Auto) {
		v.report.Errorf(n, "Auto stands alone: it means every protocol")
	}
}

// checkProtocol checks a protocol's name, and returns it in the usual spelling.
func (v *validator) checkProtocol(n *Node, name string) string {
	if name == "" || strings.EqualFold(name, Auto) {
		return Auto
	}
	if s, ok := canonical(name, v.protocolNames()); ok {
		return s
	}
	s, known := canonical(name, knownProtocols())
	if known {
		v.report.Warnf(n, "not there yet: the protocol %s", s)
		return s
	}
	names := slices.Concat([]string{Auto}, v.protocolNames(), knownProtocols())
	v.report.ErrorHint(n, DidYouMean(name, names), "there is no protocol %q", name)
	return name
}

package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// validator checks what one key cannot say alone, and fills in what the configuration says in a roundabout way: Listener.Proxy and
// TCP, Sink.Prometheus and the routers of old files.
type validator struct {
	config   *Config
	report   *Report
	options  Options
	clusters map[string]*Cluster
	routers  map[string]*RouterConfig
	// saidRetries says that the difference from MOSN's retries was told.
	saidRetries bool
	// oldRouters are those of the filter connection_manager.
	oldRouters []RouterConfig
	// protocolKeys are the keys of protocols' settings, by the protocol's name.
	protocolKeys map[string]*structInfo
}

func (v *validator) run() {
	v.checkClusterManager()
	v.checkServers()
	v.checkClusterSettings()
	v.checkAdmin()
	v.checkMetrics()
	if t := v.config.Tracing; t.Enable {
		v.report.Warnf(t.At("enable"), "not there yet: tracing")
	}
}

// checkServers checks that there is one server, and that server.
func (v *validator) checkServers() {
	servers := v.config.Servers
	switch {
	case len(servers) == 0:
		v.report.Errorf(v.config.At("servers"), "there must be one entry in servers")
		return
	case len(servers) > 1:
		v.report.Errorf(servers[1].Node(), "there must be one entry in servers only")
	}
	for i := range servers {
		s := &servers[i]
		s.replaceZeros()
		for j := range s.Listeners {
			v.decodeFilters(&s.Listeners[j])
		}
		s.Routers = append(v.oldRouters, s.Routers...)
		v.oldRouters = nil
		s.Routers = lastOfName(s.Routers, func(c *RouterConfig) string { return c.Name }, func(before, last *RouterConfig) {
			v.warnReplaced("router", last.At("router_config_name"), before.Node(), last.Name)
		})
		v.checkRouters(s)
		v.checkListeners(s)
	}
}

// replaceZeros puts defaults in the place of zeros that MOSN writes for "not given" when it stores its configuration.
func (c *Server) replaceZeros() {
	d := Default[Server]()
	if c.LogPath == "" {
		c.LogPath = d.LogPath
	}
	if c.GracefulTimeout == 0 {
		c.GracefulTimeout = d.GracefulTimeout
	}
}

func (v *validator) checkAdmin() {
	if v.config.Admin == nil {
		return
	}
	if v.config.Admin.Node().Get("address").Get("socket_address") == nil {
		v.report.Warnf(v.config.Admin.Node(), "address.socket_address is missing: there is no admin interface")
		v.config.Admin = nil
		return
	}
	a := &v.config.Admin.Address.SocketAddress
	if a.Address == "" { // MOSN would listen on all addresses
		a.Address = Default[SocketAddress]().Address
		v.report.Warnf(a.At("address"), "the address is empty: %s is used", a.Address)
	}
	a.Address = ofLocalhost(a.Address)
	ip, err := netip.ParseAddr(a.Address)
	switch {
	case err != nil:
		v.report.Errorf(a.At("address"), "%q is not an IP address", a.Address)
	case !ip.IsLoopback():
		v.report.Warnf(a.At("address"), "the admin interface asks for no credentials, and %s is not a loopback address", ip)
	}
}

func (v *validator) checkMetrics() {
	sinks := v.config.Metrics.Sinks
	for i := range sinks {
		s := &sinks[i]
		if strings.EqualFold(s.Type, "prometheus") {
			s.Type, s.Prometheus = "prometheus", new(PrometheusSink)
			DecodeDefaults(s.Prometheus)
			s.Config.DecodeInto(s.Prometheus, v.report)
			if !strings.HasPrefix(s.Prometheus.Endpoint, "/") {
				v.report.Errorf(s.Prometheus.At("endpoint"), `must start with "/", is %q`, s.Prometheus.Endpoint)
			}
			continue
		}
		if name, known := canonical(s.Type, knownSinks()); known {
			v.report.Warnf(s.At("type"), "not there yet: the metrics sink %s", name)
			continue
		}
		hint := DidYouMean(s.Type, append(knownSinks(), "prometheus"))
		v.report.ErrorHint(s.At("type"), hint, "there is no metrics sink %q", s.Type)
	}
}

// checkTLS refuses TLS, which is not there yet: plain text in its place would be unsafe.
func (v *validator) checkTLS(t *TLSContext) {
	switch {
	case t.Enabled():
		v.report.ErrorHint(t.At("status"), "plain text in its place would be unsafe", "not there yet: TLS")
	case t != nil && (t.CertChain != "" || t.CACert != "" || t.PrivateKey != "" || t.SDSSource != nil):
		v.report.Warnf(t.Node(), "status is not true: there is no TLS")
	}
}

// checkStreamFilter checks that there is a stream filter of this name. The problem is at the value of key in object, or, for the
// name of a per_filter_config, at the key.
func (v *validator) checkStreamFilter(name string, problem func(s Severity, message, hint string)) {
	switch {
	case slices.Contains(v.options.StreamFilters, name):
	case slices.Contains(accessFilters(), name):
		problem(Error, "not there yet: the stream filter "+name, "it decides who may call, and cannot be left out")
	case slices.Contains(hostFilters(), name):
		problem(Error, "not there yet: the stream filter "+name, "it decides which hosts may get a request, and cannot be left out")
	case slices.Contains(limitFilters(), name):
		problem(Warning, "not there yet: the stream filter "+name+": its limits are not enforced", "")
	case slices.Contains(knownStreamFilters(), name):
		problem(Warning, "not there yet: the stream filter "+name, "")
	default:
		hint := DidYouMean(name, slices.Concat(v.options.StreamFilters, knownStreamFilters()))
		if hint == "" {
			hint = "it may decide who may call: take it out if requests may pass without it"
		}
		problem(Error, "there is no stream filter "+quote(name), hint)
	}
}

// checkPerFilterConfig checks the filter names of a per_filter_config.
func (v *validator) checkPerFilterConfig(s Source) {
	object := s.Node().Get("per_filter_config")
	for _, m := range object.Members() {
		v.checkStreamFilter(m.Key, func(sev Severity, message, hint string) {
			v.report.Add(problemAtKey(object, m.Key, sev, message, hint))
		})
	}
}

// lastOfName returns the list without what another of the same name follows, which is MOSN's way with two of one name. What has no
// name stays.
func lastOfName[T any](all []T, name func(*T) string, replaced func(before, last *T)) []T {
	last := make(map[string]int, len(all))
	for i := range all {
		last[name(&all[i])] = i
	}
	if len(last) == len(all) {
		return all
	}
	kept := make([]T, 0, len(all))
	for i := range all {
		is := &all[i]
		if n := name(is); n != "" && last[n] != i {
			replaced(is, &all[last[n]])
			continue
		}
		kept = append(kept, *is)
	}
	return kept
}

// warnReplaced warns that of two of one name the last is used.
func (v *validator) warnReplaced(what string, n, before *Node, name string) {
	v.report.Warnf(n, "the %s of %s is called %q already: this one is used", what, placeOf(before, n), name)
}

// item returns the i-th item of a list, or the list itself (or whatever stands in its place) if there is none.
func item(list *Node, i int) *Node {
	if items := list.Items(); i < len(items) {
		return items[i]
	}
	return list
}

// placeOf says where a value starts, for a problem of a value that may be in another file.
func placeOf(n, other *Node) string {
	file, line, _ := n.Position()
	place := "line " + strconv.Itoa(line)
	if here, _, _ := other.Position(); here != file {
		place += " of " + file
	}
	return place
}

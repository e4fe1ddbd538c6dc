package config

import (
	"net"
	"regexp"
	"strings"
)

// checkRouters checks the routers of a server, and notes them by name.
func (v *validator) checkRouters(s *Server) {
	if v.routers == nil {
		v.routers = make(map[string]*RouterConfig, len(s.Routers))
	}
	for i := range s.Routers {
		rc := &s.Routers[i]
		if rc.Name == "" {
			v.report.Errorf(rc.At("router_config_name"), "router_config_name is missing")
		}
		v.routers[rc.Name] = rc
		v.checkHeaderEdits(rc.Source, rc.HeaderEdits)
		v.checkVirtualHosts(rc)
	}
}

func (v *validator) checkVirtualHosts(rc *RouterConfig) {
	domains := make(map[string]*VirtualHost)
	for i := range rc.VirtualHosts {
		vh := &rc.VirtualHosts[i]
		if len(vh.Domains) == 0 {
			v.report.Errorf(vh.At("domains"), "there must be at least one domain")
		}
		for j, domain := range vh.Domains {
			n := item(vh.At("domains"), j)
			key := strings.ToLower(domain)
			first := domains[key]
			switch {
			case !validDomain(key):
				v.report.ErrorHint(n, `write it like "a.example", "a.example:8080", "*.example" or "*"`, "%q is not a domain", domain)
			case first != nil:
				v.report.Errorf(n, "the virtual host of %s has the domain %q already", placeOf(first.Node(), n), domain)
			default:
				domains[key] = vh
			}
		}
		v.checkHeaderEdits(vh.Source, vh.HeaderEdits)
		v.checkPerFilterConfig(vh.Source)
		for j := range vh.Routes {
			v.checkRoute(&vh.Routes[j])
		}
		v.checkReach(vh)
	}
}

// checkReach warns of routes behind one that takes every path. In MOSN, no RPC request matches a path, so that they may be meant for those.
func (v *validator) checkReach(vh *VirtualHost) {
	for i := range vh.Routes {
		m := vh.Routes[i].Match
		if m.Prefix != "/" || len(m.Headers)+len(m.Variables)+len(m.QueryParameters)+len(m.DSLExpressions.Items()) > 0 {
			continue
		}
		if i+1 < len(vh.Routes) {
			next := vh.Routes[i+1].Node()
			v.report.WarnHint(next, "prefixes are for RPC requests as well, unlike in MOSN", "no request with a path comes here: the route of %s takes all",
				placeOf(vh.Routes[i].Node(), next))
		}
		return
	}
}

// validDomain reports whether a (lower case) domain is *, * and a suffix, or a host, with a port, :* or neither after it.
func validDomain(s string) bool {
	if s == "*" {
		return true
	}
	host, port := s, ""
	if h, p, err := net.SplitHostPort(s); err == nil {
		if host, port = h, p; port == "" {
			return false
		}
	}
	if host == "*" {
		return true
	}
	host = strings.TrimPrefix(host, "*")
	return host != "" && !strings.ContainsAny(host, "* \t\r\n/@?#\x00") && (port == "*" || strings.Trim(port, "0123456789") == "")
}

// checkRoute checks one route: its match, and that it does one thing.
func (v *validator) checkRoute(r *Route) {
	v.checkMatch(&r.Match)
	v.checkDSL(r)
	v.checkPerFilterConfig(r.Source)
	v.oneAction(r)
	switch {
	case r.DirectResponse != nil:
	case r.Redirect != nil:
		v.checkRedirect(r.Redirect)
	case r.Route != nil:
		v.checkAction(r)
	default:
		v.report.Errorf(r.Node(), "there must be one of route, redirect and direct_response")
	}
}

// oneAction leaves a route one action. Of several, that one counts which counts for MOSN.
func (v *validator) oneAction(r *Route) {
	if r.Route != nil && r.Route.Node().isEmpty() && (r.Redirect != nil || r.DirectResponse != nil) {
		r.Route = nil // MOSN writes an empty action beside the others
	}
	used := "redirect"
	if r.DirectResponse != nil {
		used = "direct_response"
	}
	if r.Redirect != nil && r.DirectResponse != nil {
		v.report.Warnf(r.At("redirect"), "not used: the route has a %s", used)
		r.Redirect = nil
	}
	if r.Route != nil && (r.Redirect != nil || r.DirectResponse != nil) {
		v.report.Warnf(r.At("route"), "not used: the route has a %s", used)
		r.Route = nil
	}
}

func (v *validator) checkMatch(m *RouteMatch) {
	switch {
	case m.Prefix != "" && (m.Path != "" || m.Regex != ""):
		v.report.Warnf(m.Node(), "prefix is given, so path and regex do not count")
	case m.Path != "" && m.Regex != "":
		v.report.Warnf(m.Node(), "path is given, so regex does not count")
	}
	v.checkRegex(m.At("regex"), m.Regex)
	for _, h := range m.Headers {
		v.checkHeaderName(h.At("name"), h.Name)
		switch {
		case h.Regex:
			v.checkRegex(h.At("value"), h.Value)
		case h.Value == "":
			v.report.WarnHint(h.Node(), `for any value write "value": ".*", "regex": true`, "value is empty: the header must be there, and have an empty value")
		}
	}
	for _, x := range m.Variables {
		if x.Name == "" {
			v.report.Errorf(x.At("name"), "name is missing")
		}
		v.checkRegex(x.At("regex"), x.Regex)
	}
	for _, q := range m.QueryParameters {
		if q.Name == "" {
			v.report.Errorf(q.At("name"), "name is missing")
		}
		if q.Regex {
			v.checkRegex(q.At("value"), q.Value)
		}
	}
}

// checkDSL says what becomes of a route with conditions that are not evaluated. It takes no request; but one that answers itself may
// be there to keep requests from the routes behind it.
func (v *validator) checkDSL(r *Route) {
	n := r.Match.DSLExpressions
	switch {
	case n.Kind() == Null || !n.Expect(List, v.report) || len(n.Items()) == 0:
	case r.Redirect != nil || r.DirectResponse != nil:
		v.report.ErrorHint(n, "the requests that this route is to answer would go on to others", "not there yet: conditions in CEL")
	default:
		v.report.Warnf(n, "not there yet: conditions in CEL; the route takes no request")
	}
}

func (v *validator) checkRegex(n *Node, s string) {
	if _, err := regexp.Compile(s); err != nil {
		v.report.Errorf(n, "%q is not a regular expression: %s", s, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

// checkAction checks where a route's requests go, and how.
func (v *validator) checkAction(r *Route) {
	a := r.Route
	a.replaceZeros()
	v.checkTarget(a)
	v.checkRewrite(r)
	v.checkHeaderEdits(a.Source, a.HeaderEdits)
	if a.UpstreamProtocol != "" {
		a.UpstreamProtocol = v.checkProtocol(a.At("upstream_protocol"), a.UpstreamProtocol)
	}
	if a.RetryPolicy != nil {
		v.checkRetries(a.RetryPolicy)
	}
	for i := range a.HashPolicy {
		v.checkHashPolicy(&a.HashPolicy[i])
	}
}

// checkRetries checks a retry policy. One that does not say whether requests may be executed twice retries fewer than it would in MOSN,
// which is told once.
func (v *validator) checkRetries(p *RetryPolicy) {
	if p.BackOff > p.MaxBackOff {
		v.report.Errorf(p.At("back_off"), "back_off (%s) is greater than max_back_off (%s)", p.BackOff, p.MaxBackOff)
	}
	if p.RetryOn && p.Node().Get("idempotent") == nil && !v.saidRetries {
		v.saidRetries = true
		v.report.WarnHint(p.Node(), `MOSN retries all: say "idempotent": true for that, or false`,
			"what may have been executed is retried only if its method is GET, HEAD, OPTIONS, PUT, DELETE or TRACE")
	}
}

// replaceZeros puts defaults in the place of zeros that MOSN writes for "not given" when it stores its configuration.
func (c *RouteAction) replaceZeros() {
	if c.RegexRewrite != nil && c.RegexRewrite.Node().isEmpty() {
		c.RegexRewrite = nil
	}
}

// checkTarget checks that a route names its cluster in one way, and that the clusters it names exist.
func (v *validator) checkTarget(a *RouteAction) {
	var ways []string
	add := func(given bool, key string) {
		if given {
			ways = append(ways, key)
		}
	}
	add(a.ClusterName != "", "cluster_name")
	add(a.ClusterVariable != "", "cluster_variable")
	add(a.ClusterHeader != "", "cluster_header")
	add(len(a.WeightedClusters) > 0, "weighted_clusters")
	switch len(ways) {
	case 0:
		v.report.Errorf(a.Node(), "there must be one of cluster_name, cluster_variable, cluster_header and weighted_clusters")
	case 1:
	default:
		a.keepTarget(ways[0])
		v.report.Warnf(a.Node(), "%s are given: %s is used", strings.Join(ways, " and "), ways[0])
	}
	if a.ClusterName != "" {
		v.checkRouteCluster(a.At("cluster_name"), a.ClusterName)
	}
	if a.ClusterHeader != "" {
		v.checkHeaderName(a.At("cluster_header"), a.ClusterHeader)
	}
	v.checkWeights(a)
}

// keepTarget leaves a route one way to name its cluster.
func (c *RouteAction) keepTarget(key string) {
	if key != "cluster_name" {
		c.ClusterName = ""
	}
	if key != "cluster_variable" {
		c.ClusterVariable = ""
	}
	if key != "cluster_header" {
		c.ClusterHeader = ""
	}
	c.WeightedClusters = nil // they are the last in order
}

func (v *validator) checkWeights(a *RouteAction) {
	var sum uint64
	for i := range a.WeightedClusters {
		c := &a.WeightedClusters[i].Cluster
		sum += uint64(c.Weight)
		if c.Name == "" {
			v.report.Errorf(item(a.At("weighted_clusters"), i), "cluster.name is missing")
			continue
		}
		v.checkRouteCluster(c.At("name"), c.Name)
	}
	n := a.At("weighted_clusters")
	switch {
	case len(a.WeightedClusters) > 0 && sum == 0:
		v.report.Errorf(n, "the sum of the weights must be greater than 0")
	case sum > 1<<32-1:
		v.report.Errorf(n, "the sum of the weights must be less than 2^32, is %d", sum)
	}
}

func (v *validator) checkClusterExists(n *Node, name string) {
	if v.clusters[name] == nil {
		v.report.ErrorHint(n, nameHint(name, v.clusters), "there is no cluster %q", name)
	}
}

// checkRewrite checks what a route makes of the path and the host.
func (v *validator) checkRewrite(r *Route) {
	a := r.Route
	if a.PrefixRewrite != "" {
		switch {
		case a.PrefixRewrite[0] != '/':
			v.report.Errorf(a.At("prefix_rewrite"), `must start with "/", is %q`, a.PrefixRewrite)
		case r.Match.Prefix == "" && r.Match.Path == "":
			v.report.Warnf(a.At("prefix_rewrite"), "match has no prefix and no path that could be rewritten: it is not used")
			a.PrefixRewrite = ""
		}
	}
	if a.RegexRewrite != nil && a.PrefixRewrite != "" {
		v.report.Warnf(a.RegexRewrite.Node(), "not used: the route has a prefix_rewrite")
		a.RegexRewrite = nil
	}
	if w := a.RegexRewrite; w != nil {
		if w.Pattern.Regex == "" {
			v.report.Errorf(w.At("pattern"), "pattern.regex is missing")
		}
		v.checkRegex(w.Pattern.At("regex"), w.Pattern.Regex)
	}
	v.checkHeaderValue(a.At("host_rewrite"), a.HostRewrite)
	if a.AutoHostRewriteHeader != "" {
		v.checkHeaderName(a.At("auto_host_rewrite_header"), a.AutoHostRewriteHeader)
	}
}

// checkHashPolicy checks that a request is hashed by one thing.
func (v *validator) checkHashPolicy(h *HashPolicy) {
	given := 0
	for _, is := range []bool{h.Header != nil, h.Cookie != nil, h.SourceIP != nil, h.QueryParameter != nil, h.Service != nil, h.Metadata != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		v.report.Errorf(h.Node(), "there must be one of header, cookie, source_ip, query_parameter, service and metadata")
	}
	if h.Header != nil {
		v.checkHeaderName(h.Header.At("key"), h.Header.Key)
	}
	if h.Cookie != nil && !isToken(h.Cookie.Name) {
		v.report.Errorf(h.Cookie.At("name"), "%q is not a cookie's name", h.Cookie.Name)
	}
	if q := h.QueryParameter; q != nil && q.Name == "" {
		v.report.Errorf(q.At("name"), "name is missing")
	}
	if m := h.Metadata; m != nil && m.Key == "" { // attachments may have any other name
		v.report.Errorf(m.At("key"), "key is missing")
	}
}

func (v *validator) checkRedirect(r *Redirect) {
	if r.ResponseCode == 0 { // MOSN stores it for "not given"
		r.ResponseCode = Default[Redirect]().ResponseCode
	}
	switch r.ResponseCode {
	case 301, 302, 303, 307, 308:
	default:
		v.report.Errorf(r.At("response_code"), "must be 301, 302, 303, 307 or 308, is %d", r.ResponseCode)
	}
	if r.PathRedirect != "" && r.PathRedirect[0] != '/' {
		v.report.Errorf(r.At("path_redirect"), `must start with "/", is %q`, r.PathRedirect)
	}
	v.checkHeaderValue(r.At("path_redirect"), r.PathRedirect)
	v.checkHeaderValue(r.At("host_redirect"), r.HostRedirect)
	switch strings.ToLower(r.SchemeRedirect) {
	case "", "http", "https":
	default:
		v.report.Errorf(r.At("scheme_redirect"), "must be http or https, is %q", r.SchemeRedirect)
	}
}

func (v *validator) checkHeaderEdits(s Source, e HeaderEdits) {
	for _, list := range [][]HeaderOption{e.RequestHeadersToAdd, e.ResponseHeadersToAdd} {
		for _, h := range list {
			v.checkHeaderName(h.Header.At("key"), h.Header.Key)
			v.checkHeaderValue(h.Header.At("value"), h.Header.Value)
		}
	}
	for i, name := range e.RequestHeadersToRemove {
		v.checkHeaderName(item(s.At("request_headers_to_remove"), i), name)
	}
	for i, name := range e.ResponseHeadersToRemove {
		v.checkHeaderName(item(s.At("response_headers_to_remove"), i), name)
	}
}

func (v *validator) checkHeaderName(n *Node, name string) {
	if !isToken(name) {
		v.report.Errorf(n, "%q is not a header's name", name)
	}
}

// checkHeaderValue refuses what could end a header on the wire.
func (v *validator) checkHeaderValue(n *Node, value string) {
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			v.report.Errorf(n, "%q has a control character in it", value)
			return
		}
	}
}

// isToken reports whether s is a token as HTTP defines it (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		letterOrDigit := c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c)
		if !letterOrDigit && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

package config

import (
	"slices"
	"strings"
)

// checkHealth checks how a cluster's hosts are checked. Afterwards HealthCheck is nil if they are not, and its Protocol spelled as
// it is listed.
func (v *validator) checkHealth(c *Cluster) {
	h := c.HealthCheck
	if h == nil {
		return
	}
	if h.Node() != nil && h.Node().isEmpty() {
		c.HealthCheck = nil
		return
	}
	h.replaceZeros()
	v.checkHealthProtocol(h)
	if h.Config.HTTP != nil {
		v.checkHTTPCheck(h)
	}
	if node := h.Config.At("grpc_check_config"); h.Config.GRPC.Node() != nil && h.Protocol != CheckGRPC {
		v.report.Warnf(node, "the protocol is %s: it is not used", h.Protocol)
	}
	v.checkAuthority(h.Config.GRPC.At("authority"), h.Config.GRPC.Authority)
}

// replaceZeros puts defaults in the place of zeros that MOSN writes for "not given" when it stores its configuration.
func (c *HealthCheck) replaceZeros() {
	d := Default[HealthCheck]()
	if c.Timeout == 0 {
		c.Timeout = d.Timeout
	}
	if c.Interval == 0 {
		c.Interval = d.Interval
	}
	if c.Protocol == "" {
		c.Protocol = d.Protocol
	}
}

// checkHealthProtocol checks what is asked. What MOSN would ask in another way, or could be asked by a program with more in it, is
// asked by TCP, as MOSN does.
func (v *validator) checkHealthProtocol(h *HealthCheck) {
	there := []string{CheckTCP}
	for _, name := range v.protocolNames() {
		if name == CheckHTTP1 || name == CheckHTTP2 || v.isRPC(name) {
			there = append(there, name)
		}
		if name == CheckHTTP2 {
			there = append(there, CheckGRPC)
		}
	}
	known := append(knownProtocols(), CheckGRPC)
	name, ok := canonical(h.Protocol, there, known)
	n := h.At("protocol")
	switch {
	case !ok:
		v.report.WarnHint(n, DidYouMean(h.Protocol, append(there, known...)), "there is no health check by %q: %s is used", h.Protocol, CheckTCP)
		h.Protocol = CheckTCP
	case !slices.Contains(there, name):
		v.report.Warnf(n, "not there yet: health checks by %s: %s is used", name, CheckTCP)
		h.Protocol = CheckTCP
	case (name == CheckHTTP1 || name == CheckHTTP2) && h.Config.HTTP == nil:
		v.report.Warnf(n, "check_config.http_check_config is missing: %s is used", CheckTCP)
		h.Protocol = CheckTCP
	default:
		h.Protocol = name
		if http := h.Config.HTTP; http != nil && name != CheckHTTP1 && name != CheckHTTP2 {
			v.report.Warnf(http.Node(), "the protocol is %s: it is not used", name)
		}
	}
}

func (v *validator) checkHTTPCheck(h *HealthCheck) {
	c := h.Config.HTTP
	if c.Path == "" {
		c.Path = "/"
	}
	if c.Method == "" {
		c.Method = "GET"
	}
	switch {
	case !strings.HasPrefix(c.Path, "/"):
		v.report.Errorf(c.At("path"), `must start with "/", is %q`, c.Path)
	case strings.ContainsFunc(c.Path, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }):
		v.report.ErrorHint(c.At("path"), "write a percent sign and two digits", "%q has characters that a path cannot have", c.Path)
	}
	switch method := c.Method; {
	case strings.ContainsFunc(method, func(r rune) bool { return !isTokenRune(r) }):
		v.report.Errorf(c.At("method"), "%q is not a method", method)
	case method == "CONNECT":
		v.report.Errorf(c.At("method"), "CONNECT asks for a tunnel")
	}
	switch strings.ToLower(c.Scheme) {
	case "", "http":
		c.Scheme = "http"
	case "https":
		v.report.ErrorHint(c.At("scheme"), "a host that expects TLS would never be well", "not there yet: TLS")
	default:
		v.report.Errorf(c.At("scheme"), "%q is not http", c.Scheme)
	}
	v.checkAuthority(c.At("domain"), c.Domain)
	for i := range c.Codes {
		v.checkCodeRange(&c.Codes[i])
	}
	if strings.EqualFold(c.Method, "HEAD") && c.ExpectedText != "" {
		v.report.Errorf(c.At("expected_text"), "an answer to HEAD has no body")
	}
}

// checkCodeRange checks statuses, of which the last need not be given. What is out of range is reported already.
func (v *validator) checkCodeRange(r *CodeRange) {
	switch {
	case r.Node().Get("start") == nil:
		v.report.Errorf(r.Node(), "start is missing")
	case r.Node().Get("end") == nil:
		r.End = r.Start
	case r.Start > r.End && r.End > 0:
		v.report.Errorf(r.At("end"), "the last status is %d, and the first is %d", r.End, r.Start)
	}
}

// checkAuthority checks what a request calls a host.
func (v *validator) checkAuthority(n *Node, name string) {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' || r == '@' || r == '?' || r == '#' }) {
		v.report.Errorf(n, "%q is not a host, with or without a port", name)
	}
}

// isTokenRune tells whether a character is one of which methods are made (RFC 9110, 5.6.2).
func isTokenRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

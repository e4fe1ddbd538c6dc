package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What Consul takes.
const (
	maxConsulWait      = 10 * time.Minute // it answers after that, whatever is asked for
	minDeregisterAfter = time.Minute      // it waits that long, whatever is asked for
)

// checkConsul checks how Consul is reached, and what it is told.
func (v *validator) checkConsul(c *Consul) {
	switch strings.ToLower(c.Scheme) {
	case "http", "https":
		c.Scheme = strings.ToLower(c.Scheme)
	default:
		v.report.Errorf(c.At("scheme"), "must be http or https, is %q", c.Scheme)
	}
	v.checkHostPort(c.At("address"), c.Address, "127.0.0.1:8500")
	v.checkConsulTLS(c)
	if c.TokenFile != "" && c.TokenEnv != "" {
		v.report.Errorf(c.At("token_env"), "token_file and token_env are both given: only one of them may be")
	}
	v.checkGreater0(c.At("wait"), c.Wait)
	if c.Wait > maxConsulWait {
		v.report.Errorf(c.At("wait"), "must be at most %s, is %s", maxConsulWait, c.Wait)
	}
	v.checkGreater0(c.At("back_off"), c.BackOff)
	if c.BackOff > c.MaxBackOff {
		v.report.Errorf(c.At("back_off"), "back_off (%s) is greater than max_back_off (%s)", c.BackOff, c.MaxBackOff)
	}
	if p := c.ConfigPrefix; p != "" && (strings.HasPrefix(p, "/") || strings.Contains(p, "//")) {
		v.report.ErrorHint(c.At("config_prefix"), `write it like "weir/production"`, "%q is not a prefix of keys: they have no slash in front, and no two in a row", p)
	}
	c.ConfigPrefix = strings.TrimSuffix(c.ConfigPrefix, "/")
	v.checkRegistrations(c)
}

// checkConsulTLS checks the files of TLS to the agent, and that it is wanted.
func (v *validator) checkConsulTLS(c *Consul) {
	t := &c.TLS
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		v.report.Errorf(t.At("cert_file"), "cert_file needs a key_file")
	case t.KeyFile != "" && t.CertFile == "":
		v.report.Errorf(t.At("key_file"), "key_file needs a cert_file")
	}
	given := t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" || t.ServerName != "" || t.InsecureSkip
	if given && c.Scheme == "http" {
		v.report.Warnf(t.Node(), `the scheme is http: there is no TLS`)
	}
	if t.InsecureSkip && t.CAFile != "" {
		v.report.Warnf(t.At("ca_file"), "insecure_skip is true: it is not used")
	}
}

// checkRegistrations checks the services that are announced, and that each has an ID of its own.
func (v *validator) checkRegistrations(c *Consul) {
	ids := make(map[string]*Registration, len(c.Register))
	for i := range c.Register {
		g := &c.Register[i]
		v.checkRegistration(g)
		id := g.InstanceID()
		if first := ids[id]; first != nil {
			v.report.ErrorHint(g.At("id"), "give each an id", "the registration of %s has the ID %q already", placeOf(first.Node(), g.Node()), id)
		} else {
			ids[id] = g
		}
	}
}

// InstanceID returns the registration's ID: the one that is given, or what stands for it.
func (r *Registration) InstanceID() string {
	switch {
	case r.ID != "":
		return r.ID
	case r.Address == "":
		return r.Service + "-" + strconv.Itoa(int(r.Port))
	}
	return r.Service + "-" + r.Address + "-" + strconv.Itoa(int(r.Port))
}

// ParseRegistration reads a registration that is not part of a configuration, as strictly as if it were: JSON, or YAML if the name
// ends in .yaml or .yml. The name is named in problems. The error is that of the report, and then the registration is nil; the report
// is never nil.
func ParseRegistration(name string, data []byte) (*Registration, *Report, error) {
	r := new(Report)
	g := new(Registration)
	DecodeDefaults(g)
	if n := parseTree(name, data, r); n != nil && n.Expect(Object, r) {
		n.DecodeInto(g, r)
		v := validator{report: r}
		v.checkRegistration(g)
	}
	if err := r.Err(); err != nil {
		return nil, r, err
	}
	return g, r, nil
}

func (v *validator) checkRegistration(g *Registration) {
	switch {
	case g.Service == "":
		v.report.Errorf(g.At("service"), "service is missing")
	case !ValidService(g.Service):
		v.report.ErrorHint(g.At("service"), serviceHint, "%q is not a service's name", g.Service)
	}
	if strings.ContainsFunc(g.ID, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		v.report.Errorf(g.At("id"), "%q has a space or a control character in it", g.ID)
	}
	if g.Address != "" {
		_, badIP := netip.ParseAddr(g.Address)
		if badIP != nil && strings.ContainsAny(g.Address, " \t\r\n/@:\x00") {
			v.report.Errorf(g.At("address"), "%q is not an IP address or a name", g.Address)
		}
	}
	if g.Port == 0 {
		v.report.Errorf(g.At("port"), "port is missing")
	}
	v.checkRegistrationCheck(&g.Check)
}

// checkRegistrationCheck checks how Consul learns that a service is well: in one way.
func (v *validator) checkRegistrationCheck(c *RegistrationCheck) {
	var ways []string
	if ttl := c.Node().Get("ttl"); ttl != nil && c.TTL > 0 {
		ways = append(ways, "ttl")
	}
	if c.HTTP != "" {
		ways = append(ways, "http")
		if u, err := url.Parse(c.HTTP); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			v.report.ErrorHint(c.At("http"), `write it like "http://127.0.0.1:8080/health"`, "%q is not a URL that can be asked", c.HTTP)
		}
	}
	if c.TCP != "" {
		ways = append(ways, "tcp")
		if _, _, err := net.SplitHostPort(c.TCP); err != nil {
			v.report.ErrorHint(c.At("tcp"), `write it like "127.0.0.1:8080"`, "%q is not an address and a port", c.TCP)
		}
	}
	if len(ways) > 1 {
		v.report.Errorf(c.Node(), "%s are given: only one of them may be", strings.Join(ways, " and "))
	}
	if c.HTTP != "" || c.TCP != "" {
		c.TTL = 0
		v.checkGreater0(c.At("interval"), c.Interval)
		v.checkGreater0(c.At("timeout"), c.Timeout)
	} else if c.TTL < time.Second {
		v.report.Errorf(c.At("ttl"), "must be at least 1s, is %s", c.TTL)
	}
	if d := c.DeregisterAfter; d > 0 && d < minDeregisterAfter {
		v.report.Warnf(c.At("deregister_critical_service_after"), "Consul waits at least %s", minDeregisterAfter)
	}
}

// OnDemandPrefix begins the names of clusters that are made on demand; a service of Consul follows it, or AnyService.
const (
	OnDemandPrefix = "consul:"
	AnyService     = "*" // the service that the request names
)

// maxServiceName is how long a service's name may be, which bounds what a request can make weir remember.
const maxServiceName = 255

const serviceHint = `a letter or digit, then letters, digits, "-", "_", ".", ":" and "$"`

// ValidService reports whether a text can be the name of a service: interfaces of RPC protocols and names of hosts can. As part of a
// path, such a name means nothing but itself.
func ValidService[T string | []byte](name T) bool {
	if len(name) == 0 || len(name) > maxServiceName {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '_' || c == '.' || c == ':' || c == '$'):
		default:
			return false
		}
	}
	return true
}

// validPattern reports whether a text can be a pattern of services' names.
func validPattern(s string) bool {
	return s != "" && ValidService("a"+strings.ReplaceAll(s, AnyService, ""))
}

// checkOnDemand checks how clusters are made on demand, and out of which services.
func (v *validator) checkOnDemand(d *OnDemand) {
	c := &d.Cluster
	if c.Name != "" {
		v.report.Errorf(c.At("name"), "a cluster on demand is called %sSERVICE: it must have no name", OnDemandPrefix)
	}
	if c.Consul.Service != "" {
		v.report.Errorf(c.Consul.At("service"), "a cluster on demand is made of the service that is asked for: it must have none")
	}
	if c.Type != ClusterConsul {
		v.report.Errorf(c.At("type"), "clusters on demand are of type %s, not %s", ClusterConsul, c.Type)
	} else {
		v.checkCluster(c)
	}
	for i, s := range d.Services {
		if !validPattern(s) {
			v.report.ErrorHint(item(d.At("services"), i), serviceHint+`; "*" stands for any number of them`, "%q is not a service's name, or a pattern of one", s)
		}
	}
	v.checkGreater0(d.At("idle_timeout"), d.IdleTimeout)
	v.checkGreater0(d.At("timeout"), d.Timeout)
}

// checkRouteCluster checks that there is a cluster that a route names, or that it can be made on demand.
func (v *validator) checkRouteCluster(n *Node, name string) {
	service, onDemand := strings.CutPrefix(name, OnDemandPrefix)
	d := v.config.ClusterManager.OnDemand
	switch {
	case !onDemand:
		v.checkClusterExists(n, name)
	case d == nil:
		v.report.ErrorHint(n, "give cluster_manager.on_demand, {} at least", "%q: there are no clusters on demand", name)
	case service == AnyService && len(d.Services) == 0:
		v.report.ErrorHint(n, `list them in cluster_manager.on_demand.services, or "*" for all`, "%q: there are no services that requests may name", name)
	case service != AnyService && !ValidService(service):
		v.report.ErrorHint(n, serviceHint, "%q is not a service's name", service)
	}
}

package config

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

func quote(s string) string { return strconv.Quote(s) }

// sortedKeys returns a map's keys in order, so that what is said of them does not change from run to run.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// nameHint returns a hint at the name in m that is nearest to what was written. In a big configuration with as many mistakes it
// would cost their product, and there is none.
func nameHint[V any](written string, m map[string]V) string {
	if len(m) > 1000 {
		return ""
	}
	return DidYouMean(written, sortedKeys(m))
}

func (v *validator) checkClusterManager() {
	m := &v.config.ClusterManager
	v.clusters = make(map[string]*Cluster, len(m.Clusters))
	managerTLS := false
	for i := range m.Clusters {
		c := &m.Clusters[i]
		switch first := v.clusters[c.Name]; {
		case c.Name == "":
			v.report.Errorf(c.At("name"), "name is missing")
		case first != nil:
			v.report.Errorf(c.At("name"), "the cluster of line %d is called %q already", lineOf(first.Node()), c.Name)
		default:
			v.clusters[c.Name] = c
		}
		managerTLS = managerTLS || c.ManagerTLS
		v.checkCluster(c)
	}
	// TLS that no cluster asks for takes nothing away from anybody.
	if managerTLS {
		v.checkTLS(m.TLS)
	}
}

func (v *validator) checkCluster(c *Cluster) {
	v.checkTLS(c.TLS)
	switch c.Type {
	case ClusterSimple, ClusterStatic:
		if len(c.Hosts) == 0 && c.Name != "" {
			v.report.Warnf(c.At("hosts"), "the cluster %q has no hosts: its requests are answered 503", c.Name)
		}
	default:
		v.report.Warnf(c.At("type"), "not there yet: clusters of type %s: the hosts are those of the file", c.Type)
	}
	switch c.LBType {
	case LBMaglev, LBRequestRoundRobin, LBPeakEWMA, LBOriginalDst:
		v.report.Warnf(c.At("lb_type"), "not there yet: %s: %s is used", c.LBType, LBRoundRobin)
		c.LBType = LBRoundRobin
	default:
	}
	if c.ConnectTimeout == 0 {
		v.report.Errorf(c.At("connect_timeout"), "must be greater than 0s")
	}
	if c.Keepalive != nil && c.Keepalive.Interval == 0 {
		v.report.Errorf(c.Keepalive.At("interval"), "must be greater than 0s")
	}
	if c.Subsets != nil && c.Subsets.Node().isEmpty() {
		c.Subsets = nil
	}
	if s := c.Subsets; s != nil && s.FallbackPolicy == FallbackDefault && len(s.DefaultSubset) == 0 {
		v.report.Errorf(s.At("fall_back_policy"), "the policy 2 needs a default_subset")
	}
	v.checkBreakers(c)
	v.checkHealth(c)
	v.checkHosts(c)
}

// checkBreakers checks a cluster's limits, and puts those of the priority DEFAULT first.
func (v *validator) checkBreakers(c *Cluster) {
	seen := make(map[Priority]bool)
	for i := range c.CircuitBreakers {
		t := &c.CircuitBreakers[i]
		if seen[t.Priority] {
			v.report.Errorf(t.Node(), "there is an entry of priority %s already", t.Priority)
		}
		if t.Priority == PriorityHigh {
			v.report.Warnf(t.At("priority"), "ignored: no request has the priority HIGH")
		}
		seen[t.Priority] = true
	}
	if !seen[PriorityDefault] {
		c.CircuitBreakers = append(c.CircuitBreakers, Default[Thresholds]())
	}
	slices.SortStableFunc(c.CircuitBreakers, func(a, b Thresholds) int { return strings.Compare(string(a.Priority), string(b.Priority)) })
}

func (v *validator) checkHosts(c *Cluster) {
	seen := make(map[string]*Host, len(c.Hosts))
	for i := range c.Hosts {
		h := &c.Hosts[i]
		n := h.At("address")
		host, port, err := net.SplitHostPort(h.Address)
		switch {
		case h.Address == "":
			v.report.Errorf(n, "address is missing")
			continue
		case err != nil || host == "":
			v.report.ErrorHint(n, `write it like "127.0.0.1:8080"`, "%q is not an address and a port", h.Address)
			continue
		case strings.ContainsAny(host, " \t\r\n/@\x00"):
			v.report.Errorf(n, "%q is not an IP address or a name", host)
		}
		v.checkPort(n, port, 1)
		if first := seen[h.Address]; first != nil {
			v.report.Warnf(n, "the host %s is in line %d already: it gets two shares", h.Address, lineOf(first.Node()))
		} else {
			seen[h.Address] = h
		}
	}
}

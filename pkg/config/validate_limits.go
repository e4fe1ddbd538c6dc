package config

import "regexp"

// What a protocol that is upgraded to may be called: in HTTP/1 with a version.
var (
	protocolToken = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	protocolName  = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+(/[-!#$%&'*+.^_`|~0-9A-Za-z]+)?$")
)

func (v *validator) checkUpgrades(s Source, names []string, form *regexp.Regexp, want string) {
	for i, name := range names {
		if !form.MatchString(name) {
			v.report.Errorf(item(s.At("upgrades"), i), "must be %s, is %q", want, name)
		}
	}
}

// widenClusters lets the limits that a cluster does not give for the heads of responses be what the listeners take from clients, where
// that is more than the default: who has raised those of listeners means both directions.
func (v *validator) widenClusters() {
	one, two := Default[HTTP1ClusterConfig](), Default[HTTP2ClusterConfig]()
	for i := range v.config.Servers {
		for j := range v.config.Servers[i].Listeners {
			if p := v.config.Servers[i].Listeners[j].Proxy; p != nil {
				one.MaxHeaderSize = max(one.MaxHeaderSize, p.HTTP1.MaxHeaderSize)
				one.MaxHeaderCount = max(one.MaxHeaderCount, p.HTTP1.MaxHeaderCount)
				two.MaxHeaderSize = max(two.MaxHeaderSize, p.HTTP2.MaxHeaderSize)
				two.MaxHeaderCount = max(two.MaxHeaderCount, p.HTTP2.MaxHeaderCount)
			}
		}
	}
	var all []*ClusterProtocols
	for i := range v.config.ClusterManager.Clusters {
		all = append(all, &v.config.ClusterManager.Clusters[i].Protocols)
	}
	if o := v.config.ClusterManager.OnDemand; o != nil {
		all = append(all, &o.Cluster.Protocols)
	}
	for _, c := range all {
		unlessGiven(c.HTTP1.Source, "max_header_size", &c.HTTP1.MaxHeaderSize, one.MaxHeaderSize)
		unlessGiven(c.HTTP1.Source, "max_header_count", &c.HTTP1.MaxHeaderCount, one.MaxHeaderCount)
		unlessGiven(c.HTTP2.Source, "max_header_size", &c.HTTP2.MaxHeaderSize, two.MaxHeaderSize)
		unlessGiven(c.HTTP2.Source, "max_header_count", &c.HTTP2.MaxHeaderCount, two.MaxHeaderCount)
	}
}

// unlessGiven sets a value that the configuration does not give.
func unlessGiven(s Source, key string, value *int, to int) {
	if s.Node().Get(key) == nil {
		*value = to
	}
}

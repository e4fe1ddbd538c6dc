package e2e_test

import (
	"fmt"
	"strings"
)

// setup is a configuration with one listener, "main", in the parts that tests
// differ by. Each part is the inside of a JSON object or list; what is empty has
// a default that forwards everything to the cluster "up".
type setup struct {
	up       string // address of the only host of the cluster "up"
	routes   string // of the only virtual host
	hosts    string // virtual hosts, in place of one with the routes
	table    string // more members of the router
	clusters string // clusters beside "up", or instead of it
	cluster  string // more members of the cluster "up"
	manager  string // more members of the cluster manager
	http1    string // members of the proxy's extend_config
	proxy    string // more members of the proxy's config
	listener string // more members of the listener
	address  string // of the listener; a free port of 127.0.0.1
	more     string // more listeners
	server   string // more members of the server
	top      string // more members of the whole
}

// String is the configuration file.
func (s setup) String() string {
	or := func(s, standard string) string {
		if s == "" {
			return standard
		}
		return s
	}
	and := func(members string) string {
		if members == "" {
			return ""
		}
		return ", " + members
	}
	routes := or(s.routes, `{"match": {"prefix": "/"}, "route": {"cluster_name": "up"}}`)
	var clusters []string
	if s.up != "" {
		clusters = append(clusters, fmt.Sprintf(`{"name": "up", "hosts": [{"address": %q}]%s}`, s.up, and(s.cluster)))
	}
	if s.clusters != "" {
		clusters = append(clusters, s.clusters)
	}
	return fmt.Sprintf(`{
  "servers": [{
    "processor": 2%s,
    "routers": [{"router_config_name": "routes"%s, "virtual_hosts": [%s]}],
    "listeners": [%s%s]
  }],
  "cluster_manager": {"clusters": [%s]%s}%s
}`, and(s.server), and(s.table),
		or(s.hosts, fmt.Sprintf(`{"name": "all", "domains": ["*"], "routers": [%s]}`, routes)),
		listener("main", or(s.address, "127.0.0.1:0"), s.listener, `"extend_config": {`+s.http1+`}`+and(s.proxy)), and(s.more),
		strings.Join(clusters, ", "), and(s.manager), and(s.top))
}

// listener is a listener whose proxy has the router "routes", and speaks HTTP/1
// unless its members say otherwise.
func listener(name, address, members, proxy string) string {
	if members != "" {
		members = ", " + members
	}
	if !strings.Contains(proxy, `"downstream_protocol"`) {
		proxy = strings.TrimSuffix(`"downstream_protocol": "Http1", `+proxy, ", ")
	}
	if proxy != "" {
		proxy = ", " + proxy
	}
	return fmt.Sprintf(`{"name": %q, "address": %q, "bind_port": true%s, "filter_chains": [{"filters": [
      {"type": "proxy", "config": {"router_config_name": "routes"%s}}]}]}`,
		name, address, members, proxy)
}

// route is a route of a prefix to a cluster; members are more of its action.
func route(prefix, cluster, members string) string {
	if members != "" {
		members = ", " + members
	}
	return fmt.Sprintf(`{"match": {"prefix": %q}, "route": {"cluster_name": %q%s}}`, prefix, cluster, members)
}

// cluster is a cluster with some hosts.
func cluster(name, members string, hosts ...string) string {
	for i, h := range hosts {
		hosts[i] = fmt.Sprintf(`{"address": %q}`, h)
	}
	if members != "" {
		members = ", " + members
	}
	return fmt.Sprintf(`{"name": %q, "hosts": [%s]%s}`, name, strings.Join(hosts, ", "), members)
}

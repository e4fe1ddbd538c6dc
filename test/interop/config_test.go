//go:build interop

package interop_test

import (
	"encoding/json"
	"testing"
)

// object is a JSON object of a configuration.
type object = map[string]any

// config is a configuration in the making.
type config struct {
	listeners, routers, clusters []object
	admin                        bool // there is an admin interface, on a free port
}

// listen adds a listener on a free port, with routes of its own. proxy are more members of its proxy's config.
func (c *config) listen(name, protocol string, proxy object, routes ...object) {
	settings := object{"downstream_protocol": protocol, "router_config_name": name}
	for key, value := range proxy {
		settings[key] = value
	}
	c.listeners = append(c.listeners, object{
		"name": name, "address": "127.0.0.1:0", "bind_port": true,
		"filter_chains": []object{{"filters": []object{{"type": "proxy", "config": settings}}}},
	})
	c.routers = append(c.routers, object{
		"router_config_name": name,
		"virtual_hosts":      []object{{"name": name, "domains": []string{"*"}, "routers": routes}},
	})
}

// cluster adds a cluster of some hosts.
func (c *config) cluster(name string, addresses ...string) {
	hosts := []object{}
	for _, a := range addresses {
		hosts = append(hosts, object{"address": a})
	}
	c.clusters = append(c.clusters, object{"name": name, "type": "SIMPLE", "lb_type": "LB_ROUNDROBIN", "hosts": hosts})
}

// everything are the routes that all requests take, first those of RPC protocols, then those of HTTP.
func everything(cluster string) []object {
	rpc := object{"match": object{"headers": []object{{"name": "service", "value": ".*"}}}, "route": object{"cluster_name": cluster}}
	return []object{rpc, prefix("/", cluster)}
}

// service is a route of the services whose names match a regular expression.
func service(names, cluster string) object {
	return object{
		"match": object{"headers": []object{{"name": "service", "value": names, "regex": true}}},
		"route": object{"cluster_name": cluster},
	}
}

// path is a route of a path of HTTP.
func path(path, cluster string) object {
	return object{"match": object{"path": path}, "route": object{"cluster_name": cluster}}
}

// file is the configuration as it is written to a file.
func (c *config) file(t *testing.T) []byte {
	t.Helper()
	file := object{
		"servers": []object{{
			"default_log_path": "stdout", "default_log_level": "INFO", "processor": 2,
			"routers": c.routers, "listeners": c.listeners,
		}},
		"cluster_manager": object{"clusters": c.clusters},
	}
	if c.admin {
		file["admin"] = object{"address": object{"socket_address": object{"address": "127.0.0.1", "port_value": 0}}}
	}
	b, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

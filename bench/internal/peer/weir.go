package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"syscall"
)

// object and list write a configuration in the order of its schema.
type (
	object = map[string]any
	list   = []any
)

// Plain is weir with one route to the backend.
func Plain(binary string) Spec {
	routes := list{routeTo("/")}
	return weirHTTP("weir", binary, list{}, routes)
}

// WithFilters is weir with three stream filters, none of which does anything to the requests, and 1,000 routes, of which the last
// but one matches [RoutedPath].
func WithFilters(binary string) Spec {
	idle := object{"type": "fault", "config": object{
		"delay": object{"fixed_delay": "1ms", "percentage": 0},
		"abort": object{"status": 503, "percentage": 0},
	}}
	routes := list{}
	for i := 1; i <= 999; i++ {
		routes = append(routes, routeTo(fmt.Sprintf("/service-%04d/", i)))
	}
	return weirHTTP("weir-filters", binary, list{idle, idle, idle}, append(routes, routeTo("/")))
}

func routeTo(prefix string) object {
	return object{"match": object{"prefix": prefix}, "route": object{"cluster_name": "backend"}}
}

func weirHTTP(name, binary string, filters, routes list) Spec {
	return weir(name, binary, answersHTTP, func(at site) object {
		proxy := object{"downstream_protocol": "Http1", "upstream_protocol": "Http1", "x_forwarded_for": "keep"}
		return weirConfig(listener(at.address, proxy, filters), routes, list{cluster("backend", at.hosts, 0)})
	})
}

// weir is weir with a configuration.
func weir(name, binary string, ready func(context.Context, string) error, config func(site) object) Spec {
	return Spec{Name: name, ready: ready, reload: syscall.SIGUSR2, configure: func(at site) ([]string, error) {
		text, err := json.MarshalIndent(config(at), "", "  ")
		if err != nil {
			return nil, err
		}
		conf, err := at.writeFile("weir.json", string(text))
		if err != nil {
			return nil, err
		}
		path, err := filepath.Abs(binary)
		return []string{path, "start", "-c", conf}, err
	}}
}

// weirConfig asks of weir what is asked of its peers: as many workers, and no access log.
func weirConfig(listener object, routes, clusters list) object {
	return object{
		"servers": list{object{
			"default_log_path":  "stdout",
			"default_log_level": "WARN",
			"processor":         Workers,
			"routers": list{object{
				"router_config_name": "bench",
				"virtual_hosts":      list{object{"name": "all", "domains": list{"*"}, "routers": routes}},
			}},
			"listeners": list{listener},
		}},
		"cluster_manager": object{"clusters": clusters},
	}
}

// listener keeps idle connections as long as they are measured.
func listener(address string, proxy object, filters list) object {
	proxy["router_config_name"] = "bench"
	return object{
		"name":                    "bench",
		"address":                 address,
		"bind_port":               true,
		"connection_idle_timeout": "600s",
		"stream_filters":          filters,
		"filter_chains":           list{object{"filters": list{object{"type": "proxy", "config": proxy}}}},
	}
}

// cluster keeps upstream connections as long as they are used. maxRequests is how many requests may be under way; 0 is the default.
func cluster(name string, hosts []string, maxRequests int) object {
	c := object{
		"name":                 name,
		"type":                 "SIMPLE",
		"lb_type":              "LB_ROUNDROBIN",
		"max_request_per_conn": 0,
		"idle_timeout":         "60s",
	}
	var addresses list
	for _, h := range hosts {
		addresses = append(addresses, object{"address": h})
	}
	c["hosts"] = addresses
	if maxRequests > 0 {
		c["circuit_breakers"] = list{object{"max_requests": maxRequests, "max_pending_requests": maxRequests}}
	}
	return c
}

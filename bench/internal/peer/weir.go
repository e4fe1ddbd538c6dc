package peer

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// object and list write a configuration in the order of its schema.
type (
	object = map[string]any
	list   = []any
)

// Plain is weir with one route to the backend.
func Plain(binary string) Spec {
	routes := list{routeTo("/")}
	return weir("weir", binary, list{}, routes)
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
	return weir("weir-filters", binary, list{idle, idle, idle}, append(routes, routeTo("/")))
}

func routeTo(prefix string) object {
	return object{"match": object{"prefix": prefix}, "route": object{"cluster_name": "backend"}}
}

func weir(name, binary string, filters, routes list) Spec {
	return Spec{name, func(dir string, port, backend int) ([]string, error) {
		text, err := json.MarshalIndent(weirConfig(port, backend, filters, routes), "", "  ")
		if err != nil {
			return nil, err
		}
		conf, err := writeFile(dir, "weir.json", string(text))
		if err != nil {
			return nil, err
		}
		path, err := filepath.Abs(binary)
		return []string{path, "start", "-c", conf}, err
	}}
}

// weirConfig asks of weir what is asked of nginx: as many workers, no access log, no header added, and upstream connections that
// are kept as long as they are used.
func weirConfig(port, backend int, filters, routes list) object {
	return object{
		"servers": list{object{
			"default_log_path":  "stdout",
			"default_log_level": "WARN",
			"processor":         Workers,
			"routers": list{object{
				"router_config_name": "bench",
				"virtual_hosts":      list{object{"name": "all", "domains": list{"*"}, "routers": routes}},
			}},
			"listeners": list{object{
				"name":                    "http",
				"address":                 fmt.Sprintf("127.0.0.1:%d", port),
				"bind_port":               true,
				"connection_idle_timeout": "600s",
				"stream_filters":          filters,
				"filter_chains": list{object{"filters": list{object{
					"type": "proxy",
					"config": object{
						"downstream_protocol": "Http1",
						"upstream_protocol":   "Http1",
						"router_config_name":  "bench",
						"x_forwarded_for":     "keep",
					},
				}}}},
			}},
		}},
		"cluster_manager": object{"clusters": list{object{
			"name":                 "backend",
			"type":                 "SIMPLE",
			"lb_type":              "LB_ROUNDROBIN",
			"max_request_per_conn": 0,
			"idle_timeout":         "60s",
			"hosts":                list{object{"address": fmt.Sprintf("127.0.0.1:%d", backend)}},
		}}},
	}
}

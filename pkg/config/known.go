package config

import (
	"slices"
	"strings"
)

// Auto is the protocol name that stands for detection.
const Auto = "Auto"

// legacyX is MOSN's old protocol name for "see extend_config.sub_protocol".
const legacyX = "X"

// oldBolt is the name that bolt had in MOSN's first versions.
const oldBolt = "SofaRpc"

// knownProtocols are the protocol names of MOSN.
func knownProtocols() []string {
	return []string{"Http1", "Http2", "bolt", "boltv2", "dubbo", "dubbothrift", "tars", "x_example"}
}

// networkFilters are the network filters that are always there.
func networkFilters() []string { return []string{"proxy", "tcp_proxy", "connection_manager"} }

// knownNetworkFilters are the other network filters of MOSN.
func knownNetworkFilters() []string {
	return []string{"udp_proxy", "grpc", "tunnel", "fault_inject", "rpc_proxy", "x_proxy", "transcoder"}
}

// knownStreamFilters are the stream filters of MOSN, those included that its old samples still name.
func knownStreamFilters() []string {
	return []string{
		"fault", "payload_limit", "gzip", "fault_tolerance", "dsl", "mirror", "dubbo_stream", "grpc_metric", "transcoder",
		"flowControlFilter", "header_to_metadata", "proxywasm", "seata", "mixer", "istio.stats", "healthcheck", "commonrule",
		"ip_access", "jwt_authn", "rbac", "key_auth",
	}
}

// accessFilters are stream filters that decide who may call. Serving requests without them would be unsafe.
func accessFilters() []string { return []string{"ip_access", "jwt_authn", "rbac", "key_auth"} }

// hostFilters are stream filters that decide which hosts a request may go to. Without them it would go to any.
func hostFilters() []string { return []string{"header_to_metadata"} }

// limitFilters are stream filters that protect a service. Doing without them is worth a word of its own.
func limitFilters() []string { return []string{"payload_limit", "flowControlFilter"} }

// knownSinks are the metrics sinks of MOSN, besides prometheus.
func knownSinks() []string { return []string{"console"} }

// canonical returns the listed name that a name means, which matters only in case.
func canonical(name string, listed ...[]string) (string, bool) {
	for _, names := range listed {
		if i := slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 {
			return names[i], true
		}
	}
	return name, false
}

package config

import "time"

// ClusterManager holds the clusters.
type ClusterManager struct {
	Source
	// The clusters.
	Clusters []Cluster `json:"clusters"`
	// Folder of files with one cluster each, read in the order of their names; relative to the configuration file.
	Dir string `json:"clusters_configs"`
	// TLS of the clusters that say cluster_manager_tls.
	TLS *TLSContext `json:"tls_context"`

	_ struct{} `ignored:"cluster_pool_enable: connection pools are per cluster always"`
	_ struct{} `later:"auto_discovery: discovery"`
	_ struct{} `later:"registry_use_health_check: service registries"`
}

// Cluster is a set of hosts that offer the same service.
type Cluster struct {
	Source
	// Name, unique in the file.
	Name string `json:"name"`
	// SIMPLE or STATIC: the hosts are those of the file.
	Type ClusterType `json:"type"`
	// LB_RANDOM, LB_ROUNDROBIN, LB_WEIGHTED_ROUNDROBIN, LB_LEAST_REQUEST or LB_LEAST_CONNECTION.
	LBType LBType `json:"lb_type"`
	// Requests on one connection before it is replaced; 0 means without limit. Connections of RPC protocols (bolt, Dubbo) are not
	// replaced; those of HTTP/2 are a little earlier, each at another time.
	MaxRequestPerConn uint32 `json:"max_request_per_conn"`
	// Age from which on a connection takes no new request, a little earlier for each at another time; 0s means without limit.
	// Requests under way are finished.
	MaxConnectionDuration time.Duration `json:"max_connection_duration"`
	// Bytes buffered per connection and direction before reading from the other side pauses.
	ConnBufferLimit int `json:"conn_buffer_limit_bytes" min:"1024" max:"1073741824"`
	// Limits of what is under way. Once loaded, it is never empty, and the first entry is the one of priority DEFAULT.
	CircuitBreakers []Thresholds `json:"circuit_breakers"`
	// Load balancing among the hosts that have the labels a route asks for.
	Subsets *SubsetConfig `json:"lb_subset_config"`
	// The hosts.
	Hosts []Host `json:"hosts"`
	// Checks whether the hosts are well. Requests go only to hosts that are, as long as there are enough of them. Absent: no checks.
	HealthCheck *HealthCheck `json:"health_check"`
	// Percentage of hosts that are well below which all are used, as if all were: better to ask a host that may fail than to bring
	// the others down. It is looked at for each subset of the hosts by itself. 0: only hosts that are well are used, or none.
	PanicThreshold float64 `json:"healthy_panic_threshold" min:"0" max:"100"`
	// Time for a connection to be made.
	ConnectTimeout time.Duration `json:"connect_timeout"`
	// An upstream connection without a request for this long is closed, unless heartbeats keep it. Keep it below the keep-alive time
	// of the hosts (Node.js: 5s).
	IdleTimeout time.Duration `json:"idle_timeout"`
	// TCP keep-alive probes on upstream connections; absent: the operating system's settings.
	Keepalive *Keepalive `json:"keepalive"`
	// Heartbeats on upstream connections of protocols that have them: bolt and Dubbo; HTTP/2 (PING) only where this block is given,
	// because servers of gRPC end connections on which they see more of them than they like.
	Heartbeat Heartbeat `json:"heartbeat"`
	// SO_MARK of upstream sockets; 0: none.
	Mark uint32 `json:"mark"`
	// Settings of the load balancer.
	LBConfig LBConfig `json:"lbconfig"`
	// Retries at a time, relative to the requests at a time.
	RetryBudget RetryBudget `json:"retry_budget"`
	// TLS to the hosts. Empty, or with status false: plain text.
	TLS *TLSContext `json:"tls_context"`
	// true: TLS to the hosts as in cluster_manager.tls_context.
	ManagerTLS bool `json:"cluster_manager_tls"`

	_ struct{} `ignored:"sub_type: it has no meaning"`
	_ struct{} `later:"spec: service registries"`
	_ struct{} `later:"original_dst_lb_config: original destinations"`
	_ struct{} `later:"slow_start: slow start"`
	_ struct{} `ignored:"cluster_pool_enable: connection pools are per cluster always"`
	_ struct{} `later:"dns_refresh_rate: STRICT_DNS"`
	_ struct{} `later:"respect_dns_ttl: STRICT_DNS"`
	_ struct{} `later:"dns_lookup_family: STRICT_DNS"`
	_ struct{} `later:"dns_resolvers: STRICT_DNS"`
	_ struct{} `later:"dns_resolver_file: STRICT_DNS"`
	_ struct{} `later:"dns_resolver_port: STRICT_DNS"`
}

// ClusterType says where a cluster's hosts come from.
type ClusterType string

// The cluster types of MOSN. Those after Static are not there yet and are warned about: such a cluster has the hosts of the file.
const (
	ClusterSimple      ClusterType = "SIMPLE"
	ClusterStatic      ClusterType = "STATIC"
	ClusterDynamic     ClusterType = "DYNAMIC"
	ClusterEDS         ClusterType = "EDS"
	ClusterOriginalDst ClusterType = "ORIGINAL_DST"
	ClusterStrictDNS   ClusterType = "STRICT_DNS"
)

// Values lists MOSN's cluster types.
func (ClusterType) Values() []string {
	return []string{"SIMPLE", "STATIC", "DYNAMIC", "EDS", "ORIGINAL_DST", "STRICT_DNS"}
}

// LBType is a way to choose a host.
type LBType string

// The load balancers of MOSN. Those after LeastConnection are not there yet: the loader warns, and puts LBRoundRobin in their place.
const (
	LBRandom             LBType = "LB_RANDOM"
	LBRoundRobin         LBType = "LB_ROUNDROBIN"
	LBWeightedRoundRobin LBType = "LB_WEIGHTED_ROUNDROBIN"
	LBLeastRequest       LBType = "LB_LEAST_REQUEST"
	LBLeastConnection    LBType = "LB_LEAST_CONNECTION"
	LBMaglev             LBType = "LB_MAGLEV"
	LBRequestRoundRobin  LBType = "LB_REQUEST_ROUNDROBIN"
	LBPeakEWMA           LBType = "LB_PEAK_EWMA"
	LBOriginalDst        LBType = "LB_ORIGINAL_DST"
)

// Values lists MOSN's load balancers.
func (LBType) Values() []string {
	return []string{
		"LB_RANDOM", "LB_ROUNDROBIN", "LB_WEIGHTED_ROUNDROBIN", "LB_LEAST_REQUEST", "LB_LEAST_CONNECTION",
		"LB_MAGLEV", "LB_REQUEST_ROUNDROBIN", "LB_PEAK_EWMA", "LB_ORIGINAL_DST",
	}
}

// Thresholds are limits of what is under way to a cluster. 0 means without limit.
type Thresholds struct {
	Source
	// DEFAULT or HIGH; weir's requests all have the priority DEFAULT.
	Priority Priority `json:"priority"`
	// Connections open at a time.
	MaxConnections uint32 `json:"max_connections"`
	// Requests that wait for a connection at a time.
	MaxPendingRequests uint32 `json:"max_pending_requests"`
	// Requests under way at a time.
	MaxRequests uint32 `json:"max_requests"`
	// Retries under way at a time, besides the retry_budget.
	MaxRetries uint32 `json:"max_retries"`
}

// Priority is a priority of requests.
type Priority string

// The priorities.
const (
	PriorityDefault Priority = "DEFAULT"
	PriorityHigh    Priority = "HIGH"
)

// Values lists the accepted priorities.
func (Priority) Values() []string { return []string{"DEFAULT", "HIGH"} }

// RetryBudget bounds the retries under way to a cluster.
type RetryBudget struct {
	Source
	// Retries at a time, in percent of the requests at a time.
	Percent float64 `json:"budget_percent" min:"0" max:"100"`
	// Retries at a time that are allowed whatever the percentage.
	MinRetries uint32 `json:"min_retries"`
}

// SubsetConfig divides a cluster's hosts by their labels.
type SubsetConfig struct {
	Source
	// What is done when no host has the labels: 0 no host, 1 any host, 2 the default subset.
	FallbackPolicy FallbackPolicy `json:"fall_back_policy" max:"2"`
	// Labels of the default subset.
	DefaultSubset map[string]string `json:"default_subset"`
	// The sets of label names by which a route may ask for hosts.
	Selectors [][]string `json:"subset_selectors"`
}

// FallbackPolicy says what is done when no host has the labels a route asks for.
type FallbackPolicy uint8

// The fallback policies.
const (
	FallbackNone    FallbackPolicy = 0
	FallbackAny     FallbackPolicy = 1
	FallbackDefault FallbackPolicy = 2
)

// LBConfig are settings of the load balancer.
type LBConfig struct {
	Source
	// Hosts compared per choice (LB_LEAST_REQUEST, LB_LEAST_CONNECTION).
	ChoiceCount uint32 `json:"choice_count" min:"1" max:"64"`
	// How much requests under way weigh against a host's weight (LB_LEAST_REQUEST); 0 ignores them.
	ActiveRequestBias float64 `json:"active_request_bias" min:"0" max:"100"`

	_ struct{} `later:"client_error_bias: LB_PEAK_EWMA"`
	_ struct{} `later:"server_error_bias: LB_PEAK_EWMA"`
	_ struct{} `later:"default_duration: LB_PEAK_EWMA"`
	_ struct{} `later:"decay_time: LB_PEAK_EWMA"`
}

// Keepalive are TCP keep-alive probes.
type Keepalive struct {
	Source
	// Idle time before a probe, and between probes.
	Interval time.Duration `json:"interval"`
	// Time without an answer after which the connection is given up; 0s: the operating system's setting.
	Timeout time.Duration `json:"timeout"`
}

// Heartbeat says how the life of a silent host is checked: a dead one is noticed after interval and count times timeout.
type Heartbeat struct {
	Source
	// Time without a frame from the host before a heartbeat is sent; 0s: none is.
	Interval time.Duration `json:"interval"`
	// Time for an answer, before the next heartbeat.
	Timeout time.Duration `json:"timeout"`
	// Heartbeats without an answer after which the connection is given up.
	Count int `json:"count" min:"1" max:"100"`
}

// Host is one host of a cluster.
type Host struct {
	Source
	// IP address or name, and port.
	Address string `json:"address"`
	// Name of the host, for auto_host_rewrite.
	Hostname string `json:"hostname"`
	// Share of the requests, relative to the other hosts.
	Weight uint32 `json:"weight" min:"1" max:"128"`
	// Labels of the host.
	Metadata Metadata `json:"metadata"`
	// true: plain text to this host, whatever the cluster says.
	TLSDisable bool `json:"tls_disable"`
}

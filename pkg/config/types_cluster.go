package config

import "time"

// ClusterManager holds the clusters.
type ClusterManager struct {
	Source
	// The clusters.
	Clusters []Cluster `json:"clusters"`
	// Folder of files with one cluster each, read in the order of their names; relative to the configuration file, or else to
	// the folder that weir is started in.
	Dir string `json:"clusters_configs"`
	// TLS of the clusters that say cluster_manager_tls.
	TLS *TLSContext `json:"tls_context"`

	// Clusters that are made when a request first needs them.
	OnDemand *OnDemand `json:"on_demand"`
	// How long a start, or a new cluster, waits for the first hosts that are discovered.
	WarmUp time.Duration `json:"warm_up"`
	// The cluster that weir's own callers are hosts of: how many of them are in which zone (see zone_aware). Absent: they are thought
	// to be spread evenly.
	LocalCluster string `json:"local_cluster_name"`

	// Settings are those of protocols for clusters that say nothing about them. Listeners may have a part in them.
	Settings map[string]any `json:"-"`

	_ struct{} `ignored:"cluster_pool_enable: connection pools are per cluster always"`
	_ struct{} `ignored:"auto_discovery: clusters are discovered by their type, or on_demand"`
	_ struct{} `later:"registry_use_health_check: service registries"`
}

// Cluster is a set of hosts that offer the same service.
type Cluster struct {
	Source
	// Name, unique in the file.
	Name string `json:"name"`
	// Where the hosts come from. SIMPLE or STATIC: from hosts. STRICT_DNS: every address of every name in hosts. LOGICAL_DNS: one
	// address of the one name in hosts, for new connections. FILE: from the file of hosts_file. CONSUL: from Consul's catalog.
	// ORIGINAL_DST: each request's own destination.
	Type ClusterType `json:"type" other:"SIMPLE"`
	// How a host is chosen. LB_ROUNDROBIN: in turn. LB_RANDOM: at random. LB_WEIGHTED_ROUNDROBIN: in turn, by weight. LB_LEAST_REQUEST and
	// LB_LEAST_CONNECTION: the least loaded of a few, by weight. LB_PEAK_EWMA: of a few, by weight, the one that answers fastest.
	// LB_MAGLEV and LB_RING_HASH: by the route's hash_policy, or the client's address if it has none, or at random where it yields nothing. LB_REQUEST_ROUNDROBIN: the first host
	// for each request, and the next one for each retry. LB_ORIGINAL_DST: the request's own destination (ORIGINAL_DST).
	LBType LBType `json:"lb_type" other:"LB_ROUNDROBIN"`
	// The service in Consul (CONSUL).
	Consul ConsulService `json:"consul"`
	// The file of hosts (FILE).
	HostsFile HostsFile `json:"hosts_file"`
	// true: a source that delivers an empty set of hosts empties the cluster; false: the last hosts stay, because it is more often
	// the source that is wrong. Hosts that are gone from a set that is not empty go in any case.
	AllowEmpty bool `json:"allow_empty"`
	// Requests on one connection before it is replaced; 0 means without limit. Connections of RPC protocols (bolt, Dubbo) are not
	// replaced; those of HTTP/2 are a little earlier, each at another time.
	MaxRequestPerConn uint32 `json:"max_request_per_conn"`
	// Age from which on a connection takes no new request, a little earlier for each at another time; 0s means without limit.
	// Requests under way are finished.
	MaxConnectionDuration time.Duration `json:"max_connection_duration"`
	// Bytes buffered per connection and direction before reading from the other side pauses.
	ConnBufferLimit int `json:"conn_buffer_limit_bytes" min:"1024" max:"1073741824" clamp:""`
	// Limits of what is under way. Once loaded, it is never empty, and the first entry is the one of priority DEFAULT.
	CircuitBreakers []Thresholds `json:"circuit_breakers"`
	// Load balancing among the hosts that have the labels a route asks for.
	Subsets *SubsetConfig `json:"lb_subset_config"`
	// The hosts (SIMPLE, STATIC, STRICT_DNS, LOGICAL_DNS). For the last two, an address like _http._tcp.shop.example stands for the hosts
	// and ports of the name's SRV records.
	Hosts []Host `json:"hosts"`
	// Checks whether the hosts are well. Requests go only to hosts that are, as long as there are enough of them. Absent: no checks.
	HealthCheck *HealthCheck `json:"health_check"`
	// Percentage of hosts that are well below which all are used, as if all were: better to ask a host that may fail than to bring
	// the others down. It is looked at for each subset of the hosts by itself. 0: only hosts that are well are used, or none.
	PanicThreshold float64 `json:"healthy_panic_threshold" min:"0" max:"100"`
	// Hosts that fail while others do not get no requests for a while. Absent: none is ejected.
	OutlierDetection *OutlierDetection `json:"outlier_detection"`
	// Percentage by which the healthy hosts of a priority count for more than they are before requests go to the next priority.
	OverprovisioningFactor uint32 `json:"overprovisioning_factor" min:"100" max:"1000"`
	// Preference for hosts of weir's own zone. Absent: zones do not count.
	ZoneAware *ZoneAware `json:"zone_aware"`
	// Little traffic at first for new hosts.
	SlowStart SlowStart `json:"slow_start"`
	// The hosts of an ORIGINAL_DST cluster.
	OriginalDst OriginalDst `json:"original_dst_lb_config"`
	// Time between two look-ups, a little more or less each time (STRICT_DNS, LOGICAL_DNS).
	DNSRefreshRate time.Duration `json:"dns_refresh_rate"`
	// true: the time between look-ups is the answer's time to live, where it has one.
	RespectDNSTTL bool `json:"respect_dns_ttl"`
	// Which addresses of a name are used. V4_PREFERRED: those of IPv4, or if there are none those of IPv6. AUTO: the other way round.
	DNSLookupFamily DNSLookupFamily `json:"dns_lookup_family" other:"V4_ONLY"`
	// Servers that names are asked of; absent: those of dns_resolver_file.
	DNSResolvers DNSResolvers `json:"dns_resolvers"`
	// File in the form of resolv.conf; absent: the system's.
	DNSResolverFile string `json:"dns_resolver_file"`
	// Port of servers that name none; 0: 53.
	DNSResolverPort uint16 `json:"dns_resolver_port" alias:"text"`
	// Time for a connection to be made. A packet that was lost is sent again after 1s, and again after 3s. Requests that have waited
	// for 500ms go to another host, if there is one, while the connection goes on being made.
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
	// Limits of what the hosts send, one object per protocol name: Http1, Http2, bolt, ... What a protocol has no object for has the
	// defaults.
	ExtendConfig *Node `json:"extend_config"`
	// TLS to the hosts. Empty, or with status false: plain text.
	TLS *TLSContext `json:"tls_context"`
	// true: TLS to the hosts as in cluster_manager.tls_context.
	ManagerTLS bool `json:"cluster_manager_tls"`

	// Settings are what ExtendConfig says about each protocol of the program, over its defaults, by the protocol's name.
	Settings map[string]any `json:"-"`

	_ struct{} `ignored:"sub_type: it has no meaning"`
	_ struct{} `ignored:"MaxRequestPerConn, ConnBufferLimitBytes, LBSubsetConfig, healthcheck: a name of MOSN's first versions, which it does not read any more"`
	_ struct{} `later:"spec: service registries"`
	_ struct{} `ignored:"cluster_pool_enable: connection pools are per cluster always"`
}

// ClusterType says where a cluster's hosts come from.
type ClusterType string

// The cluster types of MOSN, and weir's own: LogicalDNS (Envoy's), File and Consul. Dynamic and EDS are not there yet and are warned
// about: such a cluster has the hosts of the file.
const (
	ClusterSimple      ClusterType = "SIMPLE"
	ClusterStatic      ClusterType = "STATIC"
	ClusterDynamic     ClusterType = "DYNAMIC"
	ClusterEDS         ClusterType = "EDS"
	ClusterOriginalDst ClusterType = "ORIGINAL_DST"
	ClusterStrictDNS   ClusterType = "STRICT_DNS"
	ClusterLogicalDNS  ClusterType = "LOGICAL_DNS"
	ClusterFile        ClusterType = "FILE"
	ClusterConsul      ClusterType = "CONSUL"
)

// Values lists the cluster types.
func (ClusterType) Values() []string {
	return []string{"SIMPLE", "STATIC", "DYNAMIC", "EDS", "ORIGINAL_DST", "STRICT_DNS", "LOGICAL_DNS", "FILE", "CONSUL"}
}

// LBType is a way to choose a host.
type LBType string

// The load balancers: MOSN's, and Envoy's ring hash.
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
	LBRingHash           LBType = "LB_RING_HASH"
)

// Values lists the load balancers.
func (LBType) Values() []string {
	return []string{
		"LB_RANDOM", "LB_ROUNDROBIN", "LB_WEIGHTED_ROUNDROBIN", "LB_LEAST_REQUEST", "LB_LEAST_CONNECTION",
		"LB_MAGLEV", "LB_REQUEST_ROUNDROBIN", "LB_PEAK_EWMA", "LB_ORIGINAL_DST", "LB_RING_HASH",
	}
}

// Thresholds are limits of what is under way to a cluster. 0 means without limit.
type Thresholds struct {
	Source
	// DEFAULT or HIGH; weir's requests all have the priority DEFAULT.
	Priority Priority `json:"priority" other:"DEFAULT"`
	// Connections open at a time.
	MaxConnections uint32 `json:"max_connections"`
	// Requests that wait for a connection at a time.
	MaxPendingRequests uint32 `json:"max_pending_requests"`
	// Requests under way at a time. When three quarters are, a request is ended whose client has taken less than 1 KiB of its response
	// in 5s, or sent that much less of its body (HTTP, but for the body of a gRPC call). When nearly all are, those that a connection
	// has more of than a 64th of this limit are ended after 1s.
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
	// What is done when no host has the labels that a route asks for: 0 no host, 1 any host, 2 the default subset. A route that asks
	// for none goes to any host.
	FallbackPolicy FallbackPolicy `json:"fall_back_policy" max:"2" other:"0"`
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
	// Hosts compared per choice (LB_LEAST_REQUEST, LB_LEAST_CONNECTION, LB_PEAK_EWMA).
	ChoiceCount uint32 `json:"choice_count" min:"1" max:"64" clamp:""`
	// How much requests under way weigh against a host's weight (LB_LEAST_REQUEST); 0 ignores them.
	ActiveRequestBias float64 `json:"active_request_bias" min:"0" max:"100" clamp:""`
	// How much a host's rate of 4xx answers weighs (LB_PEAK_EWMA); 0 ignores it.
	ClientErrorBias float64 `json:"client_error_bias" min:"0" max:"100" clamp:""`
	// How much a host's rate of failures weighs (LB_PEAK_EWMA); 0 ignores it.
	ServerErrorBias float64 `json:"server_error_bias" min:"0" max:"100" clamp:""`
	// Latency of a host of which none is known, at most: where hosts are usually faster, a little less than that (LB_PEAK_EWMA).
	DefaultDuration time.Duration `json:"default_duration"`
	// Time in which what was measured loses most of its weight (LB_PEAK_EWMA).
	DecayTime time.Duration `json:"decay_time"`
	// Entries of the table (LB_MAGLEV), a prime number.
	TableSize uint32 `json:"table_size" min:"2" max:"5000011"`
	// Least number of entries of the ring (LB_RING_HASH).
	MinRingSize uint32 `json:"minimum_ring_size" min:"1" max:"8388608"`
	// Greatest number of entries of the ring (LB_RING_HASH).
	MaxRingSize uint32 `json:"maximum_ring_size" min:"1" max:"8388608"`
	// Percentage of the mean load that a host has at most before the next one is chosen, on each worker (LB_MAGLEV, LB_RING_HASH);
	// 0: without limit.
	HashBalanceFactor uint32 `json:"hash_balance_factor" max:"10000"`
	// true: hosts are hashed by their hostname, where they have one, instead of by their address (LB_MAGLEV, LB_RING_HASH).
	HashByHostname bool `json:"use_hostname_for_hashing"`
}

// Keepalive are TCP keep-alive probes.
type Keepalive struct {
	Source
	// Idle time before a probe, and between probes.
	Interval time.Duration `json:"interval"`
	// Time without an answer after which the connection is given up; 0s: the operating system's setting.
	Timeout time.Duration `json:"timeout"`
}

// Heartbeat says how the life of a silent host is checked: a dead one is noticed after interval and count times timeout. A heartbeat
// that waits behind other output counts only once that output moves no more. A new connection of bolt or Dubbo is sent one first, and
// its requests wait for the answer, for timeout at most, so that none is lost to a host that shuts down. If a request times out and no
// byte has come since it was sent, a heartbeat (HTTP/2: one PING) is sent at once, whatever the interval, and the connection takes no
// new requests before it is answered; without an answer for count times timeout it is closed.
type Heartbeat struct {
	Source
	// Time without a byte from the host before a heartbeat is sent; 0s: none is, on a new connection neither.
	Interval time.Duration `json:"interval"`
	// Time for an answer, before the next heartbeat.
	Timeout time.Duration `json:"timeout"`
	// Heartbeats without an answer after which the connection is given up.
	Count int `json:"count" min:"1" max:"100"`
}

// Host is one host of a cluster.
type Host struct {
	Source
	// IP address or name, and port; or unix: and the path of a unix socket.
	Address string `json:"address"`
	// Name of the host, for auto_host_rewrite.
	Hostname string `json:"hostname"`
	// Share of the requests, relative to the other hosts, up to 128. 0 means 1, as in MOSN; but in a file of hosts (hosts_file) it means
	// no requests, as long as there are others.
	Weight uint32 `json:"weight"`
	// Labels of the host.
	Metadata Metadata `json:"metadata"`
	// Priority: requests go to hosts of priority 0 as long as enough of them are well, then to those of 1, and so on.
	Priority uint32 `json:"priority" max:"127"`
	// Zone that the host is in.
	Zone string `json:"zone"`
	// true: plain text to this host, whatever the cluster says.
	TLSDisable bool `json:"tls_disable"`
}

package config

import "time"

// Consul is how Consul is reached, for clusters of type CONSUL, on_demand, registration and configuration.
type Consul struct {
	Source
	// Address of the agent.
	Address string `json:"address"`
	// http or https. With https, all watches share a few connections (HTTP/2).
	Scheme string `json:"scheme"`
	// TLS to the agent.
	TLS ConsulTLS `json:"tls"`
	// File with the ACL token; it is read again when it changes.
	TokenFile string `json:"token_file"`
	// Environment variable with the ACL token.
	TokenEnv string `json:"token_env"`
	// Datacenter, where a cluster does not say one; absent: the agent's.
	Datacenter string `json:"datacenter"`
	// Namespace, where a cluster does not say one (Consul Enterprise).
	Namespace string `json:"namespace"`
	// Admin partition, where a cluster does not say one (Consul Enterprise).
	Partition string `json:"partition"`
	// How long the agent holds a question when there is nothing new.
	Wait time.Duration `json:"wait"`
	// Connections to the agent. With http, a service that is watched takes one; where there are more services, they take turns. An
	// agent's own limit is 200 for each address that clients come from.
	MaxConnections int `json:"max_connections" min:"2" max:"10000"`
	// true: any server may answer, one that lags behind included, which keeps answers coming when the servers have no leader.
	AllowStale bool `json:"allow_stale"`
	// Shortest wait after a failure; it doubles with each further one, and a part of it is random.
	BackOff time.Duration `json:"back_off"`
	// Longest wait after a failure.
	MaxBackOff time.Duration `json:"max_back_off"`
	// Prefix of keys with configuration: PREFIX/clusters/NAME and PREFIX/routers/NAME hold a cluster or a router each, as JSON or
	// YAML; one that gives no name is called NAME. They are put into effect whenever they change. Empty: none.
	ConfigPrefix string `json:"config_prefix"`
	// Time from the withdrawal of what was announced, at the beginning of a drain, to the end of listening, so that callers hear of it
	// before connections are refused.
	DrainDelay time.Duration `json:"drain_delay"`
	// Services that are announced to Consul as long as weir runs.
	Register []Registration `json:"register"`
}

// ConsulTLS is TLS to the agent.
type ConsulTLS struct {
	Source
	// File of certificates that sign the agent's; absent: the system's.
	CAFile string `json:"ca_file"`
	// File of weir's own certificate.
	CertFile string `json:"cert_file"`
	// File of its key.
	KeyFile string `json:"key_file"`
	// Name in the agent's certificate; absent: its address.
	ServerName string `json:"server_name"`
	// true: the agent's certificate is not checked.
	InsecureSkip bool `json:"insecure_skip"`
}

// Registration is a service that is announced to Consul.
type Registration struct {
	Source
	// Name of the service.
	Service string `json:"service"`
	// ID of the instance, unique on its agent; absent: the service, the address and the port.
	ID string `json:"id"`
	// IP address or name at which others reach it; absent: the agent's.
	Address string `json:"address"`
	// Port.
	Port uint16 `json:"port"`
	// Tags.
	Tags []string `json:"tags"`
	// Free labels.
	Meta map[string]string `json:"meta"`
	// Share of the requests while it is well.
	Weight uint32 `json:"weight" min:"1" max:"65535"`
	// How Consul learns that it is well.
	Check RegistrationCheck `json:"check"`
}

// RegistrationCheck is how Consul learns that a service is well: by weir's word (ttl), or by asking it.
type RegistrationCheck struct {
	Source
	// Weir says so thrice within this time, as long as it runs and does not drain. It is used where nothing else is given; otherwise it is
	// 0s once loaded.
	TTL time.Duration `json:"ttl"`
	// URL that the agent asks.
	HTTP string `json:"http"`
	// Address that the agent connects to.
	TCP string `json:"tcp"`
	// Time between the agent's questions (http, tcp).
	Interval time.Duration `json:"interval"`
	// Time for the answer (http, tcp).
	Timeout time.Duration `json:"timeout"`
	// Time after which the agent forgets an instance that is not well; 0s: never.
	DeregisterAfter time.Duration `json:"deregister_critical_service_after"`
}

// ConsulService is a service in Consul's catalog.
type ConsulService struct {
	Source
	// Name of the service; absent: the cluster's name.
	Service string `json:"service"`
	// Tags that an instance must have, all of them.
	Tags []string `json:"tags"`
	// Datacenter, absent: that of the block consul.
	Datacenter string `json:"datacenter"`
	// Namespace; absent: that of the block consul.
	Namespace string `json:"namespace"`
	// Admin partition; absent: that of the block consul.
	Partition string `json:"partition"`
	// Node from which the network's distance is counted; _agent is the agent's own. The nearest hosts come first.
	Near string `json:"near"`
	// Filter expression, in Consul's language.
	Filter string `json:"filter"`
	// passing: instances whose checks all pass. warning: those with a warning too, as degraded hosts. any: all, those with a failing
	// check as hosts that are not well.
	Status ConsulStatus `json:"status"`
	// Tagged address that is used (lan, wan, lan_ipv4, ...); absent: the service's address, or else the node's.
	TaggedAddress string `json:"tagged_address"`
	// Key of service meta that holds the weight; absent, or no such key: the weight that Consul has for the check's status.
	WeightMeta string `json:"weight_meta"`
	// Key of service meta, or else of node meta, that holds the zone; absent: the node's datacenter is the zone.
	ZoneMeta string `json:"zone_meta"`
}

// ConsulStatus says which instances are taken.
type ConsulStatus string

// The statuses.
const (
	ConsulPassing ConsulStatus = "passing"
	ConsulWarning ConsulStatus = "warning"
	ConsulAny     ConsulStatus = "any"
)

// Values lists the accepted statuses.
func (ConsulStatus) Values() []string { return []string{"passing", "warning", "any"} }

// OnDemand makes clusters out of Consul's services when a request first needs one. A route names such a cluster consul:SERVICE, or
// consul:* for the service that the request itself names (the interface of an RPC request, the service of a gRPC call, else the host).
type OnDemand struct {
	Source
	// Services that requests may name (see consul:*, and cluster_header), with * for any number of characters and with regard to case;
	// hosts are in lower case. A service that a route names itself is always allowed.
	Services []string `json:"services"`
	// Settings of such a cluster, as in clusters, without a name and a service; its type is CONSUL.
	Cluster Cluster `json:"cluster"`
	// Time without a request after which the cluster is forgotten.
	IdleTimeout time.Duration `json:"idle_timeout"`
	// Time that the first requests wait for the cluster.
	Timeout time.Duration `json:"timeout"`
	// Clusters of this kind at a time.
	MaxClusters int `json:"max_clusters" min:"1" max:"100000"`
}

// HostsFile is a file of hosts, which is watched: JSON or YAML, a list of hosts as in a cluster's hosts, or an object with that list
// under hosts.
type HostsFile struct {
	Source
	// Path; relative to the configuration file, or else to the folder that weir is started in.
	Path string `json:"path"`
	// Time between two looks at the file.
	Refresh time.Duration `json:"refresh"`
}

// DNSLookupFamily says which addresses of a name are used.
type DNSLookupFamily string

// The families, by MOSN's names, which are Envoy's.
const (
	DNSv4Preferred DNSLookupFamily = "V4_PREFERRED" // IPv4, or if there is none IPv6
	DNSAuto        DNSLookupFamily = "AUTO"         // IPv6, or if there is none IPv4
	DNSv4Only      DNSLookupFamily = "V4_ONLY"      // IPv4
	DNSv6Only      DNSLookupFamily = "V6_ONLY"      // IPv6
	DNSAll         DNSLookupFamily = "ALL"          // both
)

// Values lists the accepted families.
func (DNSLookupFamily) Values() []string {
	return []string{"V4_PREFERRED", "AUTO", "V4_ONLY", "V6_ONLY", "ALL"}
}

// DNSResolvers are the servers that names are asked of.
type DNSResolvers struct {
	Source
	// IP addresses, with or without a port; absent: those of dns_resolver_file.
	Servers []string `json:"servers"`
	// Domains that are appended to names with fewer dots than ndots.
	Search []string `json:"search"`
	// Port of the servers that name none.
	Port uint16 `json:"port" alias:"text"`
	// Dots from which on a name is first asked as it is.
	Ndots int `json:"ndots" min:"0" max:"15"`
	// Time for an answer of one server. A number means seconds.
	Timeout time.Duration `json:"timeout" alias:"seconds"`
	// Times that each server is asked.
	Attempts int `json:"attempts" min:"1" max:"10"`
}

// OriginalDst says where an ORIGINAL_DST cluster takes the host's address from.
type OriginalDst struct {
	Source
	// true: the header header_name holds it, as IP:PORT. Only for clients that are trusted: it lets them reach any address.
	UseHeader bool `json:"use_header"`
	// Name of that header.
	HeaderName string `json:"header_name"`
	// true: an address of this machine is replaced by 127.0.0.1.
	ReplaceLocal bool `json:"replace_local"`
	// Time without a request after which a host is forgotten.
	HostTTL time.Duration `json:"host_ttl"`
	// Hosts at a time, on each worker.
	MaxHosts int `json:"max_hosts" min:"1" max:"1000000"`
}

// Locality is where weir itself is.
type Locality struct {
	Source
	// Region.
	Region string `json:"region"`
	// Zone; hosts of the same zone are preferred.
	Zone string `json:"zone"`
	// Part of the zone.
	SubZone string `json:"sub_zone"`
}

// NodeConfig is this instance of weir, in the terms of Envoy's bootstrap.
type NodeConfig struct {
	Source
	// Name of the instance; absent: the host's name.
	ID string `json:"id"`
	// Where it is.
	Locality Locality `json:"locality"`

	_ struct{} `ignored:"cluster, metadata, user_agent_name, user_agent_version, user_agent_build_version, build_version, extensions, client_features, listening_addresses, dynamic_parameters: what a control plane (xDS) would be told"`
}

package config

import "time"

// RouterConfig is one route table, which proxies name by router_config_name.
type RouterConfig struct {
	Source
	// Name of the table, unique in the file.
	Name string `json:"router_config_name"`
	// The virtual hosts, chosen by the request's host.
	VirtualHosts []VirtualHost `json:"virtual_hosts"`
	// Folder of files with one virtual host each, read in the order of their names; relative to the configuration file, or else to
	// the folder that weir is started in.
	Dir string `json:"router_configs"`
	HeaderEdits
}

// HeaderEdits are changes to the headers of requests and responses. Additions come before removals; those of a route before those of
// its virtual host, and these before those of the router.
type HeaderEdits struct {
	// Headers added to a request.
	RequestHeadersToAdd []HeaderOption `json:"request_headers_to_add"`
	// Headers removed from a request.
	RequestHeadersToRemove []string `json:"request_headers_to_remove"`
	// Headers added to a response.
	ResponseHeadersToAdd []HeaderOption `json:"response_headers_to_add"`
	// Headers removed from a response.
	ResponseHeadersToRemove []string `json:"response_headers_to_remove"`
}

// HeaderOption is a header to add.
type HeaderOption struct {
	Source
	// The header.
	Header HeaderValue `json:"header"`
	// true: added to the value that is there, behind a comma; false: in place of it.
	Append bool `json:"append"`
}

// HeaderValue is a header's name and value.
type HeaderValue struct {
	Source
	// Name of the header.
	Key string `json:"key"`
	// Value of the header. One that is all %name%, a variable of access logs, stands for the value of that variable: without one, nothing
	// is added.
	Value string `json:"value"`
}

// VirtualHost is a set of routes for some hosts.
type VirtualHost struct {
	Source
	// Name of the virtual host.
	Name string `json:"name"`
	// Hosts: exact (a.example, a.example:8080), wildcard (*.example, *-a.example), or * for every other.
	Domains []string `json:"domains"`
	// The routes, tried in this order: the first that matches is taken.
	Routes []Route `json:"routers"`
	// Settings of stream filters for this virtual host, by filter type.
	PerFilterConfig map[string]*Node `json:"per_filter_config"`
	HeaderEdits

	_ struct{} `later:"require_tls: TLS"`
}

// Route is a match and what is done with a request that matches: exactly one of route, redirect and direct_response.
type Route struct {
	Source
	// Which requests the route takes.
	Match RouteMatch `json:"match"`
	// Forward the request to a cluster.
	Route *RouteAction `json:"route"`
	// Answer with a redirect.
	Redirect *Redirect `json:"redirect"`
	// Answer with a fixed response.
	DirectResponse *DirectResponse `json:"direct_response"`
	// Free labels of the route.
	Metadata Metadata `json:"metadata"`
	// Settings of stream filters for this route, by filter type.
	PerFilterConfig map[string]*Node `json:"per_filter_config"`
	// Name of the route in access logs and statistics. Routes without one are counted together.
	Name string `json:"name"`

	_ struct{} `later:"request_mirror_policies: mirroring"`
}

// RouteMatch says which requests a route takes. Every condition must hold.
type RouteMatch struct {
	Source
	// Path prefix, with regard to case. If several of prefix, path and regex are given, the first of them in this order counts.
	Prefix string `json:"prefix"`
	// Whole path, without regard to case.
	Path string `json:"path"`
	// Regular expression (RE2) that some part of the path matches: ^ and $ stand for its ends.
	Regex string `json:"regex"`
	// Conditions on headers; the name method means the request's method.
	Headers []HeaderMatcher `json:"headers"`
	// Conditions on variables, from left to right.
	Variables []VariableMatcher `json:"variables"`
	// Conditions on query parameters.
	QueryParameters []QueryMatcher `json:"query_parameters"`
	// Conditions in CEL, which weir does not evaluate: a route with any takes no request, and may not be one that answers itself.
	DSLExpressions *Node `json:"dsl_expressions"`
}

// HeaderMatcher is a condition on a header.
type HeaderMatcher struct {
	Source
	// Name of the header.
	Name string `json:"name"`
	// Value the header must have; empty: it must be there, and empty. With the name service alone, .* stands for every service.
	Value string `json:"value"`
	// true: value is a regular expression (RE2) that some part of the header's value matches; .* stands for any.
	Regex bool `json:"regex"`
}

// VariableMatcher is a condition on a variable.
type VariableMatcher struct {
	Source
	// Name of the variable.
	Name string `json:"name"`
	// Value the variable must have.
	Value string `json:"value"`
	// Regular expression (RE2) that some part of the value must match.
	Regex string `json:"regex"`
	// How this condition is joined with the next: and, or.
	Model VariableModel `json:"model"`
}

// VariableModel joins a variable condition with the next.
type VariableModel string

// The ways to join variable conditions.
const (
	ModelAnd VariableModel = "and"
	ModelOr  VariableModel = "or"
)

// Values lists the accepted models.
func (VariableModel) Values() []string { return []string{"and", "or"} }

// QueryMatcher is a condition on a query parameter.
type QueryMatcher struct {
	Source
	// Name of the parameter.
	Name string `json:"name"`
	// Value the parameter must have; empty: any value.
	Value string `json:"value"`
	// true: value is a regular expression (RE2) that some part of the parameter's value matches.
	Regex bool `json:"regex"`
}

// RouteAction forwards a request to a cluster: exactly one of cluster_name, cluster_variable, cluster_header and
// weighted_clusters says which.
type RouteAction struct {
	Source
	// Name of the cluster; or consul:SERVICE, the cluster of a service in Consul; or consul:*, that of the service that the request names
	// (see on_demand).
	ClusterName string `json:"cluster_name"`
	// Variable that holds the cluster's name.
	ClusterVariable string `json:"cluster_variable"`
	// Header that holds the cluster's name.
	ClusterHeader string `json:"cluster_header"`
	// Clusters among which requests are divided.
	WeightedClusters []WeightedCluster `json:"weighted_clusters"`
	// Labels that a host must have (subset load balancing).
	MetadataMatch Metadata `json:"metadata_match"`
	// Time for the response to begin, once the request is complete, retries included; from then on the stream's idle timeout watches
	// it, so that a long download is not cut off. 0s, which MOSN stores for "not given", means 60s, or the time that an RPC request
	// itself says that its caller waits.
	Timeout time.Duration `json:"timeout"`
	// Which failures are retried.
	RetryPolicy *RetryPolicy `json:"retry_policy"`
	// A second try when the first takes long. Absent: none.
	HedgePolicy *HedgePolicy `json:"hedge_policy"`
	// What a request is hashed by, for load balancers that hash: the first entry that yields a value. Absent: the client's address.
	HashPolicy []HashPolicy `json:"hash_policy"`
	// Replaces the prefix that was matched. The host is told the path as it was by the header x-mosn-original-path, here and with
	// regex_rewrite.
	PrefixRewrite string `json:"prefix_rewrite"`
	// Replaces the parts of the path that match.
	RegexRewrite *RegexRewrite `json:"regex_rewrite"`
	// Host sent to the upstream.
	HostRewrite string `json:"host_rewrite"`
	// true: the host sent to the upstream is the upstream host's hostname.
	AutoHostRewrite bool `json:"auto_host_rewrite"`
	// Header whose value is the host sent to the upstream.
	AutoHostRewriteHeader string `json:"auto_host_rewrite_header"`
	// Protocol spoken to the upstream host; absent: the proxy's upstream_protocol.
	UpstreamProtocol string `json:"upstream_protocol"`
	HeaderEdits
}

// WeightedCluster wraps one entry of weighted_clusters, as MOSN's schema does.
type WeightedCluster struct {
	Source
	// The cluster and its share.
	Cluster ClusterWeight `json:"cluster"`
}

// ClusterWeight is a cluster and its share of the requests.
type ClusterWeight struct {
	Source
	// Name of the cluster, or consul:SERVICE or consul:*, as in cluster_name.
	Name string `json:"name"`
	// Share of the requests, relative to the sum of all weights; 0 takes none.
	Weight uint32 `json:"weight"`
	// Labels that a host must have (subset load balancing).
	MetadataMatch Metadata `json:"metadata_match"`
}

// RetryPolicy says which failures are retried: no connection, none in time (see retry_timeout), a connection that ended without an answer,
// and answers. A request that may have been executed is only tried again if it may be executed twice (see idempotent).
type RetryPolicy struct {
	Source
	// true: failures are retried.
	RetryOn bool `json:"retry_on"`
	// Time for each try, from when the request is complete; 0s: only the route's timeout counts.
	RetryTimeout time.Duration `json:"retry_timeout"`
	// Tries after the first; 0: none.
	NumRetries uint32 `json:"num_retries" max:"100" clamp:""`
	// Response codes that are retried as well. Without any, and without grpc_status_codes: 500 to 599.
	StatusCodes []int `json:"status_codes" min:"100" max:"599"`
	// Statuses of gRPC calls (14 is UNAVAILABLE) that are retried as well, where the response has nothing else: for requests that may
	// be executed more than once, as with status_codes.
	GRPCStatusCodes []int `json:"grpc_status_codes" min:"1" max:"16"`
	// Bytes of a request's body that are kept for another try; a request that is larger is not tried again once more than that has been
	// sent. Those of RPC protocols are kept whatever their size, as their frames are whole in any case. See also the proxy's
	// retry_buffer_limit_bytes.
	PerRequestBufferLimit int `json:"per_request_buffer_limit_bytes" min:"0" max:"1073741824"`
	// What a retry avoids if it can, besides the hosts tried: the zones or the priorities they are in.
	Avoid []Avoidance `json:"avoid"`
	// true: a request may be executed more than once, so that it is retried even if it may have been executed. Without it, that is so
	// of the methods GET, HEAD, OPTIONS, PUT, DELETE and TRACE.
	Idempotent bool `json:"idempotent"`
	// Wait before the first retry; it doubles with every further one.
	BackOff time.Duration `json:"back_off"`
	// Longest wait before a retry.
	MaxBackOff time.Duration `json:"max_back_off"`
}

// HashPolicy says what a request is hashed by: one of header, cookie, source_ip, query_parameter, service and metadata. An entry by
// which a request has no value is passed over.
type HashPolicy struct {
	Source
	// By a header.
	Header *HeaderHashPolicy `json:"header"`
	// By a cookie, which is set if the request has none.
	Cookie *CookieHashPolicy `json:"cookie"`
	// By the downstream's IP address.
	SourceIP *SourceIPHashPolicy `json:"source_ip"`
	// By a query parameter.
	QueryParameter *QueryHashPolicy `json:"query_parameter"`
	// By the service that the request names (RPC and gRPC).
	Service *ServiceHashPolicy `json:"service"`
	// By an attachment, a header of an RPC request or metadata of a gRPC call.
	Metadata *HeaderHashPolicy `json:"metadata"`
}

// HeaderHashPolicy hashes by a header.
type HeaderHashPolicy struct {
	Source
	// Name of the header.
	Key string `json:"key"`
}

// CookieHashPolicy hashes by a cookie.
type CookieHashPolicy struct {
	Source
	// Name of the cookie.
	Name string `json:"name"`
	// Path of the cookie that is set.
	Path string `json:"path"`
	// Life of the cookie that is set.
	TTL time.Duration `json:"ttl"`
}

// QueryHashPolicy hashes by a query parameter.
type QueryHashPolicy struct {
	Source
	// Name of the parameter.
	Name string `json:"name"`
}

// ServiceHashPolicy hashes by the service that an RPC request or a gRPC call names.
type ServiceHashPolicy struct {
	Source
	// true: by the service and the method.
	Method bool `json:"method"`
}

// SourceIPHashPolicy hashes by the downstream's IP address; it has no settings.
type SourceIPHashPolicy struct{ Source }

// RegexRewrite replaces the parts of a path that match a regular expression.
type RegexRewrite struct {
	Source
	// What is replaced.
	Pattern RegexPattern `json:"pattern"`
	// What is put in its place; \1 stands for the first group.
	Substitution string `json:"substitution"`
}

// RegexPattern wraps a regular expression, as MOSN's schema does.
type RegexPattern struct {
	Source
	// Regular expression (RE2).
	Regex string `json:"regex"`

	_ struct{} `ignored:"google_re2: regular expressions are RE2 always"`
}

// Redirect answers with a redirect.
type Redirect struct {
	Source
	// 301, 302, 303, 307 or 308.
	ResponseCode int `json:"response_code"`
	// Path of the new location; absent: the request's.
	PathRedirect string `json:"path_redirect"`
	// Host of the new location; absent: the request's.
	HostRedirect string `json:"host_redirect"`
	// Scheme of the new location; absent: the request's.
	SchemeRedirect string `json:"scheme_redirect"`
}

// DirectResponse answers with a fixed response.
type DirectResponse struct {
	Source
	// Status code.
	Status int `json:"status" min:"200" max:"599"`
	// Body of the response.
	Body string `json:"body"`
}

// Metadata are labels: MOSN's {"filter_metadata":{"mosn.lb":{...}}}, or the labels themselves.
type Metadata map[string]string

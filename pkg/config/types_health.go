package config

import "time"

// HealthCheck says how the hosts of a cluster are asked whether they are well. MOSN checks only where service_name is set; weir
// checks wherever the block says anything.
//
// The hosts are asked on connections of weir's own, beside the requests. A host that was not asked yet counts as well; its first
// answer decides at once, and from then on the thresholds do.
type HealthCheck struct {
	Source
	// What is asked: Tcp (does it take a connection?), Http1 or Http2 (a request, see http_check_config), grpc (its health service,
	// see grpc_check_config), or an RPC protocol such as bolt or dubbo (a heartbeat).
	Protocol string `json:"protocol"`
	// Time for the whole answer, the making of a connection included.
	Timeout time.Duration `json:"timeout"`
	// Time between an answer and the next question to a host that is well.
	Interval time.Duration `json:"interval"`
	// The same, for a host that is not well; 0s takes interval.
	UnhealthyInterval time.Duration `json:"unhealthy_interval"`
	// Up to so much, at random, is added to each interval.
	IntervalJitter time.Duration `json:"interval_jitter"`
	// Time before a new host is asked first, which is then done at a random moment within a second, or within interval if that is
	// less.
	InitialDelay time.Duration `json:"initial_delay_seconds"`
	// Good answers in a row after which a host that was not well is well.
	HealthyThreshold int `json:"healthy_threshold" min:"1" max:"1000" clamp:""`
	// Bad answers in a row after which a host that was well is not.
	UnhealthyThreshold int `json:"unhealthy_threshold" min:"1" max:"1000" clamp:""`
	// Name of the service. Checks do not depend on it.
	ServiceName string `json:"service_name"`
	// What is asked, by protocol.
	Config HealthCheckConfig `json:"check_config"`

	_ struct{} `ignored:"common_callbacks: every change is logged and counted"`
	_ struct{} `ignored:"event_log_path: every change is in the process's own log"`
	_ struct{} `ignored:"check_path, CheckPath, HealthyThreshold, UnhealthyThreshold, IntervalJitter, ServiceName: a name of MOSN's first versions, which it does not read any more"`
}

// HealthCheckConfig is what depends on the protocol of a check.
type HealthCheckConfig struct {
	Source
	// The request of Http1 and Http2. Without it, hosts are checked by Tcp.
	HTTP *HTTPCheck `json:"http_check_config"`
	// The call of grpc.
	GRPC GRPCCheck `json:"grpc_check_config"`
}

// HTTPCheck is a request, and the answer that a host that is well gives.
type HTTPCheck struct {
	Source
	// Port that is asked; 0: the host's own.
	Port uint16 `json:"port"`
	// Time for the whole answer, if it is shorter than the check's timeout; 0s: that.
	Timeout time.Duration `json:"timeout"`
	// Path and query.
	Path string `json:"path"`
	// Method.
	Method string `json:"method"`
	// http; TLS is not there yet.
	Scheme string `json:"scheme"`
	// What the request calls the host; absent: its address.
	Domain string `json:"domain"`
	// Statuses of a host that is well; absent: 200.
	Codes []CodeRange `json:"codes"`
	// Text that the first 64 KiB of the body must have in it.
	ExpectedText string `json:"expected_text"`
}

// CodeRange is the statuses from one to another.
type CodeRange struct {
	Source
	// The first.
	Start int `json:"start" min:"100" max:"599"`
	// The last; absent: the first.
	End int `json:"end" min:"100" max:"599"`
}

// GRPCCheck is a call of the standard health service, grpc.health.v1.Health/Check. A host that is well answers SERVING.
type GRPCCheck struct {
	Source
	// The service that is asked for; absent: the server as a whole.
	Service string `json:"service"`
	// What the call names as the authority; absent: the host's address.
	Authority string `json:"authority"`
}

// What is asked of hosts, besides the names of RPC protocols.
const (
	CheckTCP   = "Tcp"
	CheckHTTP1 = "Http1"
	CheckHTTP2 = "Http2"
	CheckGRPC  = "grpc"
)

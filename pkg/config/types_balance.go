package config

import "time"

// SlowStart gives a host that is new, or well again, little traffic at first. It is for balancers that know weights.
type SlowStart struct {
	Source
	// duration, or absent: none.
	Mode SlowStartMode `json:"mode" other:""`
	// Time until a host has its whole weight.
	Duration time.Duration `json:"slow_start_duration"`
	// How the weight grows: 1 evenly, more than 1 faster at first: weight * (time/duration)^(1/aggression).
	Aggression float64 `json:"aggression" min:"0.01" max:"100" clamp:""`
	// Least share of its weight that a host has.
	MinWeightPercent float64 `json:"min_weight_percent" min:"0.01" max:"1" clamp:""`
}

// SlowStartMode is how slow start goes.
type SlowStartMode string

// The modes.
const (
	SlowStartNone     SlowStartMode = ""
	SlowStartDuration SlowStartMode = "duration"
)

// Values lists the accepted modes.
func (SlowStartMode) Values() []string { return []string{"", "duration"} }

// ZoneAware prefers hosts of weir's own zone (node.locality.zone), in Envoy's way: requests stay in the zone as long as it has its
// share of the hosts that are well; what is more goes to the zones that have more than theirs.
type ZoneAware struct {
	Source
	// Percentage of requests for which zones are looked at.
	Enabled float64 `json:"routing_enabled" min:"0" max:"100"`
	// Hosts from which on they are.
	MinClusterSize int `json:"min_cluster_size" min:"1" max:"1000000"`
	// true: requests stay in weir's own zone as long as it has any host that is well, whatever its share.
	Strict bool `json:"strict"`
}

// OutlierDetection ejects hosts that fail while others do not, in Envoy's terms: for a while they get no requests.
type OutlierDetection struct {
	Source
	// Failures in a row (5xx, what an RPC status means by it, no connection, no answer) after which a host is ejected; 0: never.
	Consecutive5xx uint32 `json:"consecutive_5xx"`
	// The same of 502, 503, 504 and their like.
	ConsecutiveGatewayFailure uint32 `json:"consecutive_gateway_failure"`
	// The same of failures on weir's side: no connection, a reset, no answer in time. Needs split_external_local_origin_errors.
	ConsecutiveLocalOriginFailure uint32 `json:"consecutive_local_origin_failure"`
	// true: failures on weir's side are counted apart from those that hosts answer.
	SplitLocalOrigin bool `json:"split_external_local_origin_errors"`
	// true: an answer of an RPC protocol by which the method throws an exception (Dubbo's status 20 with a Throwable, bolt's 0 with an
	// error) is a failure, as a 500 is; false: the host has answered, and is well.
	CountExceptions bool `json:"count_exceptions"`
	// Time between two looks at rates, and at who may come back.
	Interval time.Duration `json:"interval"`
	// Time for which a host is ejected, times the number of times it was.
	BaseEjectionTime time.Duration `json:"base_ejection_time"`
	// Longest time for which a host is ejected.
	MaxEjectionTime time.Duration `json:"max_ejection_time"`
	// Up to so much, at random, is added.
	MaxEjectionTimeJitter time.Duration `json:"max_ejection_time_jitter"`
	// Greatest percentage of the hosts that are ejected at a time; one host always may be.
	MaxEjectionPercent float64 `json:"max_ejection_percent" min:"0" max:"100"`
	// Percentage of the times that a host with consecutive_5xx is really ejected.
	EnforcingConsecutive5xx float64 `json:"enforcing_consecutive_5xx" min:"0" max:"100"`
	// The same for consecutive_gateway_failure.
	EnforcingConsecutiveGatewayFailure float64 `json:"enforcing_consecutive_gateway_failure" min:"0" max:"100"`
	// The same for consecutive_local_origin_failure.
	EnforcingConsecutiveLocalOriginFailure float64 `json:"enforcing_consecutive_local_origin_failure" min:"0" max:"100"`
	// The same for hosts whose rate of success is far below that of the others.
	EnforcingSuccessRate float64 `json:"enforcing_success_rate" min:"0" max:"100"`
	// Hosts with enough requests that are needed to compare rates of success.
	SuccessRateMinimumHosts int `json:"success_rate_minimum_hosts" min:"1" max:"1000000"`
	// Requests in an interval that make a host's rate count.
	SuccessRateRequestVolume uint32 `json:"success_rate_request_volume"`
	// How far below: mean - factor/1000 * standard deviation.
	SuccessRateStdevFactor uint32 `json:"success_rate_stdev_factor"`
	// Percentage of failed requests from which on a host is ejected.
	FailurePercentageThreshold float64 `json:"failure_percentage_threshold" min:"0" max:"100"`
	// Percentage of the times that such a host is really ejected.
	EnforcingFailurePercentage float64 `json:"enforcing_failure_percentage" min:"0" max:"100"`
	// Hosts with enough requests that are needed.
	FailurePercentageMinimumHosts int `json:"failure_percentage_minimum_hosts" min:"1" max:"1000000"`
	// Requests in an interval that make a host's percentage count.
	FailurePercentageRequestVolume uint32 `json:"failure_percentage_request_volume"`
}

// HedgePolicy sends a request a second time, to another host, when the first takes long. The first answer wins, and the other try is
// cancelled. It is for requests that may be executed more than once (see idempotent), and counts as a retry for the budget.
type HedgePolicy struct {
	Source
	// Time without an answer before the second try; 0s: none.
	Delay time.Duration `json:"delay"`
	// true: the requests of this route may be executed more than once, whatever their method.
	Idempotent bool `json:"idempotent"`
}

// Avoidance is what a retry avoids if it can, besides the hosts tried.
type Avoidance string

// What retries may avoid.
const (
	AvoidZone     Avoidance = "zone"
	AvoidPriority Avoidance = "priority"
)

// Values lists what may be avoided.
func (Avoidance) Values() []string { return []string{"zone", "priority"} }

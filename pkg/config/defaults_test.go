package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// minimal gives only what must be given.
const minimal = `{
  "servers": [{
    "routers": [{"router_config_name": "r", "virtual_hosts": [{"domains": ["*"], "routers": [
      {"match": {"prefix": "/", "variables": [{"name": "v"}]},
       "route": {"cluster_name": "c", "retry_policy": {}, "hedge_policy": {}, "request_headers_to_add": [{"header": {"key": "a"}}]}},
      {"match": {"prefix": "/"}, "redirect": {}},
      {"match": {"prefix": "/"}, "direct_response": {}}
    ]}]}],
    "listeners": [{"address": "127.0.0.1:1", "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "r"}}]}]}]
  }],
  "consul": {"register": [{"service": "s", "port": 1}]}, "cluster_manager": {"on_demand": {}, "clusters": [{"name": "c", "keepalive": {}, "outlier_detection": {}, "zone_aware": {}, "hosts": [{"address": "127.0.0.1:1"}],
    "health_check": {"protocol": "http1", "check_config": {"http_check_config": {"codes": [{"start": 204}]}}}}]},
  "admin": {"address": {"socket_address": {}}},
  "metrics": {"sinks": [{"type": "prometheus"}]}
}`

func mustLoad(t *testing.T, name, text string) *Config {
	t.Helper()
	c, _, err := Parse(name, []byte(text), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDefaults spells every default out once more, so that none changes unnoticed.
func TestDefaults(t *testing.T) {
	c := mustLoad(t, "minimal.json", minimal)
	proxy := &ProxyConfig{
		Name: "127.0.0.1:1", DownstreamProtocol: "Auto", UpstreamProtocol: "Auto", RouterConfigName: "r", Protocols: []string{"Auto"},
		DetectTimeout: 5 * time.Second, UpstreamConnections: "shared",
		XForwardedFor: "append", RequestID: "off", MergeSlashes: true, TimeoutHeaders: true, RetryBufferLimit: 64 << 20,
		Settings: map[string]any{"Http1": &toySettings{MaxHeaderSize: 61440, MaxHeaderCount: 100, MaxLineSize: 8192, RequestHeaderTimeout: time.Second}},
	}
	cluster, onDemand := defaultCluster(), defaultCluster()
	onDemand.Type = "CONSUL"
	cluster.Name = "c"
	cluster.Hosts = []Host{{Address: "127.0.0.1:1", Weight: 1}}
	cluster.Keepalive = &Keepalive{Interval: 15 * time.Second}
	cluster.ZoneAware = &ZoneAware{Enabled: 100, MinClusterSize: 6}
	cluster.OutlierDetection = &OutlierDetection{
		Consecutive5xx: 5, ConsecutiveGatewayFailure: 5, ConsecutiveLocalOriginFailure: 5, Interval: 10 * time.Second,
		BaseEjectionTime: 30 * time.Second, MaxEjectionTime: 5 * time.Minute, MaxEjectionPercent: 10,
		EnforcingConsecutive5xx: 100, EnforcingConsecutiveLocalOriginFailure: 100, EnforcingSuccessRate: 100,
		SuccessRateMinimumHosts: 5, SuccessRateRequestVolume: 100, SuccessRateStdevFactor: 1900,
		FailurePercentageThreshold: 85, FailurePercentageMinimumHosts: 5, FailurePercentageRequestVolume: 50,
	}
	cluster.HealthCheck = &HealthCheck{
		Protocol: "Http1", Timeout: time.Second, Interval: 15 * time.Second, IntervalJitter: 5 * time.Millisecond,
		HealthyThreshold: 1, UnhealthyThreshold: 1,
		Config: HealthCheckConfig{HTTP: &HTTPCheck{Path: "/", Method: "GET", Scheme: "http", Codes: []CodeRange{{Start: 204, End: 204}}}},
	}
	want := &Config{
		Servers: []Server{{
			LogPath: "stdout", LogLevel: "INFO", GracefulTimeout: 30 * time.Second, Processor: 0,
			Listeners: []Listener{{
				Name: "127.0.0.1:1", Type: "ingress", Address: "127.0.0.1:1", BindPort: false, Network: "tcp", ReusePort: false,
				ConnectionIdleTimeout: 90 * time.Second, MaxConnections: 65536, PerConnectionBufferLimit: 65536, Proxy: proxy,
			}},
			Routers: []RouterConfig{{Name: "r", VirtualHosts: []VirtualHost{{Domains: []string{"*"}, Routes: []Route{
				{
					Match: RouteMatch{Prefix: "/", Variables: []VariableMatcher{{Name: "v", Model: "and"}}},
					Route: &RouteAction{
						ClusterName: "c",
						HedgePolicy: &HedgePolicy{},
						RetryPolicy: &RetryPolicy{NumRetries: 3, PerRequestBufferLimit: 64 << 10, BackOff: 25 * time.Millisecond, MaxBackOff: 250 * time.Millisecond},
						HeaderEdits: HeaderEdits{RequestHeadersToAdd: []HeaderOption{{Header: HeaderValue{Key: "a"}, Append: true}}},
					},
				},
				{Match: RouteMatch{Prefix: "/"}, Redirect: &Redirect{ResponseCode: 301}},
				{Match: RouteMatch{Prefix: "/"}, DirectResponse: &DirectResponse{Status: 200}},
			}}}}},
		}},
		ClusterManager: ClusterManager{
			Clusters: []Cluster{cluster}, WarmUp: 5 * time.Second, Settings: cluster.Settings,
			OnDemand: &OnDemand{IdleTimeout: 10 * time.Minute, Timeout: 2 * time.Second, MaxClusters: 1000, Cluster: onDemand},
		},
		Consul: Consul{
			Address: "127.0.0.1:8500", Scheme: "http", Wait: 5 * time.Minute, MaxConnections: 100, AllowStale: true,
			BackOff: 500 * time.Millisecond, MaxBackOff: 10 * time.Second, DrainDelay: time.Second,
			Register: []Registration{{
				Service: "s", Port: 1, Weight: 1, Check: RegistrationCheck{TTL: 15 * time.Second, Interval: 5 * time.Second, Timeout: time.Second},
			}},
		},
		Admin:       &Admin{Address: AdminAddress{SocketAddress: SocketAddress{Address: "127.0.0.1", Port: 0}}},
		UnknownKeys: "error",
		Metrics:     Metrics{Sinks: []Sink{{Type: "prometheus", Prometheus: &PrometheusSink{Endpoint: "/metrics"}}}},
	}
	c.Servers[0].Listeners[0].FilterChains = nil
	if diff := cmp.Diff(want, c, ignoreSources()); diff != "" {
		t.Errorf("defaults differ (-want +got):\n%s", diff)
	}
}

// defaultCluster is a cluster of which the file says nothing.
func defaultCluster() Cluster {
	return Cluster{
		Type: "SIMPLE", LBType: "LB_ROUNDROBIN", MaxRequestPerConn: 1024, ConnBufferLimit: 65536,
		CircuitBreakers: []Thresholds{{
			Priority: "DEFAULT", MaxConnections: 16384, MaxPendingRequests: 16384, MaxRequests: 16384, MaxRetries: 1024,
		}},
		ConnectTimeout: 5 * time.Second, IdleTimeout: 4 * time.Second,
		Heartbeat: Heartbeat{Interval: 5 * time.Second, Timeout: time.Second, Count: 3},
		LBConfig: LBConfig{
			ChoiceCount: 2, ActiveRequestBias: 1, DefaultDuration: 10 * time.Millisecond, DecayTime: 10 * time.Second,
			TableSize: 65537, MinRingSize: 1024, MaxRingSize: 8388608,
		},
		PanicThreshold: 50, OverprovisioningFactor: 140,
		RetryBudget: RetryBudget{Percent: 20, MinRetries: 3},
		Consul:      ConsulService{Status: "passing"}, HostsFile: HostsFile{Refresh: time.Second},
		SlowStart:      SlowStart{Aggression: 1, MinWeightPercent: 0.1},
		OriginalDst:    OriginalDst{HeaderName: "host", HostTTL: 5 * time.Minute, MaxHosts: 10000},
		DNSRefreshRate: 5 * time.Second, DNSLookupFamily: "V4_PREFERRED",
		DNSResolvers: DNSResolvers{Ndots: 1, Timeout: 2 * time.Second, Attempts: 2},
		Settings:     map[string]any{"Http1": &toyClusterSettings{MaxHeaderSize: 61440}},
	}
}

// TestZeros: where MOSN stores a zero for "not given", a zero means the default; elsewhere it is a zero.
func TestZeros(t *testing.T) {
	c := mustLoad(t, "zeros.json", `{
  "servers": [{"graceful_timeout": "0s", "default_log_path": "",
    "routers": [{"router_config_name": "r", "virtual_hosts": [{"domains": ["*"], "routers": [
      {"match": {"prefix": "/"}, "route": {"cluster_name": "c", "timeout": "0s", "regex_rewrite": {"pattern": {"google_re2": {}}}}},
      {"match": {"prefix": "/"}, "route": {"timeout": "0s"}, "direct_response": {"status": 204}}]}]}],
    "listeners": [{"address": "127.0.0.1:1", "connection_idle_timeout": "0s", "max_connections": 0,
      "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "r"}}]}]}]}],
  "cluster_manager": {"clusters": [{"name": "c", "max_request_per_conn": 0, "circuit_breakers": [{"max_requests": 0}],
    "lb_subset_config": {}, "health_check": {"timeout": "0s", "interval": "0s", "interval_jitter": "0s"}, "hosts": [{"address": "127.0.0.1:1"}]}]}}`)
	s, cluster := c.Servers[0], c.ClusterManager.Clusters[0]
	routes := s.Routers[0].VirtualHosts[0].Routes
	if s.GracefulTimeout != 30*time.Second || s.LogPath != "stdout" {
		t.Errorf("stored zeros must mean the defaults: %v %q", s.GracefulTimeout, s.LogPath)
	}
	if routes[0].Route.RegexRewrite != nil || routes[1].Route != nil || cluster.Subsets != nil || cluster.HealthCheck != nil {
		t.Error("stored empty objects must mean nothing")
	}
	if l := s.Listeners[0]; l.ConnectionIdleTimeout != 0 || l.MaxConnections != 0 || cluster.MaxRequestPerConn != 0 {
		t.Errorf("a zero must be kept: %v %d %d", l.ConnectionIdleTimeout, l.MaxConnections, cluster.MaxRequestPerConn)
	}
	if b := cluster.CircuitBreakers[0]; b.MaxRequests != 0 || b.MaxConnections != 16384 {
		t.Errorf("of a threshold, what is not given must have its default: %+v", b)
	}
}

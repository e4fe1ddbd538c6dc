package config

import "time"

// defaulter is a struct with defaults. setDefaults runs before a struct is decoded, so that what the file says, a zero included,
// replaces a default and is never mistaken for an absent key. Structs of other packages export the method as SetDefaults.
type defaulter interface{ setDefaults() }

// Default returns a T as the loader makes it from an empty object.
func Default[T any]() T {
	var v T
	DecodeDefaults(&v)
	return v
}

func (c *Config) setDefaults() {
	c.UnknownKeys = UnknownKeysError
}

func (c *Server) setDefaults() {
	c.LogPath = "stdout"
	c.LogLevel = LogInfo
	c.GracefulTimeout = 30 * time.Second
}

func (c *Listener) setDefaults() {
	c.Type = Ingress
	c.Network = TCP
	c.ConnectionIdleTimeout = 90 * time.Second
	c.MaxConnections = 65536
	c.PerConnectionBufferLimit = 64 << 10
}

func (c *ProxyConfig) setDefaults() {
	c.DetectTimeout = 5 * time.Second
	c.UpstreamConnections = ConnectionsShared
	c.DownstreamProtocol = "Auto"
	c.UpstreamProtocol = "Auto"
	c.XForwardedFor = ForwardedAppend
	c.RequestID = RequestIDOff
	c.TimeoutHeaders = true
	c.MergeSlashes = true
	c.RetryBufferLimit = 64 << 20
}

func (c *TCPProxyConfig) setDefaults() {
	c.IdleTimeout = time.Hour
	c.MaxConnectAttempts = 3
}

func (c *SocketAddress) setDefaults() {
	c.Address = "127.0.0.1"
}

func (c *PrometheusSink) setDefaults() {
	c.Endpoint = "/metrics"
}

func (c *HeaderOption) setDefaults() {
	c.Append = true
}

func (c *VariableMatcher) setDefaults() {
	c.Model = ModelAnd
}

func (c *RetryPolicy) setDefaults() {
	c.NumRetries = 3
	c.PerRequestBufferLimit = 64 << 10
	c.BackOff = 25 * time.Millisecond
	c.MaxBackOff = 250 * time.Millisecond
}

func (c *Redirect) setDefaults() {
	c.ResponseCode = 301
}

func (c *DirectResponse) setDefaults() {
	c.Status = 200
}

func (c *Cluster) setDefaults() {
	c.Type = ClusterSimple
	c.LBType = LBRoundRobin
	c.MaxRequestPerConn = 1024
	c.ConnBufferLimit = 64 << 10
	// Systems send a lost SYN again after 1 s and 3 s: two of them may be lost, and there are two seconds left for the answer. Requests
	// do not wait for that long where there is another host.
	c.ConnectTimeout = 5 * time.Second
	// Node.js and uvicorn close an idle connection after 5 s, the shortest time among common servers: a request that meets that
	// close fails, and may not be retried unless it is idempotent.
	c.IdleTimeout = 4 * time.Second
	c.PanicThreshold = 50
	c.OverprovisioningFactor = 140
	c.DNSRefreshRate = 5 * time.Second
	c.DNSLookupFamily = DNSv4Preferred
	c.CircuitBreakers = []Thresholds{Default[Thresholds]()}
}

func (c *ClusterManager) setDefaults() {
	c.WarmUp = 5 * time.Second
}

func (c *OnDemand) setDefaults() {
	c.IdleTimeout = 10 * time.Minute
	c.Timeout = 2 * time.Second
	c.MaxClusters = 1000
	c.Cluster.Type = ClusterConsul
}

func (c *Consul) setDefaults() {
	c.Address = "127.0.0.1:8500"
	c.Scheme = "http"
	c.Wait = 5 * time.Minute
	c.MaxConnections = 100
	c.AllowStale = true
	c.BackOff = 500 * time.Millisecond
	c.MaxBackOff = 10 * time.Second
	c.DrainDelay = time.Second
}

func (c *Registration) setDefaults() {
	c.Weight = 1
}

func (c *RegistrationCheck) setDefaults() {
	c.TTL = 15 * time.Second
	c.Interval = 5 * time.Second
	c.Timeout = time.Second
}

func (c *ConsulService) setDefaults() {
	c.Status = ConsulPassing
}

func (c *HostsFile) setDefaults() {
	c.Refresh = time.Second
}

func (c *DNSResolvers) setDefaults() {
	c.Ndots = 1
	c.Timeout = 2 * time.Second
	c.Attempts = 2
}

func (c *OriginalDst) setDefaults() {
	c.HeaderName = "host"
	c.HostTTL = 5 * time.Minute
	c.MaxHosts = 10000
}

func (c *SlowStart) setDefaults() {
	c.Aggression = 1
	c.MinWeightPercent = 0.1
}

func (c *ZoneAware) setDefaults() {
	c.Enabled = 100
	c.MinClusterSize = 6
}

func (c *OutlierDetection) setDefaults() {
	c.Consecutive5xx = 5
	c.ConsecutiveGatewayFailure = 5
	c.ConsecutiveLocalOriginFailure = 5
	c.Interval = 10 * time.Second
	c.BaseEjectionTime = 30 * time.Second
	c.MaxEjectionTime = 300 * time.Second
	c.MaxEjectionPercent = 10
	c.EnforcingConsecutive5xx = 100
	c.EnforcingConsecutiveLocalOriginFailure = 100
	c.EnforcingSuccessRate = 100
	c.SuccessRateMinimumHosts = 5
	c.SuccessRateRequestVolume = 100
	c.SuccessRateStdevFactor = 1900
	c.FailurePercentageThreshold = 85
	c.FailurePercentageMinimumHosts = 5
	c.FailurePercentageRequestVolume = 50
}

func (c *Thresholds) setDefaults() {
	c.Priority = PriorityDefault
	// MOSN has no limits where none are given. These are so high that they are only met by what would use up memory.
	c.MaxConnections = 16384
	c.MaxPendingRequests = 16384
	c.MaxRequests = 16384
	c.MaxRetries = 1024
}

func (c *RetryBudget) setDefaults() {
	c.Percent = 20
	c.MinRetries = 3
}

func (c *LBConfig) setDefaults() {
	c.ChoiceCount = 2
	c.ActiveRequestBias = 1
	c.DefaultDuration = 10 * time.Millisecond
	c.DecayTime = 10 * time.Second
	c.TableSize = 65537
	c.MinRingSize = 1024
	c.MaxRingSize = 8 << 20
}

func (c *Keepalive) setDefaults() {
	c.Interval = 15 * time.Second
}

func (c *Heartbeat) setDefaults() {
	c.Interval = 5 * time.Second
	c.Timeout = time.Second
	c.Count = 3
}

func (c *HealthCheck) setDefaults() {
	c.Protocol = CheckTCP
	c.Timeout = time.Second
	c.Interval = 15 * time.Second
	c.IntervalJitter = 5 * time.Millisecond
	c.HealthyThreshold = 1
	c.UnhealthyThreshold = 1
}

func (c *HTTPCheck) setDefaults() {
	c.Path = "/"
	c.Method = "GET"
	c.Scheme = "http"
}

func (c *Host) setDefaults() {
	c.Weight = 1
}

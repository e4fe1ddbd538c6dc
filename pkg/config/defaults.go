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
	c.MergeSlashes = true
}

func (c *TCPProxyConfig) setDefaults() {
	c.IdleTimeout = time.Hour
	c.MaxConnectAttempts = 3
}

func (c *HTTP1Config) setDefaults() {
	c.MaxHeaderSize = 60 << 10
	c.MaxHeaderCount = 100
	c.MaxLineSize = 8 << 10
	c.HTTPTimeouts.setDefaults()
	c.AllowUpgrade = true
}

func (c *HTTPTimeouts) setDefaults() {
	c.RequestHeaderTimeout = 10 * time.Second
	c.StreamIdleTimeout = 5 * time.Minute
}

func (c *HTTP2Config) setDefaults() {
	c.MaxConcurrentStreams = 100
	c.StreamWindowSize = 64 << 10
	c.ConnectionWindowSize = 1 << 20
	c.MaxHeaderSize = 60 << 10
	c.MaxHeaderCount = 100
	c.HTTPTimeouts.setDefaults()
	c.AllowUpgrade = true
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
	c.NumRetries = 1
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
	c.ConnectTimeout = time.Second
	// Node.js and uvicorn close an idle connection after 5 s, the shortest time among common servers: a request that meets that
	// close fails, and may not be retried unless it is idempotent.
	c.IdleTimeout = 4 * time.Second
	c.PanicThreshold = 50
	c.CircuitBreakers = []Thresholds{Default[Thresholds]()}
}

func (c *Thresholds) setDefaults() {
	c.Priority = PriorityDefault
	c.MaxConnections = 1024
	c.MaxPendingRequests = 1024
	c.MaxRequests = 1024
	c.MaxRetries = 1024
}

func (c *RetryBudget) setDefaults() {
	c.Percent = 20
	c.MinRetries = 3
}

func (c *LBConfig) setDefaults() {
	c.ChoiceCount = 2
	c.ActiveRequestBias = 1
}

func (c *Keepalive) setDefaults() {
	c.Interval = 15 * time.Second
}

func (c *RPCConfig) setDefaults() {
	c.MaxFrameSize = 8 << 20
	c.MaxConcurrentRequests = 1024
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

package metrics

// The structs of this file are written by one worker, field by field, and read
// through Worker.Copy. Fields of type uint64 are counters, which only grow; of
// type int64 gauges; a Histogram holds times. What each one counts, and under
// which name it is published, is in fields.go.

// ListenerStats count what happens on the connections of one listener.
type ListenerStats struct {
	ConnectionTotal    uint64
	ConnectionDestroy  uint64
	ConnectionActive   int64
	ConnectionRejected uint64
	ConnectionCut      uint64 // closed before its client had taken everything
	ConnectionUnknown  uint64

	TCPTotal         uint64
	TCPActive        int64
	TCPConnectFailed uint64
	TCPIdle          uint64

	BytesReadTotal  uint64
	BytesWriteTotal uint64

	RequestTotal         uint64
	RequestActive        int64
	RequestReset         uint64
	RequestFailed        uint64
	RequestProtocolError uint64
	RequestTooLarge      uint64
	RequestOneWayLost    uint64
	RequestUnread        uint64
	FaultDelayed         uint64
	FaultAborted         uint64
	Codes
	Latency     Histogram
	ProcessTime Histogram
}

// RouteStats count the requests that one route took.
type RouteStats struct {
	RequestTotal  uint64
	RequestActive int64
	RequestFailed uint64
	RequestRetry  uint64
	Codes
	Latency Histogram
}

// Upstream is what is counted of a cluster as well as of a host.
type Upstream struct {
	ConnectionTotal                        uint64
	ConnectionClose                        uint64
	ConnectionActive                       int64
	ConnectionConFail                      uint64
	ConnectionLocalClose                   uint64
	ConnectionRemoteClose                  uint64
	ConnectionLocalCloseWithActiveRequest  uint64
	ConnectionRemoteCloseWithActiveRequest uint64
	ConnectionSilent                       uint64
	ConnectionCut                          uint64
	ConnectionSuspected                    uint64
	ConnectionStalled                      uint64

	BytesReadTotal  uint64
	BytesWriteTotal uint64

	RequestTotal       uint64
	RequestActive      int64
	RequestLocalReset  uint64
	RequestRemoteReset uint64
	RequestTimeout     uint64
	ResponseSuccess    uint64
	ResponseFailed     uint64
	ResponseException  uint64
	ResponseUnknown    uint64
	ResponseTooLarge   uint64
	Latency            Histogram
}

// HostStats count the requests to one host of a cluster. Its health is no worker's
// to count.
type HostStats struct {
	Upstream

	Healthy           int64
	HealthCheckTotal  uint64
	HealthCheckFailed uint64
}

// ClusterStats count the requests to one cluster.
type ClusterStats struct {
	Upstream

	RequestPendingActive   int64
	RequestPendingOverflow uint64
	RequestOverflow        uint64
	RequestStalled         uint64
	RequestTooLarge        uint64
	RequestUnsendable      uint64
	ConnectionOverflow     uint64
	RequestRetry           uint64
	RequestRetryOverflow   uint64
	RequestRetryTooLarge   uint64
	RequestHedged          uint64
	RequestHedgeWon        uint64
	NoHost                 uint64
	SubsetsFallBack        uint64
	PanicPicks             uint64
	HostLeaving            uint64
	RequestTurned          uint64
	Hosts                  int64
	HostsHealthy           int64
	HostsDegraded          int64
	HostsEjected           int64
	Ejections              uint64
	DiscoveryUpdates       uint64
	DiscoveryFailures      uint64
	DiscoveryFailing       int64
}

// Codes count responses by their status: by class, and one by one those that
// MOSN does.
type Codes struct {
	Class1xx uint64
	Class2xx uint64
	Class3xx uint64
	Class4xx uint64
	Class5xx uint64

	Code200   uint64
	Code206   uint64
	Code302   uint64
	Code304   uint64
	Code400   uint64
	Code403   uint64
	Code404   uint64
	Code416   uint64
	Code499   uint64
	Code500   uint64
	Code502   uint64
	Code503   uint64
	Code504   uint64
	CodeOther uint64
}

// CountCode counts a response by its status. One without a status, or with a
// strange one, is in no class, and among the others.
func (c *Codes) CountCode(status int) {
	switch status / 100 {
	case 1:
		c.Class1xx++
	case 2:
		c.Class2xx++
	case 3:
		c.Class3xx++
	case 4:
		c.Class4xx++
	case 5:
		c.Class5xx++
	}
	switch status {
	case 200:
		c.Code200++
	case 206:
		c.Code206++
	case 302:
		c.Code302++
	case 304:
		c.Code304++
	case 400:
		c.Code400++
	case 403:
		c.Code403++
	case 404:
		c.Code404++
	case 416:
		c.Code416++
	case 499:
		c.Code499++
	case 500:
		c.Code500++
	case 502:
		c.Code502++
	case 503:
		c.Code503++
	case 504:
		c.Code504++
	default:
		c.CodeOther++
	}
}

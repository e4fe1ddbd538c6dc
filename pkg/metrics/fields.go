package metrics

// stat is one field of the structs in stats.go, ready to be published.
type stat struct {
	key, help string // key is MOSN's where MOSN has it
	at        any    // a *uint64, *int64 or *Histogram
	// label, if set, tells apart the counters of one family: code or class.
	label, value string
}

// statistics are any of the structs. stats lists all fields, always in the same
// order.
type statistics interface{ stats() []stat }

func (s *ListenerStats) stats() []stat {
	return append(s.Codes.stats(), []stat{
		{key: "connection_total", help: "Connections accepted.", at: &s.ConnectionTotal},
		{key: "connection_destroy", help: "Connections closed.", at: &s.ConnectionDestroy},
		{key: "connection_active", help: "Connections open.", at: &s.ConnectionActive},
		{key: "connection_unknown", help: "Connections whose protocol could not be told from their first bytes.", at: &s.ConnectionUnknown},
		{key: "connection_rejected", help: "Connections closed at once because of a limit.", at: &s.ConnectionRejected},
		{key: "connection_cut", help: "Connections that were closed before the client had taken everything it was sent.", at: &s.ConnectionCut},
		{key: "tcp_total", help: "Connections that tcp_proxy took.", at: &s.TCPTotal},
		{key: "tcp_active", help: "Connections that tcp_proxy is passing on.", at: &s.TCPActive},
		{key: "tcp_connect_failed", help: "Connections that tcp_proxy reset because it could not connect to a host.", at: &s.TCPConnectFailed},
		{key: "tcp_idle", help: "Connections that tcp_proxy reset because nothing moved on them for too long.", at: &s.TCPIdle},
		{key: "bytes_read_total", help: "Bytes read from connections.", at: &s.BytesReadTotal},
		{key: "bytes_write_total", help: "Bytes written to connections.", at: &s.BytesWriteTotal},
		{key: "request_total", help: "Requests received.", at: &s.RequestTotal},
		{key: "request_active", help: "Requests under way.", at: &s.RequestActive},
		{key: "request_reset", help: "Requests ended before their response did.", at: &s.RequestReset},
		{key: "request_failed", help: "Requests that weir answered itself because it could not forward them.", at: &s.RequestFailed},
		{key: "request_protocol_error", help: "Requests whose bytes break their protocol.", at: &s.RequestProtocolError},
		{key: "request_too_large", help: "Requests refused because they exceed a limit of the listener's.", at: &s.RequestTooLarge},
		{key: "request_one_way_lost", help: "One-way requests that were refused, given up or failed, of which clients are not told.", at: &s.RequestOneWayLost},
		{key: "request_unread", help: "Requests of which not all could be read that they are routed by.", at: &s.RequestUnread},
		{key: "fault_delayed", help: "Requests that a fault filter delayed.", at: &s.FaultDelayed},
		{key: "fault_aborted", help: "Requests that a fault filter answered.", at: &s.FaultAborted},
		{key: "request_time", help: "Time from the first byte of a request to its end.", at: &s.Latency},
		{key: "process_time", help: "Part of request_time that weir itself took.", at: &s.ProcessTime},
	}...)
}

func (s *RouteStats) stats() []stat {
	return append(s.Codes.stats(), []stat{
		{key: "request_total", help: "Requests that the route took.", at: &s.RequestTotal},
		{key: "request_active", help: "Requests under way.", at: &s.RequestActive},
		{key: "request_failed", help: "Requests that weir answered itself because it could not forward them.", at: &s.RequestFailed},
		{key: "request_retry", help: "Tries after the first.", at: &s.RequestRetry},
		{key: "request_time", help: "Time from the first byte of a request to its end.", at: &s.Latency},
	}...)
}

func (u *Upstream) stats() []stat {
	return []stat{
		{key: "connection_total", help: "Connections that were made.", at: &u.ConnectionTotal},
		{key: "connection_close", help: "Connections closed.", at: &u.ConnectionClose},
		{key: "connection_active", help: "Connections open.", at: &u.ConnectionActive},
		{key: "connection_con_fail", help: "Connections that could not be made.", at: &u.ConnectionConFail},
		{key: "connection_local_close", help: "Connections closed by weir.", at: &u.ConnectionLocalClose},
		{key: "connection_remote_close", help: "Connections closed by the host.", at: &u.ConnectionRemoteClose},
		{key: "connection_local_close_with_active_request", help: "Connections closed by weir under a request.", at: &u.ConnectionLocalCloseWithActiveRequest},
		{key: "connection_remote_close_with_active_request", help: "Connections closed by the host under a request.", at: &u.ConnectionRemoteCloseWithActiveRequest},
		{key: "connection_silent", help: "Connections closed because the host did not answer heartbeats.", at: &u.ConnectionSilent},
		{key: "connection_cut", help: "Connections that were closed before the host had taken everything it was sent.", at: &u.ConnectionCut},
		{key: "connection_suspected", help: "Times that a connection was to answer a heartbeat before it took another request, because one had timed out on it and nothing had come.", at: &u.ConnectionSuspected},
		{key: "connection_stalled", help: "Times that a connection took no new requests because the host took nothing of what was sent.", at: &u.ConnectionStalled},
		{key: "connection_bytes_read_total", help: "Bytes read from connections.", at: &u.BytesReadTotal},
		{key: "connection_bytes_write", help: "Bytes written to connections.", at: &u.BytesWriteTotal},
		{key: "request_total", help: "Requests sent, every try counted.", at: &u.RequestTotal},
		{key: "request_active", help: "Requests under way.", at: &u.RequestActive},
		{key: "request_local_reset", help: "Requests that weir ended before their response did.", at: &u.RequestLocalReset},
		{key: "request_remote_reset", help: "Requests that the host ended before their response did.", at: &u.RequestRemoteReset},
		{key: "request_timeout", help: "Requests whose response did not come in time.", at: &u.RequestTimeout},
		{key: "response_success", help: "Responses below 500.", at: &u.ResponseSuccess},
		{key: "response_failed", help: "Responses of 500 and above.", at: &u.ResponseFailed},
		{key: "response_exception", help: "Responses of RPC protocols by which the method throws an exception: they are below 500.", at: &u.ResponseException},
		{key: "response_unknown", help: "Messages of the host that nobody waited for, or no more, and that were dropped.", at: &u.ResponseUnknown},
		{key: "response_too_large", help: "Responses not passed on because they exceed a limit of the cluster's.", at: &u.ResponseTooLarge},
		{key: "request_duration_time", help: "Time from sending a request to the end of its response.", at: &u.Latency},
	}
}

func (s *HostStats) stats() []stat {
	return append(s.Upstream.stats(), []stat{
		{key: "healthy", help: "1, or 0 if health checks say that the host is not well.", at: &s.Healthy},
		{key: "health_check_total", help: "Health checks of the host.", at: &s.HealthCheckTotal},
		{key: "health_check_failed", help: "Health checks that the host failed.", at: &s.HealthCheckFailed},
	}...)
}

func (s *ClusterStats) stats() []stat {
	return append(s.Upstream.stats(), []stat{
		{key: "request_pending_active", help: "Requests that wait for a connection.", at: &s.RequestPendingActive},
		{key: "request_pending_overflow", help: "Requests refused because max_pending_requests was reached.", at: &s.RequestPendingOverflow},
		{key: "request_overflow", help: "Requests refused because max_requests was reached.", at: &s.RequestOverflow},
		{key: "request_stalled", help: "Requests ended because their client took or sent nothing while max_requests was nearly reached.", at: &s.RequestStalled},
		{key: "request_too_large", help: "Requests not sent because they exceed a limit of the cluster's.", at: &s.RequestTooLarge},
		{key: "request_unsendable", help: "Requests not sent because they cannot be said in the host's protocol.", at: &s.RequestUnsendable},
		{key: "connection_overflow", help: "Connections not made because max_connections was reached.", at: &s.ConnectionOverflow},
		{key: "request_retry", help: "Tries after the first.", at: &s.RequestRetry},
		{key: "request_retry_overflow", help: "Retries refused because of max_retries or the retry budget.", at: &s.RequestRetryOverflow},
		{key: "request_retry_too_large", help: "Requests that were not tried again because they were too large to be kept for it.", at: &s.RequestRetryTooLarge},
		{key: "request_hedged", help: "Requests that were sent a second time because the first host took long.", at: &s.RequestHedged},
		{key: "request_hedge_won", help: "Requests whose response is that of the second host.", at: &s.RequestHedgeWon},
		{key: "request_no_host", help: "Requests for which no host could be chosen.", at: &s.NoHost},
		{key: "hosts", help: "Hosts.", at: &s.Hosts},
		{key: "hosts_healthy", help: "Hosts that are well, or are not checked.", at: &s.HostsHealthy},
		{key: "hosts_degraded", help: "Hosts that take requests only when the others are not enough.", at: &s.HostsDegraded},
		{key: "hosts_ejected", help: "Hosts that are ejected because they failed too often.", at: &s.HostsEjected},
		{key: "ejections", help: "Ejections of hosts.", at: &s.Ejections},
		{key: "discovery_updates", help: "Sets of hosts that the cluster's source delivered.", at: &s.DiscoveryUpdates},
		{key: "discovery_failures", help: "Times that the cluster's source failed to learn anything.", at: &s.DiscoveryFailures},
		{key: "discovery_failing", help: "1 if the cluster's source does not learn anything at present.", at: &s.DiscoveryFailing},
		{key: "lb_hosts_leaving", help: "Times that a host said that it goes, and others took its requests, counted on each worker that it said so to.", at: &s.HostLeaving},
		{key: "lb_request_turned", help: "Requests that went to another host because theirs had no connection for them yet.", at: &s.RequestTurned},
		{key: "lb_panic", help: "Choices among all hosts because fewer were well than healthy_panic_threshold.", at: &s.PanicPicks},
		{key: "lb_subsets_fallback", help: "Requests that took the fallback of the subsets.", at: &s.SubsetsFallBack},
	}...)
}

func (c *Codes) stats() []stat {
	return []stat{
		{key: "request_1xx_total", help: "Responses by the class of their status.", at: &c.Class1xx, label: "class", value: "1xx"},
		{key: "request_2xx_total", help: "Responses by the class of their status.", at: &c.Class2xx, label: "class", value: "2xx"},
		{key: "request_3xx_total", help: "Responses by the class of their status.", at: &c.Class3xx, label: "class", value: "3xx"},
		{key: "request_4xx_total", help: "Responses by the class of their status.", at: &c.Class4xx, label: "class", value: "4xx"},
		{key: "request_5xx_total", help: "Responses by the class of their status.", at: &c.Class5xx, label: "class", value: "5xx"},
		{key: "request_200_total", help: "Responses by their status.", at: &c.Code200, label: "code", value: "200"},
		{key: "request_206_total", help: "Responses by their status.", at: &c.Code206, label: "code", value: "206"},
		{key: "request_302_total", help: "Responses by their status.", at: &c.Code302, label: "code", value: "302"},
		{key: "request_304_total", help: "Responses by their status.", at: &c.Code304, label: "code", value: "304"},
		{key: "request_400_total", help: "Responses by their status.", at: &c.Code400, label: "code", value: "400"},
		{key: "request_403_total", help: "Responses by their status.", at: &c.Code403, label: "code", value: "403"},
		{key: "request_404_total", help: "Responses by their status.", at: &c.Code404, label: "code", value: "404"},
		{key: "request_416_total", help: "Responses by their status.", at: &c.Code416, label: "code", value: "416"},
		{key: "request_499_total", help: "Responses by their status.", at: &c.Code499, label: "code", value: "499"},
		{key: "request_500_total", help: "Responses by their status.", at: &c.Code500, label: "code", value: "500"},
		{key: "request_502_total", help: "Responses by their status.", at: &c.Code502, label: "code", value: "502"},
		{key: "request_503_total", help: "Responses by their status.", at: &c.Code503, label: "code", value: "503"},
		{key: "request_504_total", help: "Responses by their status.", at: &c.Code504, label: "code", value: "504"},
		{key: "request_other_code", help: "Responses by their status.", at: &c.CodeOther, label: "code", value: "other"},
	}
}

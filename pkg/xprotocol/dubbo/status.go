package dubbo

import "github.com/weirproxy/weir/pkg/stream"

// The status of a response, as Dubbo numbers it.
const (
	statusOK            = 20
	statusSerialization = 25
	statusClientTimeout = 30
	statusServerTimeout = 31
	statusInactive      = 35 // the channel to the provider is gone
	statusBadRequest    = 40
	statusBadResponse   = 50
	statusNotFound      = 60
	statusServiceError  = 70
	statusServerError   = 80
	statusExhausted     = 100 // no thread is free
)

// statusOf tells a status in HTTP's numbers.
func statusOf(native byte) int {
	switch native {
	case statusOK:
		return 200
	case statusClientTimeout, statusServerTimeout:
		return 504
	case statusInactive:
		return 502
	case statusSerialization, statusBadRequest, statusBadResponse:
		return 400
	case statusNotFound:
		return 404
	case statusExhausted:
		return 503
	}
	return 500
}

// reasons are what Dubbo calls what weir had to do with an answer, the first that
// applies.
var reasons = [...]struct {
	flags  stream.Flags
	status byte
}{
	{stream.NoRouteFound, statusNotFound},
	{stream.NoHealthyUpstream | stream.Draining, statusServerError},
	{stream.UpstreamTimeout | stream.StreamIdleTimeout, statusServerTimeout},
	{stream.UpstreamOverflow | stream.RateLimited, statusExhausted},
	{stream.DownstreamProtocolError, statusBadRequest},
	{stream.UpstreamConnectFailure | stream.UpstreamConnectionLost | stream.UpstreamRemoteReset | stream.UpstreamProtocolError, statusInactive},
}

// nativeOf tells the status of an answer of weir's own: a server's timeout and not
// a client's, so that the consumer's log does not blame the consumer.
func nativeOf(status int, flags stream.Flags) byte {
	switch { // a message is over a limit
	case status == 413:
		return statusBadRequest
	case status == 502 && flags&stream.UpstreamOverflow != 0:
		return statusBadResponse
	}
	for _, r := range reasons {
		if flags&r.flags != 0 {
			return r.status
		}
	}
	switch status {
	case 404:
		return statusNotFound
	case 408, 504:
		return statusServerTimeout
	case 429, 503:
		return statusExhausted
	case 400, 413, 431:
		return statusBadRequest
	case 502:
		return statusInactive
	}
	return statusServiceError
}

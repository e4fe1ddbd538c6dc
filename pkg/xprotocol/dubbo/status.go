package dubbo

import (
	"net/http"

	"github.com/weirproxy/weir/pkg/stream"
)

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
		return http.StatusOK
	case statusClientTimeout, statusServerTimeout:
		return http.StatusGatewayTimeout
	case statusInactive:
		return http.StatusBadGateway
	case statusSerialization, statusBadRequest, statusBadResponse:
		return http.StatusBadRequest
	case statusNotFound:
		return http.StatusNotFound
	case statusExhausted:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
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
	for _, r := range reasons {
		if flags&r.flags != 0 {
			return r.status
		}
	}
	switch status {
	case http.StatusNotFound:
		return statusNotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return statusServerTimeout
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return statusExhausted
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return statusBadRequest
	case http.StatusBadGateway:
		return statusInactive
	}
	return statusServiceError
}

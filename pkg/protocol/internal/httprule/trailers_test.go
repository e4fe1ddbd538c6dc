package httprule

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// TestTrailers: what frames, routes or authorises stays behind, in any case, and
// nothing else does.
func TestTrailers(t *testing.T) {
	for allowed, names := range map[bool]string{
		true: `grpc-status grpc-message grpc-status-details-bin grpc-encoding grpc-retry-pushback-ms endpoint-load-metrics-bin
			x-custom x-trace-bin x-request-id x-b3-traceid retry-after location server date via user-agent age vary pragma warning
			content-digest content-md5 content-language content-disposition repr-digest digest etag last-modified server-timing
			proxy-status status traceparent tracestate authentication-info accept-encoding range if-match x a xy p
			x-forwarded access-control proxy transfer`,
		false: `connection content-length content-type content-encoding content-range host http2-settings keep-alive proxy-connection
			te trailer transfer-encoding upgrade expect max-forwards x-http-method-override x-original-url x-rewrite-url alt-svc
			authorization proxy-authorization proxy-authenticate proxy-authentication-info www-authenticate cookie set-cookie origin
			access-control-allow-origin access-control-allow-credentials cache-control expires
			forwarded x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-any x-real-ip
			x-mosn-global-timeout x-mosn-try-timeout`,
	} {
		for name := range strings.FieldsSeq(names) {
			for _, n := range []string{name, strings.ToUpper(name)} {
				if got := AllowedInTrailers(stream.IDOf(n), []byte(n)); got != allowed {
					t.Errorf("%s passes: %v", n, got)
				}
			}
		}
	}
}

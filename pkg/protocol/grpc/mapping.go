package grpc

import "github.com/weirproxy/weir/pkg/stream"

// FromHTTP returns what a client takes the status of a response for that is not
// gRPC: a host's, or that of a proxy on the way.
func FromHTTP(status int) Code {
	switch status {
	case 400, 431:
		return Internal
	case 401:
		return Unauthenticated
	case 403:
		return PermissionDenied
	case 404:
		return Unimplemented
	case 429, 502, 503, 504:
		return Unavailable
	}
	return Unknown
}

// ToHTTP returns the status that says to a client of plain HTTP what a code says;
// 500 for one that is not defined.
func ToHTTP(c Code) int {
	switch c {
	case OK:
		return 200
	case Cancelled:
		return 499 // as nginx logs a client that went away
	case InvalidArgument, FailedPrecondition, OutOfRange:
		return 400
	case DeadlineExceeded:
		return 504
	case NotFound:
		return 404
	case AlreadyExists, Aborted:
		return 409
	case PermissionDenied:
		return 403
	case ResourceExhausted:
		return 429
	case Unimplemented:
		return 501
	case Unavailable:
		return 503
	case Unauthenticated:
		return 401
	}
	return 500
}

// FromAnswer returns what an answer of weir's own means to a client of gRPC. It
// knows why the answer was given, so it can say more than FromHTTP. An answer
// whose flags say nothing is taken by its status.
//
// ResourceExhausted goes out without grpc-retry-pushback-ms: a client's own retry
// policy decides, and retries it only where the policy names that code.
func FromAnswer(status int, f stream.Flags) Code {
	const (
		full = stream.UpstreamOverflow | stream.RateLimited | stream.ClientStalled
		late = stream.UpstreamTimeout | stream.StreamIdleTimeout
		gone = stream.NoHealthyUpstream | stream.UpstreamConnectFailure | stream.UpstreamConnectionLost |
			stream.UpstreamRemoteReset | stream.Draining
	)
	switch {
	case f&stream.NoRouteFound != 0:
		return Unimplemented
	case f&full != 0, status == 413, status == 431:
		return ResourceExhausted
	case f&late != 0:
		return DeadlineExceeded
	case f&stream.UpstreamProtocolError != 0:
		return Internal
	case f&gone != 0:
		return Unavailable
	case f&stream.LocalReset != 0 && status == 500: // a part of weir's failed
		return Internal
	}
	return FromHTTP(status)
}

// FromReset returns what the error code of an RST_STREAM means for the call.
// STREAM_CLOSED, for which gRPC has no word, is a broken protocol like others;
// codes that HTTP/2 does not define are Unknown.
func FromReset(code uint32) Code {
	const (
		refusedStream      = 0x7
		cancel             = 0x8
		enhanceYourCalm    = 0xb
		inadequateSecurity = 0xc
		http11Required     = 0xd
	)
	switch code {
	case refusedStream:
		return Unavailable
	case cancel:
		return Cancelled
	case enhanceYourCalm:
		return ResourceExhausted
	case inadequateSecurity:
		return PermissionDenied
	}
	if code <= http11Required {
		return Internal
	}
	return Unknown
}

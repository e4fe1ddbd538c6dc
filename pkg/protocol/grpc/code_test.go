package grpc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
)

// TestCodes compares the codes with gRPC's list of them.
func TestCodes(t *testing.T) {
	const list = "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED " +
		"RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
	var got []string
	for c := OK; c <= Unauthenticated; c++ {
		got = append(got, c.String())
		if back := parseCode([]byte(c.digits())); back != c {
			t.Errorf("%v is written %q, which is %v", c, c.digits(), back)
		}
	}
	if diff := cmp.Diff(list, strings.Join(got, " ")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Code(17).String(); got != "CODE_17" {
		t.Errorf("code 17 is %q", got)
	}
}

func TestFromHTTP(t *testing.T) {
	named := map[int]Code{
		400: Internal, 401: Unauthenticated, 403: PermissionDenied, 404: Unimplemented, 429: Unavailable, 431: Internal,
		502: Unavailable, 503: Unavailable, 504: Unavailable,
	}
	for status := range 600 {
		want, ok := named[status]
		if !ok {
			want = Unknown
		}
		if got := FromHTTP(status); got != want {
			t.Errorf("%d: %v, want %v", status, got, want)
		}
	}
}

func TestToHTTP(t *testing.T) {
	want := []int{200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401, 500}
	var got []int
	for c := range Code(len(want)) {
		got = append(got, ToHTTP(c))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFromAnswer(t *testing.T) {
	tests := []struct {
		name   string
		status int
		flags  stream.Flags
		want   Code
	}{
		{"no route", 404, stream.NoRouteFound, Unimplemented},
		{"no host", 503, stream.NoHealthyUpstream, Unavailable},
		{"connect failure", 503, stream.UpstreamConnectFailure, Unavailable},
		{"connection lost", 502, stream.UpstreamConnectionLost, Unavailable},
		{"reset", 502, stream.UpstreamRemoteReset, Unavailable},
		{"reset, after retries", 502, stream.UpstreamRemoteReset | stream.RetriesExhausted, Unavailable},
		{"drain", 503, stream.Draining, Unavailable},
		{"timeout", 504, stream.UpstreamTimeout, DeadlineExceeded},
		{"timeout of a delayed request", 504, stream.UpstreamTimeout | stream.DelayInjected, DeadlineExceeded},
		{"idle", 504, stream.StreamIdleTimeout, DeadlineExceeded},
		{"overflow", 503, stream.UpstreamOverflow, ResourceExhausted},
		{"rate limit", 429, stream.RateLimited, ResourceExhausted},
		{"too large", 413, 0, ResourceExhausted},
		{"head too large", 431, 0, ResourceExhausted},
		{"not authenticated", 401, 0, Unauthenticated},
		{"not allowed", 403, 0, PermissionDenied},
		{"protocol error", 502, stream.UpstreamProtocolError, Internal},
		{"bad request", 400, stream.DownstreamProtocolError, Internal},
		{"a filter failed", 500, stream.LocalReset, Internal},
		{"no goroutine for a filter", 503, stream.LocalReset, Unavailable},
		{"injected", 503, stream.FaultInjected, Unavailable},
		{"injected, of another kind", 418, stream.FaultInjected, Unknown},
		{"no flags: timeout", 504, 0, Unavailable},
	}
	for _, tt := range tests {
		if got := FromAnswer(tt.status, tt.flags); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestFromReset has the table of gRPC's specification, by the codes of RFC 9113, 7.
func TestFromReset(t *testing.T) {
	want := []Code{
		0x0: Internal, // NO_ERROR: a status should have been sent
		0x1: Internal, // PROTOCOL_ERROR
		0x2: Internal, // INTERNAL_ERROR
		0x3: Internal, // FLOW_CONTROL_ERROR
		0x4: Internal, // SETTINGS_TIMEOUT
		0x5: Internal, // STREAM_CLOSED
		0x6: Internal, // FRAME_SIZE_ERROR
		0x7: Unavailable,
		0x8: Cancelled,
		0x9: Internal, // COMPRESSION_ERROR
		0xa: Internal, // CONNECT_ERROR
		0xb: ResourceExhausted,
		0xc: PermissionDenied,
		0xd: Internal, // HTTP_1_1_REQUIRED
		0xe: Unknown,
	}
	var got []Code
	for code := range uint32(len(want)) {
		got = append(got, FromReset(code))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := FromReset(1<<32 - 1); got != Unknown {
		t.Errorf("the last code is %v", got)
	}
}

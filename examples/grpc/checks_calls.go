package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

// say sends a message and wants it back.
func (p *peer) say(ctx context.Context, m *echo.Message, options ...grpc.CallOption) error {
	answer, err := p.echo.Say(ctx, m, options...)
	if err != nil {
		return err
	}
	return same(answer, m)
}

func same(got, want *echo.Message) error {
	if proto.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("got %s, want %s", brief(got), brief(want))
}

func brief(m *echo.Message) string {
	return fmt.Sprintf("{text %.80q, %d bytes, number %d}", m.GetText(), len(m.GetPayload()), m.GetNumber())
}

// payload is n bytes that differ with their seed, and do not repeat in a rhythm that frames might have.
func payload(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%251 + i/65521 + seed)
	}
	return b
}

func unary(ctx context.Context, p *peer) error {
	for _, m := range []*echo.Message{
		{Text: "hello", Payload: []byte{0, 1, 255}, Number: 42},
		{}, // a message without a byte
		{Text: "naïve \u00a0 中文 ελληνικά \U0001f600 \U0010ffff"},
		{Number: math.MinInt64},
	} {
		if err := p.say(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// largeMessages are around the sizes of frames and windows, and far beyond.
func largeMessages(ctx context.Context, p *peer) error {
	for _, n := range []int{16383, 16384, 16385, 65534, 65535, 65536, 1 << 20, 8 << 20} {
		if err := p.say(ctx, &echo.Message{Payload: payload(n, n)}); err != nil {
			return fmt.Errorf("%d bytes: %w", n, err)
		}
	}
	return nil
}

// compressed is gzip in both directions: the server answers in what the request came in.
func compressed(ctx context.Context, p *peer) error {
	m := &echo.Message{Text: strings.Repeat("gzip ", 40_000)}
	return p.say(ctx, m, grpc.UseCompressor(gzip.Name))
}

// errorCodes has all codes, and messages with what HTTP does not allow in a header.
func errorCodes(ctx context.Context, p *peer) error {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		text := fmt.Sprintf("code %d: 100%% naïve,\n世界 \U0001f600", code)
		_, err := p.echo.Fail(ctx, &echo.FailRequest{Code: int32(code), Message: text})
		if err := wantStatus(err, code, text); err != nil {
			return err
		}
	}
	_, err := p.echo.Fail(ctx, &echo.FailRequest{Code: int32(codes.NotFound)})
	return wantStatus(err, codes.NotFound, "")
}

func wantStatus(err error, code codes.Code, text string) error {
	if err == nil {
		return fmt.Errorf("no error, want %v", code)
	}
	if st, ok := status.FromError(err); !ok || st.Code() != code || st.Message() != text {
		return fmt.Errorf("got %w, want %v with %q", err, code, text)
	}
	return nil
}

// errorDetails are binary, and longer than the other trailers are.
func errorDetails(ctx context.Context, p *peer) error {
	want := map[string]string{"account": "ada", "padding": strings.Repeat("x", 3000)}
	r := &echo.FailRequest{Code: int32(codes.ResourceExhausted), Message: "over quota", Reason: "QUOTA", Metadata: want}
	_, err := p.echo.Fail(ctx, r)
	if err := wantStatus(err, codes.ResourceExhausted, "over quota"); err != nil {
		return err
	}
	for _, detail := range status.Convert(err).Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if ok && proto.Equal(info, &errdetails.ErrorInfo{Reason: "QUOTA", Domain: "weir.example", Metadata: want}) {
			return nil
		}
	}
	return fmt.Errorf("got the details %.300v", status.Convert(err).Details())
}

// unimplemented is a method that the service does not have.
func unimplemented(ctx context.Context, p *peer) error {
	err := p.conn.Invoke(ctx, "/weir.example.Echo/Missing", &echo.Message{}, &echo.Message{})
	if status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("got %w, want %v", err, codes.Unimplemented)
	}
	return nil
}

// metadataEcho wants its metadata back twice: in the header and in the trailer.
func metadataEcho(ctx context.Context, p *peer) error {
	want := metadata.MD{
		"echo-text":  {"hello, world"},
		"echo-many":  {"first", "second", "third"},
		"echo-empty": {""},
		"echo-long":  {strings.Repeat("long", 1500)},
		"echo-bin":   {"\x00\xff", string(payload(300, 0))},
	}
	var header, trailer metadata.MD
	err := p.say(metadata.NewOutgoingContext(ctx, want), &echo.Message{}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return err
	}
	for name, values := range want {
		if got := header[name]; !slices.Equal(got, values) {
			return fmt.Errorf("header %s: got %.200q, want %.200q", name, got, values)
		}
		if got := trailer[name]; !slices.Equal(got, values) {
			return fmt.Errorf("trailer %s: got %.200q, want %.200q", name, got, values)
		}
	}
	return metadataGone(ctx, p)
}

// metadataGone makes sure that a call without metadata gets none, such as the last call's.
func metadataGone(ctx context.Context, p *peer) error {
	var header, trailer metadata.MD
	if err := p.say(ctx, &echo.Message{}, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		return err
	}
	for name := range metadata.Join(header, trailer) {
		if strings.HasPrefix(name, echoPrefix) {
			return fmt.Errorf("%s came with a call that had no metadata", name)
		}
	}
	return nil
}

func healthService(ctx context.Context, p *peer) error {
	for _, service := range []string{"", echo.Echo_ServiceDesc.ServiceName} {
		r, err := p.health.Check(ctx, &healthpb.HealthCheckRequest{Service: service})
		if err != nil {
			return fmt.Errorf("service %q: %w", service, err)
		}
		if r.Status != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("service %q is %v", service, r.Status)
		}
	}
	_, err := p.health.Check(ctx, &healthpb.HealthCheckRequest{Service: "weir.example.Missing"})
	if status.Code(err) != codes.NotFound {
		return fmt.Errorf("an unknown service: got %w, want %v", err, codes.NotFound)
	}
	return healthWatch(ctx, p)
}

// healthWatch wants the first answer of a stream that stays open.
func healthWatch(ctx context.Context, p *peer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := p.health.Watch(ctx, &healthpb.HealthCheckRequest{Service: echo.Echo_ServiceDesc.ServiceName})
	if err != nil {
		return err
	}
	r, err := stream.Recv()
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if r.Status != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("watch: %v", r.Status)
	}
	return nil
}

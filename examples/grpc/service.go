package main

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

// service is the server's side of Echo. echo.proto says what its methods do.
type service struct {
	echo.UnimplementedEchoServer
	followers *followers
}

// Say returns the message.
func (s *service) Say(_ context.Context, m *echo.Message) (*echo.Message, error) { return m, nil }

// Collect counts messages.
func (s *service) Collect(stream grpc.ClientStreamingServer[echo.Message, echo.Summary]) error {
	var sum echo.Summary
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return stream.SendAndClose(&sum)
		case err != nil:
			return err
		case m.Text == stop:
			return status.Errorf(codes.Aborted, "stopped at message %d", sum.Messages+1)
		}
		sum.Messages++
		sum.PayloadBytes += int64(len(m.Payload))
		sum.NumberTotal += m.Number
	}
}

// stop is the text at which Collect ends.
const stop = "stop"

// Repeat sends a payload several times.
func (s *service) Repeat(r *echo.RepeatRequest, stream grpc.ServerStreamingServer[echo.Message]) error {
	for n := range r.Times {
		if err := stream.Send(&echo.Message{Payload: r.Payload, Number: int64(n) + 1}); err != nil {
			return err
		}
	}
	if r.Code != 0 {
		return status.Errorf(codes.Code(r.Code), "after %d messages", r.Times)
	}
	return nil
}

// Chat sends each message back, and their number in the end.
func (s *service) Chat(stream grpc.BidiStreamingServer[echo.Message, echo.Message]) error {
	for n := int64(0); ; n++ {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.Send(&echo.Message{Number: n})
		}
		if err != nil {
			return err
		}
		if err := stream.Send(m); err != nil {
			return err
		}
	}
}

// Fail ends with the status that it is given.
func (s *service) Fail(_ context.Context, r *echo.FailRequest) (*echo.Message, error) {
	st := status.New(codes.Code(r.Code), r.Message)
	if r.Reason != "" {
		info := &errdetails.ErrorInfo{Reason: r.Reason, Domain: "weir.example", Metadata: r.Metadata}
		var err error
		if st, err = st.WithDetails(info); err != nil {
			return nil, err
		}
	}
	return nil, st.Err()
}

// Sleep answers late, unless its call ends before.
func (s *service) Sleep(ctx context.Context, r *echo.SleepRequest) (*echo.SleepReply, error) {
	reply := &echo.SleepReply{TimeoutMillis: -1}
	if deadline, ok := ctx.Deadline(); ok {
		reply.TimeoutMillis = time.Until(deadline).Milliseconds()
	}
	select {
	case <-time.After(time.Duration(r.Millis) * time.Millisecond):
		return reply, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// Follow tells what becomes of another call.
func (s *service) Follow(r *echo.FollowRequest, stream grpc.ServerStreamingServer[echo.FollowReply]) error {
	states, err := s.followers.add(r.Key)
	if err != nil {
		return err
	}
	defer s.followers.remove(r.Key)
	for {
		select {
		case state := <-states:
			if err := stream.Send(&echo.FollowReply{State: state}); err != nil {
				return err
			}
			if state == echo.CallState_CALL_STATE_DONE || state == echo.CallState_CALL_STATE_CANCELLED {
				return nil
			}
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}

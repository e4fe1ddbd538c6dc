package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

// clientStream sends many messages, of many sizes, and none at all.
func clientStream(ctx context.Context, p *peer) error {
	for _, messages := range []int{0, 1, 1000} {
		stream, err := p.echo.Collect(ctx)
		if err != nil {
			return err
		}
		want := &echo.Summary{Messages: int64(messages)}
		for n := range messages {
			m := &echo.Message{Payload: payload(n*13%5000, n), Number: int64(n)}
			want.PayloadBytes += int64(len(m.Payload))
			want.NumberTotal += m.Number
			if err := stream.Send(m); err != nil {
				return fmt.Errorf("message %d of %d: %w", n, messages, err)
			}
		}
		got, err := stream.CloseAndRecv()
		if err != nil {
			return fmt.Errorf("%d messages: %w", messages, err)
		}
		if !proto.Equal(got, want) {
			return fmt.Errorf("got %v, want %v", got, want)
		}
	}
	return nil
}

// serverStream gets many small messages, some large ones, and none at all.
func serverStream(ctx context.Context, p *peer) error {
	for _, r := range []*echo.RepeatRequest{
		{Times: 0},
		{Times: 1000, Payload: payload(10, 0)},
		{Times: 8, Payload: payload(1<<20, 1)},
	} {
		stream, err := p.echo.Repeat(ctx, r)
		if err != nil {
			return err
		}
		if err := receiveAll(stream, r, 1); err != nil {
			return err
		}
		if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("after %d messages: %s, %w", r.Times, brief(m), err)
		}
	}
	return nil
}

// receiveAll wants the messages of Repeat, from some number on.
func receiveAll(stream grpc.ServerStreamingClient[echo.Message], r *echo.RepeatRequest, from int32) error {
	for n := from; n <= r.Times; n++ {
		m, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("message %d of %d: %w", n, r.Times, err)
		}
		if err := same(m, &echo.Message{Payload: r.Payload, Number: int64(n)}); err != nil {
			return err
		}
	}
	return nil
}

// bidiStream sends a message only after the one before it has come back, so whoever holds one back stops it. What ends the
// caller's half must not end the other one.
func bidiStream(ctx context.Context, p *peer) error {
	stream, err := p.echo.Chat(ctx)
	if err != nil {
		return err
	}
	const rounds = 200
	for n := range rounds {
		if err := exchange(stream, &echo.Message{Text: "round", Payload: payload(n*37%3000, n), Number: int64(n)}); err != nil {
			return fmt.Errorf("round %d: %w", n, err)
		}
	}
	return endChat(stream, rounds)
}

type chat = grpc.BidiStreamingClient[echo.Message, echo.Message]

func exchange(stream chat, m *echo.Message) error {
	if err := stream.Send(m); err != nil {
		return err
	}
	answer, err := stream.Recv()
	if err != nil {
		return err
	}
	return same(answer, m)
}

// endChat ends the caller's half, and wants the number of messages and the end of the other half.
func endChat(stream chat, messages int64) error {
	if err := stream.CloseSend(); err != nil {
		return err
	}
	last, err := stream.Recv()
	if err != nil {
		return fmt.Errorf("after the caller's half: %w", err)
	}
	if err := same(last, &echo.Message{Number: messages}); err != nil {
		return err
	}
	if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the last message: %s, %w", brief(m), err)
	}
	return nil
}

// headersFirst wants the header of an answer before there is any message, in either direction.
func headersFirst(ctx context.Context, p *peer) error {
	stream, err := p.echo.Chat(metadata.AppendToOutgoingContext(ctx, "echo-first", "header"))
	if err != nil {
		return err
	}
	header, err := stream.Header()
	if err != nil {
		return err
	}
	if got := header.Get("echo-first"); len(got) != 1 || got[0] != "header" {
		return fmt.Errorf("got the header %v", header)
	}
	if err := exchange(stream, &echo.Message{Text: "after the header"}); err != nil {
		return err
	}
	if err := endChat(stream, 1); err != nil {
		return err
	}
	if got := stream.Trailer().Get("echo-first"); len(got) != 1 || got[0] != "header" {
		return fmt.Errorf("got the trailer %v", stream.Trailer())
	}
	return nil
}

// earlyStatus is answered while its own half is still open.
func earlyStatus(ctx context.Context, p *peer) error {
	stream, err := p.echo.Collect(ctx)
	if err != nil {
		return err
	}
	for _, text := range []string{"go", stop} {
		if err := stream.Send(&echo.Message{Text: text}); err != nil {
			return err
		}
	}
	return wantStatus(stream.RecvMsg(new(echo.Summary)), codes.Aborted, "stopped at message 2")
}

// statusAfterMessages is a call that fails after it has answered: the status may not overtake the messages.
func statusAfterMessages(ctx context.Context, p *peer) error {
	r := &echo.RepeatRequest{Times: 100, Payload: payload(1000, 2), Code: int32(codes.DataLoss)}
	stream, err := p.echo.Repeat(ctx, r)
	if err != nil {
		return err
	}
	if err := receiveAll(stream, r, 1); err != nil {
		return err
	}
	_, err = stream.Recv()
	return wantStatus(err, codes.DataLoss, "after 100 messages")
}

// pausedStream leaves a stream unread until its window is used up. Other calls on the connection must not notice.
func pausedStream(ctx context.Context, p *peer) error {
	r := &echo.RepeatRequest{Times: 128, Payload: payload(64<<10, 3)}
	stream, err := p.echo.Repeat(ctx, r)
	if err != nil {
		return err
	}
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	if err := same(m, &echo.Message{Payload: r.Payload, Number: 1}); err != nil {
		return err
	}
	for n := range 50 {
		if err := p.say(ctx, &echo.Message{Payload: payload(100_000, n)}); err != nil {
			return fmt.Errorf("a call beside the stream: %w", err)
		}
	}
	if err := receiveAll(stream, r, 2); err != nil {
		return err
	}
	if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the last message: %s, %w", brief(m), err)
	}
	return nil
}

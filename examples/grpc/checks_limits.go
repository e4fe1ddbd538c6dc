package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

const (
	impatience = 300 * time.Millisecond
	slowness   = 5 * time.Second
	// prompt is when a call that ends early must have ended, on a busy machine.
	prompt = slowness - time.Second
)

// followed is a call that the server reports on.
type followed struct {
	states grpc.ServerStreamingClient[echo.FollowReply]
	cancel context.CancelFunc
}

// follow follows the calls of the context that it returns. Only one call may be made with it.
func (p *peer) follow(ctx context.Context) (context.Context, *followed, error) {
	key := strconv.FormatUint(rand.Uint64(), 36)
	followCtx, cancel := context.WithCancel(ctx)
	states, err := p.echo.Follow(followCtx, &echo.FollowRequest{Key: key})
	if err != nil {
		cancel()
		return nil, nil, err
	}
	f := &followed{states, cancel}
	if err := f.want(echo.CallState_CALL_STATE_FOLLOWED); err != nil {
		cancel()
		return nil, nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, callKey, key), f, nil
}

func (f *followed) want(want echo.CallState) error {
	r, err := f.states.Recv()
	if err != nil {
		return fmt.Errorf("waiting for %v: %w", want, err)
	}
	if r.State != want {
		return fmt.Errorf("the server reports %v, want %v", r.State, want)
	}
	return nil
}

// deadline gives up in time, and so does the server.
func deadline(ctx context.Context, p *peer) error {
	callCtx, f, err := p.follow(ctx)
	if err != nil {
		return err
	}
	defer f.cancel()
	callCtx, cancel := context.WithTimeout(callCtx, impatience)
	defer cancel()
	begin := time.Now()
	_, err = p.echo.Sleep(callCtx, &echo.SleepRequest{Millis: int32(slowness.Milliseconds())})
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("got %w, want %v", err, codes.DeadlineExceeded)
	}
	if err := f.want(echo.CallState_CALL_STATE_BEGUN); err != nil {
		return err
	}
	if err := f.want(echo.CallState_CALL_STATE_CANCELLED); err != nil {
		return err
	}
	if took := time.Since(begin); took < impatience || took > prompt {
		return fmt.Errorf("a timeout of %v ended after %v", impatience, took)
	}
	return p.say(ctx, &echo.Message{Text: "after"})
}

// deadlinePropagation asks the server how much time it was given.
func deadlinePropagation(ctx context.Context, p *peer) error {
	reply, err := p.echo.Sleep(ctx, &echo.SleepRequest{})
	if err != nil {
		return err
	}
	if reply.TimeoutMillis != -1 {
		return fmt.Errorf("a call without a limit was given %d ms", reply.TimeoutMillis)
	}
	const timeout = 12 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if reply, err = p.echo.Sleep(ctx, &echo.SleepRequest{}); err != nil {
		return err
	}
	if got := time.Duration(reply.TimeoutMillis) * time.Millisecond; got <= timeout/2 || got > timeout {
		return fmt.Errorf("of %v, %v arrived", timeout, got)
	}
	return nil
}

// cancelCall cancels a call once the server is at it, which must let it go.
func cancelCall(ctx context.Context, p *peer) error {
	callCtx, f, err := p.follow(ctx)
	if err != nil {
		return err
	}
	defer f.cancel()
	callCtx, cancel := context.WithCancel(callCtx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := p.echo.Sleep(callCtx, &echo.SleepRequest{Millis: int32(slowness.Milliseconds())})
		ended <- err
	}()
	if err := f.want(echo.CallState_CALL_STATE_BEGUN); err != nil {
		return err
	}
	cancel()
	if err := <-ended; status.Code(err) != codes.Canceled {
		return fmt.Errorf("got %w, want %v", err, codes.Canceled)
	}
	if err := f.want(echo.CallState_CALL_STATE_CANCELLED); err != nil {
		return err
	}
	return p.say(ctx, &echo.Message{Text: "after"})
}

// cancelStream cancels a stream that would go on for ever. The server is let go although the stream's window is used up.
func cancelStream(ctx context.Context, p *peer) error {
	callCtx, f, err := p.follow(ctx)
	if err != nil {
		return err
	}
	defer f.cancel()
	callCtx, cancel := context.WithCancel(callCtx)
	defer cancel()
	r := &echo.RepeatRequest{Times: math.MaxInt32, Payload: payload(64<<10, 4)}
	stream, err := p.echo.Repeat(callCtx, r)
	if err != nil {
		return err
	}
	for n := range int64(3) {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := same(m, &echo.Message{Payload: r.Payload, Number: n + 1}); err != nil {
			return err
		}
	}
	if err := f.want(echo.CallState_CALL_STATE_BEGUN); err != nil {
		return err
	}
	cancel()
	if err := f.want(echo.CallState_CALL_STATE_CANCELLED); err != nil {
		return err
	}
	return p.say(ctx, &echo.Message{Text: "after"})
}

// concurrent makes many calls at a time, each of which must get its own answer.
func concurrent(ctx context.Context, p *peer) error {
	const workers = 16
	ended := make(chan error, workers)
	for worker := range workers {
		go func() { ended <- p.manyCalls(ctx, fmt.Sprintf("worker %d", worker)) }()
	}
	var failed error
	for range workers {
		failed = errors.Join(failed, <-ended)
	}
	return failed
}

func (p *peer) manyCalls(ctx context.Context, text string) error {
	for n := range 200 {
		if err := p.say(ctx, &echo.Message{Text: text, Payload: payload(n*37%3000, n), Number: int64(n)}); err != nil {
			return fmt.Errorf("%s, call %d: %w", text, n, err)
		}
	}
	return nil
}

// openStreams has many streams open at once, and uses them in turn.
func openStreams(ctx context.Context, p *peer) error {
	const streams, rounds = 50, 5
	var open []chat
	for range streams {
		stream, err := p.echo.Chat(ctx)
		if err != nil {
			return err
		}
		open = append(open, stream)
	}
	for round := range rounds {
		for n, stream := range open {
			m := &echo.Message{Text: fmt.Sprintf("stream %d", n), Number: int64(round)}
			if err := exchange(stream, m); err != nil {
				return fmt.Errorf("stream %d, round %d: %w", n, round, err)
			}
		}
	}
	for n, stream := range open {
		if err := endChat(stream, rounds); err != nil {
			return fmt.Errorf("stream %d: %w", n, err)
		}
	}
	return nil
}

// oneConnection wants all calls so far to have had one connection: nothing that went wrong with a call may close it.
func oneConnection(_ context.Context, p *peer) error {
	if n := p.dials.Load(); n != 1 {
		return fmt.Errorf("%d connections were made", n)
	}
	return nil
}

// missingChecks call a service that nobody has. The second one shows that the first did no harm to the connection.
func missingChecks() []check {
	return []check{
		{"missing-service", missingService},
		{"missing-service-again", missingService},
		{"one-connection", oneConnection},
	}
}

// missingService wants an error at once, on a connection that lives on. Which one depends on who says so: the server or weir.
func missingService(ctx context.Context, p *peer) error {
	ctx, cancel := context.WithTimeout(ctx, slowness)
	defer cancel()
	begin := time.Now()
	err := p.conn.Invoke(ctx, "/weir.example.Missing/Say", &echo.Message{Text: "nobody"}, &echo.Message{})
	took := time.Since(begin).Round(time.Millisecond)
	if err == nil {
		return errors.New("the call was answered")
	}
	if state := p.conn.GetState(); state != connectivity.Ready {
		return fmt.Errorf("the connection is %v: %w", state, err)
	}
	fmt.Printf("%v after %v: %s\n", status.Code(err), took, status.Convert(err).Message())
	if status.Code(err) == codes.DeadlineExceeded || took > prompt {
		return fmt.Errorf("not at once: after %v", took)
	}
	return nil
}

package main

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

// Metadata that the server acts upon, whatever the method.
const (
	echoPrefix = "echo-"
	callKey    = "call-key"
)

// echoUnary sends the caller's "echo-" metadata back, as header and as trailer.
func echoUnary(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if md := echoed(ctx); len(md) > 0 {
		if err := grpc.SetHeader(ctx, md); err != nil {
			return nil, err
		}
		if err := grpc.SetTrailer(ctx, md); err != nil {
			return nil, err
		}
	}
	return handle(ctx, r)
}

// echoStream is echoUnary for streams. Their header does not wait for the first message.
func echoStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if md := echoed(stream.Context()); len(md) > 0 {
		if err := stream.SendHeader(md); err != nil {
			return err
		}
		stream.SetTrailer(md)
	}
	return handle(srv, stream)
}

func echoed(ctx context.Context) metadata.MD {
	in, _ := metadata.FromIncomingContext(ctx)
	out := metadata.MD{}
	for name, values := range in {
		if strings.HasPrefix(name, echoPrefix) {
			out[name] = values
		}
	}
	return out
}

// followers are those who want to know what becomes of a call.
type followers struct {
	mu    sync.Mutex
	byKey map[string]chan echo.CallState
}

func newFollowers() *followers { return &followers{byKey: map[string]chan echo.CallState{}} }

// add follows a key. The channel takes all states of one call, so that the call never waits for its follower.
func (f *followers) add(key string) (<-chan echo.CallState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byKey[key] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "%q is followed already", key)
	}
	states := make(chan echo.CallState, 3)
	states <- echo.CallState_CALL_STATE_FOLLOWED
	f.byKey[key] = states
	return states, nil
}

func (f *followers) remove(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byKey, key)
}

// tell reports a state of the call that ctx belongs to, if someone follows it.
func (f *followers) tell(ctx context.Context, state echo.CallState) {
	keys := metadata.ValueFromIncomingContext(ctx, callKey)
	if len(keys) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if states := f.byKey[keys[0]]; states != nil {
		select {
		case states <- state:
		default: // another call with the same key
		}
	}
}

func (f *followers) unary(ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	f.tell(ctx, echo.CallState_CALL_STATE_BEGUN)
	defer f.tellEnd(ctx)
	return handle(ctx, r)
}

func (f *followers) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	f.tell(stream.Context(), echo.CallState_CALL_STATE_BEGUN)
	defer f.tellEnd(stream.Context())
	return handle(srv, stream)
}

func (f *followers) tellEnd(ctx context.Context) {
	if ctx.Err() != nil {
		f.tell(ctx, echo.CallState_CALL_STATE_CANCELLED)
	} else {
		f.tell(ctx, echo.CallState_CALL_STATE_DONE)
	}
}

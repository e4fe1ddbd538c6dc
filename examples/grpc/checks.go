package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

// limit is how long one check may take.
const limit = 15 * time.Second

var errTooLong = fmt.Errorf("not done after %v", limit)

// check is one thing that the client expects of its calls.
type check struct {
	name string
	run  func(context.Context, *peer) error
}

// allChecks are the checks in the order in which they run: what the later ones rely on comes first.
func allChecks() []check {
	return []check{
		{"unary", unary},
		{"large-messages", largeMessages},
		{"gzip", compressed},
		{"client-stream", clientStream},
		{"server-stream", serverStream},
		{"bidi-stream", bidiStream},
		{"headers-first", headersFirst},
		{"early-status", earlyStatus},
		{"status-after-messages", statusAfterMessages},
		{"error-codes", errorCodes},
		{"error-details", errorDetails},
		{"unimplemented", unimplemented},
		{"metadata", metadataEcho},
		{"deadline", deadline},
		{"deadline-propagation", deadlinePropagation},
		{"cancel", cancelCall},
		{"cancel-stream", cancelStream},
		{"concurrent", concurrent},
		{"open-streams", openStreams},
		{"health", healthService},
		{"paused-stream", pausedStream},
		{"one-connection", oneConnection},
	}
}

// peer is the address that is called.
type peer struct {
	conn   *grpc.ClientConn
	echo   echo.EchoClient
	health healthpb.HealthClient
	dials  atomic.Int32 // connections made so far
}

func dial(target string) (*peer, error) {
	p := &peer{}
	dialer := func(ctx context.Context, address string) (net.Conn, error) {
		p.dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	var err error
	p.conn, err = grpc.NewClient("passthrough:///"+target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dialer),
		grpc.WithDisableRetry(), // a retry would hide what the first try met
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	)
	if err != nil {
		return nil, err
	}
	p.echo, p.health = echo.NewEchoClient(p.conn), healthpb.NewHealthClient(p.conn)
	return p, nil
}

var errFailed = errors.New("a check failed; those after it did not run")

// runChecks prints "ok NAME" for each check, or "FAIL NAME: reason" for the first that fails, which is then the last one.
func runChecks(target string, checks []check) error {
	p, err := dial(target)
	if err != nil {
		return err
	}
	defer p.conn.Close()
	for _, c := range checks {
		if err := limited(c, p); err != nil {
			fmt.Printf("FAIL %s: %s\n", c.name, oneLine(err))
			return errFailed
		}
		fmt.Println("ok", c.name)
	}
	return nil
}

// limited runs a check for a limited time. The limit is none of gRPC's deadlines, which would be sent along with every call.
func limited(c check, p *peer) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	defer time.AfterFunc(limit, func() { cancel(errTooLong) }).Stop()
	err := c.run(ctx, p)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// oneLine is an error's text without what makes lines long.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return fmt.Sprintf("%.500s", text)
}

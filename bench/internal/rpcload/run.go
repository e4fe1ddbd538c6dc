package rpcload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Options say what is to be driven, and how.
type Options struct {
	// Address is where the server or proxy listens.
	Address  string
	Protocol Protocol
	// Service is the service that is called.
	Service string
	// Connections is how many there are, and InFlight how many requests each keeps under way.
	Connections, InFlight int
	// For is how long requests are sent; answers may come for a while longer.
	For time.Duration
	// Heartbeat is the time between heartbeats on a connection, unless the last one is not answered yet. 0: none are sent.
	Heartbeat time.Duration
}

// Result is what happened to the requests.
type Result struct {
	// Requests were answered, rightly or not.
	Requests int
	// Errors are answers that tell of an error.
	Errors int
	// Mismatches are answers that nobody waited for (any more), and answers with another request's body.
	Mismatches int
	// Lost are requests and heartbeats without an answer.
	Lost int
	// Heartbeats were answered.
	Heartbeats int
	// Took is the time from the first request to the last answer.
	Took time.Duration
	// Latencies are those of all answered requests.
	Latencies Latencies
	// Trouble is why connections ended too early; nil if none did.
	Trouble error
}

// Rate is the requests answered per second.
func (r *Result) Rate() float64 { return float64(r.Requests) / r.Took.Seconds() }

// Violations says what must never happen, whatever becomes of the servers: empty if it did not.
func (r *Result) Violations() string {
	var found []string
	for _, v := range []struct {
		n    int
		what string
	}{{r.Mismatches, "mismatches"}, {r.Lost, "lost"}} {
		if v.n > 0 {
			found = append(found, fmt.Sprint(v.n, " ", v.what))
		}
	}
	if r.Trouble != nil {
		found = append(found, r.Trouble.Error())
	}
	return strings.Join(found, "; ")
}

// Faults says what does not happen where nothing fails: empty if it did not.
func (r *Result) Faults() string {
	faults := r.Violations()
	if r.Errors > 0 {
		faults = strings.TrimPrefix(fmt.Sprintf("%s; %d errors", faults, r.Errors), "; ")
	}
	return faults
}

// Run opens the connections, and then keeps so many requests under way on each for so long: every answer is replaced by another
// request, and all replacements for what one read brought leave in one write. It is an error if not all connections can be made, or
// if ctx ends.
func Run(ctx context.Context, o Options) (*Result, error) {
	callers := make([]*caller, o.Connections)
	for i := range callers {
		c, err := dial(ctx, o.Address)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		callers[i] = newCaller(o, c, uint32(i))
	}
	begin := time.Now()
	var all sync.WaitGroup
	for _, c := range callers {
		all.Go(func() {
			defer closeAtEnd(ctx, c.conn)()
			c.run(begin)
			c.finish()
		})
	}
	all.Wait()
	total := &Result{}
	for _, c := range callers {
		total.add(&c.Result)
	}
	return total, ctx.Err()
}

// add adds what happened on a connection. Of troubles, the first is told: more are of the same kind.
func (r *Result) add(one *Result) {
	r.Requests += one.Requests
	r.Errors += one.Errors
	r.Mismatches += one.Mismatches
	r.Lost += one.Lost
	r.Heartbeats += one.Heartbeats
	r.Took = max(r.Took, one.Took)
	r.Latencies.Merge(&one.Latencies)
	if r.Trouble == nil {
		r.Trouble = one.Trouble
	}
}

// closeAtEnd has a connection closed when ctx ends, so that nobody waits for it any more, until the function it returns is called.
func closeAtEnd(ctx context.Context, c net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.Close() })
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	return d.DialContext(ctx, "tcp", address)
}

// Use opens a connection and has one request answered on it.
func Use(ctx context.Context, address string, p Protocol, service string) (net.Conn, error) {
	conn, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	c := newCaller(Options{Protocol: p, Service: service, InFlight: 1}, conn, 0)
	stop := closeAtEnd(ctx, conn)
	c.run(time.Now())
	stop()
	err = conn.SetDeadline(time.Time{})
	if faults := c.Faults(); faults != "" {
		err = errors.Join(errors.New(faults), err)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Ready says whether a server or proxy answers a request well.
func Ready(ctx context.Context, address string, p Protocol, service string) error {
	c, err := Use(ctx, address, p, service)
	if err != nil {
		return err
	}
	return c.Close()
}

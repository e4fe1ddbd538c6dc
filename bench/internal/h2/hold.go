package h2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Idle are connections with streams that wait for answers that do not come.
type Idle struct{ conns []*conn }

// Open opens connections, and has one call answered on each. So many streams must be allowed on each.
func Open(ctx context.Context, address string, connections, streams int) (*Idle, error) {
	idle := &Idle{}
	for i := range connections {
		c, err := dial(ctx, address, streams)
		if err == nil {
			idle.conns = append(idle.conns, c)
			err = c.callOnce(ctx, uint32(i))
		}
		if err != nil {
			idle.Close()
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, connections, err)
		}
	}
	return idle, nil
}

// callOnce has one call answered, and leaves the connection open.
func (c *conn) callOnce(ctx context.Context, number uint32) error {
	stop := closeAtEnd(ctx, c)
	defer stop()
	one := newCaller(Options{InFlight: 1}, number)
	one.use(c)
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	one.send(&one.slots[0])
	for len(one.open) > 0 {
		if err := c.exchange(one); err != nil {
			return err
		}
	}
	if faults := one.Faults(); faults != "" {
		return fmt.Errorf("%w: %s", errAnswer, faults)
	}
	return c.SetDeadline(time.Time{})
}

// Hold sends requests that are not answered, on all connections the same number.
func (idle *Idle) Hold(streams int) error {
	for _, c := range idle.conns {
		head := newHeading(":method", "GET", ":scheme", "http", ":path", holdPath, ":authority", "bench.local", "user-agent", "bench")
		for i := range streams {
			c.sendHead(uint32(2*i+3), &head, true) // behind the call
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}

// Check is an error if anything has come on the streams, or a connection has ended.
func (idle *Idle) Check() error {
	for i, c := range idle.conns {
		if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
		var err error
		for err == nil {
			err = c.exchange(unanswered{})
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("idle connection %d: %w", i+1, err)
		}
	}
	return nil
}

// unanswered are streams on which nothing may come.
type unanswered struct{ noStreams }

func (unanswered) reset(uint32, code) error { return errUnasked }
func (unanswered) goAway(uint32) error      { return errUnasked }

// Close closes the connections.
func (idle *Idle) Close() {
	for _, c := range idle.conns {
		_ = c.Close() // nothing is waiting to be written
	}
}

// Held asks a server how many streams it has that it does not answer.
func Held(ctx context.Context, address string) (int, error) {
	body, err := Get(ctx, address, heldPath)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(body)
}

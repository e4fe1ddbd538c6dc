package h2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

// patience is how long answers may take after the last request was sent. A late answer is not a wrong one on a machine that has other
// work.
const patience = 10 * time.Second

// Options say what is to be driven, and how.
type Options struct {
	// Address is where the server or proxy listens.
	Address string
	// Connections is how many there are, and InFlight how many requests each keeps under way.
	Connections, InFlight int
	// For is how long requests are sent; answers may come for a while longer.
	For time.Duration
	// Large has every request whose number it divides be of 8 KiB, the others are of 128 bytes. 0: none is.
	Large int
	// Outages tell what is done to the servers; nil: nothing is.
	Outages *Outages
}

// Run opens the connections, and then keeps so many unary gRPC calls under way on each for so long: every answer is replaced by another
// call, and all replacements for what came together leave in one write. It is an error if not all connections can be made, if one may
// not have so many streams, or if ctx ends.
func Run(ctx context.Context, o Options) (*Result, error) {
	callers := make([]*caller, o.Connections)
	for i := range callers {
		c, err := dial(ctx, o.Address, o.InFlight)
		if err != nil {
			return nil, err
		}
		callers[i] = newCaller(o, uint32(i))
		callers[i].use(c)
	}
	begin := time.Now()
	var all sync.WaitGroup
	for _, c := range callers {
		all.Go(func() { c.run(ctx, begin) })
	}
	all.Wait()
	total := &Result{}
	for _, c := range callers {
		total.add(&c.Result)
	}
	return total, ctx.Err()
}

// dial makes a connection, and waits for what the server says first.
func dial(ctx context.Context, address string, inFlight int) (*conn, error) {
	d := net.Dialer{Timeout: patience}
	plain, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := closeAtEnd(ctx, plain)
	defer stop()
	c := newConn(plain, setting{settingPush, 0})
	c.out = append([]byte(preface), c.out...)
	if err := c.greet(inFlight); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return c, nil
}

func (c *conn) greet(inFlight int) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	for !c.greeted {
		if err := c.exchange(noStreams{}); err != nil {
			return err
		}
	}
	if int64(c.streams) < int64(inFlight) {
		return fmt.Errorf("at most %d streams are allowed, %d are wanted", c.streams, inFlight)
	}
	return c.SetDeadline(time.Time{})
}

// closeAtEnd has a connection closed when ctx ends, so that nobody waits for it any more, until the function it returns is called.
func closeAtEnd(ctx context.Context, c net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.Close() })
}

// noStreams are those of a connection that has none: nothing may come on them.
type noStreams struct{}

var errUnasked = errors.New("an answer that nobody waits for")

func (noStreams) head(uint32, []hpack.HeaderField, bool) error { return errUnasked }
func (noStreams) data(uint32, []byte, bool) error              { return errUnasked }
func (noStreams) reset(uint32, code) error                     { return nil } // of a stream that has ended
func (noStreams) credit(uint32, int64) error                   { return nil }
func (noStreams) goAway(uint32) error                          { return nil }

// nothingMore says whether nothing comes behind what was taken: it tells the peer that nothing more is sent, and gives it a moment to
// close its side too.
func nothingMore(c *conn) bool {
	const moment = time.Second
	c.out = appendGoAway(c.out, 0, noError)
	if c.flush() != nil {
		return true // the connection is gone
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return true
	}
	if c.SetReadDeadline(time.Now().Add(moment)) != nil {
		return true
	}
	for {
		if err := c.exchange(noStreams{}); err != nil {
			return !errors.Is(err, errUnasked)
		}
	}
}

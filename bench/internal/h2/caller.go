package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/http2/hpack"
)

// echoPath is the method that is called.
const echoPath = "/bench.Echo/Echo"

// caller keeps calls under way, on one connection at a time. All is done by one goroutine, in which times are those since the begin.
type caller struct {
	Options
	Result
	number       uint32
	small, large message
	slots        []slot

	conn     *conn
	call     heading
	next     uint32 // stream
	open     map[uint32]*slot
	unsent   []*slot // those whose request waits for credit
	draining bool    // no more streams are to be begun on this connection
	again    []*slot // are sent on the next one

	begin time.Time
	now   time.Duration
}

// slot is the place of a call: one after the other, the numbers that leave the slot's number when divided by the number of slots.
type slot struct {
	number  uint32
	stream  uint32
	began   time.Duration
	outages since
	out     outflow
	left    int // to be sent
	answer
}

// answer is what came of one.
type answer struct {
	headed     bool
	status     string
	grpcStatus string
	got        int  // bytes of the message
	wrong      bool // and not those that were sent
}

func newCaller(o Options, number uint32) *caller {
	c := &caller{
		Options: o, number: number,
		small: newMessage(smallBody), large: newMessage(largeBody),
		slots: make([]slot, o.InFlight), open: make(map[uint32]*slot, o.InFlight),
	}
	for i := range c.slots {
		c.slots[i].number = uint32(i)
		c.again = append(c.again, &c.slots[i])
	}
	return c
}

// use makes a connection the caller's.
func (c *caller) use(k *conn) {
	c.conn, c.next, c.draining = k, 1, false
	c.call = newHeading(":method", "POST", ":scheme", "http", ":path", echoPath, ":authority", "bench.local",
		"content-type", "application/grpc", "user-agent", "grpc-go/1.65.0", "te", "trailers")
}

// run sends requests until their time is over, and then waits for the answers that are missing.
func (c *caller) run(ctx context.Context, begin time.Time) {
	c.begin = begin
	for {
		err := c.drive(ctx)
		c.Took = time.Since(begin)
		if err == nil && len(c.again) > 0 { // the proxy had the connection end
			c.Reconnects++
			var k *conn
			if k, err = dial(ctx, c.Address, c.InFlight); err == nil {
				c.use(k)
				continue
			}
		}
		if err != nil {
			c.Trouble = fmt.Errorf("connection %d, with %d requests under way: %w", c.number, len(c.open)+len(c.again), err)
		}
		c.Lost += len(c.open) + len(c.again)
		return
	}
}

// drive uses a connection until nothing is missing on it, and closes it.
func (c *caller) drive(ctx context.Context) error {
	stop := closeAtEnd(ctx, c.conn)
	defer stop()
	defer c.conn.Close()
	if err := c.conn.SetDeadline(c.begin.Add(c.For + patience)); err != nil {
		return err
	}
	c.now = time.Since(c.begin)
	begin := c.again
	c.again = nil
	for _, s := range begin {
		c.send(s)
	}
	for len(c.open) > 0 {
		if err := c.exchangeAt(); err != nil {
			return err
		}
	}
	if !nothingMore(c.conn) {
		c.Wrong++
	}
	return nil
}

// exchangeAt does one exchange; what it brings came now.
func (c *caller) exchangeAt() error {
	if err := c.conn.flush(); err != nil {
		return err
	}
	if !c.conn.whole() {
		if _, err := c.conn.in.Peek(headerSize); err != nil {
			return err
		}
	}
	c.now = time.Since(c.begin)
	return c.conn.exchange(c)
}

func (c *caller) message(s *slot) message {
	m := c.small
	if c.Large > 0 && s.number%uint32(c.Large) == 0 {
		m = c.large
	}
	return m.tag(c.number, s.number)
}

// send sends a call, perhaps not for the first time, or keeps it for the next connection.
func (c *caller) send(s *slot) {
	if c.next > maxStream-2 {
		c.draining = true
	}
	if c.draining {
		c.again = append(c.again, s)
		return
	}
	*s = slot{number: s.number, began: s.began, stream: c.next, outages: c.Outages.begin(), left: len(c.message(s))}
	c.open[s.stream] = s
	c.next += 2
	c.conn.sendHead(s.stream, &c.call, false)
	if !c.push(s) {
		c.unsent = append(c.unsent, s)
	}
}

// push sends what may be sent of a request, and says whether nothing is left.
func (c *caller) push(s *slot) bool {
	m := c.message(s)
	s.left -= c.conn.sendData(s.stream, &s.out, m[len(m)-s.left:], true)
	return s.left == 0
}

// closeSlot has the stream of a slot be no more.
func (c *caller) closeSlot(s *slot) {
	delete(c.open, s.stream)
	if s.left == 0 {
		return
	}
	for i, u := range c.unsent {
		if u == s {
			c.unsent = append(c.unsent[:i], c.unsent[i+1:]...)
			return
		}
	}
}

func (c *caller) head(id uint32, fields []hpack.HeaderField, end bool) error {
	s := c.open[id]
	if s == nil {
		c.Wrong++
		return nil
	}
	if s.headed && !end {
		return fmt.Errorf("%w: trailers that do not end the stream", errProtocol)
	}
	for _, f := range fields {
		switch f.Name {
		case ":status":
			s.status = f.Value
		case "grpc-status":
			s.grpcStatus = f.Value
		}
	}
	if len(s.status) == 3 && s.status[0] == '1' {
		return nil
	}
	s.headed = true
	if end {
		c.finish(s)
	}
	return nil
}

func (c *caller) data(id uint32, b []byte, end bool) error {
	s := c.open[id]
	if s == nil {
		c.Wrong++
		return nil
	}
	if m := c.message(s); s.status == "200" {
		s.wrong = s.wrong || s.got+len(b) > len(m) || !bytes.Equal(m[s.got:s.got+len(b)], b)
		s.got += len(b)
	}
	if end {
		c.finish(s)
	}
	return nil
}

// finish counts a call that is answered, and makes another one.
func (c *caller) finish(s *slot) {
	if s.left > 0 { // answered before it was asked: the request ends here too
		c.conn.out = appendReset(c.conn.out, s.stream, noError)
	}
	c.closeSlot(s)
	switch {
	case s.status != "200":
		c.Failed[c.Outages.cause(s.outages)].add("HTTP "+s.status, 1)
	case s.grpcStatus != "" && s.grpcStatus != "0":
		c.Failed[c.Outages.cause(s.outages)].add("gRPC "+s.grpcStatus, 1)
	case s.grpcStatus == "" || s.wrong || s.got != len(c.message(s)):
		c.Wrong++
	}
	c.following(s)
}

// following replaces a call that is over.
func (c *caller) following(s *slot) {
	c.Requests++
	c.Latencies.Add(c.now - s.began)
	if c.now < c.For {
		s.number += uint32(len(c.slots))
		s.began = c.now
		c.send(s)
	}
}

func (c *caller) reset(id uint32, why code) error {
	s := c.open[id]
	if s == nil {
		return nil // it was answered
	}
	c.closeSlot(s)
	if why == refusedStream {
		c.Refused++
		c.send(s)
		return nil
	}
	c.Failed[c.Outages.cause(s.outages)].add("reset "+why.String(), 1)
	c.following(s)
	return nil
}

func (c *caller) credit(id uint32, n int64) error {
	if s := c.open[id]; s != nil {
		s.out.credit += n
	}
	for len(c.unsent) > 0 {
		sent := -1
		for i, s := range c.unsent {
			if c.push(s) {
				sent = i
				break
			}
		}
		if sent < 0 {
			return nil
		}
		c.unsent = append(c.unsent[:sent], c.unsent[sent+1:]...)
	}
	return nil
}

// goAway has the streams that are not processed begin again on another connection.
func (c *caller) goAway(last uint32) error {
	c.draining = true
	for id, s := range c.open {
		if id > last {
			c.closeSlot(s)
			c.Unprocessed++
			c.again = append(c.again, s)
		}
	}
	return nil
}

// errAnswer is one that is not good.
var errAnswer = errors.New("not answered well")

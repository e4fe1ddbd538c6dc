package rpcload

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// patience is how long answers may take after the last request was sent. A late answer is not a wrong one on a machine that has other
// work.
const patience = 10 * time.Second

// The ids of heartbeats have this bit, those of requests have not. The ids of dubbo have more bits than those of bolt, which shows
// proxies that keep only 32 of them.
const (
	heartbeatBit = 1 << 31
	dubboIDs     = 5 << 32
)

// caller is one connection with its requests. All is done by one goroutine, in which times are those since the begin.
type caller struct {
	Options
	Result
	conn net.Conn
	in   inbox
	out  []byte
	body checker
	// ids is what all ids have in common.
	ids uint64

	request, heartbeat form
	slots              []slot
	open               int // slots that wait for an answer

	beat     uint64 // the id of the last heartbeat
	beating  bool   // it is not answered
	nextBeat time.Duration
}

// slot is the place of a request: its id is one of those that leave the slot's number when divided by the number of slots.
type slot struct {
	call uint32
	open bool
	sent time.Duration
}

// checker compares bodies with what they have to be.
type checker struct {
	caller uint32
	want   []byte
}

func (c *checker) right(body []byte, call uint32) bool {
	tag{c.caller, call}.put(c.want)
	return bytes.Equal(c.want, body)
}

func newCaller(o Options, conn net.Conn, number uint32) *caller {
	c := &caller{
		Options: o, conn: conn,
		body:      checker{number, newBody()},
		request:   o.Protocol.framing.call(o.Service, newBody()),
		heartbeat: o.Protocol.framing.heartbeat(),
		slots:     make([]slot, o.InFlight),
		ids:       idsOf(o.Protocol),
		nextBeat:  o.Heartbeat,
	}
	for i := range c.slots {
		c.slots[i].call = uint32(i)
	}
	return c
}

func idsOf(p Protocol) uint64 {
	if p.framing == (dubbo{}) {
		return dubboIDs
	}
	return 0
}

// run sends requests until their time is over, and then waits for the answers that are missing.
func (c *caller) run(begin time.Time) {
	now := time.Since(begin)
	for i := range c.slots {
		c.send(&c.slots[i], now)
	}
	if err := c.exchange(begin); err != nil {
		c.Trouble = fmt.Errorf("connection %d, with %d requests under way: %w", c.body.caller, c.open, err)
	}
	c.Took = time.Since(begin)
	c.Lost += c.open
	if c.beating {
		c.Lost++
	}
}

// finish ends a connection after run, and counts what nobody waits for any more.
func (c *caller) finish() {
	if c.Trouble == nil && !nothingMore(c.conn, &c.in) {
		c.Mismatches++
	}
}

// exchange writes what is to be sent and reads what comes, until nothing is missing.
func (c *caller) exchange(begin time.Time) error {
	end := c.For + patience
	if err := c.conn.SetWriteDeadline(begin.Add(end)); err != nil {
		return err
	}
	var deadline time.Duration
	for {
		if len(c.out) > 0 {
			if _, err := c.conn.Write(c.out); err != nil {
				return err
			}
			c.out = c.out[:0]
		}
		if c.open == 0 && !c.beating {
			return nil
		}
		if next := c.nextDeadline(end); next != deadline {
			deadline = next
			if err := c.conn.SetReadDeadline(begin.Add(deadline)); err != nil {
				return err
			}
		}
		err := c.in.fill(c.conn)
		now := time.Since(begin)
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || now >= end) {
			return err
		}
		if err := c.takeAll(now); err != nil {
			return err
		}
		c.beatIfDue(now)
	}
}

// nextDeadline is until when to wait for answers: a heartbeat may have to be sent before any comes.
func (c *caller) nextDeadline(end time.Duration) time.Duration {
	if c.Heartbeat > 0 {
		return min(c.nextBeat, end)
	}
	return end
}

// takeAll takes the answers that have come, and has each replaced by another request as long as there is time.
func (c *caller) takeAll(now time.Duration) error {
	for {
		frame, ok, err := c.in.take(c.Protocol.framing)
		if err != nil || !ok {
			return err
		}
		a, err := c.Protocol.framing.read(frame)
		if err != nil {
			c.Mismatches++
			return err
		}
		if a.kind == alive {
			c.takeHeartbeat(a.id)
			continue
		}
		s := c.slotOf(a.id)
		if s == nil {
			c.Mismatches++
			continue
		}
		c.count(s, a, now)
		if now < c.For {
			s.call = c.following(s.call)
			c.send(s, now)
		}
	}
}

// slotOf is the slot of the request with an id, nil if there is no such request under way.
func (c *caller) slotOf(id uint64) *slot {
	call := uint32(id)
	s := &c.slots[call%uint32(len(c.slots))]
	if !s.open || s.call != call || c.ids|uint64(call) != id {
		return nil
	}
	return s
}

// following is the next number of the same slot.
func (c *caller) following(call uint32) uint32 {
	n := uint32(len(c.slots))
	if call >= heartbeatBit-n {
		return call % n
	}
	return call + n
}

func (c *caller) send(s *slot, now time.Duration) {
	s.open, s.sent = true, now
	c.open++
	c.out = c.request.append(c.out, c.ids|uint64(s.call), tag{c.body.caller, s.call})
}

// count closes the slot of a request that is answered.
func (c *caller) count(s *slot, a answer, now time.Duration) {
	s.open = false
	c.open--
	c.Requests++
	c.Latencies.Add(now - s.sent)
	switch {
	case a.kind == failed:
		c.Errors++
	case !c.body.right(a.body, s.call):
		c.Mismatches++
	}
}

func (c *caller) takeHeartbeat(id uint64) {
	if !c.beating || id != c.beat {
		c.Mismatches++
		return
	}
	c.beating = false
	c.Heartbeats++
}

func (c *caller) beatIfDue(now time.Duration) {
	if c.Heartbeat == 0 || now < c.nextBeat {
		return
	}
	c.nextBeat = now + c.Heartbeat
	if c.beating || now >= c.For {
		return
	}
	c.beating = true
	c.beat = c.ids | heartbeatBit | (c.beat+1)&(heartbeatBit-1)
	c.out = c.heartbeat.append(c.out, c.beat, tag{})
}

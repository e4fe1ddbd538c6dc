package upstream

import (
	"time"
)

// doubt is why a connection that stands takes no new requests for now.
type doubt uint8

const (
	trusted doubt = iota
	// stalled: what is sent to the host gets nowhere.
	stalled
	// suspected: a request was given up to which no byte came back, and a heartbeat is
	// to be answered first.
	suspected
	// proving: it is new, and the host is to show first that it serves it (proof.go).
	proving
)

// lookEvery is the time between two looks whether what is sent gets anywhere.
const lookEvery = 500 * time.Millisecond

// progress is what is watched of a connection with requests under way, to know
// whether they reach the host.
type progress struct {
	lookAt int64  // when it is looked next, on the loop's clock; 0: not
	came   uint64 // bytes that had come from the host at the last look
	acked  uint64 // bytes that it had confirmed then
	end    uint64 // the position up to which there was output then; 0: it was not looked
}

// lookSoon has it looked whether what is sent gets anywhere.
func (c *Conn) lookSoon() {
	c.progress = progress{lookAt: c.now() + int64(lookEvery), came: c.io.WireRead()}
	c.watch()
}

// lookDue looks, once it is time to. A host that confirms nothing between two looks,
// although there was output at the first, gets no more on this connection: requests
// would wait behind that output. Most connections bring answers meanwhile and have no
// output that waits; about them the system is not asked.
func (c *Conn) lookDue(now int64) {
	p := &c.progress
	if p.lookAt == 0 || now < p.lookAt {
		return
	}
	p.lookAt = 0
	waiting := uint64(c.io.Buffered())
	if c.streams == 0 && waiting == 0 {
		c.flows()
		return
	}
	p.lookAt = now + int64(lookEvery)
	came := c.io.WireRead()
	lively := came != p.came && waiting == 0
	p.came = came
	if lively {
		p.end = 0
		c.flows()
		return
	}
	d, ok := c.io.Delivery()
	if !ok {
		d.Acked = c.io.WireWritten()
	}
	if d.Acked == p.acked && p.acked < p.end {
		c.stalls()
	} else {
		c.flows()
	}
	p.acked, p.end = d.Acked, c.io.WriteOffset()
}

// stalls makes those who would have waited for room on the connection get another.
func (c *Conn) stalls() {
	if c.doubt == trusted {
		c.doubt = stalled
		for _, st := range c.stats() {
			st.ConnectionStalled++
		}
		c.host.settle()
	}
}

// flows takes that back.
func (c *Conn) flows() {
	if c.doubt == stalled {
		c.doubt = trusted
		c.offer()
	}
}

// Heard returns how many bytes have come from the host.
func (c *Conn) Heard() uint64 { return c.io.WireRead() }

// patienceWithPings is for how long a host that has answered one PING, and nothing
// else, is not sent another because of a request: some servers take that for an
// attack, and end the connection with all its streams.
const patienceWithPings = 5 * time.Minute

// Unanswered tells that a request was given up because there was no answer in time;
// heard is what Heard returned when it began. If no byte has come since, the
// connection takes no new requests until it has shown that the host lives.
func (c *Conn) Unanswered(heard uint64) {
	if c.ended || c.doubt >= suspected || heard != c.io.WireRead() || c.io.Paused() || !c.key.Protocol.Multiplexed {
		return
	}
	if c.pinged(heard) || !c.askNow() {
		c.retire()
		return
	}
	c.doubt = suspected
	for _, st := range c.stats() {
		st.ConnectionSuspected++
	}
	h := c.host
	h.doubted++
	if h.doubted == h.conns {
		h.avoid(unanswering, c.key, 0)
	}
	h.settle()
	c.watch()
}

// pinged tells whether another PING is one too many.
func (c *Conn) pinged(heard uint64) bool {
	if c.key.Protocol.RPC || c.askedAt == 0 || heard != c.heardThen || c.now()-c.askedAt > int64(patienceWithPings) {
		c.askedAt = c.now()
		return false
	}
	return true
}

// reassure ends a doubt, if what came from the host is reason to.
func (c *Conn) reassure() {
	switch c.doubt {
	case suspected:
		c.heardThen = c.io.WireRead()
		c.trust()
		c.host.answers()
		c.offer()
	case proving:
		if c.shows() {
			c.proved()
		}
	}
}

// trust ends a doubt.
func (c *Conn) trust() {
	if c.doubt == suspected {
		c.host.doubted--
	}
	c.doubt = trusted
	c.beginPulse()
}

// says tells whether the host has said on the connection that it goes.
func (c *Conn) says() bool { return c.leaver != nil && c.leaver.Leaving() }

// offer gives those who wait what the connection has room for.
func (c *Conn) offer() {
	if c.ended {
		return
	}
	if c.idle {
		c.notIdle()
	}
	c.host.free(c)
	c.host.settle()
}

// sound tells whether the connection can take another stream, if it is trusted.
func (c *Conn) sound() bool {
	return !c.ended && c.io.Alive() && !c.io.PeerEnded() && !c.worn() && c.available() > 0
}

func (c *Conn) usable() bool { return c.doubt == trusted && c.sound() }

// hasRoom tells whether the connection takes another stream, now or as soon as
// what is sent has left.
func (c *Conn) hasRoom() bool {
	return c.doubt == trusted && !c.ended && c.io.Alive() && !c.io.PeerEnded() && !c.worn() && (c.pressed || c.available() > 0)
}

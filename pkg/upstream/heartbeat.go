package upstream

import (
	"errors"
	"time"
)

// Whether a peer lives shows in the bytes that come from it, whatever they are. When
// none come, it is sent a heartbeat; one that waits behind other output has not
// reached it, and says nothing as long as that output gets somewhere.

// errSilent: the peer does not answer heartbeats.
var errSilent = errors.New("upstream: the host does not answer heartbeats")

// pulse is what is watched of a connection to know whether its peer lives.
type pulse struct {
	probeAt  int64  // when the next heartbeat is due, on the loop's clock; 0: never
	heard    uint64 // bytes that had come when it was looked last
	acked    uint64 // bytes that the peer had confirmed when it was looked last
	probedTo uint64 // where the last heartbeat ends among the bytes that are sent
	silence  int32  // looks in a row without a sign of life
}

// hasBeats tells whether heartbeats are sent whenever the peer is silent.
func (c *Conn) hasBeats() bool {
	p := &c.host.cluster.Probes
	return c.pinger != nil && p.Interval > 0 && (p.Asked || c.key.Protocol.RPC)
}

// beginPulse makes heartbeats due on a connection that stands, or that is not in
// doubt any more.
func (c *Conn) beginPulse() {
	c.pulse.silence, c.pulse.probeAt = 0, 0
	if c.hasBeats() {
		c.pulse.heard = c.io.WireRead()
		c.pulse.probeAt = c.now() + int64(c.host.cluster.Probes.Interval)
	}
}

// askNow sends a heartbeat for which an answer is waited from now on. It returns
// false if the protocol has none.
func (c *Conn) askNow() bool {
	if !c.ask() {
		return false
	}
	p := &c.pulse
	p.heard, p.probedTo, p.silence = c.io.WireRead(), c.WriteOffset(), 1
	p.probeAt = c.now() + int64(c.host.cluster.Probes.Timeout)
	return true
}

// ask sends a heartbeat, if the protocol has any.
func (c *Conn) ask() bool {
	if c.pinger != nil && c.pinger.Ping() {
		return true
	}
	c.pinger = nil
	return false
}

// pulseDue looks for a sign of life, once it is time to, and asks for one if there
// is none. It returns false if the peer has given none for too long.
func (c *Conn) pulseDue(now int64) bool {
	p, probes := &c.pulse, &c.host.cluster.Probes
	if p.probeAt == 0 || now < p.probeAt {
		return true
	}
	if c.pinger == nil {
		p.probeAt = 0
		return true
	}
	wait := probes.Timeout
	came := c.io.WireRead()
	arrived, moves, full := c.outputMoves(p.probedTo)
	switch {
	case came != p.heard || c.io.Paused() || !arrived && moves:
		p.heard, p.silence = came, 0
		if c.doubt < suspected {
			wait = probes.Interval
		}
	case p.silence >= int32(probes.Count):
		return false
	default:
		p.silence++
		if !arrived && full { // its system lives and has no room: the host may read slowly
			wait = max(probes.Interval, wait)
		}
		left := c.io.WireWritten() >= p.probedTo // the last one: systems confirm what comes a little later
		if left && (c.hasBeats() || c.pinger.Answered()) && c.ask() {
			p.probedTo = c.WriteOffset()
		}
	}
	p.probeAt = now + int64(wait)
	return true
}

// outputMoves tells whether what is sent has arrived up to a position; whether more
// of it has than at the last look; and if its peer's system has confirmed all that
// it has room for.
func (c *Conn) outputMoves(position uint64) (arrived, moves, full bool) {
	d, ok := c.io.Delivery()
	if !ok { // then what was written counts
		d.Acked = c.io.WireWritten()
	}
	moves = d.Acked != c.pulse.acked
	c.pulse.acked = d.Acked
	return d.Acked >= position, moves, d.Full
}

func (c *Conn) now() int64 { return c.host.cluster.env.Loop.Now() }

// dueIn returns how long it is until a time on the loop's clock; wait if that is
// shorter, or the time is 0. A wait below 0 is none.
func (c *Conn) dueIn(at int64, wait time.Duration) time.Duration {
	if at == 0 {
		return wait
	}
	d := max(time.Duration(at-c.now()), 0)
	if wait >= 0 {
		d = min(d, wait)
	}
	return d
}

package upstream

import (
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// Waiter is who waits for a connection.
type Waiter interface {
	// Connected gives it a connection, on which Open is to be called at once.
	Connected(c *Conn)
	// Unconnected tells that there is none to be had.
	Unconnected(r stream.Reset)
}

// Pending is a place in the queue for a connection. It is part of the waiter, so
// that waiting allocates nothing.
type Pending struct {
	links[Pending]
	waiter   Waiter
	host     *Host
	protocol *protocol.Protocol
}

// Waiting tells whether the place is taken.
func (p *Pending) Waiting() bool { return p.host != nil }

// Wait makes w wait for a connection that speaks a protocol, in the order of the
// calls; p is its place.
// It returns an overflow if too many wait already. Otherwise one of w's methods is
// called, later, unless Forget is before.
func (h *Host) Wait(w Waiter, p *Pending, proto *protocol.Protocol) (r stream.Reset, ok bool) {
	c := h.cluster
	if !c.Limits.pending.take(1) {
		return stream.Reset{Reason: stream.Overflow, Unprocessed: true}, false
	}
	c.Stats.RequestPendingActive++
	p.waiter, p.host, p.protocol = w, h, proto
	h.waiting.push(p)
	if err := h.dialMore(proto); err != nil {
		h.Forget(p)
		return stream.Reset{Reason: stream.ConnectFailed, Unprocessed: true, Err: err}, false
	}
	return stream.Reset{}, true
}

// Forget gives a place up. A connection that is being made goes on being made.
func (h *Host) Forget(p *Pending) {
	h = p.host
	h.waiting.remove(p)
	h.cluster.Limits.pending.give(1)
	h.cluster.Stats.RequestPendingActive--
	p.host, p.waiter, p.protocol = nil, nil, nil
	h.fed()
}

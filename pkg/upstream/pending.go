package upstream

import (
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// Waiter is who waits for a connection.
type Waiter interface {
	// Connected gives it a connection, on which Open is to be called at once.
	Connected(c *Conn)
	// Elsewhere asks it to turn to another host, and give up its place, if there is one
	// that may have a connection sooner. It reports whether it did; otherwise it goes on
	// waiting.
	Elsewhere() bool
	// Unconnected tells that there is none to be had.
	Unconnected(r stream.Reset)
}

// PoolKey says which connections of a host are alike. A stream goes only over one of its
// own key.
type PoolKey struct {
	Protocol *protocol.Protocol
	// Variant tells forms of the protocol apart that a host may not mix on one
	// connection, such as bolt's versions.
	Variant uint8
	// Owner has the connection for itself, if it is not nil: the host's own requests
	// on it go there.
	Owner Owner
}

// Owner is who has upstream connections of its own: a downstream connection.
type Owner interface {
	// NewStream opens a stream to the client, for a request of the host's.
	NewStream(sender stream.End) stream.End
	// Bound tells of a connection that was opened for the owner.
	Bound(c *Conn)
	// Unbound tells that it is gone, and whether it ever stood.
	Unbound(c *Conn, stood bool)
}

// Pending is a place in the queue for a connection. It is part of the waiter, so
// that waiting allocates nothing.
type Pending struct {
	links[Pending]
	waiter Waiter
	host   *Host
	key    PoolKey
	round  uint32 // of the host, in which it began to wait
}

// Waiting tells whether the place is taken.
func (p *Pending) Waiting() bool { return p.host != nil }

// Wait makes w wait for a connection of a key, in the order of the
// calls; p is its place.
// It returns an overflow if too many wait already. Otherwise one of w's methods is
// called, later, unless Forget is before.
func (h *Host) Wait(w Waiter, p *Pending, key PoolKey) (r stream.Reset, ok bool) {
	c := h.cluster
	if !c.Limits.pending.take(1) {
		return stream.Reset{Reason: stream.Overflow, Unprocessed: true}, false
	}
	c.Stats.RequestPendingActive++
	p.waiter, p.host, p.key, p.round = w, h, key, h.round
	h.waiting.push(p)
	if err := h.dialMore(key); err != nil {
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
	p.host, p.waiter, p.key = nil, nil, PoolKey{}
	h.fed()
}

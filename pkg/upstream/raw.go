package upstream

import (
	"errors"
	"syscall"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
)

// ErrOverflow is what ends a raw connection for which the cluster has no slot.
var ErrOverflow = errors.New("upstream: the cluster has as many connections as it may")

// RawHandler is who a raw connection is made for. It is called as the handler of a
// connection that it dialled itself would be: Connected, and from then on Data, EOF
// and Pressure; last Closed, which without Connected says why there is none. The
// connection that Closed is given is nil if it has not come to one.
type RawHandler interface {
	eventloop.Handler
	eventloop.Connector
	// Elsewhere asks whether another host is to be tried, because this one does not take
	// the connection soon. If so, Closed follows.
	Elsewhere() bool
}

// Raw is a connection to a host that carries bytes, not streams: those of one
// downstream connection. It is never pooled, but takes a slot of max_connections
// like any other. It is part of its owner, and may be used again for another
// connection after Closed.
//
//	Connect -> waiting for a slot -> dialing -> Connected
//	any     -> Closed
type Raw struct {
	links[Raw] // among the cluster's that wait for a slot
	host       *Host
	to         RawHandler
	io         *eventloop.Conn
	timer      eventloop.Timer // limits how long a slot is waited for, and looks after a slow connect
	counted    uint64          // bytes sent that the statistics know of
	waiting    bool
	stood      bool
	first      side // who ended a direction first
}

type side uint8

const (
	nobody side = iota
	weir
	host
)

// Connect begins to make r a connection to the host. If the cluster has all the
// connections it may, it waits for the end of one, for the time that connecting may
// take. An error means that there is no connection and no call will follow.
func (h *Host) Connect(r *Raw, to RawHandler) error {
	cl := h.cluster
	*r = Raw{host: h, to: to}
	if cl.raws.n == 0 && cl.Limits.connections.take(1) {
		return r.dial()
	}
	cl.Stats.ConnectionOverflow++
	if !cl.Limits.pending.take(1) {
		cl.Stats.RequestPendingOverflow++
		return ErrOverflow
	}
	cl.Stats.RequestPendingActive++
	r.waiting = true
	cl.raws.push(r)
	cl.env.Loop.Schedule(&r.timer, cl.Dial.Timeout, r)
	if cl.idle > 0 {
		cl.shed(cl.env.Worker)
	} else if cl.Limits.want(cl.env.Worker) { // there is one after all: it goes to who waits longest
		cl.Limits.hand(cl.env.Worker)
	}
	return nil
}

// dial makes the connection, for which a slot was taken.
func (r *Raw) dial() error {
	h := r.host
	cl := h.cluster
	io, err := cl.env.Loop.Dial(&h.addr, &cl.Dial, r)
	if err != nil {
		cl.Limits.release()
		r.countFailed()
		return err
	}
	io.DeliverAll()
	r.io = io
	h.secure(io, nil)
	if cl.Dial.Timeout > slowConnect {
		cl.env.Loop.Schedule(&r.timer, slowConnect, r)
	}
	h.dialing++
	h.active++
	cl.env.conns++
	cl.Limits.seats[cl.env.Worker].held.Add(1)
	return nil
}

// granted uses a slot that the connection waited for, and that was taken for it.
func (r *Raw) granted() {
	r.forget()
	if err := r.dial(); err != nil {
		r.to.Closed(nil, err)
	}
}

// Expired gives up waiting for a slot, or for a host that takes no connection soon.
func (r *Raw) Expired(*eventloop.Timer) {
	if !r.waiting {
		if r.to.Elsewhere() {
			r.io.CloseWith(eventloop.ErrConnectTimeout)
		}
		return
	}
	r.forget()
	r.to.Closed(nil, ErrOverflow)
}

// forget takes the connection out of those that wait for a slot.
func (r *Raw) forget() {
	cl := r.host.cluster
	cl.env.Loop.Cancel(&r.timer)
	r.waiting = false
	cl.raws.remove(r)
	cl.Limits.pending.give(1)
	cl.Stats.RequestPendingActive--
	if cl.raws.n == 0 && cl.hungry.n == 0 {
		cl.Limits.sated(cl.env.Worker)
	}
}

// Host returns the host that the connection leads to.
func (r *Raw) Host() *Host { return r.host }

// Socket returns the connection itself, nil while it waits for a slot.
func (r *Raw) Socket() *eventloop.Conn { return r.io }

// Write sends bytes to the host, by a reference to them if they are many.
func (r *Raw) Write(v buffer.View) {
	r.countSent()
	r.io.Out().AppendView(v)
}

// CloseWrite ends the direction to the host once everything is written.
func (r *Raw) CloseWrite() {
	if r.first == nobody {
		r.first = weir
	}
	r.io.CloseWrite()
}

// Abort ends the connection at once, with a reset if it stands. It returns whether
// Closed follows, which it does unless the connection waited for a slot.
func (r *Raw) Abort() bool {
	if r.waiting {
		r.forget()
		return false
	}
	r.io.Abort()
	return true
}

// CloseWithReset is Abort, but a host that stands gets what waits for it first.
func (r *Raw) CloseWithReset() bool {
	if !r.stood {
		return r.Abort()
	}
	r.io.CloseWithReset()
	return true
}

// Connected is called when the connection stands.
func (r *Raw) Connected(io *eventloop.Conn) {
	h := r.host
	h.cluster.env.Loop.Cancel(&r.timer)
	r.stood = true
	h.dialing--
	h.conns++
	for _, st := range r.stats() {
		st.ConnectionTotal++
		st.ConnectionActive++
	}
	r.to.Connected(io)
}

// Data passes bytes of the host on.
func (r *Raw) Data(io *eventloop.Conn, in buffer.View) int {
	n := r.to.Data(io, in)
	for _, st := range r.stats() {
		st.BytesReadTotal += uint64(n)
	}
	r.countSent()
	return n
}

// EOF passes the host's end on.
func (r *Raw) EOF(io *eventloop.Conn) {
	if r.first == nobody {
		r.first = host
	}
	r.to.EOF(io)
}

// Pressure passes on that the host takes more slowly than is sent.
func (r *Raw) Pressure(io *eventloop.Conn, high bool) {
	r.countSent()
	r.to.Pressure(io, high)
}

// Closed gives the slot up and tells the owner, who may have another connection
// made within the call.
func (r *Raw) Closed(io *eventloop.Conn, err error) {
	h := r.host
	cl := h.cluster
	cl.env.Loop.Cancel(&r.timer)
	h.active--
	cl.env.conns--
	cl.Limits.seats[cl.env.Worker].held.Add(-1)
	if r.stood {
		h.conns--
		r.countSent()
		r.countClosed(err)
		h.noteCut(err)
	} else {
		h.dialing--
		if !errors.Is(err, eventloop.ErrAborted) {
			r.countFailed()
		}
	}
	cl.Limits.release()
	r.to.Closed(io, err)
}

func (r *Raw) stats() [2]*metrics.Upstream {
	return [2]*metrics.Upstream{&r.host.Stats.Upstream, &r.host.cluster.Stats.Upstream}
}

func (r *Raw) countFailed() {
	for _, st := range r.stats() {
		st.ConnectionConFail++
	}
}

// countSent tells the statistics of the bytes sent since it did last.
func (r *Raw) countSent() {
	n := r.io.WireWritten() - r.counted
	r.counted += n
	for _, st := range r.stats() {
		st.BytesWriteTotal += n
	}
}

// countClosed counts the end of a connection that stood, by who began it.
func (r *Raw) countClosed(err error) {
	var errno syscall.Errno
	remote := r.first == host || errors.As(err, &errno)
	for _, st := range r.stats() {
		st.ConnectionActive--
		st.ConnectionClose++
		if remote {
			st.ConnectionRemoteClose++
		} else {
			st.ConnectionLocalClose++
		}
	}
}

package proxy

import (
	"errors"
	"slices"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// tcpHost is a tcp as the connection to the host sees it.
type tcpHost tcp

var _ upstream.RawHandler = (*tcpHost)(nil)

// Connected begins to pass bytes on: first those that the client sent meanwhile.
func (h *tcpHost) Connected(*eventloop.Conn) {
	t := (*tcp)(h)
	loop := t.conn.l.worker.Loop
	t.open, t.choice.Tried = true, nil
	t.note(t.up.Host(), outlier.Success)
	t.moved = loop.Now()
	t.conn.io.DeliverAll()
	if t.idle > 0 {
		loop.Schedule(&t.timer, t.idle, t)
	}
	t.conn.io.Resume()
}

// Elsewhere tells whether there is a host that was not tried and is not avoided.
func (h *tcpHost) Elsewhere() bool {
	t := (*tcp)(h)
	ch := t.choice
	ch.Tried = append(ch.Tried, t.up.Host())
	if len(ch.Tried) >= t.attempts {
		return false
	}
	other := t.cluster.Pick(&ch)
	return other != nil && !other.Avoided() && !slices.Contains(ch.Tried, other)
}

// Data passes bytes on to the client.
func (h *tcpHost) Data(_ *eventloop.Conn, in buffer.View) int {
	c := h.conn
	h.moved = c.l.worker.Loop.Now()
	c.io.Out().AppendView(in)
	c.countSent()
	return in.Len()
}

// EOF passes the host's end on.
func (h *tcpHost) EOF(*eventloop.Conn) {
	h.upEnded = true
	h.conn.io.CloseWrite()
	(*tcp)(h).closeIfOver()
}

// Pressure stops reading from the client while the host takes what came before.
func (h *tcpHost) Pressure(_ *eventloop.Conn, high bool) { throttle(h.conn.io, high) }

// Closed tries another host, if there is no connection yet, and otherwise ends the
// client's, unless only what waits for the client is left.
func (h *tcpHost) Closed(_ *eventloop.Conn, err error) {
	t := (*tcp)(h)
	t.upGone = true
	switch {
	case t.downGone:
	case t.open:
		if !t.over() || err != nil {
			t.conn.io.CloseWithReset()
		}
	case errors.Is(err, upstream.ErrOverflow):
		t.fail()
	default:
		t.connectFailed(t.up.Host(), err)
		t.connect()
	}
	t.endIfGone()
}

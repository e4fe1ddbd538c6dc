package proxy

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// tcp is the codec of a connection that is passed on as it is: a connection to a
// host is made, and from then on what one side sends goes to the other. Nothing is
// read from the client before, so that a client's bytes wait where they are, in
// the system or as what a sniffer left.
//
//	connecting -> open -> over: both sides have ended -> nothing waits: closed
//	connecting, open -> broken off: the client, or what is left of both, is reset
//
// An end of one side is passed on as that side's end; the other direction goes on.
// Whatever else ends one connection resets the other, once that has what came before,
// so that nobody takes a part for the whole.
type tcp struct {
	conn     *downConn
	cluster  *upstream.Cluster
	up       upstream.Raw
	choice   upstream.Choice // of a host; those are tried that no connection could be made to
	attempts int             // at most
	began    int64           // the present one, on the loop's clock

	timer eventloop.Timer
	idle  time.Duration // without a byte, that ends the connection; 0: none
	moved int64         // when bytes came last, on the loop's clock
	taken uint64        // by both sides, when it was looked last
	pause time.Duration // between two looks at what waits to be written

	open       bool // the connection to the host stands
	endFollows bool // the client has ended its direction behind the bytes that wait
	downEnded  bool // the client has ended its direction
	upEnded    bool // the host has
	downGone   bool // Closed has been, for the client
	upGone     bool // and for the host, or there is nothing to be closed
}

var _ stream.ServerCodec = (*tcp)(nil)

// passOn gives the connection to the listener's tcp_proxy, once and for all.
func (c *downConn) passOn() *tcp {
	l := c.l
	w := l.worker
	t := &tcp{conn: c, idle: l.TCP.IdleTimeout, attempts: l.TCP.MaxConnectAttempts, upGone: true}
	c.codec = t
	c.io.Pause()
	w.streams++
	l.stats.TCPTotal++
	l.stats.TCPActive++
	if name := clusterFor(l.TCP, c.io.RemoteAddr(), *c.local); name != "" {
		t.cluster = w.clusters.Named([]byte(name))
	}
	if t.cluster != nil {
		if _, ok := t.cluster.WantsDestination(); ok {
			t.choice.Destination = c.originalDst()
		}
	}
	t.connect()
	return t
}

// connect tries one host after the other.
func (t *tcp) connect() {
	for t.cluster != nil && len(t.choice.Tried) < t.attempts {
		h := t.cluster.Pick(&t.choice)
		if h == nil {
			t.cluster.Stats.NoHost++
			break
		}
		t.began = t.conn.l.worker.Loop.Now()
		err := h.Connect(&t.up, (*tcpHost)(t))
		if err == nil {
			t.upGone = false
			return
		}
		if errors.Is(err, upstream.ErrOverflow) {
			break
		}
		t.connectFailed(h, err)
	}
	t.fail()
}

// connectFailed notes that no connection could be made to a host.
func (t *tcp) connectFailed(h *upstream.Host, err error) {
	t.choice.Tried = append(t.choice.Tried, h)
	if !errors.Is(err, eventloop.ErrStopped) {
		t.note(h, outlier.ConnectFailed)
	}
}

// note tells a host how it went to connect to it.
func (t *tcp) note(h *upstream.Host, o outlier.Outcome) {
	h.Done(time.Duration(t.conn.l.worker.Loop.Now()-t.began), o)
}

// fail ends a connection for which there is no host.
func (t *tcp) fail() {
	t.conn.l.stats.TCPConnectFailed++
	t.conn.io.Abort()
}

// Feed passes bytes on to the host.
func (t *tcp) Feed(in buffer.View) (int, error) {
	t.moved = t.conn.l.worker.Loop.Now()
	t.up.Write(in)
	if t.endFollows {
		t.endFollows = false
		t.EOF()
	}
	return in.Len(), nil
}

// EOF passes the client's end on.
func (t *tcp) EOF() (busy bool) {
	t.downEnded = true
	t.up.CloseWrite()
	t.closeIfOver()
	return true
}

// Pressure stops reading from the host while the client takes what came before.
func (t *tcp) Pressure(high bool) { throttle(t.up.Socket(), high) }

// throttle stops or goes on reading.
func throttle(io *eventloop.Conn, stop bool) {
	if stop {
		io.Pause()
	} else {
		io.Resume()
	}
}

// Phase tells that the connection watches itself.
func (t *tcp) Phase() stream.Phase { return stream.Tunnel }

// TimedOut does nothing: there is no head.
func (t *tcp) TimedOut() {}

// Features returns none.
func (t *tcp) Features() stream.ServerFeatures { return stream.ServerFeatures{} }

// Drain does nothing: the connection lasts as long as its ends want it to.
func (t *tcp) Drain() {}

// Close ends the connection to the host with the client's, unless only what waits
// for the host is left.
func (t *tcp) Close(stream.Reset) {
	t.downGone = true
	if !t.upGone && !t.over() && !t.up.CloseWithReset() {
		t.upGone = true
	}
	t.endIfGone()
}

// over tells whether neither side has more to say.
func (t *tcp) over() bool { return t.downEnded && t.upEnded }

// minPause and maxPause bound how long it takes to see that a peer has taken its
// last bytes.
const (
	minPause = time.Millisecond
	maxPause = time.Second
)

// closeIfOver closes the connections once both directions have ended and what they
// carried is written. Closing before would leave a slow peer little time for it.
func (t *tcp) closeIfOver() {
	if !t.over() {
		return
	}
	t.pause = minPause
	if !t.closeWritten() {
		t.conn.l.worker.Loop.Schedule(&t.timer, t.pause, t)
	}
}

// closeWritten closes those connections for which nothing waits to be written, and
// tells whether these were all.
func (t *tcp) closeWritten() bool {
	all := true
	for _, io := range [2]*eventloop.Conn{t.conn.io, t.up.Socket()} {
		if waits(io) {
			all = false
		} else {
			io.Close()
		}
	}
	return all
}

// waits reports whether something waits to be written.
func waits(io *eventloop.Conn) bool { return io.Alive() && io.Buffered() > 0 }

// Expired ends a connection on which nothing moves, or one that is over and now
// written out.
func (t *tcp) Expired(*eventloop.Timer) {
	if t.over() && t.closeWritten() {
		return
	}
	loop := t.conn.l.worker.Loop
	down, up := t.conn.io, t.up.Socket()
	// What was taken right after it came is no news. Where something waits, a part of it
	// may have been taken any time since.
	waiting := uint64(down.Untaken() + up.Untaken())
	if taken := down.WireWritten() + up.WireWritten() - waiting; taken != t.taken {
		if t.taken = taken; waiting > 0 {
			t.moved = loop.Now()
		}
	}
	next := t.idle - time.Duration(loop.Now()-t.moved)
	if t.idle > 0 && next <= 0 {
		t.conn.l.stats.TCPIdle++
		t.breakOff()
		return
	}
	if t.over() {
		t.pause = min(2*t.pause, maxPause)
		next = t.pause
	}
	loop.Schedule(&t.timer, next, t)
}

// breakOff resets both sides, neither of which takes anything.
func (t *tcp) breakOff() {
	t.conn.io.Abort()
	t.up.Abort()
}

// end resets both sides, once they have what came.
func (t *tcp) end() {
	t.conn.io.CloseWithReset()
	if !t.upGone && !t.up.CloseWithReset() {
		t.upGone = true
	}
}

// endIfGone ends the account when both connections are closed.
func (t *tcp) endIfGone() {
	if !t.downGone || !t.upGone {
		return
	}
	l := t.conn.l
	l.worker.Loop.Cancel(&t.timer)
	l.stats.TCPActive--
	l.worker.streams--
}

package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// attempt is one attempt to have the request answered by a host, and the other end of
// the stream on the connection to it (attempt_response.go). A request has one at a
// time; or two, as long as it is hedged (hedge.go). They are parts of its exchange, and
// used again with it. What few requests come to need stands behind what is cleared
// for each.
type attempt struct {
	x *exchange
	// generation changes whenever the attempt gives up what it has: its stream, or an
	// answer that it holds. Who calls others that may come back compares it afterwards,
	// because by then this may be another attempt.
	generation uint32
	attemptState
	pending *upstream.Pending // among those who wait for a connection; nil until it is needed
	held    *heldResponse     // nil unless the state is attemptHeld
}

type attemptState struct {
	host *upstream.Host
	conn *upstream.Conn // nil while none was given yet
	up   stream.End     // where the request goes; nil without a connection
	at   uint64         // the connection's position when the request began

	heard uint64 // how many bytes had come on the connection by then

	start    int64 // when the host was given its last part, or the attempt began; on the loop's clock
	answered int64 // when the head of the answer came; 0: it has not, or it tells nothing
	began    int64 // as are the next ones
	since    int64 // from when on its time is none of another attempt's as well
	deadline int64 // of this attempt; 0: none

	state   attemptPhase
	outcome outlier.Outcome // by the answer
	retry   bool            // counted by the cluster as a retry
	hedge   bool            // the second of two
	noted   bool            // the host was told how it went
	paused  bool            // the host was told to send no more of the response
}

// attemptPhase is what an attempt is doing. Whatever it does, it may fail, or be
// cancelled, and is none any more.
//
//	none --> waiting --> sending --> sent
//	  \_____________________^          \--> held
type attemptPhase uint8

const (
	attemptNone    attemptPhase = iota // there is none
	attemptWaiting                     // for a connection
	attemptSending                     // the connection is being given the request's head
	attemptSent                        // it was; the answer is awaited, or passed on
	attemptHeld                        // it has an answer that waits for what the rival brings
)

// reset makes the attempt none.
func (t *attempt) reset() { t.attemptState = attemptState{} }

// begin asks for a connection to a host.
func (t *attempt) begin(h *upstream.Host) {
	x := t.x
	a := &x.attempts
	t.host = h
	t.start = x.w.Loop.Now()
	t.began, t.since = t.start, t.start
	x.info.Tries++
	if t == a.current {
		x.info.UpstreamHost = h.Address
		a.armHedge()
	}
	if a.body.headOnly || a.body.complete || x.req.Opaque {
		t.startTimeout()
	}
	key := upstream.PoolKey{Protocol: a.protocol, Variant: x.req.RPC.Form}
	if x.cfg.Bound && a.protocol.RPC {
		key.Owner = x.conn.binding()
	}
	if !a.history.hasStale() || a.protocol.Multiplexed { // such a connection is what the request just ran into
		if c := h.Acquire(key); c != nil {
			t.connected(c)
			return
		}
	}
	t.state = attemptWaiting
	if t.pending == nil {
		t.pending = new(upstream.Pending)
	}
	if r, ok := h.Wait(t, t.pending, key); !ok {
		a.failed(t, r)
	}
}

// startTimeout begins the time that each attempt may take: with the attempt, or when
// the request is complete, as the client's time is not the host's.
func (t *attempt) startTimeout() {
	if d := t.x.attempts.timeout(); d > 0 && t.host != nil {
		t.deadline = t.x.w.Loop.Now() + int64(d)
		t.x.deadlines.set()
	}
}

// given notes that the host was given a part of the request. It is what comes after
// that which is the host's time.
func (t *attempt) given() {
	if t.up != nil && t.answered == 0 {
		t.start = t.x.w.Loop.Now()
	}
}

var _ upstream.Waiter = (*attempt)(nil)

// waits reports whether the attempt waits for a connection.
func (t *attempt) waits() bool { return t.pending != nil && t.pending.Waiting() }

// Connected gives the attempt the connection that it waited for.
func (t *attempt) Connected(c *upstream.Conn) {
	t.x.enter()
	t.connected(c)
	t.x.leave()
}

// Elsewhere begins the attempt anew with another host, if there is one that is neither
// tried nor avoided. Nothing was sent yet, and so this is no retry.
func (t *attempt) Elsewhere() bool {
	x := t.x
	x.enter()
	defer x.leave()
	past := x.attempts.past()
	past.remember(t.host)
	h := x.attempts.pick()
	if h == nil || h.Avoided() || past.has(h) {
		return false
	}
	t.host.Forget(t.pending)
	t.attemptState = attemptState{retry: t.retry, hedge: t.hedge}
	t.begin(h)
	return true
}

// Unconnected tells the attempt that there is none.
func (t *attempt) Unconnected(r stream.Reset) {
	t.x.enter()
	t.x.attempts.failed(t, r)
	t.x.leave()
}

// connected sends the request over a connection.
func (t *attempt) connected(c *upstream.Conn) {
	x := t.x
	a := &x.attempts
	t.conn, t.at, t.heard = c, c.WriteOffset(), c.Heard()
	if t == a.current {
		x.info.Upstream, x.info.UpstreamProtocol = c, a.protocol.Name
	}
	t.recorder().countBegun()
	t.up, t.paused = c.Open(t), false
	t.flow()
	x.target.address(t.host)
	if x.deadlines.call > 0 {
		x.call.passDeadline()
	} else {
		x.deadlines.timeLeft()
	}
	generation := t.generation
	t.state = attemptSending
	t.up.Head(x.req, a.body.headOnly)
	if t.generation != generation { // the answer is here, or the codec refused the head
		return
	}
	if t.state == attemptSending {
		t.state = attemptSent
	}
	if a.body.ended { // another attempt has it all
		a.body.replay(t.up)
		return
	}
	a.send(t)
	x.release(pauseUnsent)
}

// flow pauses the response, or lets it go on, as it is to be.
func (t *attempt) flow() {
	pause := t.state == attemptHeld || t.x.pauses&pausesResponse != 0
	if t.up == nil || pause == t.paused {
		return
	}
	t.paused = pause
	if pause {
		t.up.Pause()
	} else {
		t.up.Resume()
	}
}

// end gives up the attempt's connection, which the caller releases; nil if it has none.
func (t *attempt) end() *upstream.Conn { return t.endAs(true, stream.Reset{}) }

// endAs is end of an attempt of which the host has heard, or has not, and that brings no
// answer because of r.
func (t *attempt) endAs(heard bool, r stream.Reset) *upstream.Conn {
	c, x := t.conn, t.x
	if c == nil {
		return nil
	}
	t.generation++
	t.conn, t.up, t.deadline = nil, nil, 0
	now := x.w.Loop.Now()
	t.recorder().countEnded(time.Duration(now-t.start), heard, r)
	if t.answered > 0 {
		t.note(t.outcome)
	}
	x.attempts.addTime(t, now)
	t.endRetry()
	x.release(pauseUpstream)
	return c
}

// endRetry ends the count of an attempt that is a retry.
func (t *attempt) endRetry() {
	if t.retry {
		t.retry = false
		t.x.target.cluster.EndRetry()
	}
}

// longWait is after how long without an answer a request that is given up says
// something of its connection, whoever gives it up: clients have timeouts, too.
const longWait = time.Second

// cancel ends the attempt, whatever it is doing.
func (t *attempt) cancel(r stream.Reset) {
	t.generation++
	switch t.state {
	case attemptWaiting:
		if t.waits() {
			t.host.Forget(t.pending)
		}
	case attemptHeld:
		t.dropHeld()
	}
	if up := t.up; up != nil {
		start := t.start
		c := t.endAs(true, r)
		t.host = nil
		if t.answered == 0 && (r.Reason == stream.TimedOut || t.x.w.Loop.Now()-start >= int64(longWait)) {
			c.Unanswered(t.heard)
		}
		up.Reset(r)
		c.Release()
	}
	t.endRetry()
}

package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// A request is hedged by a second attempt, with another host, once the first has had
// the whole request for some time and has not answered. From then on there are two
// rivals:
//
//   - The first answer that the retry policy does not name wins. The other attempt is
//     cancelled.
//   - One that it names is held: it is used only if the rival fails, and nothing is
//     tried again.
//   - An attempt that fails leaves the request to its rival. When that one fails as
//     well, it is decided as ever whether there is another.
//   - Informational responses of neither are passed on, because nobody knows yet
//     whose response follows.
//
// Of the two, attempts.current is the one that goes on if the other ends; rival is
// nil again as soon as there is only one. A request is hedged once.

// armHedge sets the time of the second attempt, once one has begun and the request is
// complete.
func (a *attempts) armHedge() {
	if a.current.host == nil || !a.mayHedge() {
		return
	}
	a.hedgeAt = a.x.w.Loop.Now() + int64(a.x.target.route.Hedge.Delay)
	a.x.deadlines.set()
}

// mayHedge reports whether the request may be sent a second time while the first attempt
// is under way: it may be executed twice, there is an answer, and all of it is here.
func (a *attempts) mayHedge() bool {
	x := a.x
	p := &x.target.route.Hedge
	if p.Delay <= 0 || a.hedged || x.phase >= responseChosen || x.req.Opaque || !a.body.whole() {
		return false
	}
	if kind := x.req.RPC.Kind; kind != stream.KindHTTP && kind != stream.KindRequest {
		return false
	}
	retry := a.x.target.policy()
	return p.Idempotent || retry != nil && retry.Idempotent || mayRepeat(x.req)
}

// startHedge begins the second attempt, if there is another host for it and the cluster
// allows one more retry.
func (a *attempts) startHedge() {
	a.hedgeAt = 0
	first := a.current
	if first.conn == nil && !first.waits() || !a.mayHedge() { // between two attempts
		return
	}
	a.hedged = true
	a.past().remember(first.host)
	h := a.pick()
	if h == nil || h == first.host {
		return
	}
	stats := a.x.target.cluster.Stats
	if !a.x.target.cluster.BeginRetry() {
		stats.RequestRetryOverflow++
		return
	}
	stats.RequestHedged++
	t := a.spare
	if t == nil {
		t = &attempt{x: a.x}
	}
	t.attemptState = attemptState{retry: true, hedge: true}
	a.rival, a.spare = t, nil
	t.begin(h)
}

// other returns the other one of two attempts, nil if there is only one.
func (a *attempts) other(t *attempt) *attempt {
	if t == a.rival {
		return a.current
	}
	return a.rival
}

// hasRival reports whether there is another attempt whose answer may be better.
func (a *attempts) hasRival(t *attempt) bool {
	other := a.other(t)
	return other != nil && other.state != attemptHeld
}

// decide leaves the request to one of two attempts, and cancels the other.
func (a *attempts) decide(t *attempt) {
	a.other(t).cancel(stream.Reset{Reason: stream.Cancelled})
	a.promote(t)
}

// promote makes one of two attempts the only one. The other is over.
func (a *attempts) promote(t *attempt) {
	a.spare = a.other(t)
	a.current, a.rival = t, nil
	a.spare.reset()
	i := &a.x.info
	i.UpstreamHost = ""
	if t.host != nil {
		i.UpstreamHost = t.host.Address
	}
	i.Upstream = nil
	if t.conn != nil {
		i.Upstream, i.UpstreamProtocol = t.conn, a.protocol.Name
	}
}

// holding returns the attempt that holds an answer, nil if there is none.
func (a *attempts) holding() *attempt {
	switch {
	case a.rival == nil:
		return nil
	case a.rival.state == attemptHeld:
		return a.rival
	case a.current.state == attemptHeld:
		return a.current
	}
	return nil
}

// heldResponse is an answer that waits for what the rival brings.
type heldResponse struct {
	head     *stream.Head
	conn     *upstream.Conn // that it came over
	data     buffer.Chain
	trailers stream.Header

	hasTrailers bool
	over        bool
}

// hold keeps an answer. What comes of it after its head is little: all of it at once,
// as in RPC protocols, or what was on its way when the host was told to wait.
func (t *attempt) hold(h *stream.Head, end bool) {
	t.recorder().countAnswer(h, end)
	t.held = &heldResponse{head: h.Keep(), conn: t.conn}
	t.held.data.Init(t.x.w.Loop.Buffers())
	t.state, t.deadline = attemptHeld, 0
	if end {
		t.holdsAll()
		return
	}
	t.flow()
}

// holdData keeps a piece of a held answer.
func (t *attempt) holdData(d *buffer.Chain, end bool) {
	t.held.data.Move(d)
	if end {
		t.holdsAll()
	}
}

// holdTrailers keeps the trailers of a held answer.
func (t *attempt) holdTrailers(h *stream.Header) {
	t.held.trailers.Take(h)
	t.held.hasTrailers = true
	t.holdsAll()
}

// holdsAll ends the exchange with the host of a held answer.
func (t *attempt) holdsAll() {
	t.held.over = true
	t.end().Release()
}

// dropHeld gives a held answer up.
func (t *attempt) dropHeld() {
	t.x.w.heads.Put(t.held.head)
	t.held.data.Clear()
	t.held, t.state = nil, attemptSent
}

// useHeld makes a held answer the response after all: the rival is over.
func (a *attempts) useHeld(t *attempt) {
	a.promote(t)
	x, held := a.x, t.held
	x.info.Upstream, x.info.UpstreamProtocol = held.conn, a.protocol.Name
	x.setResponse(held.head)
	t.held, t.state = nil, attemptSent
	more := !held.over || held.data.Len() > 0 || held.hasTrailers
	generation := t.generation
	x.beginResponse(!more)
	if more && t.generation == generation {
		t.pass(held, generation)
	}
	held.data.Clear()
	t.flow()
}

// pass passes on what has come of a held answer after its head, unless the attempt is
// another by then.
func (t *attempt) pass(held *heldResponse, generation uint32) {
	x := t.x
	end := held.over && !held.hasTrailers
	if end {
		x.attempts.answered = true
	}
	if held.data.Len() > 0 || end {
		x.filters.Data(filter.ResponseDirection, &held.data, end)
	}
	if held.hasTrailers && t.generation == generation {
		x.filters.Trailers(filter.ResponseDirection, &held.trailers)
	}
}

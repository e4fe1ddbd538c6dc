package proxy

import (
	"bytes"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// try is one attempt to have the request answered by a host, and the other end of
// the stream on the connection to it (try_end.go). A request has one at a time; or
// two, as long as it is hedged (hedge.go). They are parts of its activeStream, and
// used again with it. What few requests come to need stands behind what is cleared
// for each.
//
//	start -> waits for a connection -> sent -> answered
//	any   -> failed, cancelled
type try struct {
	s *activeStream
	tryState
	pending upstream.Pending
	kept    kept // an answer that waits for what another try brings
}

type tryState struct {
	host *upstream.Host
	conn *upstream.Conn // nil while none was given yet
	up   stream.End     // where the request goes; nil without a connection
	at   uint64         // the connection's position when the request began

	heard uint64 // how many bytes had come on the connection by then

	start    int64 // when the host was given its last part, or the try began; on the loop's clock
	answered int64 // when the head of the answer came; 0: it has not, or it tells nothing
	began    int64 // as are the next ones
	since    int64 // from when on its time is none of another try's as well
	deadline int64 // of this try; 0: none

	retry   bool // counted by the cluster as a retry
	hedge   bool // the second of two
	waited  bool // it has waited for a connection
	sent    bool // over one
	noted   bool // the host was told how it went
	paused  bool // the host was told to send no more of the response
	parked  bool // it has an answer that waits
	passing bool // that answer is being passed on
	opening bool // the connection is being given the request's head
	unsent  bool // the connection did not take it

	outcome outlier.Outcome // by the answer
}

// forward sends a request that has passed the filters to its cluster, once there is
// one.
func (s *activeStream) forward() {
	switch {
	case s.cluster != nil:
		s.forwardTo()
	case s.demand():
	case bytes.HasPrefix(s.wanted, []byte(config.OnDemandPrefix)):
		s.filters.Reply(filter.Reply{Status: 503, Body: "no such service\n", Flags: stream.NoHealthyUpstream})
	default:
		s.filters.Reply(filter.Reply{Status: 503, Body: s.notRead("no such cluster"), Flags: stream.NoHealthyUpstream})
	}
}

// forwardTo begins the first try.
func (s *activeStream) forwardTo() {
	if !s.cluster.Begin() {
		s.cluster.Stats.RequestOverflow++
		s.filters.Reply(filter.Reply{Status: 503, Body: "too many requests to the cluster\n", Flags: stream.UpstreamOverflow})
		return
	}
	s.flags |= counted
	s.body.limit = s.keptBody()
	s.w.request.Reset(s.req, &s.info)
	s.aim()
	if !s.route.RewriteRequest(&s.w.request) {
		s.filters.Reply(filter.Reply{Status: 400, Body: "the path is malformed\n"})
		return
	}
	if s.cfg.TimeoutHeaders && s.req.HasEither(globalTimeoutHeader, tryTimeoutHeader) {
		s.takeTimeouts()
	}
	s.startTry()
}

// startTry chooses a host and begins a try with it, the only one.
func (s *activeStream) startTry() {
	h := s.pick()
	if h == nil {
		s.cluster.Stats.NoHost++
		s.filters.Reply(filter.Reply{Status: 503, Body: "no host\n", Flags: stream.NoHealthyUpstream})
		return
	}
	s.try.begin(h)
}

// begin asks for a connection to a host.
func (t *try) begin(h *upstream.Host) {
	s := t.s
	t.host = h
	t.start = s.w.Loop.Now()
	t.began, t.since = t.start, t.start
	s.info.Tries++
	if t == s.try {
		s.info.UpstreamHost = h.Address
		s.armHedge()
	}
	if s.body.headOnly || s.body.complete || s.req.Opaque {
		t.startTimeout()
	}
	speaks := upstream.Dialect{Protocol: s.speaks, Variant: s.req.RPC.Form}
	if s.cfg.Bound && s.speaks.RPC {
		speaks.Owner = s.conn.binding()
	}
	if !s.past.stale || s.speaks.Multiplexed { // such a connection is what the request just ran into
		if c := h.Acquire(speaks); c != nil {
			t.connected(c)
			return
		}
	}
	t.waited = true
	if r, ok := h.Wait(t, &t.pending, speaks); !ok {
		s.tryFailed(t, r)
	}
}

// startTimeout begins the time that each try may take: with the try, or when the
// request is complete, as the client's time is not the host's.
func (t *try) startTimeout() {
	s := t.s
	if p := s.perTry(); p > 0 && t.host != nil {
		t.deadline = s.w.Loop.Now() + int64(p)
		s.setTimer()
	}
}

// given notes that the host was given a part of the request. It is what comes after
// that which is the host's time.
func (t *try) given() {
	if t.up != nil && t.answered == 0 {
		t.start = t.s.w.Loop.Now()
	}
}

var _ upstream.Waiter = (*try)(nil)

// Connected gives the try the connection that it waited for.
func (t *try) Connected(c *upstream.Conn) {
	t.s.enter()
	t.connected(c)
	t.s.leave()
}

// Elsewhere begins the try anew with another host, if there is one that is neither
// tried nor avoided. Nothing was sent yet, and so this is no retry.
func (t *try) Elsewhere() bool {
	s := t.s
	s.enter()
	defer s.leave()
	s.remember(t.host)
	h := s.pick()
	if h == nil || h.Avoided() || s.hasTried(h) {
		return false
	}
	t.host.Forget(&t.pending)
	t.tryState = tryState{retry: t.retry, hedge: t.hedge}
	t.begin(h)
	return true
}

// Unconnected tells the try that there is none.
func (t *try) Unconnected(r stream.Reset) {
	t.s.enter()
	t.s.tryFailed(t, r)
	t.s.leave()
}

// connected sends the request over a connection.
func (t *try) connected(c *upstream.Conn) {
	s := t.s
	t.conn, t.at, t.heard = c, c.Position(), c.Heard()
	t.up, t.sent, t.paused = c.Open(t), true, false
	if t == s.try {
		s.info.Upstream, s.info.UpstreamProtocol = c, s.speaks.Name
	}
	t.host.Stats.RequestTotal++
	t.host.Stats.RequestActive++
	s.cluster.Stats.RequestTotal++
	s.cluster.Stats.RequestActive++
	t.flow()
	s.address(t.host)
	if s.callEnds > 0 {
		s.passDeadline()
	} else {
		s.timeLeft()
	}
	n := s.info.Tries
	t.opening = true
	t.up.Head(s.req, s.body.headOnly)
	t.opening = false
	if t.up == nil || s.info.Tries != n { // the codec refused the head, and there may be another try by now
		return
	}
	if s.body.ended { // another try has it all
		s.body.replay(t.up)
		return
	}
	s.sendBody(t)
	s.release(pauseUnsent)
}

// address makes the request's head name the host, where it is to.
func (s *activeStream) address(h *upstream.Host) {
	if s.req.RPC.Kind != stream.KindHTTP {
		return
	}
	if s.route.AutoHost {
		s.w.request.Reset(s.req, &s.info)
		router.RewriteHost(&s.w.request, h.Hostname)
	}
	if len(s.req.Authority()) == 0 { // HTTP/1.0 need not name a host, HTTP/1.1 must
		s.req.SetAuthority([]byte(h.Address))
	}
}

// flow pauses the response, or lets it go on, as it is to be.
func (t *try) flow() {
	pause := t.parked || t.s.pauses&pausesResponse != 0
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

// end gives up the try's connection, which the caller releases; nil if it has none.
func (t *try) end() *upstream.Conn {
	c, s := t.conn, t.s
	if c == nil {
		return nil
	}
	t.conn, t.up, t.deadline = nil, nil, 0
	now := s.w.Loop.Now()
	took := time.Duration(now - t.start)
	t.host.Stats.RequestActive--
	s.cluster.Stats.RequestActive--
	if t.unsent { // the host never was asked
		t.host.Stats.RequestTotal--
		s.cluster.Stats.RequestTotal--
	} else {
		t.host.Stats.Latency.Record(took)
		s.cluster.Stats.Latency.Record(took)
	}
	if t.answered > 0 {
		t.note(t.outcome)
	}
	s.addTime(t, now)
	t.endRetry()
	s.release(pauseUpstream)
	return c
}

// addTime adds a try's time to that of all. Of two at a time, it is added once.
func (s *activeStream) addTime(t *try, now int64) {
	other := s.besides(t)
	if other != nil && other.conn != nil {
		other.since = min(other.since, t.since)
		return
	}
	s.tries += time.Duration(now - t.since)
	if other != nil {
		other.since = now
	}
}

// endRetry ends the count of a try that is a retry.
func (t *try) endRetry() {
	if t.retry {
		t.retry = false
		t.s.cluster.EndRetry()
	}
}

// longWait is after how long without an answer a request that is given up says
// something of its connection, whoever gives it up: clients have timeouts, too.
const longWait = time.Second

// cancel ends the try, whatever it is doing.
func (t *try) cancel(r stream.Reset) {
	if t.waited && t.pending.Waiting() {
		t.host.Forget(&t.pending)
	}
	if t.parked {
		t.dropKept()
	}
	t.passing = false
	if up := t.up; up != nil {
		s, start := t.s, t.start
		c := t.end()
		t.host = nil
		if t.answered == 0 && (r.Reason == stream.TimedOut || s.w.Loop.Now()-start >= int64(longWait)) {
			c.Unanswered(t.heard)
		}
		up.Reset(r)
		c.Release()
	}
	t.endRetry()
}

// cancelTries ends what is done to have the request answered.
func (s *activeStream) cancelTries(r stream.Reset) {
	if s.has(demanding) {
		s.flags &^= demanding
		s.place.Cancel()
	}
	if s.past.waited {
		s.past.backOff.stop(s)
	}
	if s.hedge != nil {
		s.decide(s.try)
	}
	s.try.cancel(r)
}

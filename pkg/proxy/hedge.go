package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// A request is hedged by a second try, with another host, once the first has had
// the whole request for some time and has not answered. From then on there are two:
//
//   - The first answer that the retry policy does not name wins. The other try is
//     cancelled.
//   - One that it names is parked: it is passed on only if the other try fails, and
//     nothing is tried again.
//   - A try that fails leaves the request to the other one. When that one fails as
//     well, it is decided as ever whether there is another.
//   - Informational responses of neither are passed on, because nobody knows yet
//     whose response follows.
//
// Of the two, activeStream.try is the one that goes on if the other ends; hedge is
// nil again as soon as there is only one. A request is hedged once.

// armHedge sets the time of the second try, once a try has begun and the request is
// complete.
func (s *activeStream) armHedge() {
	if s.try.host == nil || !s.mayHedge() {
		return
	}
	s.hedgeAt = s.w.Loop.Now() + int64(s.route.Hedge.Delay)
	s.setTimer()
}

// mayHedge tells whether the request may be sent a second time while the first try
// is under way: it may be executed twice, there is an answer, and all of it is here.
func (s *activeStream) mayHedge() bool {
	p := &s.route.Hedge
	if p.Delay <= 0 || s.has(hedged|committed|responseOver) || s.req.Opaque || !s.body.whole() {
		return false
	}
	if kind := s.req.RPC.Kind; kind != stream.KindHTTP && kind != stream.KindRequest {
		return false
	}
	retry := s.policy()
	return p.Idempotent || retry != nil && retry.Idempotent || s.mayRepeat()
}

// startHedge begins the second try, if there is another host for it and the cluster
// allows one more retry.
func (s *activeStream) startHedge() {
	s.hedgeAt = 0
	first := s.try
	if first.conn == nil && !first.pending.Waiting() || !s.mayHedge() { // between two tries
		return
	}
	s.flags |= hedged
	s.remember(first.host)
	h := s.pick()
	if h == nil || h == first.host {
		return
	}
	if !s.cluster.BeginRetry() {
		s.cluster.Stats.RequestRetryOverflow++
		return
	}
	s.cluster.Stats.RequestHedged++
	t := s.spare
	if t == nil {
		t = &try{s: s}
	}
	t.tryState = tryState{retry: true, hedge: true}
	s.hedge, s.spare = t, nil
	t.begin(h)
}

// besides returns the other one of two tries, nil if there is only one.
func (s *activeStream) besides(t *try) *try {
	if t == s.hedge {
		return s.try
	}
	return s.hedge
}

// decide leaves the request to one of two tries, and cancels the other.
func (s *activeStream) decide(t *try) {
	s.besides(t).cancel(stream.Reset{Reason: stream.Cancelled})
	s.leaveTo(t)
}

// leaveTo leaves the request to one of two tries. The other is over.
func (s *activeStream) leaveTo(t *try) {
	s.spare = s.besides(t)
	s.try, s.hedge = t, nil
	s.spare.tryState = tryState{}
	s.info.UpstreamHost = ""
	if t.host != nil {
		s.info.UpstreamHost = t.host.Address
	}
	s.info.Upstream = nil
	if t.conn != nil {
		s.info.Upstream, s.info.UpstreamProtocol = t.conn, s.speaks.Name
	}
}

// otherGoesOn ends a try that has failed, and leaves the request to the other.
func (s *activeStream) otherGoesOn(t *try) {
	s.remember(t.host)
	s.decide(s.besides(t))
}

// parkedTry returns the try whose answer is parked, nil if there is none.
func (s *activeStream) parkedTry() *try {
	switch {
	case s.hedge == nil:
		return nil
	case s.hedge.parked:
		return s.hedge
	case s.try.parked:
		return s.try
	}
	return nil
}

// mayBeBettered tells whether there is another try whose answer may be better.
func (s *activeStream) mayBeBettered(t *try) bool {
	other := s.besides(t)
	return other != nil && !other.parked
}

// kept is an answer that waits for what another try brings.
type kept struct {
	head     *stream.Head
	conn     *upstream.Conn // that it came over
	data     buffer.Chain
	trailers stream.Header

	hasTrailers bool
	over        bool
}

// park keeps an answer. What comes of it after its head is little: all of it at once,
// as in RPC protocols, or what was on its way when the host was told to wait.
func (t *try) park(h *stream.Head, end bool) {
	t.countAnswer(h, end)
	k := &t.kept
	k.head, k.conn = h.Keep(), t.conn
	k.data.Init(t.s.w.Loop.Buffers())
	k.trailers.Clear()
	k.hasTrailers, k.over = false, false
	t.parked, t.deadline = true, 0
	if end {
		t.keptAll()
		return
	}
	t.flow()
}

// keepData keeps a piece of a parked answer.
func (t *try) keepData(d *buffer.Chain, end bool) {
	t.kept.data.Move(d)
	if end {
		t.keptAll()
	}
}

// keepTrailers keeps the trailers of a parked answer.
func (t *try) keepTrailers(h *stream.Header) {
	t.kept.trailers.Take(h)
	t.kept.hasTrailers = true
	t.keptAll()
}

// keptAll ends the exchange with the host of a parked answer.
func (t *try) keptAll() {
	t.kept.over = true
	t.end().Release()
}

// dropKept gives a parked answer up.
func (t *try) dropKept() {
	t.s.w.heads.Put(t.kept.head)
	t.parked = false
	t.forgetKept()
}

func (t *try) forgetKept() {
	t.kept.head, t.kept.conn = nil, nil
	t.kept.data.Clear()
	t.kept.trailers.Clear()
}

// settleFor makes a parked answer the response after all: the other try is over.
func (s *activeStream) settleFor(t *try) {
	s.leaveTo(t)
	k := &t.kept
	s.info.Upstream, s.info.UpstreamProtocol = k.conn, s.speaks.Name
	s.setResponse(k.head)
	k.head = nil
	t.parked, t.passing = false, true
	more := !k.over || k.data.Len() > 0 || k.hasTrailers
	s.beginResponse(!more)
	if more && t.passing {
		t.passKept()
	}
	t.passing = false
	t.forgetKept()
	t.flow()
}

// passKept passes on what has come of a parked answer after its head.
func (t *try) passKept() {
	s, k := t.s, &t.kept
	end := k.over && !k.hasTrailers
	if end {
		s.flags |= answered
	}
	if k.data.Len() > 0 || end {
		s.filters.Data(filter.ResponseDirection, &k.data, end)
	}
	if k.hasTrailers && t.passing {
		s.filters.Trailers(filter.ResponseDirection, &k.trailers)
	}
}

package proxy

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// activeStream is one request, from its first part to the end of its response.
// Streams are used again; a worker has as many as it ever had requests at a time.
//
// It is several things to several others, each a type of its own below so that
// it is clear who calls what:
//
//	downEnd      the other end of the codec's stream on the downstream side
//	requestSink  where the request goes that has passed the filters
//	try          the other end of the codec's stream on the upstream side
//	responseSink where the response goes that has passed the filters
type activeStream struct {
	w       *Worker
	index   int // among all of the worker's
	conn    *downConn
	l       *listener
	cfg     *Listener // of the moment when the request came
	times   *Timeouts
	proto   *protocol.Protocol // of the request
	speaks  *protocol.Protocol // what the host is spoken to
	down    stream.End
	filters filter.Stream
	info    stream.Info
	req     *stream.Head // of the worker's pool, as is the next one
	resp    *stream.Head // nil until there is a response
	path    []byte       // as the client sent it

	route      *router.Route
	routeStats *metrics.RouteStats
	cluster    *upstream.Cluster
	choice     upstream.Choice // of a host
	draw       uint64          // the value of the cookie, if there is to be a new one
	wanted     []byte          // the name of a cluster that there is not yet
	place      upstream.Demand // among those who wait for it

	flags  streamFlags
	pauses pauses
	depth  int   // calls that have entered the stream and not left it
	start  int64 // on the loop's clock, as are the next ones

	deadline int64         // for the response to begin; 0: none
	callEnds int64         // deadline of a gRPC call, for the end of the response; 0: none
	moved    int64         // when something last moved
	tries    time.Duration // time that tries took
	timer    eventloop.Timer
	timerAt  int64 // when it runs out

	code       grpc.Code     // of gRPC: what became of the call
	resetCode  grpc.Code     // what a host said when it reset the last try; OK: nothing
	timeout    time.Duration // for the response to begin once the request is over; 0: none
	tryTimeout time.Duration // asked for by the request; 0: the policy's
	hedgeAt    int64         // when the second try is due, if the first has not answered; 0: never
	try        *try          // the one that the request depends on
	hedge      *try          // the other one; nil: there is one only
	spare      *try          // the one not in use, once there were two
	past       past
	body       requestBody
	first      try
	looks      looks
}

type streamFlags uint16

const (
	requestOver   streamFlags = 1 << iota // the client has sent everything, or is gone
	responseBegun                         // its head was given to the codec
	responseOver                          // the client was sent everything, or cannot be
	committed                             // a response has been chosen: no more tries
	counted                               // the cluster counts the request
	tunnelling                            // opaque bytes both ways
	forwarded                             // the request's head has passed the filters
	finished                              // nothing more happens; filters may still be away
	isGRPC                                // the request is one of gRPC
	answered                              // the host has sent all of its response
	hedged                                // there was a second try beside the first
	demanding                             // the request waits for its cluster to be made
	stalling                              // the client keeps it waiting, and its connection counts it
	isBridged                             // one that a filter makes of another request
	noCall                                // and that a host answers with what is no response of gRPC
	newCookie                             // the response is to set the cookie that requests are hashed by
)

// pauses are the reasons for which a side is kept from sending.
type pauses uint8

const (
	pauseFilters    pauses = 1 << iota // of the request: filters hold enough of it
	pauseUnsent                        // no connection yet, and enough waits for one
	pauseUpstream                      // the host takes it slowly
	pauseFiltersUp                     // of the response: filters hold enough of it
	pauseDownstream                    // the client takes it slowly

	pausesRequest  = pauseFilters | pauseUnsent | pauseUpstream
	pausesResponse = pauseFiltersUp | pauseDownstream
)

func (s *activeStream) has(f streamFlags) bool { return s.flags&f != 0 }

// enter and leave bracket everything that others call. The stream ends when the
// last call has left it, so that no caller finds it gone under its feet.
func (s *activeStream) enter() { s.depth++ }

func (s *activeStream) leave() {
	s.depth--
	const over = requestOver | responseOver
	if s.depth == 0 && s.flags&(over|finished) == over {
		s.finish()
	}
}

// begin makes s the stream of a new request.
func (s *activeStream) begin(c *downConn, sender stream.End) {
	w := s.w
	s.conn, s.l, s.cfg, s.proto, s.speaks, s.down = c, c.l, c.l.Listener, c.proto, c.proto, sender
	s.times = s.cfg.timeouts(c.proto)
	s.flags, s.pauses, s.depth = 0, 0, 0
	s.try.tryState, s.past.pastState, s.hedgeAt = tryState{}, pastState{}, 0
	s.timeout, s.tryTimeout, s.tries = 0, 0, 0
	s.looks.next, s.looks.late = 0, 0
	s.code, s.resetCode = grpc.Unknown, grpc.OK
	s.start = w.Loop.Now()
	s.moved, s.deadline, s.callEnds = s.start, 0, 0
	s.route, s.routeStats, s.cluster, s.wanted = nil, nil, nil, s.wanted[:0]
	s.choice = upstream.Choice{}
	s.body.begin(w.Loop.Buffers(), &s.l.kept)
	i := &s.info
	*i = stream.Info{} // and then by field, because a literal is made elsewhere and copied
	i.Protocol = c.proto.Name
	i.Downstream = c
	i.Listener = s.cfg.Name
	i.Start = w.now()
	s.l.stats.RequestTotal++
	s.l.stats.RequestActive++
}

func (s *activeStream) elapsed() time.Duration { return time.Duration(s.w.Loop.Now() - s.start) }

// finish ends a stream whose messages are both over.
func (s *activeStream) finish() {
	s.flags |= finished
	if c := s.try.conn; c != nil && s.tunnelsConn() { // both ways have ended, but not all may be sent
		c.Socket().Close()
	}
	s.cancelTries(stream.Reset{Reason: stream.Cancelled})
	if s.has(counted) {
		s.cluster.End()
		s.countStalled(false)
	}
	s.body.drop()
	s.record()
	s.conn.settle()
	if s.filters.Finish() {
		s.recycle()
	}
}

// tunnelsConn tells whether the stream has the connection to the host for itself,
// as a tunnel.
func (s *activeStream) tunnelsConn() bool { return s.has(tunnelling) && !s.speaks.Multiplexed }

// recycle makes the stream ready for the next request.
func (s *activeStream) recycle() {
	s.w.heads.Put(s.req)
	if s.resp != nil {
		s.w.heads.Put(s.resp)
	}
	s.req, s.resp = nil, nil
	s.conn, s.l, s.cfg, s.down = nil, nil, nil, nil
	s.info.Downstream, s.info.Upstream = nil, nil
	clear(s.past.tried[:s.past.ntried])
	s.w.putStream(s)
}

// hold keeps a side from sending, for one more reason.
func (s *activeStream) hold(p pauses) {
	before := s.pauses
	s.pauses |= p
	switch {
	case p&pausesRequest != 0 && before&pausesRequest == 0:
		if !s.has(requestOver) {
			s.down.Pause()
		}
	case p&pausesResponse != 0 && before&pausesResponse == 0:
		s.flow()
	}
	if p&(pauseUpstream|pauseDownstream) != 0 {
		s.watch()
	}
}

// release takes a reason away; the side goes on when there is none left.
func (s *activeStream) release(p pauses) {
	before := s.pauses
	s.pauses &^= p
	switch {
	case p&pausesRequest != 0 && before&pausesRequest != 0 && s.pauses&pausesRequest == 0:
		if s.flags&(requestOver|responseOver) != requestOver|responseOver { // what was paused is to be taken, even if it is all
			s.down.Resume()
		}
	case p&pausesResponse != 0 && before&pausesResponse != 0 && s.pauses&pausesResponse == 0:
		s.flow()
	}
}

// flow makes all hosts send as the response's pauses say.
func (s *activeStream) flow() {
	s.try.flow()
	if s.hedge != nil {
		s.hedge.flow()
	}
}

// Settled ends a stream whose last filter hook came back from elsewhere.
func (s *activeStream) Settled() { s.recycle() }

// Flow returns what slows the sender of a direction down, for the filters.
func (s *activeStream) Flow(d filter.Direction) stream.Flow {
	if d == filter.RequestDirection {
		return (*requestFlow)(s)
	}
	return (*responseFlow)(s)
}

type requestFlow activeStream

func (f *requestFlow) Pause()  { (*activeStream)(f).hold(pauseFilters) }
func (f *requestFlow) Resume() { (*activeStream)(f).release(pauseFilters) }

type responseFlow activeStream

func (f *responseFlow) Pause()  { (*activeStream)(f).hold(pauseFiltersUp) }
func (f *responseFlow) Resume() { (*activeStream)(f).release(pauseFiltersUp) }

// downEnd is the stream as the downstream codec sees it: parts of the request
// come in.
type downEnd activeStream

var _ stream.End = (*downEnd)(nil)

// Head begins the request.
func (e *downEnd) Head(h *stream.Head, end bool) {
	s := (*activeStream)(e)
	s.enter()
	s.req = h.Keep()
	s.info.Request = h
	if end {
		s.flags |= requestOver
	}
	s.direct()
	s.leave()
}

// Data passes a piece of the request to the filters.
func (e *downEnd) Data(d *buffer.Chain, end bool) {
	s := (*activeStream)(e)
	s.enter()
	s.moved = s.w.Loop.Now()
	s.info.BytesReceived += uint64(d.Len())
	if end {
		s.requestReceived()
	}
	s.filters.Data(filter.RequestDirection, d, end)
	s.leave()
}

// Trailers passes the request's trailers to the filters.
func (e *downEnd) Trailers(t *stream.Header) {
	s := (*activeStream)(e)
	s.enter()
	s.requestReceived()
	s.filters.Trailers(filter.RequestDirection, t)
	s.leave()
}

// Reset: the client is gone, or broke the protocol, or the codec has no use for
// the rest of the request after the response was sent.
func (e *downEnd) Reset(r stream.Reset) {
	s := (*activeStream)(e)
	s.enter()
	s.flags |= requestOver
	if s.req == nil { // there never was a head
		s.req = s.w.heads.Get()
		s.info.Request = s.req
	}
	if !s.has(responseOver) {
		s.giveUp(r)
	}
	s.leave()
}

// Pause: the client takes the response slowly.
func (e *downEnd) Pause() { (*activeStream)(e).hold(pauseDownstream) }

// Resume: the client takes it again.
func (e *downEnd) Resume() { (*activeStream)(e).release(pauseDownstream) }

// requestReceived notes that the client has sent everything.
func (s *activeStream) requestReceived() {
	s.flags |= requestOver
	s.info.RequestReceived = s.elapsed()
	s.startClock()
}

// giveUp ends a request whose client is gone, or whose worker is stopped.
func (s *activeStream) giveUp(r stream.Reset) {
	switch {
	case errors.Is(r.Err, eventloop.ErrStopped):
		s.info.Flags |= stream.Draining
	case r.Reason == stream.ProtocolError:
		s.info.Flags |= stream.DownstreamProtocolError
	case r.Reason == stream.TimedOut:
		s.info.Flags |= stream.StreamIdleTimeout
	default:
		s.info.Flags |= stream.DownstreamLost
	}
	s.flags |= responseOver | committed
	if c := s.try.conn; c != nil && s.tunnelsConn() { // an ordinary close would look like a clean end
		c.Socket().CloseWithReset()
	}
	s.cancelTries(stream.Reset{Reason: stream.Cancelled})
}

package proxy

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// exchange is one request and its response, from the request's first part to the
// response's last. Exchanges are used again; a worker has as many as it ever had
// requests at a time.
//
// It owns what is between the client and the filters. Its parts know the rest, each
// its own state:
//
//	target     where the request goes: route, cluster, and what a host is chosen by
//	attempts   how it is answered: attempts with hosts, one after another or two at once
//	deadlines  until when: timeouts, and whether anything moves
//	call       what is known of it as a call of gRPC
//
// To others it is several things, each a type of its own so that it is clear who calls
// what:
//
//	downEnd      the other end of the codec's stream on the downstream side
//	requestSink  where the request goes that has passed the filters
//	attempt      the other end of the codec's stream on the upstream side
//	responseSink where the response goes that has passed the filters
//	recorder     who counts what happens, and tells observers of it
type exchange struct {
	w     *Worker
	index int // among all of the worker's
	conn  *downConn
	l     *listener
	cfg   *Listener          // of the moment when the request came
	proto *protocol.Protocol // of the request
	down  stream.End
	req   *stream.Head // of the worker's pool, as is the next one
	resp  *stream.Head // nil until there is a response

	flags     exchangeFlags
	phase     responsePhase
	pauses    pauses
	depth     int32 // calls that have entered the exchange and not left it
	accounted bool  // and its end is accounted for

	target    target
	attempts  attempts
	deadlines deadlines
	call      grpcCall
	filters   filter.Stream
	info      stream.Info
}

type exchangeFlags uint8

const (
	requestOver exchangeFlags = 1 << iota // the client has sent everything, or is gone
	forwarded                             // the request's head has passed the filters
	tunnelling                            // opaque bytes both ways
	finished                              // nothing more happens; filters may still be away
)

// responsePhase is how far the response has come. It only ever grows:
//
//	awaited --> chosen --> begun --> over
//	       \________\_____________/
//	        the client is gone
type responsePhase uint8

const (
	responseAwaited responsePhase = iota // attempts are made to have one
	responseChosen                       // there is one, and there are no more attempts; filters may hold it
	responseBegun                        // its head was given to the codec
	responseOver                         // the client was sent everything, or cannot be
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

func (x *exchange) has(f exchangeFlags) bool { return x.flags&f != 0 }

// enter and leave bracket everything that others call. The exchange ends when the
// last call has left it, so that no caller finds it gone under its feet.
func (x *exchange) enter() { x.depth++ }

func (x *exchange) leave() {
	if x.depth == 1 && x.phase == responseOver && x.flags&(requestOver|finished) == requestOver {
		x.finish()
	}
	x.depth--
}

// advance makes the response come as far as p, if it has not come further.
func (x *exchange) advance(p responsePhase) { x.phase = max(x.phase, p) }

// init makes x one of the worker's, once.
func (x *exchange) init(w *Worker) {
	x.w = w
	x.attempts.init(x)
	x.target.x, x.deadlines.x, x.call.x = x, x, x
}

// begin makes x the exchange of a new request.
func (x *exchange) begin(c *downConn, sender stream.End) {
	w := x.w
	x.conn, x.l, x.cfg, x.proto, x.down = c, c.l, c.l.Listener, c.proto, sender
	x.flags, x.phase, x.pauses, x.depth, x.accounted = 0, responseAwaited, 0, 0, false
	x.target.begin()
	x.attempts.begin(c.proto)
	x.deadlines.begin(x.cfg.timeouts(c.proto), w.Loop.Now())
	x.call.reset()
	i := &x.info
	path := i.PathOriginal[:0] // its memory is used again
	*i = stream.Info{}         // and then by field, because a literal is made elsewhere and copied
	i.PathOriginal = path
	i.Protocol = c.proto.Name
	i.Downstream = c
	i.Listener = x.cfg.Name
	i.Start = w.now()
	(*recorder)(x).begun()
}

func (x *exchange) elapsed() time.Duration { return time.Duration(x.w.Loop.Now() - x.deadlines.start) }

// finish ends an exchange whose messages are both over.
func (x *exchange) finish() {
	x.flags |= finished
	a := &x.attempts
	if c := a.current.conn; c != nil && x.tunnelsConn() { // both ways have ended, but not all may be sent
		c.Socket().Close()
	}
	a.cancel(stream.Reset{Reason: stream.Cancelled})
	x.account()
	x.conn.settle()
	if x.filters.Finish() {
		x.recycle()
	}
}

// account gives up what the exchange was counted for, once.
func (x *exchange) account() {
	if x.accounted {
		return
	}
	x.accounted = true
	x.deadlines.countStalled(false)
	x.target.end()
	x.attempts.body.drop()
	(*recorder)(x).ended()
}

// tunnelsConn reports whether the exchange has the connection to the host for itself,
// as a tunnel.
func (x *exchange) tunnelsConn() bool {
	return x.has(tunnelling) && !x.attempts.protocol.Multiplexed
}

// recycle makes the exchange ready for the next request.
func (x *exchange) recycle() {
	x.w.heads.Put(x.req)
	if x.resp != nil {
		x.w.heads.Put(x.resp)
	}
	x.req, x.resp = nil, nil
	x.conn, x.l, x.cfg, x.down = nil, nil, nil, nil
	x.info.Downstream, x.info.Upstream = nil, nil
	x.attempts.history.forgetHosts()
	x.w.putExchange(x)
}

// hold keeps a side from sending, for one more reason.
func (x *exchange) hold(p pauses) {
	before := x.pauses
	x.pauses |= p
	switch {
	case p&pausesRequest != 0 && before&pausesRequest == 0:
		if !x.has(requestOver) {
			x.down.Pause()
		}
	case p&pausesResponse != 0 && before&pausesResponse == 0:
		x.attempts.flow()
	}
	if p&(pauseUpstream|pauseDownstream) != 0 {
		x.deadlines.watch()
	}
}

// release takes a reason away; the side goes on when there is none left.
func (x *exchange) release(p pauses) {
	before := x.pauses
	x.pauses &^= p
	switch {
	case p&pausesRequest != 0 && before&pausesRequest != 0 && x.pauses&pausesRequest == 0:
		if !x.has(requestOver) || x.phase < responseOver { // what was paused is to be taken, even if it is all
			x.down.Resume()
		}
	case p&pausesResponse != 0 && before&pausesResponse != 0 && x.pauses&pausesResponse == 0:
		x.attempts.flow()
	}
}

// Settled ends an exchange whose last filter hook came back from elsewhere.
func (x *exchange) Settled() { x.recycle() }

// Flow returns what slows the sender of a direction down, for the filters.
func (x *exchange) Flow(d filter.Direction) stream.Flow {
	if d == filter.RequestDirection {
		return (*requestFlow)(x)
	}
	return (*responseFlow)(x)
}

type requestFlow exchange

func (f *requestFlow) Pause()  { (*exchange)(f).hold(pauseFilters) }
func (f *requestFlow) Resume() { (*exchange)(f).release(pauseFilters) }

type responseFlow exchange

func (f *responseFlow) Pause()  { (*exchange)(f).hold(pauseFiltersUp) }
func (f *responseFlow) Resume() { (*exchange)(f).release(pauseFiltersUp) }

// downEnd is the exchange as the downstream codec sees it: parts of the request
// come in.
type downEnd exchange

var _ stream.End = (*downEnd)(nil)

// Head begins the request.
func (e *downEnd) Head(h *stream.Head, end bool) {
	x := (*exchange)(e)
	x.enter()
	x.req = h.Keep()
	x.info.Request = h
	if end {
		x.flags |= requestOver
	}
	(*intake)(x).routeRequest()
	x.leave()
}

// Data passes a piece of the request to the filters.
func (e *downEnd) Data(d *buffer.Chain, end bool) {
	x := (*exchange)(e)
	x.enter()
	x.deadlines.moved = x.w.Loop.Now()
	x.info.BytesReceived += uint64(d.Len())
	if end {
		x.requestReceived()
	}
	x.filters.Data(filter.RequestDirection, d, end)
	x.leave()
}

// Trailers passes the request's trailers to the filters.
func (e *downEnd) Trailers(t *stream.Header) {
	x := (*exchange)(e)
	x.enter()
	x.requestReceived()
	x.filters.Trailers(filter.RequestDirection, t)
	x.leave()
}

// Reset: the client is gone, or broke the protocol, or the codec has no use for
// the rest of the request after the response was sent.
func (e *downEnd) Reset(r stream.Reset) {
	x := (*exchange)(e)
	if x.has(finished) { // a codec tells after a panic that did not know
		return
	}
	x.enter()
	x.flags |= requestOver
	if x.req == nil { // there never was a head
		x.req = x.w.heads.Get()
		x.info.Request = x.req
	}
	if x.phase < responseOver {
		x.giveUp(r)
	}
	x.leave()
}

// Pause: the client takes the response slowly.
func (e *downEnd) Pause() {
	x := (*exchange)(e)
	x.enter()
	x.hold(pauseDownstream)
	x.leave()
}

// Resume: the client takes it again.
func (e *downEnd) Resume() {
	x := (*exchange)(e)
	x.enter()
	x.release(pauseDownstream)
	x.leave()
}

// requestReceived notes that the client has sent everything.
func (x *exchange) requestReceived() {
	x.flags |= requestOver
	x.info.RequestReceived = x.elapsed()
	x.deadlines.startResponse()
}

// giveUp ends a request whose client is gone, or whose worker is stopped.
func (x *exchange) giveUp(r stream.Reset) {
	switch {
	case errors.Is(r.Err, eventloop.ErrStopped):
		x.info.Flags |= stream.Draining
	case r.Reason == stream.ProtocolError:
		x.info.Flags |= stream.DownstreamProtocolError
	case r.Reason == stream.TimedOut:
		x.info.Flags |= stream.StreamIdleTimeout
	default:
		x.info.Flags |= stream.DownstreamLost
	}
	x.advance(responseOver)
	if c := x.attempts.current.conn; c != nil && x.tunnelsConn() { // an ordinary close would look like a clean end
		c.Socket().CloseWithReset()
	}
	x.attempts.cancel(stream.Reset{Reason: stream.Cancelled})
}

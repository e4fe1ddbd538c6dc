package proxy

import (
	"bytes"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
)

// intake is an exchange while the head of its request is made ready to be routed.
type intake exchange

// routeRequest takes a request from its head to its filters: the path is normalised,
// weir's own headers are set, and the route is found, in this order, so that what
// is routed is what is forwarded.
func (k *intake) routeRequest() {
	x := (*exchange)(k)
	(*recorder)(x).tell(RequestBegun, nil)
	rpc := x.req.RPC.Kind != stream.KindHTTP
	ok, hop := true, hopOn
	if !rpc {
		ok = k.normalise()
		hop = k.countHop()
		k.forwarded()
		x.call.begin()
	}
	chain := x.cfg.Default
	if ok {
		if x.target.match(); x.target.route != nil {
			chain = x.cfg.Chains[x.target.route.ID]
		}
	}
	switch {
	case rpc:
		x.deadlines.callTimeout()
		if x.req.RPC.Unread {
			x.l.stats.RequestUnread++
		}
	case x.call.is():
		x.call.setDeadline()
	}
	x.filters.Begin(&x.l.env, chain, x, &x.info, (*requestSink)(x), (*responseSink)(x))
	x.deadlines.startResponse()
	switch {
	case !ok:
		x.filters.Reply(filter.Reply{Status: 400, Body: "the path is malformed\n"})
	case hop != hopOn:
		x.answerHop(hop)
	case x.req.RPC.Kind == stream.KindHeartbeat:
		x.filters.Head(filter.RequestDirection, x.req, x.has(requestOver))
	case x.target.route == nil:
		x.filters.Reply(filter.Reply{Status: 404, Body: notRead(x.req, "no route"), Flags: stream.NoRouteFound})
	case rpc:
		x.filters.Head(filter.RequestDirection, x.req, x.has(requestOver))
	default:
		_, expects := x.req.GetID(stream.Expect)
		x.filters.Head(filter.RequestDirection, x.req, x.has(requestOver))
		k.allowBody(expects)
	}
}

// notRead returns a sentence about where a request cannot go, and adds why, if that may
// be because not all of it could be read.
func notRead(h *stream.Head, sentence string) string {
	if !h.RPC.Unread {
		return sentence + "\n"
	}
	if _, ok := h.Attribute(stream.Service); !ok {
		return sentence + ": the service's name cannot be read, in a serialization that weir does not know, or beyond its limits\n"
	}
	return sentence + ": group and attachments cannot be read, beyond weir's limits\n"
}

// allowBody asks for the body of a client that waits for a 100, when filters hold
// the head, because they may want the body first. Otherwise the upstream decides.
func (k *intake) allowBody(expects bool) {
	x := (*exchange)(k)
	if !expects || x.has(requestOver|forwarded) || x.phase >= responseChosen {
		return
	}
	x.req.DelID(stream.Expect)
	h := x.w.heads.Get()
	h.Status = 100
	x.down.Head(h, false)
	x.w.heads.Put(h)
}

// normalise brings the path into its one form, false if it has none.
func (k *intake) normalise() bool {
	x := (*exchange)(k)
	p := x.req.Path()
	x.info.PathOriginal = append(x.info.PathOriginal, p...)
	if plain(p) && len(p) > 0 && p[0] == '/' {
		return true
	}
	b, ok := x.cfg.Path.normalise(x.w.scratch[:0], p)
	x.w.scratch = b[:0]
	if ok && !bytes.Equal(b, p) {
		x.req.SetPath(b)
	}
	return ok
}

// forwarded says who the request comes from, and gives it an id.
func (k *intake) forwarded() {
	x := (*exchange)(k)
	h := x.req
	if x.cfg.Forwarded != config.ForwardedKeep {
		b := x.w.scratch[:0]
		if x.cfg.Forwarded == config.ForwardedAppend {
			b = joined(b, h, stream.XForwardedFor)
		}
		if remote := x.info.DownstreamRemote(); remote.IsValid() {
			b = remote.Addr().AppendTo(b)
			h.SetID(stream.XForwardedFor, b)
		} else if x.cfg.Forwarded == config.ForwardedReplace { // a unix socket
			h.DelID(stream.XForwardedFor)
		}
		x.w.scratch = b[:0]
		if _, ok := h.GetID(stream.XForwardedProto); !ok || x.cfg.Forwarded == config.ForwardedReplace {
			h.SetID(stream.XForwardedProto, h.Scheme())
		}
	}
	if x.cfg.RequestID == config.RequestIDOff {
		return
	}
	if _, ok := h.GetID(stream.XRequestID); !ok || x.cfg.RequestID == config.RequestIDReplace {
		h.SetID(stream.XRequestID, x.w.newID())
	}
}

// joined appends all values of a list header, each followed by ", ".
func joined(dst []byte, h *stream.Head, id stream.ID) []byte {
	for i := range h.Len() {
		if h.IDAt(i) == id {
			_, v := h.At(i)
			dst = append(append(dst, v...), ", "...)
		}
	}
	return dst
}

// newID makes a random id in the form of a UUID, version 4, in the worker's
// scratch memory.
func (w *Worker) newID() []byte {
	var raw [16]byte
	for i := 0; i < 16; i += 8 {
		r := w.rng.Uint64()
		for j := range 8 {
			raw[i+j] = byte(r >> (8 * j))
		}
	}
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	b := w.scratch[:0]
	for i, c := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[c>>4]|0x20, hexDigits[c&15]|0x20)
	}
	w.scratch = b[:0]
	return b
}

// requestSink is where the request goes that has passed all filters.
type requestSink exchange

// Head sends the request on its way: to a host, or to the answer that the route
// itself gives.
func (k *requestSink) Head(_ *stream.Head, end bool) {
	x := (*exchange)(k)
	x.enter()
	x.flags |= forwarded
	x.attempts.body.headOnly = end
	if x.req.RPC.Kind == stream.KindHeartbeat && !x.heartbeat() {
		x.leave()
		return
	}
	switch x.target.route.Action {
	case router.SendRedirect:
		x.redirect()
	case router.SendDirect:
		status, body := x.target.route.Direct()
		x.response().Clear()
		x.answer(status, body)
	default:
		x.forward()
	}
	x.leave()
}

// Data sends a piece of the request on.
func (k *requestSink) Data(d *buffer.Chain, end bool) {
	x := (*exchange)(k)
	x.enter()
	b := &x.attempts.body
	b.unsent.Move(d)
	b.complete = end
	x.attempts.sendMore()
	x.leave()
}

// Trailers ends the request.
func (k *requestSink) Trailers(t *stream.Header) {
	x := (*exchange)(k)
	x.enter()
	b := &x.attempts.body
	b.setTrailers(t)
	b.complete = true
	x.attempts.sendMore()
	x.leave()
}

// Reset is never called: what resets a request ends its exchange.
func (k *requestSink) Reset(stream.Reset) {}

// forward sends a request that has passed the filters to its cluster, once there is
// one.
func (x *exchange) forward() {
	t := &x.target
	switch {
	case t.cluster != nil:
		x.forwardTo()
	case t.wait.begin():
	case t.wait.onDemand():
		x.filters.Reply(filter.Reply{Status: 503, Body: "no such service\n", Flags: stream.NoHealthyUpstream})
	default:
		x.filters.Reply(filter.Reply{Status: 503, Body: notRead(x.req, "no such cluster"), Flags: stream.NoHealthyUpstream})
	}
}

// forwardTo begins the first attempt.
func (x *exchange) forwardTo() {
	t, a := &x.target, &x.attempts
	if !t.count() {
		t.cluster.Stats.RequestOverflow++
		x.filters.Reply(filter.Reply{Status: 503, Body: "too many requests to the cluster\n", Flags: stream.UpstreamOverflow})
		return
	}
	a.body.limit = bodyLimit(x.req, t.policy())
	x.w.request.Reset(x.req, &x.info)
	x.target.aim()
	if !t.route.RewriteRequest(&x.w.request) {
		x.filters.Reply(filter.Reply{Status: 400, Body: "the path is malformed\n"})
		return
	}
	if x.cfg.TimeoutHeaders && x.req.HasEither(globalTimeoutHeader, tryTimeoutHeader) {
		x.deadlines.shorten()
	}
	a.start()
}

func (x *exchange) redirect() {
	w := x.w
	w.request.Reset(x.req, &x.info)
	location := x.target.route.AppendLocation(nil, &w.request)
	var h stream.Header
	h.AddBytes([]byte("Location"), location)
	x.filters.Reply(filter.Reply{Status: x.target.route.RedirectStatus(), Header: &h})
}

// Headers by which a request shortens its own timeouts, in milliseconds.
const (
	globalTimeoutHeader = "x-mosn-global-timeout"
	tryTimeoutHeader    = "x-mosn-try-timeout"
)

// shorten shortens the timeouts as the request asks.
func (d *deadlines) shorten() {
	x, a := d.x, &d.x.attempts
	before := d.timeout
	d.timeout = takeTimeout(x.req, globalTimeoutHeader, before)
	if d.response > 0 {
		d.response -= int64(before - d.timeout)
	} else {
		d.startResponse() // there was none before
	}
	limit := time.Duration(0)
	if p := a.x.target.policy(); p != nil {
		limit = p.PerTry
	}
	a.perTry = takeTimeout(x.req, tryTimeoutHeader, limit)
	d.set()
}

// takeTimeout returns a timeout that the request asks for, shorter than limit
// (0: none), and removes it from the head.
func takeTimeout(h *stream.Head, name string, limit time.Duration) time.Duration {
	v, ok := h.Get(name)
	if !ok {
		return limit
	}
	ms, err := strconv.ParseUint(string(v), 10, 31)
	h.Del(name)
	if d := time.Duration(ms) * time.Millisecond; err == nil && d > 0 && (limit == 0 || d < limit) {
		return d
	}
	return limit
}

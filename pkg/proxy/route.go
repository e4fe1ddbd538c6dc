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

// direct takes a request from its head to its filters: the path is normalised,
// weir's own headers are set, and the route is found, in this order, so that what
// is routed is what is forwarded.
func (s *activeStream) direct() {
	rpc := s.req.RPC.Kind != stream.KindHTTP
	ok, hop := true, hopOn
	if !rpc {
		ok = s.normalise()
		hop = s.countHop()
		s.forwarded()
		s.beginGRPC()
	}
	chain := s.cfg.Default
	if ok {
		if s.match(); s.route != nil {
			chain = s.cfg.Chains[s.route.ID]
		}
	}
	switch {
	case rpc:
		s.callTimeout()
		if s.req.RPC.Unread {
			s.l.stats.RequestUnread++
		}
	case s.has(isGRPC):
		s.callDeadline()
	}
	s.filters.Begin(&s.l.env, chain, s, &s.info, (*requestSink)(s), (*responseSink)(s))
	s.startClock()
	switch {
	case !ok:
		s.filters.Reply(filter.Reply{Status: 400, Body: "the path is malformed\n"})
	case hop != hopOn:
		s.answerHop(hop)
	case s.req.RPC.Kind == stream.KindHeartbeat:
		s.filters.Head(filter.RequestDirection, s.req, s.has(requestOver))
	case s.route == nil:
		s.filters.Reply(filter.Reply{Status: 404, Body: s.notRead("no route"), Flags: stream.NoRouteFound})
	case rpc:
		s.filters.Head(filter.RequestDirection, s.req, s.has(requestOver))
	default:
		_, expects := s.req.GetID(stream.Expect)
		s.filters.Head(filter.RequestDirection, s.req, s.has(requestOver))
		s.allowBody(expects)
	}
}

// notRead returns a sentence about where a request cannot go, and adds why, if that may
// be because not all of it could be read.
func (s *activeStream) notRead(sentence string) string {
	if !s.req.RPC.Unread {
		return sentence + "\n"
	}
	if _, ok := s.req.Attribute(stream.Service); !ok {
		return sentence + ": the service's name cannot be read, in a serialization that weir does not know, or beyond its limits\n"
	}
	return sentence + ": group and attachments cannot be read, beyond weir's limits\n"
}

// allowBody asks for the body of a client that waits for a 100, when filters hold
// the head, because they may want the body first. Otherwise the upstream decides.
func (s *activeStream) allowBody(expects bool) {
	if !expects || s.flags&(requestOver|forwarded|committed|responseOver) != 0 {
		return
	}
	s.req.DelID(stream.Expect)
	h := s.w.heads.Get()
	h.Status = 100
	s.down.Head(h, false)
	s.w.heads.Put(h)
}

// normalise brings the path into its one form, false if it has none.
func (s *activeStream) normalise() bool {
	p := s.req.Path()
	s.path = append(s.path[:0], p...)
	s.info.PathOriginal = s.path
	if plain(p) && len(p) > 0 && p[0] == '/' {
		return true
	}
	b, ok := s.cfg.Path.normalise(s.w.scratch[:0], p)
	s.w.scratch = b[:0]
	if ok && !bytes.Equal(b, p) {
		s.req.SetPath(b)
	}
	return ok
}

// forwarded says who the request comes from, and gives it an id.
func (s *activeStream) forwarded() {
	h := s.req
	if s.cfg.Forwarded != config.ForwardedKeep {
		b := s.w.scratch[:0]
		if s.cfg.Forwarded == config.ForwardedAppend {
			b = joined(b, h, stream.XForwardedFor)
		}
		if remote := s.info.DownstreamRemote(); remote.IsValid() {
			b = remote.Addr().AppendTo(b)
			h.SetID(stream.XForwardedFor, b)
		} else if s.cfg.Forwarded == config.ForwardedReplace { // a unix socket
			h.DelID(stream.XForwardedFor)
		}
		s.w.scratch = b[:0]
		if _, ok := h.GetID(stream.XForwardedProto); !ok || s.cfg.Forwarded == config.ForwardedReplace {
			h.SetID(stream.XForwardedProto, h.Scheme())
		}
	}
	if s.cfg.RequestID == config.RequestIDOff {
		return
	}
	if _, ok := h.GetID(stream.XRequestID); !ok || s.cfg.RequestID == config.RequestIDReplace {
		h.SetID(stream.XRequestID, s.w.newID())
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

// match finds the route, and the cluster of a route that has one. Of clusters
// with weights, one is drawn, here and only here.
func (s *activeStream) match() {
	w := s.w
	r := &w.request
	r.Reset(s.req, &s.info)
	route := s.cfg.Routes.Match(r)
	if route == nil {
		return
	}
	s.route, s.timeout = route, route.Timeout
	s.routeStats = s.l.routes[route.ID]
	s.routeStats.RequestTotal++
	s.routeStats.RequestActive++
	s.info.Route, s.info.VirtualHost = route.Name, route.VirtualHost
	if route.Action != router.Forward {
		return
	}
	if p := s.cfg.Upstreams[route.ID]; p != nil && !s.proto.RPC {
		s.speaks = p
	}
	t, ok := route.Target(r, w.rng.Uint64())
	if !ok {
		return
	}
	s.choice.Subset = t.Subset
	switch {
	case t.Cluster < 0:
		if s.cluster = w.clusters.Named(t.Dynamic); s.cluster == nil {
			s.wanted = append(s.wanted, t.Dynamic...)
		}
	case s.cfg.Clusters == w.clusters.Snapshot():
		s.cluster = w.clusters.At(t.Cluster)
	default: // a connection that outlives its listener: its routes are of old
		s.cluster = w.clusters.Named([]byte(t.Name))
	}
	if s.cluster != nil {
		s.info.Cluster = s.cluster.Name
	}
}

// requestSink is where the request goes that has passed all filters.
type requestSink activeStream

// Head sends the request on its way: to a host, or to the answer that the route
// itself gives.
func (k *requestSink) Head(_ *stream.Head, end bool) {
	s := (*activeStream)(k)
	s.enter()
	s.flags |= forwarded
	s.body.headOnly = end
	if s.req.RPC.Kind == stream.KindHeartbeat && !s.heartbeat() {
		s.leave()
		return
	}
	switch s.route.Action {
	case router.SendRedirect:
		s.redirect()
	case router.SendDirect:
		status, body := s.route.Direct()
		s.response().Clear()
		s.answer(status, body)
	default:
		s.forward()
	}
	s.leave()
}

// Data sends a piece of the request on.
func (k *requestSink) Data(d *buffer.Chain, end bool) {
	s := (*activeStream)(k)
	s.enter()
	b := &s.body
	b.unsent.Move(d)
	b.complete = end
	s.try.given()
	s.sendBody(s.try)
	s.bodyComplete()
	s.leave()
}

// Trailers ends the request.
func (k *requestSink) Trailers(t *stream.Header) {
	s := (*activeStream)(k)
	s.enter()
	b := &s.body
	b.trailers.Take(t)
	b.hasTrailers, b.complete = true, true
	s.try.given()
	s.sendBody(s.try)
	s.bodyComplete()
	s.leave()
}

// Reset is never called: what resets a request ends its stream.
func (k *requestSink) Reset(stream.Reset) {}

// bodyComplete begins what is to be done in time once the last part of a request was
// passed on: for an answer, and for a second try.
func (s *activeStream) bodyComplete() {
	if s.body.complete && !s.has(committed|responseOver) {
		s.try.startTimeout()
		s.armHedge()
	}
}

// sendBody gives a try's host what has come of the body. What no host can be given
// yet waits, and is not much.
func (s *activeStream) sendBody(t *try) {
	if t.up != nil {
		if s.body.pass(t.up); t.up != nil && s.tunnelOver() {
			t.end().Release()
		}
		return
	}
	if s.has(committed) {
		s.body.unsent.Clear()
		return
	}
	if s.body.unsent.Len() >= s.cfg.BufferLimit {
		s.hold(pauseUnsent)
	}
}

func (s *activeStream) redirect() {
	w := s.w
	w.request.Reset(s.req, &s.info)
	location := s.route.AppendLocation(nil, &w.request)
	var h stream.Header
	h.AddBytes([]byte("Location"), location)
	s.filters.Reply(filter.Reply{Status: s.route.RedirectStatus(), Header: &h})
}

// Headers by which a request shortens its own timeouts, in milliseconds.
const (
	globalTimeoutHeader = "x-mosn-global-timeout"
	tryTimeoutHeader    = "x-mosn-try-timeout"
)

// takeTimeout returns a timeout that the request asks for, shorter than limit
// (0: none), and removes it from the head.
func (s *activeStream) takeTimeout(name string, limit time.Duration) time.Duration {
	v, ok := s.req.Get(name)
	if !ok {
		return limit
	}
	ms, err := strconv.ParseUint(string(v), 10, 31)
	s.req.Del(name)
	if d := time.Duration(ms) * time.Millisecond; err == nil && d > 0 && (limit == 0 || d < limit) {
		return d
	}
	return limit
}

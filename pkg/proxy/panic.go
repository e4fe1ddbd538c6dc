package proxy

import (
	"errors"
	"slices"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// A panic may have left anything half changed that was in the middle of something:
// the connection that was being served, the streams that were entered and not left,
// and the connections on their other sides. All of these are given up; nothing else
// is. What is known to be whole of them says what has to be given back.
//
//	connections  aborted; their codecs are closed, and called no more
//	their streams  reset, as when a connection is lost: clients whose connection is
//	             not one of these are answered, hosts told
//	entered streams  ended, and not used again
//	clusters     choose hosts by ways that are made anew
//	free lists   emptied: what was freed twice would be used twice
//
// It runs in the deferred call of the loop that recovered, and so each of its own
// steps that may panic again is protected.

// errPanicked is the cause of what was ended because of a panic.
var errPanicked = errors.New("proxy: recovered from a panic")

// panicked is what one panic has interrupted.
type panicked struct {
	w        *Worker
	downs    []*downConn
	ups      []*upstream.Conn
	entered  []*exchange
	clusters []*upstream.Cluster
	streams  []*exchange // of downs, and those entered
}

// contain gives up whatever a panic may have left half done, and nothing else.
func (w *Worker) contain(p eventloop.Panic) {
	w.Loop.Buffers().Trim()
	hit := panicked{w: w}
	hit.served(p.Handler)
	hit.served(p.Timer)
	hit.addUp(w.clusters.Interrupted())
	hit.findEntered()
	hit.findAdrift()
	hit.addBound()
	hit.cutOff()
	for _, x := range hit.streams {
		if x.conn != nil {
			x.abandon()
		}
	}
	for _, c := range hit.clusters {
		w.Loop.Protect(nil, c.Renew)
	}
	w.heads.Clear()
	w.Loop.Buffers().Trim()
	w.Panicked(p)
}

// served takes note of the connection that a handler, or a timer, is part of.
func (hit *panicked) served(by any) {
	switch by := by.(type) {
	case *downConn:
		hit.addDown(by)
	case *upstream.Conn:
		hit.addUp(by)
	case *upstream.Raw:
		if h, ok := by.Handler().(*tcpHost); ok {
			hit.addDown(h.conn)
		}
	case *tcp:
		hit.addDown(by.conn)
	}
}

func (hit *panicked) addDown(c *downConn) {
	if c != nil && !slices.Contains(hit.downs, c) {
		hit.downs = append(hit.downs, c)
	}
}

func (hit *panicked) addUp(c *upstream.Conn) {
	if c != nil && !slices.Contains(hit.ups, c) {
		hit.ups = append(hit.ups, c)
	}
}

// findEntered takes note of the streams that were in the middle of something, with
// their connections on both sides.
func (hit *panicked) findEntered() {
	for _, x := range hit.w.all {
		if x.conn != nil && (x.depth > 0 || x.filters.Interrupted()) {
			hit.entered = append(hit.entered, x)
		}
	}
	for _, x := range hit.entered {
		x.depth = 0
		hit.w.forget(x)
		hit.streams = append(hit.streams, x)
		hit.addDown(x.conn)
		for _, t := range x.present() {
			hit.addUp(t.conn)
		}
		if x.target.cluster != nil && !slices.Contains(hit.clusters, x.target.cluster) {
			hit.clusters = append(hit.clusters, x.target.cluster)
		}
	}
}

// present returns the attempts that there are.
func (x *exchange) present() []*attempt {
	if x.attempts.rival != nil {
		return []*attempt{x.attempts.current, x.attempts.rival}
	}
	return []*attempt{x.attempts.current}
}

// findAdrift takes note of the connections to hosts that nobody would find again.
func (hit *panicked) findAdrift() {
	users := make(map[*upstream.Conn]int)
	for _, x := range slices.Concat(hit.w.all, hit.entered) {
		if x.conn == nil {
			continue
		}
		for _, t := range x.present() {
			users[t.conn]++
		}
	}
	hit.w.Loop.Each(func(io *eventloop.Conn) {
		if c, ok := io.Handler().(*upstream.Conn); ok && c.Adrift(users[c]) {
			hit.addUp(c)
		}
	})
}

// addBound takes note of the connections that end with others, as their codecs call
// each other.
func (hit *panicked) addBound() {
	for _, c := range hit.ups {
		if b, ok := c.Owner().(*binding); ok {
			hit.addDown(b.conn)
		}
	}
	for _, c := range hit.downs {
		if c.bound != nil {
			for _, up := range c.bound.conns {
				hit.addUp(up)
			}
		}
	}
}

// cutOff takes the connections away from their codecs, and closes those.
func (hit *panicked) cutOff() {
	var downs []stream.ServerCodec
	var ups []stream.ClientCodec
	for _, c := range hit.downs {
		if t, ok := c.codec.(*tcp); ok {
			t.breakOff()
			continue
		}
		downs = append(downs, c.codec)
		c.codec = noCodec{}
		c.io.Abort()
	}
	for _, c := range hit.ups {
		ups = append(ups, c.GiveUp())
	}
	for _, x := range slices.Concat(hit.w.all, hit.entered) {
		hit.detach(x)
	}
	for _, codec := range downs {
		hit.w.Loop.Protect(nil, func() { codec.Close(stream.Reset{Reason: stream.ConnectionLost, Err: errPanicked}) })
	}
	lost := stream.Reset{Reason: stream.Panicked, Err: errPanicked}
	for _, codec := range ups {
		hit.w.Loop.Protect(nil, func() { codec.Close(lost) })
	}
	for _, x := range slices.Clone(hit.w.all) { // of which the codecs did not know
		for _, t := range x.present() {
			if x.conn != nil && t.conn != nil && slices.Contains(hit.ups, t.conn) {
				hit.w.Loop.Protect(nil, func() { t.Reset(lost) })
			}
		}
	}
}

// detach takes a stream away from codecs that are called no more.
func (hit *panicked) detach(x *exchange) {
	if x.conn == nil {
		return
	}
	if slices.Contains(hit.downs, x.conn) {
		x.down = noEnd{}
		x.info.Failure = errPanicked.Error()
		if x.index >= 0 {
			hit.streams = append(hit.streams, x)
		}
	}
	for _, t := range x.present() {
		if t.conn != nil && slices.Contains(hit.ups, t.conn) {
			t.up = noEnd{}
		}
	}
}

// abandon ends a stream that its codec did not end, or that panicked at its end.
func (x *exchange) abandon() {
	w := x.w
	if x.index >= 0 {
		w.forget(x)
	}
	x.depth = 0
	x.flags |= finished | requestOver
	x.advance(responseOver)
	if x.req == nil {
		x.req = w.heads.Get()
		x.info.Request = x.req
	}
	cancel := func() { x.attempts.cancel(stream.Reset{Reason: stream.Cancelled}) }
	w.Loop.Protect(nil, cancel)
	w.Loop.Protect(nil, cancel) // what the first did not come to
	w.Loop.Cancel(&x.deadlines.timer)
	w.Loop.Protect(nil, x.account)
	over, settled := false, false
	for range maxFinishers {
		if w.Loop.Protect(nil, func() { settled = x.filters.Finish(); over = true }); over {
			break
		}
	}
	if settled || !over {
		x.recycle()
	}
}

// maxFinishers is how many filters of one stream may panic at its end.
const maxFinishers = 64

// noCodec is the codec of a connection that was given up.
type noCodec struct{}

var _ stream.ServerCodec = noCodec{}

func (noCodec) Feed(in buffer.View) (int, error) { return in.Len(), nil }
func (noCodec) EOF() bool                        { return false }
func (noCodec) Pressure(bool)                    {}
func (noCodec) Drain()                           {}
func (noCodec) Close(stream.Reset)               {}
func (noCodec) Features() stream.ServerFeatures  { return stream.ServerFeatures{} }
func (noCodec) TimedOut()                        {}
func (noCodec) Phase() stream.Phase              { return stream.Tunnel }

// noEnd is the end of a stream on such a connection.
type noEnd struct{}

var _ stream.End = noEnd{}

func (noEnd) Head(*stream.Head, bool)      {}
func (noEnd) Data(d *buffer.Chain, _ bool) { d.Clear() }
func (noEnd) Trailers(*stream.Header)      {}
func (noEnd) Reset(stream.Reset)           {}
func (noEnd) Pause()                       {}
func (noEnd) Resume()                      {}

package filtertest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// Exchange is one request and its response on their way through filters. The test
// passes the parts and looks at what arrives. It stands in for the proxy: a Reply
// becomes a response, after which what the upstream says is not passed on.
//
// The fields that may be set are set before the first part is passed.
type Exchange struct {
	Worker *Worker
	Info   stream.Info
	// Limit is how many bytes of a message the filters hold at most.
	Limit int
	// Rand is the worker's random numbers; nil is always the same ones.
	Rand func() uint64
	// Draining tells that the listener is being drained.
	Draining bool
	// Goroutines is the pool that blocking hooks run on; nil is the Worker.
	Goroutines filter.Goroutines

	// Upstream is what arrived of the request, Downstream of the response.
	Upstream, Downstream Message
	// Replies are the answers that filters gave.
	Replies []filter.Reply
	// Slowed tells, by direction, whether the sender is asked to wait.
	Slowed [2]bool

	t        reporter
	chain    filter.Chain
	env      filter.Env
	s        filter.Stream
	begun    bool
	finished bool
	heads    [2]stream.Head
	reply    stream.Head
	piece    buffer.Chain
	arrives  func(filter.Direction) // told after each part that arrived
}

// reporter is what of testing.TB is used.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Message is what arrived at one end.
type Message struct {
	Head     *stream.Head // a copy; nil before it came
	Body     []byte
	Trailers *stream.Header // a copy; nil without any
	Ended    bool
	Reset    bool
}

// New makes an exchange through filters, in the order in which a request passes
// them. It is over, at the latest, when the test is, and then must have left
// nothing behind.
func New(t testing.TB, filters ...filter.Filter) *Exchange {
	x := newExchange(t, &Worker{}, chainOf(filters...))
	t.Cleanup(func() {
		x.Finish()
		x.checkNothingLeft()
	})
	return x
}

func chainOf(filters ...filter.Filter) filter.Chain {
	var c filter.Chain
	for i, f := range filters {
		c = append(c, filter.NewLink(fmt.Sprintf("filter%d", i), f))
	}
	return c
}

func newExchange(t reporter, w *Worker, c filter.Chain) *Exchange {
	return &Exchange{Worker: w, Limit: 64 << 10, t: t, chain: c}
}

// Stream returns the stream that the filters see.
func (x *Exchange) Stream() *filter.Stream {
	x.begin()
	return &x.s
}

func (x *Exchange) begin() {
	if x.begun {
		return
	}
	x.begun = true
	if x.Goroutines == nil {
		x.Goroutines = x.Worker
	}
	if x.Rand == nil {
		x.Rand = rand.New(rand.NewPCG(1, 2)).Uint64
	}
	x.env = filter.Env{Worker: x.Worker, Goroutines: x.Goroutines, Rand: x.Rand, BufferLimit: x.Limit, Draining: x.Draining}
	x.s.Begin(&x.env, x.chain, owner{x}, &x.Info, &end{x, filter.RequestDirection}, &end{x, filter.ResponseDirection})
}

// RequestHead passes a request's head. fields are names and values in turn.
func (x *Exchange) RequestHead(method, path string, end bool, fields ...string) {
	h := &x.heads[filter.RequestDirection]
	h.Clear()
	h.SetMethod([]byte(method))
	h.SetScheme("http")
	h.SetAuthority([]byte("service.example"))
	h.SetPath([]byte(path))
	x.Info.Request = h
	x.head(filter.RequestDirection, end, fields)
}

// Heartbeat passes the heartbeat of an RPC client, which has no body.
func (x *Exchange) Heartbeat() {
	h := &x.heads[filter.RequestDirection]
	h.Clear()
	h.RPC.Kind = stream.KindHeartbeat
	x.Info.Request = h
	x.head(filter.RequestDirection, true, nil)
}

// ResponseHead passes a response's head. fields are names and values in turn.
func (x *Exchange) ResponseHead(status int, end bool, fields ...string) {
	h := &x.heads[filter.ResponseDirection]
	h.Clear()
	h.Status = status
	x.head(filter.ResponseDirection, end, fields)
}

func (x *Exchange) head(d filter.Direction, end bool, fields []string) {
	x.begin()
	if x.ignores(d) {
		return
	}
	h := &x.heads[d]
	for i := 0; i+1 < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	if n, ok := h.GetID(stream.ContentLength); ok {
		length, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil {
			x.t.Errorf("the exchange's Content-Length is no number: %v", err)
		}
		h.ContentLength = length
	}
	x.s.Head(d, h, end)
}

// RequestData passes a piece of the request's body.
func (x *Exchange) RequestData(text string, end bool) { x.data(filter.RequestDirection, text, end) }

// ResponseData passes a piece of the response's body.
func (x *Exchange) ResponseData(text string, end bool) { x.data(filter.ResponseDirection, text, end) }

func (x *Exchange) data(d filter.Direction, text string, end bool) {
	x.begin()
	if x.ignores(d) {
		return
	}
	c := &x.piece
	c.Init(x.Worker.Buffers())
	c.AppendString(text)
	x.s.Data(d, c, end)
	if c.Len() > 0 {
		x.t.Errorf("the filters left %d bytes of a piece of data", c.Len())
		c.Clear()
	}
}

// RequestTrailers passes trailers. fields are names and values in turn.
func (x *Exchange) RequestTrailers(fields ...string) { x.trailers(filter.RequestDirection, fields) }

// ResponseTrailers passes trailers. fields are names and values in turn.
func (x *Exchange) ResponseTrailers(fields ...string) { x.trailers(filter.ResponseDirection, fields) }

func (x *Exchange) trailers(d filter.Direction, fields []string) {
	x.begin()
	if x.ignores(d) {
		return
	}
	var h stream.Header
	for i := 0; i+1 < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	x.s.Trailers(d, &h)
}

// ignores tells whether a part is not passed: the stream is over, or it comes
// from an upstream that has been forgotten.
func (x *Exchange) ignores(d filter.Direction) bool {
	return x.finished || d == filter.ResponseDirection && len(x.Replies) > 0
}

// Finish ends the stream, as a proxy does when both messages are over or one of
// the ends is gone, and waits for hooks that are running.
func (x *Exchange) Finish() {
	x.end()
	x.Worker.Turn()
}

func (x *Exchange) end() {
	if x.finished || !x.begun {
		return
	}
	x.finished = true
	if x.s.Finish() {
		owner{x}.Settled()
	}
}

// checkNothingLeft checks what a stream that is over must not leave behind.
func (x *Exchange) checkNothingLeft() {
	x.t.Helper()
	if n := x.Worker.Timers(); n > 0 {
		x.t.Errorf("%d timers are set after the stream is over", n)
	}
	if n := x.Worker.Buffers().Stats().Live; n > 0 {
		x.t.Errorf("%d slabs are in use after the stream is over", n)
	}
}

// owner is the proxy's part.
type owner struct{ x *Exchange }

// Reply answers the request.
func (o owner) Reply(r filter.Reply) {
	x := o.x
	x.Replies = append(x.Replies, r)
	x.Info.Flags |= r.Flags
	if x.Downstream.Head != nil {
		x.Downstream.Reset = true
		x.end()
		return
	}
	h := &x.reply
	h.Clear()
	h.Status = r.Status
	if r.Header != nil {
		h.AddAll(r.Header)
	}
	h.ContentLength = int64(len(r.Body))
	x.s.Head(filter.ResponseDirection, h, r.Body == "")
	if r.Body == "" || x.finished {
		return
	}
	var c buffer.Chain
	c.Init(x.Worker.Buffers())
	c.AppendString(r.Body)
	x.s.Data(filter.ResponseDirection, &c, true)
}

// Flow slows a sender down.
func (o owner) Flow(d filter.Direction) stream.Flow { return flow{o.x, d} }

// Settled makes the heads useless to whoever kept them.
func (o owner) Settled() {
	for i := range o.x.heads {
		o.x.heads[i].Clear()
	}
}

type flow struct {
	x *Exchange
	d filter.Direction
}

func (f flow) Pause() { f.set(true) }

func (f flow) Resume() { f.set(false) }

func (f flow) set(slow bool) {
	if f.x.Slowed[f.d] == slow {
		f.x.t.Errorf("a sender was told twice in a row to pause (%v)", slow)
	}
	f.x.Slowed[f.d] = slow
}

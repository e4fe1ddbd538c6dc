package filter_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/panjf2000/ants/v2"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// gate is a blocking filter whose hooks wait until it is opened.
type gate struct {
	filter.PassRequest
	filter.PassResponse
	open    chan struct{}
	waiting atomic.Int32
}

func (*gate) Blocks() {}

func (g *gate) Attach(*filter.Stream) (filter.Request, filter.Response) { return g, nil }

func (g *gate) RequestData(_ *filter.Stream, d *buffer.Chain, _ bool) filter.Status {
	g.waiting.Add(1)
	<-g.open
	d.AppendString("!")
	return filter.Continue
}

// parked is the owner, and both ends, of a stream.
type parked struct {
	filter.Stream
	settled, replied int
	body             []byte
}

func (e *parked) Reply(r filter.Reply)              { e.replied = r.Status }
func (e *parked) Settled()                          { e.settled++ }
func (e *parked) Flow(filter.Direction) stream.Flow { panic("nothing is slowed down here") }

type upstream struct{ e *parked }

func (u upstream) Head(*stream.Head, bool) {}
func (u upstream) Data(d *buffer.Chain, _ bool) {
	u.e.body = d.AppendTo(u.e.body)
	d.Clear()
}
func (u upstream) Trailers(*stream.Header) {}
func (u upstream) Reset(stream.Reset)      {}

func newPool(t *testing.T, size int) *ants.Pool {
	t.Helper()
	leaked := goleak.IgnoreCurrent()
	p, err := ants.NewPool(size, ants.WithNonblocking(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Release()
		if err := goleak.Find(leaked); err != nil {
			t.Error(err)
		}
	})
	return p
}

// until turns the worker until something has happened.
func until(w *filtertest.Worker, happened func() bool) {
	for !happened() {
		w.Turn()
		runtime.Gosched()
	}
}

// TestFinishedWhileAway finishes streams whose hooks are on the pool, and lets
// others end.
func TestFinishedWhileAway(t *testing.T) {
	const streams = 16
	w := &filtertest.Worker{}
	g := &gate{open: make(chan struct{})}
	env := &filter.Env{Worker: w, Goroutines: newPool(t, 2*streams), BufferLimit: 1000}
	chain := filter.Chain{filter.NewLink("gate", g)}
	var es [streams]parked
	for i := range es {
		e := &es[i]
		e.Begin(env, chain, e, &stream.Info{}, upstream{e}, upstream{e})
		e.Head(filter.RequestDirection, &stream.Head{}, false)
	}
	head := func() bool { return g.waiting.Load() == streams }
	for i := range es {
		var d buffer.Chain
		d.Init(w.Buffers())
		d.AppendString("body")
		es[i].Data(filter.RequestDirection, &d, true)
	}
	until(w, head)
	for i := range es {
		if i%2 == 0 && es[i].Finish() {
			t.Error("Finish said true while a hook was away")
		}
		if i%4 == 0 && es[i].Finish() {
			t.Error("the second Finish said true while a hook was away")
		}
	}
	close(g.open)
	until(w, func() bool {
		n := 0
		for i := range es {
			n += es[i].settled
			if len(es[i].body) > 0 {
				n++
			}
		}
		return n >= streams
	})
	w.Turn()
	for i := range es {
		e := &es[i]
		if finished := i%2 == 0; finished && (e.settled != 1 || len(e.body) > 0) {
			t.Errorf("finished stream %d: settled %d times, %q arrived", i, e.settled, e.body)
		} else if !finished && (!e.Finish() || e.settled != 0 || string(e.body) != "body!") {
			t.Errorf("stream %d: settled %d times, %q arrived", i, e.settled, e.body)
		}
	}
	if n := w.Buffers().Stats().Live; n > 0 {
		t.Errorf("%d slabs are in use", n)
	}
}

func TestPoolFull(t *testing.T) {
	w := &filtertest.Worker{}
	g := &gate{open: make(chan struct{})}
	pool := newPool(t, 1)
	if err := pool.Submit(func() { <-g.open }); err != nil {
		t.Fatal(err)
	}
	x := filtertest.New(t, g)
	x.Worker, x.Goroutines = w, pool
	x.RequestHead("POST", "/", false)
	x.RequestData("body", true)
	if len(x.Replies) != 1 || x.Replies[0].Status != 503 || !x.Downstream.Ended {
		t.Errorf("replies %+v", x.Replies)
	}
	close(g.open)
}

package filtertest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// patience is how long, in a worker's time, a filter may keep a part.
const patience = 24 * time.Hour

// exchange makes an exchange through filters.
func (k *kit) exchange(w *Worker, filters ...filter.Filter) *Exchange {
	x := newExchange(k, w, chainOf(filters...))
	if k.opts.Info != nil {
		k.opts.Info(&x.Info)
	}
	return x
}

// finish ends an exchange and checks what is left of it, at once and later.
func (k *kit) finish(x *Exchange) {
	k.Helper()
	x.Finish()
	x.checkNothingLeft()
	x.Worker.Advance(patience)
	x.checkNothingLeft()
	checkFreed(x.Worker.Buffers())
}

// check compares what arrived with what was sent.
func (k *kit) check(x *Exchange, q, p message) {
	k.Helper()
	if len(x.Replies) > 0 {
		if !x.Downstream.Ended && !x.Downstream.Reset {
			k.Errorf("request with %v: a filter answered, and no whole response arrived", q)
		}
		return
	}
	k.compare("request", &x.Upstream, q)
	k.compare("response", &x.Downstream, p)
	if x.Slowed[0] || x.Slowed[1] {
		k.Errorf("request with %v, response with %v: a sender is still slowed down: %v", q, p, x.Slowed)
	}
}

func (k *kit) compare(what string, got *Message, sent message) {
	k.Helper()
	if got.Head == nil || !got.Ended {
		k.Errorf("%s with %v: it did not arrive completely: a filter keeps it for ever", what, sent)
		return
	}
	if k.opts.Changes {
		return
	}
	if body := strings.Join(sent.pieces, ""); string(got.Body) != body {
		k.Errorf("%s with %v: the body arrived as %.100q", what, sent, got.Body)
	}
	if (got.Trailers != nil) != sent.trailers {
		k.Errorf("%s with %v: trailers arrived: %v", what, sent, got.Trailers != nil)
	}
}

// through passes every combination of messages through filters, calling between
// after each part.
func (k *kit) through(messages []message, between func(*Exchange), filters func() []filter.Filter) {
	for _, q := range messages {
		for _, p := range few() {
			for _, order := range orders(k.steps(q, filter.RequestDirection), k.steps(p, filter.ResponseDirection)) {
				x := k.exchange(&Worker{}, filters()...)
				for _, s := range order {
					s(x)
					between(x)
				}
				x.Worker.Advance(patience)
				k.check(x, q, p)
				k.finish(x)
			}
		}
	}
}

func (k *kit) one() []filter.Filter { return []filter.Filter{k.filter} }

func whole(k *kit) { k.through(splits(), func(*Exchange) {}, k.one) }

func slowly(k *kit) {
	k.through(splits(), func(x *Exchange) { x.Worker.Advance(7 * time.Millisecond) }, k.one)
}

func neighbours(k *kit) {
	for _, n := range []filter.Filter{pauser{}, bufferer{}} {
		k.through(few(), func(*Exchange) {}, func() []filter.Filter { return []filter.Filter{n, k.filter} })
		k.through(few(), func(*Exchange) {}, func() []filter.Filter { return []filter.Filter{k.filter, n} })
	}
}

// everywhere calls try with every order of a request and a response, and the
// number of each point between their parts.
func (k *kit) everywhere(try func(order []step, point int)) {
	for _, q := range few() {
		for _, p := range few() {
			for _, order := range orders(k.steps(q, filter.RequestDirection), k.steps(p, filter.ResponseDirection)) {
				for point := range len(order) + 1 {
					try(order, point)
				}
			}
		}
	}
}

func endBetween(k *kit) {
	for _, wait := range []time.Duration{0, time.Millisecond} {
		k.everywhere(func(order []step, point int) {
			x := k.exchange(&Worker{}, k.filter)
			x.begin()
			for _, s := range order[:point] {
				s(x)
				x.Worker.Advance(wait)
			}
			k.finish(x)
		})
	}
}

func endInside(k *kit) {
	k.everywhere(func(order []step, point int) {
		x := k.exchange(&Worker{}, k.filter)
		left := point
		x.arrives = func(filter.Direction) {
			if left--; left == 0 {
				x.end()
			}
		}
		for _, s := range order {
			s(x)
			x.Worker.Advance(7 * time.Millisecond)
		}
		k.finish(x)
	})
}

func answered(k *kit) {
	for _, behind := range []bool{false, true} {
		k.everywhere(func(order []step, point int) {
			a := &answerer{at: point}
			filters := []filter.Filter{a, k.filter}
			if behind {
				filters[0], filters[1] = filters[1], filters[0]
			}
			x := k.exchange(&Worker{}, filters...)
			for _, s := range order {
				s(x)
				x.Worker.Turn()
			}
			x.Worker.Advance(patience)
			if a.done && !x.Downstream.Ended && !x.Downstream.Reset {
				k.Errorf("another filter answered, and no whole response arrived")
			}
			k.finish(x)
		})
	}
}

// interleaved runs streams with different bodies in turns through one filter.
func interleaved(k *kit) {
	const streams = 8
	for _, trailers := range []bool{false, true} {
		var w Worker
		var xs [streams]*Exchange
		var ms [streams]message
		var steps [streams][]step
		for i := range xs {
			ms[i] = message{pieces: strings.SplitAfter(strings.Repeat(string(rune('a'+i)), i+2), ""), trailers: trailers}
			steps[i] = orders(k.steps(ms[i], filter.RequestDirection), k.steps(ms[i], filter.ResponseDirection))[i%3]
			xs[i] = k.exchange(&w, k.filter)
		}
		for n := range 4 * streams {
			for i, x := range xs {
				if n < len(steps[i]) {
					steps[i][n](x)
				}
			}
			w.Advance(time.Millisecond)
		}
		w.Advance(patience)
		for i, x := range xs {
			k.check(x, ms[i], ms[i])
			x.Finish()
		}
		xs[0].checkNothingLeft()
	}
}

// concurrent runs one filter on several workers at a time, for -race to watch.
func concurrent(k *kit) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				k.through(few(), func(*Exchange) {}, func() []filter.Filter { return []filter.Filter{k.filter} })
			}
		})
	}
	wg.Wait()
}

// allocations measures requests that the filter lets pass at once.
func allocations(k *kit) {
	if !k.opts.Stateless {
		return
	}
	m := message{pieces: []string{"a body"}}
	r := newMeasured(k, k.filter)
	if !r.run() {
		return
	}
	if n := testing.AllocsPerRun(100, func() { r.run() }); n > 0 {
		k.Errorf("request with %v: %v allocations", m, n)
	}
}

// measured runs one stream again and again, and allocates nothing itself.
type measured struct {
	k       *kit
	x       *Exchange
	arrived [2]silent
}

func newMeasured(k *kit, f filter.Filter) *measured {
	x := k.exchange(&Worker{}, f)
	x.begin()
	x.Finish()
	return &measured{k: k, x: x}
}

// run runs one stream and tells whether it passed at once.
func (m *measured) run() bool {
	x := m.x
	x.Replies, x.finished = x.Replies[:0], false
	m.arrived = [2]silent{}
	x.s.Begin(&x.env, x.chain, m, &x.Info, &m.arrived[0], &m.arrived[1])
	for d := range filter.ResponseDirection + 1 {
		m.k.head(x, d, false)
		x.data(d, "a body", true)
	}
	x.s.Finish()
	return m.arrived[0].ended && m.arrived[1].ended
}

// Reply answers nothing: the request did not pass.
func (m *measured) Reply(filter.Reply) {}

// Flow slows nobody down.
func (m *measured) Flow(filter.Direction) stream.Flow { return &m.arrived[0] }

// Settled has nothing to do.
func (m *measured) Settled() {}

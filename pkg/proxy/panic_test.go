package proxy

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/upstream"
)

// TestPanic has codecs, filters and balancers panic at each of their calls that a
// course of requests comes to, before what the call does and after it. Whatever it is,
// the worker goes on, another client's calls do, and nothing is left behind.
func TestPanic(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2, kindGRPC, kindBolt, kindDubbo} {
		t.Run(string(k), func(t *testing.T) {
			passed := panicAt(t, k, &trap{})
			for _, where := range alwaysPassed {
				if !slices.Contains(passed, where) {
					t.Errorf("nothing comes to %s", where)
				}
			}
			for _, where := range passed {
				for _, after := range []bool{false, true} {
					name := where + " before"
					if after {
						name = where + " after"
					}
					t.Run(name, func(t *testing.T) { panicAt(t, k, &trap{at: where, after: after}) })
				}
			}
		})
	}
}

// alwaysPassed is what requests of all protocols come to.
var alwaysPassed = []string{
	"down.Feed", "down.EOF", "down.Pressure", "down.Drain", "down.Close", "down.Phase", "down.TimedOut",
	"down.NewStream", "down.stream.Head", "down.stream.Data", "down.stream.Pause", "down.stream.Resume",
	"up.Feed", "up.Pressure", "up.Close", "up.stream.Pause", "up.stream.Resume", "up.Available", "up.NewStream", "up.stream.Head", "up.stream.Reset",
	"filter.Attach", "filter.RequestHead", "filter.RequestData", "filter.AfterFunc",
	"filter.ResponseHead", "filter.ResponseData", "filter.Finished", "balancer.Pick",
}

// panicAt takes requests through a worker until the trap springs, if it is to, and
// returns what passed it.
func panicAt(t *testing.T, k kind, p *trap) []string {
	t.Helper()
	w := newWorld(t, plan{kind: k, hosts: 2, trap: p, cluster: `,"lb_type":"LB_RANDOM"`})
	ctx := t.Context()
	other := w.client
	waits := other.ask(ctx, request{method: "GET"})
	inFlight := w.asked()
	p.arm()
	w.mayBreak = true
	w.course(p)
	w.mayBreak = false
	told := p.disarm()
	if told > 1 || told == 0 && slices.Contains(alwaysPassed, p.at) {
		t.Errorf("the worker told of %d panics", told)
	}
	inFlight.answer(k.ok(), "fine")
	if r := w.got(waits); r.status != k.ok() || r.body != "fine" {
		// Whoever shares a connection to a host with the one that failed is told.
		if k == kindHTTP1 || r.err != nil && !bystanderLost(p.at) {
			t.Errorf("the other client got %d %q, %v", r.status, r.body, r.err)
		}
	}
	w.undrain()
	for range 4 {
		again := newClient(t, w)
		got := again.ask(ctx, request{method: "GET"})
		r := w.answerOr(got, func(c *call) { c.answer(k.ok(), "again") })
		if r.err != nil || r.status != k.ok() || r.body != "again" {
			t.Errorf("a later client got %d %q, %v", r.status, r.body, r.err)
		}
		again.close()
	}
	w.settled()
	w.nothingLeft()
	return p.passed
}

// bystanderLost reports whether the connection of a client that does nothing may be
// lost: one whose own codec has panicked.
func bystanderLost(at string) bool { return strings.HasPrefix(at, "down.") }

// course sends requests of all kinds, and ends them in all ways, until the trap has
// sprung.
func (w *world) course(p *trap) {
	for _, step := range []func(client){
		w.stepAnswer, w.stepBody, w.stepHostResets, w.stepGone, w.stepCancelled, w.stepPressure, w.stepTimedOut, w.stepDrain,
	} {
		if c := newClient(w.t, w); c != nil {
			step(c)
			c.close()
		}
		for range 3 {
			w.on(func() {})
		}
		if p.mu.Lock(); len(p.told) > 0 {
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
}

// answerOr answers what hosts are asked until the client has a result, which it returns.
func (w *world) answerOr(got <-chan result, answer func(*call)) result {
	w.t.Helper()
	for answered := false; ; {
		select {
		case r := <-got:
			return r
		case c := <-w.calls:
			answered = true
			answer(c)
		case <-time.After(patience):
			w.t.Fatalf("the client gets no answer, answered: %v", answered)
		}
	}
}

func (w *world) stepAnswer(c client) {
	got := c.ask(w.t.Context(), request{method: "GET"})
	w.answerOr(got, func(c *call) { c.answer(w.kind.ok(), "one") })
}

func (w *world) stepBody(c client) {
	body := strings.Repeat("b", 100<<10)
	got := c.ask(w.t.Context(), request{method: "POST", body: body})
	w.answerOr(got, func(c *call) { c.answer(w.kind.ok(), strings.Repeat("a", 100)) })
}

func (w *world) stepHostResets(c client) {
	got := c.ask(w.t.Context(), request{method: "POST", body: "x"})
	w.answerOr(got, (*call).reset)
}

func (w *world) stepGone(client) {
	conn, err := dial(w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn)
}

func (w *world) stepCancelled(c client) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	got := c.ask(ctx, request{method: "GET"})
	w.answerOr(got, func(*call) { cancel() })
}

// newest returns the connections that were made last, on both sides.
func (w *world) newest() (down *downConn, up *upstream.Conn) {
	w.loop.Each(func(io *eventloop.Conn) {
		switch c := io.Handler().(type) {
		case *downConn:
			if down == nil || c.id > down.id {
				down = c
			}
		case *upstream.Conn:
			if up == nil || c.ID() > up.ID() {
				up = c
			}
		}
	})
	return down, up
}

// stepPressure has both sides' peers take slowly for a while.
func (w *world) stepPressure(c client) {
	got := c.ask(w.t.Context(), request{method: "POST", body: "x"})
	w.answerOr(got, func(c *call) {
		w.on(func() {
			down, up := w.newest()
			for _, high := range []bool{true, false} {
				w.loop.Protect(down.io, func() { down.Pressure(down.io, high) })
				w.loop.Protect(up.Socket(), func() { up.Pressure(up.Socket(), high) })
				for _, x := range w.streamsOf(down) {
					w.loop.Protect(nil, func() { x.slow(high) })
				}
			}
		})
		c.answer(w.kind.ok(), "slow")
	})
}

// streamsOf returns the streams of a connection.
func (w *world) streamsOf(c *downConn) (of []*exchange) {
	for _, x := range w.w.all {
		if x.conn == c {
			of = append(of, x)
		}
	}
	return of
}

// slow has each side of a stream be told of the other that it takes slowly, or does
// so no more.
func (x *exchange) slow(is bool) {
	if is {
		(*downEnd)(x).Pause()
		x.enter()
		x.down.Pause()
		x.leave()
		return
	}
	(*downEnd)(x).Resume()
	x.enter()
	x.down.Resume()
	x.leave()
}

// stepTimedOut has the time for a request's head run out.
func (w *world) stepTimedOut(client) {
	conn, err := dial(w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	w.until("the connection is there", func() bool {
		down, _ := w.newest()
		return down != nil && down.io.RemoteAddr().String() == conn.LocalAddr().String()
	})
	w.on(func() {
		down, _ := w.newest()
		w.loop.Protect(down.io, func() { down.codec.TimedOut(); down.settle() })
	})
	_, _ = io.Copy(io.Discard, conn)
}

func (w *world) stepDrain(c client) {
	got := c.ask(w.t.Context(), request{method: "GET"})
	w.answerOr(got, func(c *call) {
		w.on(func() { w.w.Drain() })
		c.answer(w.kind.ok(), "last")
	})
}

// undrain makes a worker that was drained for a test take requests again.
func (w *world) undrain() {
	w.on(func() {
		w.w.draining = false
		for _, l := range w.w.listeners {
			l.draining, l.env.Draining = false, false
		}
	})
}

// nothingLeft expects that no gauge shows anything once nobody is connected.
func (w *world) nothingLeft() {
	w.t.Helper()
	w.client.close()
	w.until("every connection is closed", func() bool { return w.w.Load() == Load{} })
	w.on(func() {
		l := w.w.Stats.Listener("main")
		if l.ConnectionActive != 0 || l.RequestActive != 0 || w.share.Connections.Load() != 0 {
			w.t.Errorf("of the listener, %d connections are open (%d of all workers), and %d requests", l.ConnectionActive, w.share.Connections.Load(), l.RequestActive)
		}
		var routes int64
		for _, r := range w.w.listeners["main"].routes {
			routes += r.RequestActive
		}
		if routes != 0 || w.w.listeners["main"].kept.used != 0 {
			w.t.Errorf("of the routes, %d requests are open, and %d bytes kept", routes, w.w.listeners["main"].kept.used)
		}
		cl := w.w.clusters.Named([]byte("c"))
		if u := cl.Usage(); u != 0 {
			w.t.Errorf("of the cluster's requests, %v are used", u)
		}
	})
}

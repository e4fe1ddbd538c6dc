package upstream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

func TestPendingInTurn(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) {
		limit(1)(c)
		c.CircuitBreakers[0].MaxPendingRequests = 4
	}, s.address()))
	h := w.host(0)
	hold := w.ask(h, "hold")
	until(t, "it is under way", func() bool { return len(s.received()) == 1 })
	var rs []*request
	for i := range 4 {
		rs = append(rs, w.ask(h, fmt.Sprint(i)))
	}
	over := w.ask(h, "4")
	over.expectReset(stream.Overflow, true)
	if st := w.stats.Copy().Clusters["c"]; st.RequestPendingActive != 4 || st.ConnectionOverflow != 4 {
		t.Errorf("%d wait, %d times no connection; want 4 and 4", st.RequestPendingActive, st.ConnectionOverflow)
	}
	w.on(func() { rs[1].cancel() })
	s.release("x")
	hold.expect("x")
	for _, i := range []int{0, 2, 3} {
		rs[i].expect(fmt.Sprint(i))
	}
	if diff := cmp.Diff([]string{"hold", "0", "2", "3"}, s.received()); diff != "" {
		t.Error(diff)
	}
	w.on(func() { w.checkRules() })
}

// A request may be given up at every moment, and the others do not suffer.
func TestForget(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(limit(1), s.address()))
	h := w.host(0)
	r := w.request("never")
	w.on(func() { // while it is the one the connection is made for
		r.start(h)
		r.cancel()
		if r.pending.Waiting() {
			t.Error("it waits still")
		}
	})
	w.turns()
	r = w.request("a")
	other := w.request("b")
	w.on(func() { // and others wait behind it
		r.start(h)
		other.start(h)
		r.cancel()
	})
	other.expect("b")
	r = w.request("c")
	w.on(func() { r.start(h); r.cancel() }) // when it has its connection
	w.turns()
	w.ask(h, "d").expect("d")
	hold := w.ask(h, "hold")
	until(t, "it is under way", func() bool { return slices.Contains(s.received(), "hold") })
	last := w.ask(h, "e")
	w.on(func() { last.cancel() }) // when the limit denies one
	w.on(func() { w.checkRules() })
	s.release("x")
	hold.expect("x")
	w.ask(h, "f").expect("f")
	for _, never := range []string{"never", "a", "e"} {
		if slices.Contains(s.received(), never) {
			t.Errorf("%q was sent", never)
		}
	}
}

// A worker whose connections are idle gives one up for a worker that needs it.
func TestIdleSlotsMoveToOtherWorkers(t *testing.T) {
	s := newServer(t, nil)
	ws := newWorkers(t, 2)
	apply(t, ws, nil, cluster(func(c *config.Cluster) { limit(2)(c); c.IdleTimeout = time.Hour }, s.address()))
	burst(t, ws[0], s, 2)
	for range 3 {
		for _, w := range []*worker{ws[1], ws[0], ws[1]} {
			w.ask(w.host(0), "a").expect("a")
		}
	}
	if _, _, most := s.counts(); most > 2 {
		t.Errorf("%d connections at a time, want 2", most)
	}
}

// Within one worker, too, hosts with connections make room for those without.
func TestSlotsMoveToOtherHosts(t *testing.T) {
	a, b := newServer(t, nil), newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { limit(1)(c); c.IdleTimeout = time.Hour }, a.address(), b.address()))
	w.ask(w.host(0), "idle").expect("idle")
	w.ask(w.host(1), "idle").expect("idle")
	hold := w.ask(w.host(1), "hold")
	until(t, "it is under way", func() bool { return len(b.received()) == 2 })
	next := w.ask(w.host(0), "next")
	b.release("x")
	hold.expect("x")
	next.expect("next")
	// A host whose connection is never idle shares it as well.
	stop := false
	var again func()
	rounds := make(chan struct{})
	again = func() {
		if stop {
			close(rounds)
			return
		}
		r := w.request("more")
		r.start(w.cluster().host(0))
		go func() { r.result(); w.loop.Post(again) }()
	}
	w.on(func() { again(); again2 := w.request("x"); again2.start(w.cluster().host(0)) })
	w.ask(w.host(1), "starving").expect("starving")
	w.on(func() { stop = true })
	receive(t, rounds, "the others to end")
}

// A moved request does not take an idle connection, and gets a new one even at the
// limit.
func TestFreshConnectionAtTheLimit(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { limit(1)(c); c.IdleTimeout = time.Hour }, s.address()))
	wire := burst(t, w, s, 1)[0]
	r := w.request("a")
	w.on(func() {
		if reset, ok := w.cluster().host(0).Wait(r, &r.pending, lines); !ok {
			t.Error(reset)
		}
	})
	r.expect("a")
	if r.wire == wire {
		t.Error("it got the old connection")
	}
}

// Workers that share a limit all get their turn, never have more connections than
// it says, and no request is forgotten.
func TestWorkersShareTheLimit(t *testing.T) {
	for _, tt := range []struct{ workers, limit, clients, requests, perConn int }{
		{2, 1, 8, 100, 1024}, {3, 2, 8, 150, 1024}, {3, 1, 4, 60, 3}, {3, 3, 16, 100, 7}, {2, 3, 8, 150, 1024},
	} {
		t.Run(fmt.Sprintf("%d workers, limit %d, %d per connection", tt.workers, tt.limit, tt.perConn), func(t *testing.T) {
			a, b := newServer(t, nil), newServer(t, nil)
			ws := newWorkers(t, tt.workers)
			apply(t, ws, nil, cluster(func(c *config.Cluster) {
				limit(uint32(tt.limit))(c)
				c.MaxRequestPerConn = uint32(tt.perConn)
				c.IdleTimeout = time.Hour
			}, a.address(), b.address()))
			done := make(chan error)
			for i := range tt.workers * tt.clients {
				w := ws[i%tt.workers]
				go func() { done <- client(w, tt.requests, uint64(i)) }()
			}
			for range tt.workers * tt.clients {
				if err := receive(t, done, "the requests"); err != nil {
					t.Error(err)
				}
			}
			_, _, mostA := a.counts()
			_, _, mostB := b.counts()
			if mostA > tt.limit || mostB > tt.limit {
				t.Errorf("%d and %d connections at a time, want %d", mostA, mostB, tt.limit)
			}
			for _, w := range ws {
				w.on(w.checkRules)
			}
		})
	}
}

// client makes requests one after the other, some of which it gives up.
func client(w *worker, n int, seed uint64) error {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		r := w.request(fmt.Sprintf("%d-%d", seed, i))
		cancel := rnd.IntN(10) == 0
		line := r.text
		if rnd.IntN(20) == 0 {
			line, r.text = "bye", "bye"
		}
		host := rnd.IntN(2)
		w.loop.Post(func() {
			r.start(w.cluster().host(int32(host)))
			if cancel {
				r.cancel()
			}
		})
		if cancel {
			continue
		}
		select {
		case got := <-r.done:
			if got.answer != line {
				return fmt.Errorf("request %s: %+v", r.text, got)
			}
		case <-time.After(patience):
			return fmt.Errorf("request %s was forgotten", r.text)
		}
	}
	return nil
}

// Whoever is denied a slot gets one, however the words of memory are interleaved.
func TestNoWakeUpIsLost(t *testing.T) {
	const workers, rounds = 3, 30_000
	l := newLimits(workers)
	l.set(config.Thresholds{MaxConnections: 1})
	var calls [workers]chan bool
	for i := range workers {
		calls[i] = make(chan bool, 1)
		wake := func() {
			select {
			case calls[i] <- true:
			default:
			}
		}
		l.seats[i].wake.Store(&wake)
	}
	done := make(chan bool)
	var under atomic.Int64
	for i := range workers {
		go func() {
			for range rounds {
				for !l.connections.take(1) && !l.want(i) {
					if <-calls[i]; l.seats[i].grants.Swap(0) > 0 {
						break
					}
				}
				if n := under.Add(1); n != 1 {
					t.Errorf("%d slots at a time", n)
				}
				under.Add(-1)
				l.release()
				if n := l.seats[i].grants.Swap(0); n > 0 { // on its way when it had one
					l.release()
				}
			}
			done <- true
			for range calls[i] { // so may be the last
				if l.seats[i].grants.Swap(0) > 0 {
					l.release()
				}
			}
			done <- true
		}()
	}
	for range workers {
		receive(t, done, "the worker")
	}
	until(t, "the slot is given back", func() bool { return l.connections.now.Load() == 0 })
	for i := range calls {
		close(calls[i])
		receive(t, done, "the worker to end")
	}
	if n := l.hungry.Load(); n != 0 {
		t.Errorf("%d are hungry", n)
	}
}

func TestWantTriesOnceMore(t *testing.T) {
	l := newLimits(2)
	l.set(config.Thresholds{MaxConnections: 1})
	l.connections.take(1)
	if l.connections.take(1) {
		t.Fatal("the limit is not 1")
	}
	l.release() // between being denied and saying so
	if !l.want(1) {
		t.Error("the worker waits for a slot that is free")
	}
	if l.hungry.Load() != 0 {
		t.Error("it is hungry, and has what it needs")
	}
}

// A worker with more connections, all in use, gives one to a worker with fewer, and
// keeps as many.
func TestPoorWorkers(t *testing.T) {
	for _, tt := range []struct {
		mine, theirs int64
		share, want  bool
	}{
		{5, 3, false, true}, {5, 4, false, false}, {5, 5, true, false}, {5, 6, true, false},
		{1, 0, false, false}, {1, 0, true, true}, {2, 0, false, true},
	} {
		l := newLimits(2)
		l.set(config.Thresholds{MaxConnections: 1})
		l.connections.take(1)
		l.seats[0].held.Store(tt.mine)
		l.seats[1].held.Store(tt.theirs)
		l.want(1)
		if w, ok := l.claimPoor(0, tt.share); ok != tt.want || ok && w != 1 {
			t.Errorf("%+v: %d, %v", tt, w, ok)
		}
	}
}

func TestChangedThresholds(t *testing.T) {
	s := newServer(t, nil)
	ws := newWorkers(t, 2)
	with := func(n uint32) config.Cluster {
		return cluster(func(c *config.Cluster) {
			c.CircuitBreakers[0].MaxConnections, c.CircuitBreakers[0].MaxRequests = n, n
		}, s.address())
	}
	snap := apply(t, ws, nil, with(1))
	w := ws[0]
	hold := w.ask(w.host(0), "hold")
	until(t, "it is under way", func() bool { return len(s.received()) == 1 })
	var rs []*request
	for i, w := range []*worker{ws[0], ws[1], ws[0]} {
		rs = append(rs, w.ask(w.host(0), fmt.Sprint(i)))
	}
	// To build a configuration that is not used changes nothing.
	Build(&config.Config{ClusterManager: config.ClusterManager{Clusters: []config.Cluster{with(100)}}}, snap, 2, new(config.Report))
	w.turns()
	for _, r := range rs {
		r.expectNothing()
	}
	w.on(func() {
		if !w.cluster().Begin() || w.cluster().Begin() {
			t.Error("max_requests is not 1")
		}
		w.cluster().End()
	})
	snap = apply(t, ws, snap, with(4)) // who waits is served
	for i, r := range rs {
		r.expect(fmt.Sprint(i))
	}
	snap = apply(t, ws, snap, with(0)) // without limit
	w.on(func() {
		for range 50 {
			if !w.cluster().Begin() {
				t.Error("denied without a limit")
			}
		}
		for range 50 {
			w.cluster().End()
		}
	})
	apply(t, ws, snap, with(2))
	s.release("x")
	hold.expect("x")
	for i := range 8 { // and those that are too many close as they become free
		w := ws[i%2]
		w.ask(w.host(0), "a").expect("a")
	}
	until(t, "the limit is kept to", func() bool { return w.cluster().Limits.connections.now.Load() <= 2 })
	ws[1].on(func() {
		c := ws[1].cluster()
		for i := range 3 {
			if c.Begin() != (i < 2) {
				t.Error("max_requests is not 2")
			}
		}
		c.End()
		c.End()
	})
}

// Those who wait for a host, or a cluster, that a new configuration does not have
// are served; its connections are closed when they have nothing to do.
func TestRemoved(t *testing.T) {
	for _, what := range []string{"host", "cluster"} {
		t.Run(what, func(t *testing.T) {
			s, other := newServer(t, nil), newServer(t, nil)
			ws := newWorkers(t, 2)
			snap := apply(t, ws, nil, cluster(limit(1), s.address()))
			w := ws[0]
			h, c := w.host(0), w.cluster()
			hold := w.ask(h, "hold")
			until(t, "it is under way", func() bool { return len(s.received()) == 1 })
			waits := []*request{w.ask(h, "a"), ws[1].ask(ws[1].host(0), "b"), w.ask(h, "c")}
			w.on(func() { c.Begin() })
			if what == "host" {
				snap = apply(t, ws, snap, cluster(limit(1), other.address()))
			} else {
				snap = apply(t, ws, snap)
				w.on(func() {
					if c.Pick(new(Choice)) != nil || w.m.Named([]byte("c")) != nil {
						t.Error("the cluster is there still")
					}
				})
			}
			s.release("x")
			hold.expect("x")
			for i, r := range waits {
				r.expect([]string{"a", "b", "c"}[i])
			}
			w.on(func() { c.End() })
			until(t, "its connections are closed", func() bool { _, open, _ := s.counts(); return open == 0 })
			if _, _, most := s.counts(); most > 1 {
				t.Errorf("%d connections at a time, want 1", most)
			}
			// Back again, it is a new one.
			apply(t, ws, snap, cluster(limit(1), s.address()))
			w.ask(w.host(0), "d").expect("d")
		})
	}
}

// Pools stay across changes. An address that is there twice is one host.
func TestPoolsStay(t *testing.T) {
	s := newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	c := cluster(nil, s.address(), refusing(t), s.address())
	snap := apply(t, ws, nil, c)
	first := w.ask(w.host(0), "a")
	first.expect("a")
	for range 3 {
		c.Hosts[0].Weight++
		c.Hosts[1].Address = refusing(t)
		snap = apply(t, ws, snap, c)
		r := w.ask(w.host(0), "a")
		if r.expect("a"); r.wire != first.wire {
			t.Error("the connection was replaced")
		}
	}
	if h := w.host(0); h.Weight != 5 {
		t.Errorf("the host has weight %d, want that of both together, 5", h.Weight)
	}
	apply(t, ws, snap, cluster(nil, s.address()))
	r := w.ask(w.host(0), "a")
	if r.expect("a"); r.wire != first.wire {
		t.Error("the connection was replaced when the second entry went")
	}
}

func TestRequestLimitIsExact(t *testing.T) {
	for _, limit := range []uint32{1, 2, 10, 100, 1000, 1024} {
		ws := newWorkers(t, 3)
		apply(t, ws, nil, cluster(func(c *config.Cluster) { c.CircuitBreakers[0].MaxRequests = limit }))
		// Requests on every worker leave spares behind; then one worker has them all.
		for _, w := range ws {
			w.on(func() {
				n := 0
				for w.cluster().Begin() {
					n++
				}
				if n != int(limit) {
					t.Errorf("limit %d: a worker could begin %d", limit, n)
				}
				for range n {
					w.cluster().End()
				}
			})
		}
		// And all of them together.
		var began [3]int
		for range 3 {
			for i, w := range ws {
				w.on(func() {
					for range (limit + 1) / 2 {
						if w.cluster().Begin() {
							began[i]++
						}
					}
				})
			}
		}
		if sum := began[0] + began[1] + began[2]; sum != int(limit) {
			t.Errorf("limit %d: together they could begin %d", limit, sum)
		}
		for i, w := range ws {
			w.on(func() {
				for range began[i] {
					w.cluster().End()
				}
			})
		}
	}
}

func TestRetryBudget(t *testing.T) {
	for _, tt := range []struct {
		name                     string
		percent                  float64
		min, max, requests, want int
	}{
		{"at least three", 20, 3, 1024, 1, 3},
		{"a fifth", 20, 3, 1024, 50, 10},
		{"not below three", 20, 3, 1024, 10, 3},
		{"max_retries", 20, 3, 2, 1000, 2},
		{"max_retries above the minimum", 20, 3, 5, 1000, 5},
		{"without max_retries", 50, 3, 0, 1000, 500},
		{"none", 0, 0, 1024, 100, 0},
		{"only a share", 100, 0, 1024, 7, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, cluster(func(c *config.Cluster) {
				c.RetryBudget.Percent, c.RetryBudget.MinRetries = tt.percent, uint32(tt.min)
				c.CircuitBreakers[0].MaxRetries = uint32(tt.max)
			}))
			w.on(func() {
				c := w.cluster()
				for range tt.requests {
					c.Begin()
				}
				n := 0
				for n <= tt.requests+3 && c.BeginRetry() {
					n++
				}
				if n != tt.want {
					t.Errorf("%d retries were allowed, want %d", n, tt.want)
				}
				for range n {
					c.EndRetry()
				}
				for range tt.requests {
					c.End()
				}
			})
		})
	}
}

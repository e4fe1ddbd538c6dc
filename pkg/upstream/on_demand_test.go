package upstream

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// waiter waits for a cluster, and keeps what it is told.
type waiter struct {
	ClusterWait
	got  []string
	then func() // done when it is told
}

func (w *waiter) Ready(c *Cluster)  { w.told("ready " + c.Name) }
func (w *waiter) Missing(err error) { w.told(err.Error()) }

func (w *waiter) told(what string) {
	w.got = append(w.got, what)
	if w.then != nil {
		w.then()
	}
}

// demanding returns a manager that can ask for the clusters "a" and "b", and what it
// asked for.
func demanding(t testing.TB) (m *Manager, asked *[]string) {
	m, asked = newStill(t).manager(t, cluster(nil)), new([]string)
	m.env.OnDemand = func(name string) bool {
		*asked = append(*asked, name)
		return name == "a" || name == "b"
	}
	return m, asked
}

// spec is a cluster that no configuration has.
func spec(t testing.TB, name string, hosts ...string) *Spec {
	t.Helper()
	r := new(config.Report)
	c := other(name, hosts...)
	s := BuildOne(&c, new(config.Locality), 1, r, nil)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func expectTold(t *testing.T, ws []*waiter, want ...string) {
	t.Helper()
	for i, w := range ws {
		if !slices.Equal(w.got, want) {
			t.Errorf("waiter %d was told %q, want %q", i, w.got, want)
		}
	}
}

func TestDemand(t *testing.T) {
	m, asked := demanding(t)
	wait := func(name string) *waiter {
		w := new(waiter)
		if !m.Await([]byte(name), &w.ClusterWait, w) {
			t.Fatalf("%s can not be asked for", name)
		}
		return w
	}
	as, bs := []*waiter{wait("a"), wait("a"), wait("a")}, []*waiter{wait("b"), wait("b")}
	if !slices.Equal(*asked, []string{"a", "b"}) {
		t.Errorf("it was asked for %v, want each once", *asked)
	}
	if w := new(waiter); m.Await([]byte("c"), &w.ClusterWait, w) {
		t.Error("one waits for a cluster that there cannot be")
	}
	as[1].Cancel()
	as[1].Cancel() // is of no effect
	m.Add(spec(t, "a", address(1)))
	expectTold(t, []*waiter{as[0], as[2]}, "ready a")
	expectTold(t, as[1:2])
	c := m.Named([]byte("a"))
	if c == nil || c.Pick(new(Choice)).Address != address(1) {
		t.Fatal("the cluster is not there")
	}
	m.Add(spec(t, "a", address(2)))
	if m.Named([]byte("a")) != c {
		t.Error("it was replaced")
	}
	m.Deny("b", errors.New("no b"))
	expectTold(t, bs, "no b")
	m.Deny("b", errors.New("nobody hears it"))
	expectTold(t, bs, "no b")
	if again := []*waiter{wait("b")}; len(*asked) != 4 { // a, b, c and b
		t.Errorf("it was asked for %v", *asked)
	} else {
		as[0].Cancel() // a place that is given up already
		m.Add(spec(t, "b"))
		expectTold(t, again, "ready b")
	}
	if m.waiting != 0 || len(m.waits) != 0 {
		t.Errorf("%d wait, for %d clusters", m.waiting, len(m.waits))
	}
}

// TestDemandWithinAnswer: who is told may make others give up, or ask again.
func TestDemandWithinAnswer(t *testing.T) {
	m, asked := demanding(t)
	ws := make([]*waiter, 4)
	for i := range ws {
		ws[i] = new(waiter)
		m.Await([]byte("a"), &ws[i].ClusterWait, ws[i])
	}
	again := new(waiter)
	ws[0].then = func() {
		ws[1].Cancel()
		m.Await([]byte("a"), &again.ClusterWait, again)
		m.Await([]byte("a"), &ws[0].ClusterWait, ws[0])
		ws[3].Cancel()
	}
	m.Deny("a", errors.New("no"))
	expectTold(t, []*waiter{ws[0], ws[2]}, "no")
	expectTold(t, []*waiter{ws[1], ws[3], again})
	ws[0].then = nil
	if m.waiting != 2 || len(*asked) != 2 {
		t.Errorf("%d wait, and it was asked for %v", m.waiting, *asked)
	}
	m.Add(spec(t, "a"))
	expectTold(t, []*waiter{again}, "ready a")
	expectTold(t, ws[:1], "no", "ready a")
	if m.waiting != 0 {
		t.Errorf("%d wait", m.waiting)
	}
}

func TestDemandLimit(t *testing.T) {
	m, _ := demanding(t)
	ws := make([]waiter, maxClusterWaits+1)
	for i := range ws {
		name := fmt.Sprintf("%c", 'a'+i%2)
		if ok := m.Await([]byte(name), &ws[i].ClusterWait, &ws[i]); ok != (i < maxClusterWaits) {
			t.Fatalf("demand %d: %v", i, ok)
		}
	}
	ws[7].Cancel()
	if w := &ws[maxClusterWaits]; !m.Await([]byte("a"), &w.ClusterWait, w) {
		t.Error("there is room, and none is given")
	}
	m.env.OnDemand = nil
	ws[8].Cancel()
	if m.Await([]byte("a"), &ws[8].ClusterWait, &ws[8]) {
		t.Error("one waits for what cannot be")
	}
}

// TestDrop: a cluster that was asked for outlives configurations, until it is dropped;
// requests on it are finished.
func TestDrop(t *testing.T) {
	a := newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	s := apply(t, ws, nil, cluster(nil))
	var c *Cluster
	var h *Host
	sp := spec(t, "a", a.address())
	w.on(func() {
		w.m.Add(sp)
		c = w.m.Named([]byte("a"))
		h = c.Pick(new(Choice))
	})
	first := w.ask(h, "a")
	first.expect("a")
	s = apply(t, ws, s, cluster(nil), other("d"))
	w.on(func() {
		if w.m.Named([]byte("a")) != c || c.Pick(new(Choice)) != h {
			t.Error("a new configuration has changed it")
		}
		if _, ok := w.stats.Copy().Clusters["a"]; !ok {
			t.Error("its statistics are gone")
		}
	})
	next := w.ask(h, "b")
	if next.expect("b"); next.wire != first.wire {
		t.Error("its connections are gone")
	}
	held := w.ask(h, "hold")
	until(t, "it is under way", func() bool { return len(a.received()) == 3 })
	w.on(func() {
		w.m.Drop("a")
		w.m.Drop("nothing")
		if w.m.Named([]byte("a")) != nil || c.Pick(new(Choice)) != nil {
			t.Error("it is there still")
		}
	})
	held.expectNothing()
	a.release("x")
	held.expect("x")
	until(t, "its connection is closed", func() bool { _, open, _ := a.counts(); return open == 0 })
	apply(t, ws, s)
	if _, ok := w.stats.Copy().Clusters["a"]; ok {
		t.Error("its statistics are kept")
	}
	w.on(func() {
		w.m.Add(spec(t, "a", a.address()))
		h = w.m.Named([]byte("a")).Pick(new(Choice))
	})
	w.ask(h, "c").expect("c")
}

// TestDemandWhileDraining: the connection of a request that waited for its cluster
// when draining began is closed after it.
func TestDemandWhileDraining(t *testing.T) {
	a := newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	apply(t, ws, nil)
	sp := spec(t, "a", a.address())
	var h *Host
	w.on(func() {
		w.m.Drain()
		w.m.Add(sp)
		h = w.m.Named([]byte("a")).Pick(new(Choice))
	})
	w.ask(h, "a").expect("a")
	until(t, "its connection is closed", func() bool { _, open, _ := a.counts(); return open == 0 })
}

func TestUnused(t *testing.T) {
	ws := newWorkers(t, 1)
	w := ws[0]
	apply(t, ws, nil)
	sp := spec(t, "a", address(1))
	w.on(func() { w.m.Add(sp) })
	unused := func(name string) (d time.Duration) {
		w.on(func() { d = w.m.Unused(name) })
		return d
	}
	near := func(d, want time.Duration) bool { return d >= want && d < want+patience }
	w.forward(time.Hour)
	if d := unused("a"); !near(d, time.Hour) {
		t.Errorf("it was not used for %v, want since it was made", d)
	}
	w.on(func() { w.m.Named([]byte("a")).Begin() })
	w.forward(time.Hour)
	if d := unused("a"); d != 0 {
		t.Errorf("it was not used for %v, although it is", d)
	}
	w.on(func() { w.m.Named([]byte("a")).End() })
	w.forward(time.Hour)
	if d := unused("a"); !near(d, time.Hour) && !near(d, 2*time.Hour) {
		t.Errorf("it was not used for %v", d)
	}
	if d := unused("nothing"); d < 1000*time.Hour {
		t.Errorf("what is not there was used %v ago", d)
	}
}

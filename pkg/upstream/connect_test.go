package upstream

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// All requests that waited for a connection learn together that there is none, and
// those that wait once more, once more together.
func TestConnectFailsForAll(t *testing.T) {
	for _, d := range []PoolKey{lines, mux} {
		t.Run(d.Protocol.Name, func(t *testing.T) {
			w := one(t, cluster(nil, silent(t)))
			var rs []*request
			for range 60 {
				r := w.request("a")
				r.key, r.again = d, 1
				rs = append(rs, r)
			}
			h := w.host(0)
			w.on(func() {
				for _, r := range rs {
					r.start(h)
				}
			})
			timeout := config.Default[config.Cluster]().ConnectTimeout
			w.forward(timeout)
			for _, r := range rs {
				r.expectNothing()
			}
			w.forward(timeout)
			for _, r := range rs {
				r.expectReset(stream.ConnectFailed, true)
			}
		})
	}
}

// The default survives two lost SYNs, which Linux sends again after 1 s and 3 s, with
// time for the answer.
func TestConnectTimeoutSurvivesLostSYNs(t *testing.T) {
	if d := config.Default[config.Cluster]().ConnectTimeout; d < 4*time.Second {
		t.Errorf("connect_timeout is %s", d)
	}
}

// Requests that have waited for a slow connect turn to another host; the host gets no
// others, and is back as soon as it takes a connection.
func TestSlowConnect(t *testing.T) {
	for _, d := range []PoolKey{lines, mux} {
		t.Run(d.Protocol.Name, func(t *testing.T) {
			s := newMuxServer(t)
			answer := "a"
			if d == lines { // it does not take the line apart
				answer = "a "
			}
			slow := silent(t)
			w := one(t, cluster(nil, slow, s.address()))
			r := w.request("a")
			r.key, r.other = d, w.host(1)
			lone := w.request("a") // nobody else takes it
			lone.key = d
			h := w.host(0)
			w.on(func() { r.start(h); lone.start(h) })
			w.forward(slowConnect / 8)
			r.expectNothing()
			w.forward(slowConnect)
			r.expect(answer)
			lone.expectNothing()
			w.onlyPicks(s.address())
			if n := w.counts().RequestTurned; n != 1 {
				t.Errorf("%d requests turned, want 1", n)
			}
			timeout := config.Default[config.Cluster]().ConnectTimeout
			w.forward(timeout)
			lone.expectReset(stream.ConnectFailed, true)
			w.onlyPicks(s.address())
			w.on(func() {
				if h.avoided == nil || !h.avoided.timer.Set() {
					t.Error("no further connection will be tried")
				}
			})
		})
	}
}

// A host that is avoided because connecting to it took long is taken as soon as a
// connection stands.
func TestSlowConnectStands(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	w := one(t, cluster(nil, a.address(), b.address()))
	h := w.host(0)
	w.on(func() { h.avoid(unreachable, mux, 0) })
	w.onlyPicks(b.address())
	w.askIn(mux, h, "a").expect("a")
	w.picksBoth(a.address(), b.address())
}

// That some avoided hosts are not well, so that they are not chosen from anyway, does
// not make the others be chosen.
func TestAvoidedAndIll(t *testing.T) {
	w := one(t, cluster(func(c *config.Cluster) { c.PanicThreshold = 0 }, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"))
	w.on(func() {
		for i := range int32(2) {
			w.cluster().host(i).avoid(unreachable, mux, 0)
		}
		w.cluster().Members.SetHealth([]members.HealthChange{{Host: "127.0.0.1:1"}})
	})
	w.turns()
	w.onlyPicks("127.0.0.1:3")
}

// A raw connection whose host does not take it soon is ended if there is another.
func TestSlowRawConnect(t *testing.T) {
	w := one(t, cluster(nil, silent(t)))
	h := w.host(0)
	turns, stays := w.raw(h), w.raw(h)
	w.on(func() { turns.turns = true })
	w.forward(slowConnect)
	turns.end(eventloop.ErrConnectTimeout)
	select {
	case err := <-stays.ended:
		t.Errorf("one without another host ended: %v", err)
	default:
	}
	w.forward(config.Default[config.Cluster]().ConnectTimeout)
	stays.end(eventloop.ErrConnectTimeout)
}

// A connect that fails is one outcome, however many waited for it, and what is wrong
// with the own system none.
func TestConnectOutcomes(t *testing.T) {
	w := one(t, cluster(func(c *config.Cluster) {
		c.OutlierDetection = new(config.OutlierDetection)
		*c.OutlierDetection = config.Default[config.OutlierDetection]()
		c.OutlierDetection.Consecutive5xx = 2
	}, refusing(t)))
	suspects := 0
	h := w.host(0)
	w.on(func() { w.m.env.Suspect = func() { suspects++ } })
	expect := func(want int, what string) {
		t.Helper()
		w.on(func() {
			if suspects != want {
				t.Errorf("%s: %d suspicions, want %d", what, suspects, want)
			}
		})
	}
	w.on(func() {
		for _, own := range []error{unix.EMFILE, unix.ENFILE, eventloop.ErrStopped, nil} {
			h.connectFailed(time.Second, own)
			h.connectFailed(time.Second, own)
		}
	})
	expect(0, "own faults")
	var rs []*request
	for range 5 {
		r := w.request("a")
		r.key = mux
		rs = append(rs, r)
	}
	w.on(func() {
		for _, r := range rs {
			r.start(h)
		}
	})
	for _, r := range rs {
		r.expectReset(stream.ConnectFailed, true)
	}
	expect(0, "one failure of five requests")
	w.askIn(mux, h, "a").expectReset(stream.ConnectFailed, true)
	expect(1, "two failures")
}

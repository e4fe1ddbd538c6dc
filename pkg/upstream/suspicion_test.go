package upstream

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// kinds are keys of which many requests share a connection.
var kinds = []PoolKey{mux, recycled, mute}

// A connection on which a request timed out, and no byte came, takes no new requests
// before it has answered a heartbeat; then it does again.
func TestUnanswered(t *testing.T) {
	for _, d := range kinds[:2] {
		t.Run(d.Protocol.Name, func(t *testing.T) {
			s := newMuxServer(t)
			w := one(t, cluster(nil, s.address()))
			h := w.host(0)
			w.askIn(d, h, "a").expect("a")
			r := w.askIn(d, h, "hold")
			until(t, "the request has come", func() bool { return s.count("q 2") == 1 })
			s.setDeaf(true)
			heard, before := r.heard(), s.count("p")
			r.timesOut(heard)
			until(t, "it was sent a heartbeat", func() bool { return s.count("p") == before+1 })
			next := w.askIn(d, h, "hold")
			until(t, "there is another connection", func() bool { n, _, _ := s.counts(); return n == 2 })
			next.expectNothing()
			s.setDeaf(false)
			s.say("o 1")
			until(t, "the request has come, over either", func() bool { return s.count("q") == 3 })
			if n := w.counts().ConnectionSuspected; n != 1 {
				t.Errorf("%d suspicions, want 1", n)
			}
			w.on(next.cancel)
		})
	}
}

// If the heartbeat is not answered in time, the connection ends.
func TestUnansweredHeartbeat(t *testing.T) {
	for _, d := range kinds[:2] {
		t.Run(d.Protocol.Name, func(t *testing.T) {
			s := newMuxServer(t)
			w := one(t, cluster(nil, s.address()))
			h := w.host(0)
			var rs []*request
			for range 20 {
				rs = append(rs, w.askIn(d, h, "hold"))
			}
			until(t, "they have come", func() bool { return s.count("q") == 20 })
			s.setDeaf(true)
			for _, r := range rs[1:] {
				r.timesOut(r.heard())
			}
			for range beats.Count {
				rs[0].expectNothing()
				w.forward(beats.Timeout)
			}
			rs[0].expectReset(stream.ConnectionLost, false)
			w.on(func() {
				if h.avoided == nil || !h.avoided.timer.Set() {
					t.Error("the host is not avoided, or for ever")
				}
			})
			if n := s.count("p"); d == recycled && n != 1 {
				t.Errorf("%d PINGs were sent, want 1", n)
			}
		})
	}
}

// Another byte than an answer to a heartbeat is as good, and a byte that came since
// the request began leaves nothing to suspect.
func TestAnsweredOtherwise(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	held, other := w.askIn(mux, h, "hold"), w.askIn(mux, h, "hold")
	until(t, "they have come", func() bool { return s.count("q") == 2 })
	s.setDeaf(true)
	heard := held.heard()
	s.say("a 2 x")
	other.expect("x")
	held.timesOut(heard)
	w.on(func() {
		if h.doubted != 0 {
			t.Error("a connection on which an answer came is suspected")
		}
	})
	held = w.askIn(mux, h, "hold")
	other = w.askIn(mux, h, "hold")
	held.timesOut(held.heard())
	s.say("a 4 x")
	other.expect("x")
	w.on(func() {
		if h.doubted != 0 || h.avoided != nil {
			t.Error("a connection on which an answer came is still suspected")
		}
	})
}

// A server of HTTP/2 that answers PINGs and nothing else is not sent them again and
// again: the connection ends with its last request.
func TestOnePing(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	other := w.askIn(recycled, h, "hold")
	for i := range 2 {
		r := w.askIn(recycled, h, "hold")
		until(t, "it has come", func() bool { return s.count("q") == 2+i })
		r.timesOut(r.heard())
		until(t, "the suspicion is over", func() (over bool) {
			w.on(func() { over = h.doubted == 0 })
			return over
		})
	}
	if n := s.count("p"); n != 1 {
		t.Errorf("%d PINGs were sent, want 1", n)
	}
	w.askIn(recycled, h, "a").expect("a")
	if n, _, _ := s.counts(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
	s.say("a 1 x")
	other.expect("x")
	until(t, "the first is closed", func() bool { _, open, _ := s.counts(); return open == 1 })
}

// Without heartbeats in the protocol, a new connection is the only way.
func TestUnansweredMute(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	r, other := w.askIn(mute, h, "hold"), w.askIn(mute, h, "hold")
	until(t, "they have come", func() bool { return s.count("q") == 2 })
	r.timesOut(0)
	w.askIn(mute, h, "a").expect("a")
	if n, _, _ := s.counts(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
	s.say("a 2 x")
	other.expect("x")
	until(t, "the first is closed", func() bool { _, open, _ := s.counts(); return open == 1 })
}

// A host that was silent is avoided as long as there is another one, until it answers
// a heartbeat.
func TestSilentHostIsAvoided(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	w := one(t, cluster(nil, a.address(), b.address()))
	h := w.host(0)
	r := w.askIn(mux, h, "hold")
	until(t, "it has come", func() bool { return a.count("q") == 1 })
	a.setDeaf(true)
	r.timesOut(r.heard())
	w.onlyPicks(b.address())
	for range beats.Count {
		w.forward(beats.Timeout)
	}
	w.onlyPicks(b.address())
	w.forward(2 * firstProbe)
	until(t, "it is tried", func() bool { n, _, _ := a.counts(); return n == 2 && a.count("p") > 1+beats.Count })
	w.onlyPicks(b.address())
	a.setDeaf(false)
	a.say("o 1")
	until(t, "it is back", func() (back bool) {
		w.on(func() { back = h.avoided == nil })
		return back
	})
	w.picksBoth(a.address(), b.address())
}

// A connection whose host takes nothing of what is sent gets no further requests: they
// go over another one.
func TestStalled(t *testing.T) {
	s := newSlowServer(t)
	w := one(t, cluster(nil, s.ln.Addr().String()))
	h := w.host(0)
	big := w.askIn(mux, h, strings.Repeat("x", 16<<20))
	s.accept(t)
	first := s.c
	for range 4 {
		w.forward(lookEvery)
	}
	until(t, "it has stalled", func() (is bool) {
		w.on(func() { is = big.conn.doubt == stalled })
		if !is {
			w.forward(lookEvery)
		}
		return is
	})
	next := w.askIn(mux, h, "a")
	s.accept(t)
	s.c.Write([]byte("a 1 x\n"))
	next.expect("x")
	s.c = first
	s.take(t, 1<<20)
	until(t, "it takes requests again", func() (is bool) {
		w.forward(lookEvery)
		w.on(func() { is = big.conn.doubt == trusted })
		return is
	})
	w.on(big.cancel)
}

// A connection that is only busy does not stall.
func TestBusyDoesNotStall(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	r := w.askIn(mux, h, "hold")
	for range 20 {
		w.askIn(mux, h, "a").expect("a")
		w.forward(lookEvery / 2)
	}
	for range 4 {
		w.forward(lookEvery)
	}
	w.on(func() {
		if r.conn.doubt != trusted {
			t.Errorf("the connection is in doubt: %d", r.conn.doubt)
		}
	})
	if n, _, _ := s.counts(); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
	w.on(r.cancel)
}
